//! Commands: only their environment can be wrong.

use messages::v1::{
    self,
    environment::{Variable, variable},
    secret,
};

/// Why a secret is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No reference in a reference.
    #[error("Secret of type REFERENCE must have the 'reference' field set")]
    ReferenceMissing,
    /// A value beside a reference.
    #[error("Secret '{0}' of type REFERENCE must not have the 'value' field set")]
    ReferenceWithValue(String),
    /// No value in a value.
    #[error("Secret of type VALUE must have the 'value' field set")]
    ValueMissing,
    /// A reference beside a value.
    #[error("Secret of type VALUE must not have the 'reference' field set")]
    ValueWithReference,
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A secret variable without its secret.
    #[error("Environment variable '{0}' of type 'SECRET' must have a secret set")]
    SecretMissing(String),
    /// A plain value beside a secret.
    #[error("Environment variable '{0}' of type 'SECRET' must not have a value set")]
    SecretWithValue(String),
    /// The secret is wrong.
    #[error("Environment variable '{name}' specifies an invalid secret: {reason}")]
    Secret {
        /// Name of the variable.
        name: String,
        /// What is wrong with its secret.
        reason: SecretError,
    },
    /// The secret cannot be a variable.
    #[error(
        "Environment variable '{0}' specifies a secret containing null bytes, which is not \
         allowed in the environment"
    )]
    SecretWithNull(String),
    /// A plain variable without its value.
    #[error("Environment variable '{0}' of type 'VALUE' must have a value set")]
    ValueMissing(String),
    /// A secret beside a plain value.
    #[error("Environment variable '{0}' of type 'VALUE' must not have a secret set")]
    ValueWithSecret(String),
    /// A variable of a type that nobody knows.
    #[error("Environment variable of type 'UNKNOWN' is not allowed")]
    UnknownType,
}

/// Checks a secret.
pub fn secret(secret: &v1::Secret) -> Result<(), SecretError> {
    match secret.r#type() {
        secret::Type::Reference => match (&secret.reference, &secret.value) {
            (None, _) => Err(SecretError::ReferenceMissing),
            (Some(reference), Some(_)) => {
                Err(SecretError::ReferenceWithValue(reference.name.clone()))
            }
            (Some(_), None) => Ok(()),
        },
        secret::Type::Value => match (&secret.reference, &secret.value) {
            (_, None) => Err(SecretError::ValueMissing),
            (Some(_), Some(_)) => Err(SecretError::ValueWithReference),
            (None, Some(_)) => Ok(()),
        },
        secret::Type::Unknown => Ok(()),
    }
}

/// Checks a command.
pub fn validate(command: &v1::CommandInfo) -> Result<(), CommandError> {
    command
        .environment
        .iter()
        .flat_map(|environment| &environment.variables)
        .try_for_each(variable)
}

fn variable(variable: &Variable) -> Result<(), CommandError> {
    let name = || variable.name.clone();
    match variable.r#type() {
        variable::Type::Secret => {
            let Some(inner) = &variable.secret else {
                return Err(CommandError::SecretMissing(name()));
            };
            if variable.value.is_some() {
                return Err(CommandError::SecretWithValue(name()));
            }
            secret(inner).map_err(|reason| CommandError::Secret {
                name: name(),
                reason,
            })?;
            match &inner.value {
                Some(value) if value.data.contains(&0) => Err(CommandError::SecretWithNull(name())),
                _ => Ok(()),
            }
        }
        variable::Type::Value => match (&variable.value, &variable.secret) {
            (None, _) => Err(CommandError::ValueMissing(name())),
            (Some(_), Some(_)) => Err(CommandError::ValueWithSecret(name())),
            (Some(_), None) => Ok(()),
        },
        variable::Type::Unknown => Err(CommandError::UnknownType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(variable: Variable) -> String {
        let environment = v1::Environment {
            variables: vec![variable],
        };
        let command = v1::CommandInfo {
            environment: Some(environment),
            ..Default::default()
        };
        validate(&command).unwrap_err().to_string()
    }

    fn plain() -> Variable {
        Variable {
            name: "X".into(),
            value: Some("1".into()),
            ..Default::default()
        }
    }

    fn hidden(secret: v1::Secret) -> Variable {
        Variable {
            name: "X".into(),
            r#type: Some(variable::Type::Secret as i32),
            secret: Some(secret),
            value: None,
        }
    }

    #[test]
    fn plain_variables() {
        assert_eq!(validate(&v1::CommandInfo::default()), Ok(()));
        assert_eq!(variable(&plain()), Ok(()));
        assert_eq!(
            refusal(Variable {
                value: None,
                ..plain()
            }),
            "Environment variable 'X' of type 'VALUE' must have a value set"
        );
        assert_eq!(
            refusal(Variable {
                secret: Some(v1::Secret::default()),
                ..plain()
            }),
            "Environment variable 'X' of type 'VALUE' must not have a secret set"
        );
        assert_eq!(
            refusal(Variable {
                r#type: Some(0),
                ..plain()
            }),
            "Environment variable of type 'UNKNOWN' is not allowed"
        );
    }

    #[test]
    fn secret_variables() {
        let by_value = |data: &'static [u8]| v1::Secret {
            r#type: Some(secret::Type::Value as i32),
            value: Some(secret::Value { data: data.into() }),
            reference: None,
        };
        assert_eq!(variable(&hidden(by_value(b"s"))), Ok(()));
        assert_eq!(
            refusal(hidden(by_value(b"a\0b"))),
            "Environment variable 'X' specifies a secret containing null bytes, which is not \
             allowed in the environment"
        );
        assert_eq!(
            refusal(Variable {
                secret: None,
                ..hidden(by_value(b"s"))
            }),
            "Environment variable 'X' of type 'SECRET' must have a secret set"
        );
        assert_eq!(
            refusal(Variable {
                value: Some("1".into()),
                ..hidden(by_value(b"s"))
            }),
            "Environment variable 'X' of type 'SECRET' must not have a value set"
        );
        let reference = v1::Secret {
            r#type: Some(secret::Type::Reference as i32),
            reference: Some(secret::Reference {
                name: "n".into(),
                key: None,
            }),
            ..by_value(b"s")
        };
        assert_eq!(
            refusal(hidden(reference)),
            "Environment variable 'X' specifies an invalid secret: Secret 'n' of type REFERENCE \
             must not have the 'value' field set"
        );
    }
}
