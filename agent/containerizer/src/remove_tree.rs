//! Removing a folder that others have filled.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, ResolveFlags, openat, openat2, unlinkat};
use rustix::io::Errno;

/// A folder could not be removed, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// Something is mounted below it. What lies there is not the folder's: all else is removed.
    #[error("'{}' is a mount point and was left alone", .0.display())]
    Mounted(PathBuf),
    /// The file system refuses.
    #[error("cannot remove '{}': {reason}", path.display())]
    Io {
        /// What was to be removed.
        path: PathBuf,
        /// Why it was not.
        reason: io::Error,
    },
}

/// Removes `path` and all below it. Follows no symbolic link, and enters no other mount,
/// bind mounts included (U15); what keeps one thing from going does not keep the others. That
/// there is no such path is fine. A tree may be as deep as it likes: one folder is open at a
/// time, and nothing recurses.
///
/// # Errors
/// The first thing that had to stay.
pub fn remove_tree(path: &Path) -> Result<(), RemoveError> {
    let failed = |reason: Errno| RemoveError::Io {
        path: path.to_path_buf(),
        reason: reason.into(),
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(Errno::INVAL));
    };
    let base = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    let name = CString::new(name.as_bytes()).map_err(|_| failed(Errno::INVAL))?;
    let folder = match openat(CWD, base, FOLDER, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::NOENT) => return Ok(()),
        Err(reason) => return Err(failed(reason)),
    };
    let level = Level {
        identity: identity(&folder).map_err(failed)?,
        name: CString::default(),
        entries: vec![name],
    };
    let mut removal = Removal {
        base: base.to_path_buf(),
        folder,
        level,
        above: Vec::new(),
        first: None,
    };
    removal.run();
    removal.first.map_or(Ok(()), Err)
}

const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::RDONLY)
    .union(OFlags::CLOEXEC);

/// A folder being emptied.
struct Level {
    /// Tells it from any other folder.
    identity: (u64, u64),
    /// Its name in the folder above.
    name: CString,
    /// What is left in it to be removed.
    entries: Vec<CString>,
}

struct Removal {
    /// The path of the folder that holds what is removed.
    base: PathBuf,
    /// The folder being emptied, open.
    folder: OwnedFd,
    /// The same.
    level: Level,
    /// The folders above it, up to `base`.
    above: Vec<Level>,
    first: Option<RemoveError>,
}

impl Removal {
    fn run(&mut self) {
        loop {
            if let Some(name) = self.level.entries.pop() {
                self.remove(name);
            } else if let Some(parent) = self.above.pop() {
                if !self.leave(parent) {
                    return;
                }
            } else {
                return;
            }
        }
    }

    /// Removes `name`, or, if it is a folder, goes into it.
    fn remove(&mut self, name: CString) {
        match unlinkat(&self.folder, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => match self.enter(&name) {
                Ok(()) => {}
                Err(Errno::XDEV) => {
                    let path = self.path(&name);
                    self.first.get_or_insert(RemoveError::Mounted(path));
                }
                Err(reason) => self.note(&name, reason),
            },
            Err(reason) => self.note(&name, reason),
        }
    }

    fn enter(&mut self, name: &CStr) -> Result<(), Errno> {
        let stay = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let folder = openat2(
            &self.folder,
            name,
            FOLDER | OFlags::NOFOLLOW,
            Mode::empty(),
            stay,
        )?;
        let level = Level {
            identity: identity(&folder)?,
            name: name.to_owned(),
            entries: entries(&folder)?,
        };
        self.folder = folder;
        self.above.push(std::mem::replace(&mut self.level, level));
        Ok(())
    }

    /// Goes up to `parent` and removes the emptied folder there. Stops everything if the way
    /// up does not lead there: someone has moved the folder meanwhile.
    fn leave(&mut self, parent: Level) -> bool {
        let emptied = std::mem::replace(&mut self.level, parent).name;
        let up = openat(&self.folder, c"..", FOLDER, Mode::empty())
            .and_then(|folder| Ok((identity(&folder)?, folder)));
        match up {
            Ok((identity, folder)) if identity == self.level.identity => self.folder = folder,
            Ok(_) => {
                self.note(&emptied, Errno::STALE);
                return false;
            }
            Err(reason) => {
                self.note(&emptied, reason);
                return false;
            }
        }
        match unlinkat(&self.folder, &emptied, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(reason) => self.note(&emptied, reason),
        }
        true
    }

    /// Keeps the first error: that a folder is not empty when it is left follows from it.
    fn note(&mut self, name: &CStr, reason: Errno) {
        let path = self.path(name);
        self.first.get_or_insert(RemoveError::Io {
            path,
            reason: reason.into(),
        });
    }

    fn path(&self, name: &CStr) -> PathBuf {
        // The first level is `base` itself.
        let levels = self.above.iter().chain([&self.level]).skip(1);
        let mut path = self.base.clone();
        path.extend(
            levels
                .map(|level| file_name(&level.name))
                .chain([file_name(name)]),
        );
        path
    }
}

fn file_name(name: &CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

fn identity(folder: &OwnedFd) -> Result<(u64, u64), Errno> {
    let stat = rustix::fs::fstat(folder)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn entries(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_tree_goes_and_what_its_links_point_to_stays() {
        let work = tempfile::tempdir().unwrap();
        let (tree, kept) = (work.path().join("tree"), work.path().join("kept"));
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        fs::write(tree.join("a/b/file"), "").unwrap();
        fs::write(tree.join("a/\u{fc}ml\u{e4}ut"), "").unwrap();
        symlink(&kept, tree.join("a/link")).unwrap();
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
        assert!(kept.join("file").exists());
        remove_tree(&tree).unwrap();
    }

    #[test]
    fn a_link_itself_goes_alone() {
        let work = tempfile::tempdir().unwrap();
        let (link, kept) = (work.path().join("link"), work.path().join("kept"));
        fs::create_dir(&kept).unwrap();
        symlink(&kept, &link).unwrap();
        remove_tree(&link).unwrap();
        assert!(kept.exists() && fs::symlink_metadata(&link).is_err());
    }

    #[test]
    fn depth_costs_neither_stack_nor_files() {
        // More than a process may have files open.
        const DEPTH: usize = 2000;
        let work = tempfile::tempdir().unwrap();
        let mut folder = openat(CWD, work.path(), FOLDER, Mode::empty()).unwrap();
        for _ in 0..DEPTH {
            rustix::fs::mkdirat(&folder, c"d", Mode::RWXU).unwrap();
            folder = openat(&folder, c"d", FOLDER, Mode::empty()).unwrap();
        }
        remove_tree(&work.path().join("d")).unwrap();
        assert!(!work.path().join("d").exists());
    }

    #[test]
    fn mounts_stay_with_all_that_is_in_them() {
        if !nix::unistd::Uid::effective().is_root() {
            return;
        }
        let work = tempfile::tempdir().unwrap();
        let (tree, volume) = (work.path().join("tree"), work.path().join("volume"));
        fs::create_dir_all(tree.join("a/mount")).unwrap();
        fs::write(tree.join("a/file"), "").unwrap();
        fs::create_dir(&volume).unwrap();
        fs::write(volume.join("data"), "").unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount
            .arg("--bind")
            .arg(&volume)
            .arg(tree.join("a/mount"))
            .status();
        assert!(mounted.unwrap().success(), "root can bind mounts");
        let error = remove_tree(&tree);
        let unmounted = Command::new("umount")
            .arg(tree.join("a/mount"))
            .status()
            .unwrap();
        assert!(unmounted.success());
        let mount = tree.join("a/mount");
        assert!(matches!(error, Err(RemoveError::Mounted(path)) if path == mount));
        assert!(volume.join("data").exists() && !tree.join("a/file").exists());
        remove_tree(&tree).unwrap();
    }
}
