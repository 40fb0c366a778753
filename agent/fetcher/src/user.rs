//! Becoming the task's user, so that it fetches nothing that the task could not read (G7).

use std::ffi::CString;

use nix::unistd::{Uid, User, initgroups, setgid, setuid};

/// The fetcher could not become the task's user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot become user '{user}': {reason}")]
pub struct UserError {
    user: String,
    reason: String,
}

/// Becomes `name` for good. To be called while there is one thread.
pub(crate) fn become_user(name: &str) -> Result<(), UserError> {
    let failed = |reason: String| UserError {
        user: name.to_owned(),
        reason,
    };
    let system = |error: nix::Error| failed(error.to_string());
    let user = User::from_name(name)
        .map_err(system)?
        .ok_or_else(|| failed("there is no such user".to_owned()))?;
    if user.uid == Uid::effective() {
        return Ok(());
    }
    let c_name = CString::new(name).map_err(|error| failed(error.to_string()))?;
    initgroups(&c_name, user.gid).map_err(system)?;
    setgid(user.gid).map_err(system)?;
    setuid(user.uid).map_err(system)
}
