//! Checks and health checks of tasks, and what executors say of them.

use messages::v1::{self, check_info, health_check};

use super::command::{self, CommandError};

/// Why a check is refused. `what` and `kind` name the check in the texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No type.
    #[error("{0} must specify 'type'")]
    TypeMissing(&'static str),
    /// A type that nobody knows.
    #[error("'UNKNOWN' is not a valid {0} type")]
    UnknownType(&'static str),
    /// What the type needs is missing.
    #[error("Expecting '{field}' to be set for {kind} {what}")]
    FieldMissing {
        /// The field that should be there.
        field: &'static str,
        /// The type of the check.
        kind: &'static str,
        /// `check`, `health check` or `check's status`.
        what: &'static str,
    },
    /// A command that says nothing to run.
    #[error("{what} must contain {content}")]
    EmptyCommand {
        /// `Command check` or `Command health check`.
        what: &'static str,
        /// What should be there.
        content: &'static str,
    },
    /// The command is wrong.
    #[error("{what}'s `CommandInfo` is invalid: {reason}")]
    Command {
        /// `Check` or `Health check`.
        what: &'static str,
        /// What is wrong with it.
        reason: CommandError,
    },
    /// Neither http nor https.
    #[error("Unsupported HTTP health check scheme: '{0}'")]
    Scheme(String),
    /// A path that does not begin at the root.
    #[error("The path '{path}' of HTTP {what} must start with '/'")]
    Path {
        /// The path.
        path: String,
        /// `check` or `health check`.
        what: &'static str,
    },
    /// A time below zero.
    #[error("Expecting '{0}' to be non-negative")]
    Negative(&'static str),
}

fn missing(field: &'static str, kind: &'static str, what: &'static str) -> CheckError {
    CheckError::FieldMissing { field, kind, what }
}

/// Checks a health check.
pub fn health_check(check: &v1::HealthCheck) -> Result<(), CheckError> {
    const WHAT: &str = "health check";
    let Some(kind) = super::known::<health_check::Type>(check.r#type) else {
        return Err(CheckError::TypeMissing("HealthCheck"));
    };
    match kind {
        health_check::Type::Command => {
            let command = check
                .command
                .as_ref()
                .ok_or_else(|| missing("command", "COMMAND", WHAT))?;
            check_command(command, "Command health check", "Health check")?;
        }
        health_check::Type::Http => {
            let http = check
                .http
                .as_ref()
                .ok_or_else(|| missing("http", "HTTP", WHAT))?;
            if let Some(scheme) = &http.scheme
                && !matches!(scheme.as_str(), "http" | "https")
            {
                return Err(CheckError::Scheme(scheme.clone()));
            }
            check_path(http.path.as_deref(), WHAT)?;
        }
        health_check::Type::Tcp => {
            check
                .tcp
                .as_ref()
                .ok_or_else(|| missing("tcp", "TCP", WHAT))?;
        }
        health_check::Type::Unknown => return Err(CheckError::UnknownType(WHAT)),
    }
    check_times(&[
        ("delay_seconds", check.delay_seconds),
        ("grace_period_seconds", check.grace_period_seconds),
        ("interval_seconds", check.interval_seconds),
        ("timeout_seconds", check.timeout_seconds),
    ])
}

/// Checks a check.
pub fn check(check: &v1::CheckInfo) -> Result<(), CheckError> {
    const WHAT: &str = "check";
    let Some(kind) = super::known::<check_info::Type>(check.r#type) else {
        return Err(CheckError::TypeMissing("CheckInfo"));
    };
    match kind {
        check_info::Type::Command => {
            let command = check
                .command
                .as_ref()
                .ok_or_else(|| missing("command", "COMMAND", WHAT))?;
            check_command(&command.command, "Command check", "Check")?;
        }
        check_info::Type::Http => {
            let http = check
                .http
                .as_ref()
                .ok_or_else(|| missing("http", "HTTP", WHAT))?;
            check_path(http.path.as_deref(), WHAT)?;
        }
        check_info::Type::Tcp => {
            check
                .tcp
                .as_ref()
                .ok_or_else(|| missing("tcp", "TCP", WHAT))?;
        }
        check_info::Type::Unknown => return Err(CheckError::UnknownType(WHAT)),
    }
    check_times(&[
        ("delay_seconds", check.delay_seconds),
        ("interval_seconds", check.interval_seconds),
        ("timeout_seconds", check.timeout_seconds),
    ])
}

/// Checks what an executor says of a check.
pub fn status(status: &v1::CheckStatusInfo) -> Result<(), CheckError> {
    const WHAT: &str = "check's status";
    let Some(kind) = super::known::<check_info::Type>(status.r#type) else {
        return Err(CheckError::TypeMissing("CheckStatusInfo"));
    };
    let (set, field, kind) = match kind {
        check_info::Type::Command => (status.command.is_some(), "command", "COMMAND"),
        check_info::Type::Http => (status.http.is_some(), "http", "HTTP"),
        check_info::Type::Tcp => (status.tcp.is_some(), "tcp", "TCP"),
        check_info::Type::Unknown => return Err(CheckError::UnknownType(WHAT)),
    };
    if set {
        Ok(())
    } else {
        Err(missing(field, kind, WHAT))
    }
}

fn check_command(
    command: &v1::CommandInfo,
    what: &'static str,
    owner: &'static str,
) -> Result<(), CheckError> {
    if command.value.is_none() {
        let content = if command.shell() {
            "'shell command'"
        } else {
            "'executable path'"
        };
        return Err(CheckError::EmptyCommand { what, content });
    }
    command::validate(command).map_err(|reason| CheckError::Command {
        what: owner,
        reason,
    })
}

fn check_path(path: Option<&str>, what: &'static str) -> Result<(), CheckError> {
    match path {
        Some(path) if !path.starts_with('/') => Err(CheckError::Path {
            path: path.to_owned(),
            what,
        }),
        _ => Ok(()),
    }
}

fn check_times(times: &[(&'static str, Option<f64>)]) -> Result<(), CheckError> {
    match times
        .iter()
        .find(|(_, time)| time.is_some_and(|time| time < 0.0))
    {
        Some((name, _)) => Err(CheckError::Negative(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> v1::CommandInfo {
        v1::CommandInfo {
            value: Some("true".into()),
            ..Default::default()
        }
    }

    fn health(kind: health_check::Type) -> v1::HealthCheck {
        v1::HealthCheck {
            r#type: Some(kind as i32),
            ..Default::default()
        }
    }

    #[test]
    fn health_checks_are_consistent_with_their_type() {
        use health_check::Type;
        let refusal = |check: v1::HealthCheck| health_check(&check).unwrap_err().to_string();
        assert_eq!(
            refusal(v1::HealthCheck::default()),
            "HealthCheck must specify 'type'"
        );
        assert_eq!(
            refusal(health(Type::Unknown)),
            "'UNKNOWN' is not a valid health check type"
        );
        assert_eq!(
            refusal(health(Type::Command)),
            "Expecting 'command' to be set for COMMAND health check"
        );
        assert_eq!(
            refusal(health(Type::Http)),
            "Expecting 'http' to be set for HTTP health check"
        );
        assert_eq!(
            refusal(health(Type::Tcp)),
            "Expecting 'tcp' to be set for TCP health check"
        );

        let with = |command| v1::HealthCheck {
            command: Some(command),
            ..health(Type::Command)
        };
        assert_eq!(health_check(&with(command())), Ok(()));
        assert_eq!(
            refusal(with(v1::CommandInfo::default())),
            "Command health check must contain 'shell command'"
        );
        assert_eq!(
            refusal(with(v1::CommandInfo {
                shell: Some(false),
                ..Default::default()
            })),
            "Command health check must contain 'executable path'"
        );
        assert_eq!(
            refusal(v1::HealthCheck {
                grace_period_seconds: Some(-0.5),
                ..with(command())
            }),
            "Expecting 'grace_period_seconds' to be non-negative"
        );

        let http = |scheme: Option<&str>, path: Option<&str>| v1::HealthCheck {
            http: Some(health_check::HttpCheckInfo {
                scheme: scheme.map(Into::into),
                path: path.map(Into::into),
                ..Default::default()
            }),
            ..health(Type::Http)
        };
        assert_eq!(health_check(&http(Some("https"), Some("/"))), Ok(()));
        assert_eq!(
            refusal(http(Some("ftp"), None)),
            "Unsupported HTTP health check scheme: 'ftp'"
        );
        assert_eq!(
            refusal(http(None, Some("x"))),
            "The path 'x' of HTTP health check must start with '/'"
        );
    }

    #[test]
    fn checks_are_consistent_with_their_type() {
        use check_info::Type;
        let of = |kind: Type| v1::CheckInfo {
            r#type: Some(kind as i32),
            ..Default::default()
        };
        let refusal = |info: v1::CheckInfo| check(&info).unwrap_err().to_string();
        assert_eq!(
            refusal(v1::CheckInfo::default()),
            "CheckInfo must specify 'type'"
        );
        assert_eq!(
            refusal(of(Type::Http)),
            "Expecting 'http' to be set for HTTP check"
        );
        let with = |command| v1::CheckInfo {
            command: Some(check_info::Command { command }),
            ..of(Type::Command)
        };
        assert_eq!(check(&with(command())), Ok(()));
        assert_eq!(
            refusal(with(v1::CommandInfo::default())),
            "Command check must contain 'shell command'"
        );
        assert_eq!(
            refusal(v1::CheckInfo {
                interval_seconds: Some(-1.0),
                ..with(command())
            }),
            "Expecting 'interval_seconds' to be non-negative"
        );
    }

    #[test]
    fn statuses_are_consistent_with_their_type() {
        let none = v1::CheckStatusInfo::default();
        assert_eq!(
            status(&none).unwrap_err().to_string(),
            "CheckStatusInfo must specify 'type'"
        );
        let tcp = v1::CheckStatusInfo {
            r#type: Some(check_info::Type::Tcp as i32),
            ..none
        };
        assert_eq!(
            status(&tcp).unwrap_err().to_string(),
            "Expecting 'tcp' to be set for TCP check's status"
        );
        let unknown = v1::CheckStatusInfo {
            r#type: Some(0),
            ..none
        };
        assert_eq!(
            status(&unknown).unwrap_err().to_string(),
            "'UNKNOWN' is not a valid check's status type"
        );
    }
}
