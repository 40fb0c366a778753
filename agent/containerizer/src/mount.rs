//! What the agent must know of the mounts below its folders.

use std::io;
use std::path::Path;

use rustix::fs::StatVfsMountFlags;

/// Whether nothing below `path` can be executed because of how its file system is mounted.
/// Tasks that bring their own programs fail on such a work directory (S46, U24).
///
/// # Errors
/// There is no such path, or it cannot be looked at.
pub fn is_noexec(path: &Path) -> Result<bool, io::Error> {
    Ok(rustix::fs::statvfs(path)?
        .f_flag
        .contains(StatVfsMountFlags::NOEXEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_without_programs_is_seen() {
        use std::process::Command;

        let work = tempfile::tempdir().unwrap();
        assert!(!is_noexec(work.path()).unwrap());
        assert!(is_noexec(&work.path().join("missing")).is_err());
        if !nix::unistd::Uid::effective().is_root() {
            return;
        }
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "noexec", "none"])
            .arg(work.path());
        assert!(mount.status().unwrap().success(), "root can mount");
        let noexec = is_noexec(work.path());
        assert!(
            Command::new("umount")
                .arg(work.path())
                .status()
                .unwrap()
                .success()
        );
        assert!(noexec.unwrap());
    }
}
