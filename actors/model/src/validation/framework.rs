//! What a framework says of itself (M50).

use std::collections::BTreeSet;

use messages::v1::{self, framework_info::capability::Type as Capability};

use super::{
    braces,
    offer_filters::{self, OfferFiltersError},
};
use crate::{
    capabilities::framework_has,
    ids::{self, IdError},
    role::{self, RoleError},
};

/// The longest and the shortest span of seconds that a duration can say: it is
/// counted in nanoseconds, in 64 bits.
const DURATION_SECONDS: std::ops::RangeInclusive<f64> =
    (i64::MIN as f64 / 1e9)..=(i64::MAX as f64 / 1e9);

/// Why a framework is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FrameworkError {
    /// `role` with MULTI_ROLE.
    #[error("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")]
    RoleWithMultiRole,
    /// `roles` without MULTI_ROLE.
    #[error("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")]
    RolesWithoutMultiRole,
    /// A role twice.
    #[error("'FrameworkInfo.roles' contains duplicate items: {0}")]
    DuplicateRoles(String),
    /// One of `roles` is no role.
    #[error("'FrameworkInfo.roles' contains invalid role: {0}")]
    InvalidRoles(RoleError),
    /// `role` is no role.
    #[error("'FrameworkInfo.role' is not a valid role: {0}")]
    InvalidRole(RoleError),
    /// The id is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The offer filters are wrong.
    #[error(transparent)]
    OfferFilters(#[from] OfferFiltersError),
    /// The failover timeout is no span of time.
    #[error("The framework failover_timeout ({0}) is invalid")]
    FailoverTimeout(String),
    /// A subscription in another's name.
    #[error("Changing framework's principal is not allowed.")]
    PrincipalChanged,
    /// An update of the user.
    #[error(
        "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{old}' to '{new}'"
    )]
    UserChanged {
        /// The user so far.
        old: String,
        /// The user that was asked for.
        new: String,
    },
    /// An update of whether to checkpoint.
    #[error(
        "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{old}' to \
         '{new}'"
    )]
    CheckpointChanged {
        /// What holds so far.
        old: bool,
        /// What was asked for.
        new: bool,
    },
    /// A suppressed role that the framework does not have.
    #[error("Suppressed role '{0}' is not contained in the list of roles")]
    SuppressedRole(String),
    /// Roles outside of the master's `--roles`.
    #[error("Roles {0} are not present in the master's --roles")]
    RolesNotAllowed(String),
    /// A framework whose tasks would run as root.
    #[error("User 'root' is not allowed to run frameworks without --root_submissions set")]
    RootUser,
    /// The framework was torn down, or its failover timeout has passed.
    #[error("Framework has been removed")]
    Removed,
}

/// What the master knows of a framework that subscribes.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// `--roles`; `None` allows every role. `*` is always allowed.
    pub allowed_roles: Option<&'a BTreeSet<String>>,
    /// `--root_submissions`.
    pub root_submissions: bool,
    /// Whether a framework with this id has ended before.
    pub is_completed: bool,
}

/// Checks a framework that subscribes: what it says of itself, and whether the
/// master lets it in.
pub fn validate_subscription(
    info: &v1::FrameworkInfo,
    admission: Admission<'_>,
) -> Result<(), FrameworkError> {
    validate(info)?;
    if let Some(allowed) = admission.allowed_roles {
        let own = [info.role()];
        let multi_role = framework_has(info, Capability::MultiRole);
        let roles: Vec<&str> = if multi_role {
            info.roles.iter().map(String::as_str).collect()
        } else {
            own.into()
        };
        let outside: BTreeSet<&str> = roles
            .into_iter()
            .filter(|role| *role != role::ANY && !allowed.contains(*role))
            .collect();
        if !outside.is_empty() {
            return Err(FrameworkError::RolesNotAllowed(braces(outside)));
        }
    }
    if info.user == "root" && !admission.root_submissions {
        return Err(FrameworkError::RootUser);
    }
    if info.id.is_some() && admission.is_completed {
        return Err(FrameworkError::Removed);
    }
    Ok(())
}

/// Checks what a framework says of itself.
pub fn validate(info: &v1::FrameworkInfo) -> Result<(), FrameworkError> {
    check_roles(info)?;
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        ids::check(&id.value)?;
    }
    info.offer_filters
        .values()
        .try_for_each(offer_filters::validate)?;
    let timeout = info.failover_timeout();
    if !DURATION_SECONDS.contains(&timeout) {
        return Err(FrameworkError::FailoverTimeout(short_number(timeout)));
    }
    Ok(())
}

fn check_roles(info: &v1::FrameworkInfo) -> Result<(), FrameworkError> {
    if !framework_has(info, Capability::MultiRole) {
        if !info.roles.is_empty() {
            return Err(FrameworkError::RolesWithoutMultiRole);
        }
        return role::check(info.role()).map_err(FrameworkError::InvalidRole);
    }
    if info.role.is_some() {
        return Err(FrameworkError::RoleWithMultiRole);
    }
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> = info
        .roles
        .iter()
        .map(String::as_str)
        .filter(|role| !seen.insert(*role))
        .collect();
    if !twice.is_empty() {
        return Err(FrameworkError::DuplicateRoles(braces(twice)));
    }
    info.roles
        .iter()
        .try_for_each(|role| role::check(role).map_err(FrameworkError::InvalidRoles))
}

/// Checks that an update changes nothing that cannot change (M32).
pub fn validate_update(
    old: &v1::FrameworkInfo,
    new: &v1::FrameworkInfo,
) -> Result<(), FrameworkError> {
    validate_principal(old, new)?;
    if old.user != new.user {
        return Err(FrameworkError::UserChanged {
            old: old.user.clone(),
            new: new.user.clone(),
        });
    }
    if old.checkpoint() != new.checkpoint() {
        return Err(FrameworkError::CheckpointChanged {
            old: old.checkpoint(),
            new: new.checkpoint(),
        });
    }
    Ok(())
}

/// Checks that a framework that subscribes again has the same principal.
pub fn validate_principal(
    old: &v1::FrameworkInfo,
    new: &v1::FrameworkInfo,
) -> Result<(), FrameworkError> {
    if old.principal == new.principal {
        Ok(())
    } else {
        Err(FrameworkError::PrincipalChanged)
    }
}

/// Gives `new` what cannot change: user and checkpoint stay those of `old` when
/// a framework subscribes again (M32). Says which of them were different.
pub fn preserve_immutable(
    old: &v1::FrameworkInfo,
    new: &mut v1::FrameworkInfo,
) -> Vec<&'static str> {
    let mut kept = Vec::new();
    if new.user != old.user {
        new.user.clone_from(&old.user);
        kept.push("user");
    }
    if new.checkpoint() != old.checkpoint() {
        new.checkpoint = old.checkpoint;
        kept.push("checkpoint");
    }
    kept
}

/// Checks that only roles that the framework has are suppressed.
pub fn validate_suppressed_roles<'a>(
    roles: &BTreeSet<&str>,
    suppressed: impl IntoIterator<Item = &'a str>,
) -> Result<(), FrameworkError> {
    match suppressed.into_iter().find(|role| !roles.contains(role)) {
        Some(role) => Err(FrameworkError::SuppressedRole(role.to_owned())),
        None => Ok(()),
    }
}

/// A number with six digits, as C++ prints it: `1e+17`, `1.5`, `nan`.
fn short_number(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            user: "u".into(),
            name: "n".into(),
            ..Default::default()
        }
    }

    fn multi(roles: &[&str]) -> v1::FrameworkInfo {
        v1::FrameworkInfo {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            capabilities: vec![v1::framework_info::Capability {
                r#type: Some(Capability::MultiRole as i32),
            }],
            ..info()
        }
    }

    fn refusal(info: v1::FrameworkInfo) -> String {
        validate(&info).unwrap_err().to_string()
    }

    #[test]
    fn roles() {
        assert_eq!(validate(&info()), Ok(()));
        assert_eq!(validate(&multi(&["a", "b/c"])), Ok(()));
        assert_eq!(
            refusal(v1::FrameworkInfo {
                role: Some("a".into()),
                ..multi(&[])
            }),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
        );
        assert_eq!(
            refusal(v1::FrameworkInfo {
                roles: vec!["a".into()],
                ..info()
            }),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
        );
        assert_eq!(
            refusal(multi(&["b", "a", "b", "a", "c"])),
            "'FrameworkInfo.roles' contains duplicate items: { a, b }"
        );
        assert_eq!(
            refusal(multi(&["a", "/b"])),
            "'FrameworkInfo.roles' contains invalid role: Role '/b' cannot start with a slash"
        );
        assert_eq!(
            refusal(v1::FrameworkInfo {
                role: Some("/b".into()),
                ..info()
            }),
            "'FrameworkInfo.role' is not a valid role: Role '/b' cannot start with a slash"
        );
    }

    #[test]
    fn id() {
        let with_id = |text: &str| v1::FrameworkInfo {
            id: Some(v1::FrameworkId { value: text.into() }),
            ..info()
        };
        assert_eq!(validate(&with_id("")), Ok(()));
        assert_eq!(validate(&with_id("x-0001")), Ok(()));
        assert_eq!(refusal(with_id("a/b")), "'a/b' contains invalid characters");
    }

    #[test]
    fn failover_timeout() {
        let with = |seconds| v1::FrameworkInfo {
            failover_timeout: Some(seconds),
            ..info()
        };
        assert_eq!(validate(&with(1_209_600.0)), Ok(()));
        for (seconds, text) in [
            (1e17, "1e+17"),
            (-1.5e18, "-1.5e+18"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
            (1.234_567_89e20, "1.23457e+20"),
        ] {
            assert_eq!(
                refusal(with(seconds)),
                format!("The framework failover_timeout ({text}) is invalid")
            );
        }
    }

    #[test]
    fn subscriptions() {
        let open = Admission {
            allowed_roles: None,
            root_submissions: true,
            is_completed: false,
        };
        let root = v1::FrameworkInfo {
            user: "root".into(),
            id: Some(v1::FrameworkId { value: "f".into() }),
            ..multi(&["a", "*", "b"])
        };
        let refusal = |admission| {
            validate_subscription(&root, admission)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(validate_subscription(&root, open), Ok(()));
        let allowed = BTreeSet::from(["a".to_owned()]);
        assert_eq!(
            refusal(Admission {
                allowed_roles: Some(&allowed),
                ..open
            }),
            "Roles { b } are not present in the master's --roles"
        );
        assert_eq!(
            refusal(Admission {
                root_submissions: false,
                ..open
            }),
            "User 'root' is not allowed to run frameworks without --root_submissions set"
        );
        assert_eq!(
            refusal(Admission {
                is_completed: true,
                ..open
            }),
            "Framework has been removed"
        );
    }

    #[test]
    fn updates() {
        let old = v1::FrameworkInfo {
            principal: Some("p".into()),
            ..info()
        };
        let refusal = |new: &v1::FrameworkInfo| validate_update(&old, new).unwrap_err().to_string();
        assert_eq!(validate_update(&old, &old), Ok(()));
        assert_eq!(
            refusal(&info()),
            "Changing framework's principal is not allowed."
        );
        let user = v1::FrameworkInfo {
            user: "v".into(),
            ..old.clone()
        };
        assert_eq!(
            refusal(&user),
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'u' to 'v'"
        );
        let checkpoint = v1::FrameworkInfo {
            checkpoint: Some(true),
            ..old.clone()
        };
        assert_eq!(
            refusal(&checkpoint),
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' \
             to 'true'"
        );
        let mut new = v1::FrameworkInfo {
            name: "m".into(),
            user: "v".into(),
            ..checkpoint
        };
        assert_eq!(preserve_immutable(&old, &mut new), ["user", "checkpoint"]);
        assert_eq!(
            new,
            v1::FrameworkInfo {
                name: "m".into(),
                ..old
            }
        );
    }

    #[test]
    fn only_own_roles_are_suppressed() {
        let roles = BTreeSet::from(["a", "b"]);
        assert_eq!(validate_suppressed_roles(&roles, ["b"]), Ok(()));
        assert_eq!(
            validate_suppressed_roles(&roles, ["d", "a", "c"])
                .unwrap_err()
                .to_string(),
            "Suppressed role 'd' is not contained in the list of roles"
        );
    }
}
