//! Whom a container runs as (G30).

use std::ffi::CString;

use nix::unistd::{Uid, User, getgrouplist};

/// The numbers behind a user's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user id.
    pub uid: u32,
    /// The id of the user's own group.
    pub gid: u32,
    /// All groups the user is in, its own included.
    pub groups: Vec<u32>,
}

/// Why a container cannot run as some user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The system knows no such user.
    #[error("user '{0}' does not exist on this agent")]
    Unknown(String),
    /// The user data base cannot be read.
    #[error("cannot look up user '{user}': {reason}")]
    Lookup {
        /// The user's name.
        user: String,
        /// What the system said.
        reason: nix::Error,
    },
    /// Only root may become another user.
    #[error(
        "cannot run as user '{0}': this agent does not run as root; \
         start it with --no-switch_user to run everything as the agent's user"
    )]
    NotRoot(String),
}

/// Looks up `name`. The answer is `None` if that is whom the agent runs as, so that nothing
/// has to be switched.
///
/// # Errors
/// There is no such user, or this process may not become it.
pub(crate) fn credentials(name: &str) -> Result<Option<Credentials>, UserError> {
    let failed = |reason| UserError::Lookup {
        user: name.to_owned(),
        reason,
    };
    let user = User::from_name(name)
        .map_err(failed)?
        .ok_or_else(|| UserError::Unknown(name.to_owned()))?;
    let own = Uid::effective();
    if user.uid == own {
        return Ok(None);
    }
    if !own.is_root() {
        return Err(UserError::NotRoot(name.to_owned()));
    }
    let name = CString::new(name).map_err(|_| UserError::Unknown(name.to_owned()))?;
    let groups = getgrouplist(&name, user.gid).map_err(failed)?;
    Ok(Some(Credentials {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_named_in_the_error() {
        let error = credentials("no-such-user").unwrap_err();
        assert_eq!(
            error.to_string(),
            "user 'no-such-user' does not exist on this agent"
        );
    }

    #[test]
    fn the_own_user_needs_no_switch() {
        let own = User::from_uid(Uid::effective()).unwrap().unwrap();
        assert_eq!(credentials(&own.name).unwrap(), None);
    }

    #[test]
    fn only_root_may_become_another_user() {
        let answer = credentials("daemon");
        if Uid::effective().is_root() {
            let found = answer.unwrap().unwrap();
            assert_ne!(found.uid, 0);
            assert!(found.groups.contains(&found.gid));
        } else {
            assert!(matches!(answer, Err(UserError::NotRoot(_))));
        }
    }
}
