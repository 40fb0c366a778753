//! Making a container's sandbox (G9).

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::user::Credentials;

/// Private data of a task: nobody but its user, and its group, looks in.
const SANDBOX_MODE: u32 = 0o750;
/// The folders above it.
const PARENT_MODE: u32 = 0o755;

/// A sandbox could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} '{}': {reason}", path.display())]
pub struct SandboxError {
    action: &'static str,
    path: PathBuf,
    reason: io::Error,
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> SandboxError + 'a {
    move |reason| SandboxError {
        action,
        path: path.to_path_buf(),
        reason,
    }
}

/// Creates `directory` and what is missing above it, closed to others and owned by `owner`,
/// or else by the agent's user.
///
/// # Errors
/// The file system refuses.
pub fn create(directory: &Path, owner: Option<&Credentials>) -> Result<(), SandboxError> {
    DirBuilder::new()
        .recursive(true)
        .mode(PARENT_MODE)
        .create(directory)
        .map_err(failed("create sandbox", directory))?;
    fs::set_permissions(directory, Permissions::from_mode(SANDBOX_MODE))
        .map_err(failed("set the mode of sandbox", directory))?;
    if let Some(owner) = owner {
        std::os::unix::fs::lchown(directory, Some(owner.uid), Some(owner.gid))
            .map_err(failed("change the owner of sandbox", directory))?;
    }
    Ok(())
}

/// Points the symbolic link `link` at `target`, whatever it pointed at before. At no moment
/// is there no link.
///
/// # Errors
/// The file system refuses, or `link` is a folder.
pub fn point_link(link: &Path, target: &Path) -> Result<(), SandboxError> {
    match symlink(target, link) {
        Err(reason) if reason.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map_err(failed("create link", link)),
    }
    let mut fresh = link.as_os_str().to_owned();
    fresh.push(".");
    fresh.push(target.file_name().unwrap_or_default());
    let fresh = PathBuf::from(fresh);
    // What an agent left that died between the next two lines.
    let _ = fs::remove_file(&fresh);
    symlink(target, &fresh).map_err(failed("create link", &fresh))?;
    fs::rename(&fresh, link).map_err(|reason| {
        let _ = fs::remove_file(&fresh);
        failed("replace link", link)(reason)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_sandbox_is_closed_to_others_and_its_parents_are_not() {
        let work = tempfile::tempdir().unwrap();
        let sandbox = work.path().join("a/b");
        create(&sandbox, None).unwrap();
        create(&sandbox, None).unwrap();
        assert_eq!(fs::metadata(&sandbox).unwrap().mode() & 0o777, 0o750);
        assert_eq!(
            fs::metadata(work.path().join("a")).unwrap().mode() & 0o007,
            0o005
        );
    }

    #[test]
    fn a_sandbox_belongs_to_its_user() {
        if !nix::unistd::Uid::effective().is_root() {
            return;
        }
        let work = tempfile::tempdir().unwrap();
        let sandbox = work.path().join("a/b");
        create(
            &sandbox,
            Some(&Credentials {
                uid: 12,
                gid: 34,
                groups: vec![],
            }),
        )
        .unwrap();
        let found = fs::metadata(&sandbox).unwrap();
        assert_eq!((found.uid(), found.gid()), (12, 34));
        assert_eq!(fs::metadata(work.path().join("a")).unwrap().uid(), 0);
    }

    #[test]
    fn a_sandbox_below_a_file_is_an_error_that_names_it() {
        let work = tempfile::tempdir().unwrap();
        fs::write(work.path().join("file"), "").unwrap();
        let error = create(&work.path().join("file/box"), None).unwrap_err();
        assert!(error.to_string().contains("file/box"), "{error}");
    }

    #[test]
    fn a_link_follows_the_latest_target_and_replaces_no_folder() {
        let work = tempfile::tempdir().unwrap();
        let link = work.path().join("latest");
        for target in ["/one", "/two"] {
            point_link(&link, Path::new(target)).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        fs::remove_file(&link).unwrap();
        fs::create_dir(&link).unwrap();
        assert!(point_link(&link, Path::new("/one")).is_err());
        assert_eq!(fs::read_dir(work.path()).unwrap().count(), 1);
    }
}
