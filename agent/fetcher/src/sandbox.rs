//! Writing into a sandbox and nowhere else, whatever names and links are put in the way.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, Timespec, Timestamps, fchmod, futimens, linkat,
    mkdirat, open, openat, openat2, symlinkat, unlinkat,
};
use rustix::io::Errno;

/// A folder that is entered only to find what is below it.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Of a mode, what an archive may set: not that a file runs as its owner.
const PERMISSIONS: u32 = 0o777;
/// What the owner of a folder needs to fill and to remove it.
const OWNER: u32 = 0o700;

/// An open sandbox. The kernel resolves every path below it, and follows links only as far
/// as they stay below it.
#[derive(Debug)]
pub(crate) struct Sandbox {
    root: OwnedFd,
}

impl Sandbox {
    /// Opens the sandbox at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, io::Error> {
        Ok(Sandbox {
            root: openat(CWD, path, FOLDER, Mode::empty())?,
        })
    }

    /// Opens a file for reading.
    pub(crate) fn read(&self, path: &Path) -> Result<File, io::Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(File::from(self.resolve(path, flags)?))
    }

    /// Creates, or creates anew, the file at `path` and the folders above it.
    pub(crate) fn create(&self, path: &Path, mode: u32) -> Result<File, io::Error> {
        let (folder, name) = self.make_way(path)?;
        clear(&folder, &name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & PERMISSIONS);
        Ok(File::from(openat(&folder, &name, flags, mode)?))
    }

    /// Writes all of `content` to a file at `path`.
    pub(crate) fn write(
        &self,
        path: &Path,
        mode: u32,
        modified: Option<u64>,
        mut content: impl Read,
    ) -> Result<(), io::Error> {
        let mut file = self.create(path, mode)?;
        io::copy(&mut content, &mut file)?;
        if let Some(seconds) = modified.and_then(|seconds| i64::try_from(seconds).ok()) {
            let time = Timespec {
                tv_sec: seconds,
                tv_nsec: 0,
            };
            futimens(
                &file,
                &Timestamps {
                    last_access: time,
                    last_modification: time,
                },
            )?;
        }
        Ok(())
    }

    /// Makes a file readable and executable by all, writable by its owner.
    pub(crate) fn make_executable(&self, path: &Path) -> Result<(), io::Error> {
        Ok(fchmod(self.read(path)?, Mode::from_raw_mode(0o755))?)
    }

    /// Creates a folder, and those above it, or changes the mode of one that is there.
    pub(crate) fn folder(&self, path: &Path, mode: u32) -> Result<(), io::Error> {
        let Some(path) = inside(path)? else {
            return Ok(());
        };
        self.make_folder(&path)?;
        let folder = self.resolve(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)?;
        Ok(fchmod(
            folder,
            Mode::from_raw_mode(mode & PERMISSIONS | OWNER),
        )?)
    }

    /// Creates a symbolic link. It may point anywhere: nothing here goes where it leads.
    pub(crate) fn symlink(&self, path: &Path, target: &Path) -> Result<(), io::Error> {
        let (folder, name) = self.make_way(path)?;
        clear(&folder, &name)?;
        Ok(symlinkat(target, &folder, &name)?)
    }

    /// Makes `path` another name of the file `target`, which is in the sandbox too.
    pub(crate) fn hard_link(&self, path: &Path, target: &Path) -> Result<(), io::Error> {
        let (from, old) = self.make_way(target)?;
        let (to, new) = self.make_way(path)?;
        clear(&to, &new)?;
        Ok(linkat(&from, &old, &to, &new, AtFlags::empty())?)
    }

    /// The folder that holds, or is to hold, what `path` names, and its name there.
    fn make_way(&self, path: &Path) -> Result<(OwnedFd, OsString), io::Error> {
        let path = inside(path)?.ok_or_else(|| io::Error::other("its name is that of a folder"))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok((self.make_folder(folder)?, name))
    }

    fn make_folder(&self, path: &Path) -> Result<OwnedFd, io::Error> {
        if path.as_os_str().is_empty() {
            return self.root.try_clone();
        }
        match self.resolve(path, FOLDER) {
            Err(Errno::NOENT) => {}
            found => return Ok(found?),
        }
        let folder = self.make_folder(path.parent().unwrap_or(Path::new("")))?;
        match mkdirat(
            &folder,
            path.file_name().unwrap_or_default(),
            Mode::from_raw_mode(0o755),
        ) {
            Ok(()) | Err(Errno::EXIST) => Ok(self.resolve(path, FOLDER)?),
            Err(error) => Err(error.into()),
        }
    }

    fn resolve(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, path, flags, Mode::empty(), inside)
    }
}

/// Opens a file of this machine, and tells its length and mode.
pub(crate) fn open_local(path: &Path) -> Result<(File, u32), io::Error> {
    // Opening a pipe, or some devices, would wait.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    Ok((file, std::os::unix::fs::MetadataExt::mode(&metadata)))
}

/// Removes what has the name, unless it is a folder.
fn clear(folder: &OwnedFd, name: &OsStr) -> Result<(), io::Error> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// `path` as one below the sandbox: absolute ones start there. `None` is the sandbox itself.
fn inside(path: &Path) -> Result<Option<PathBuf>, io::Error> {
    /// Deeper than any path the kernel takes.
    const DEPTH_MAX: usize = 1024;
    let mut inside = PathBuf::new();
    for (depth, component) in path.components().enumerate() {
        match component {
            Component::Normal(name) if depth < DEPTH_MAX => inside.push(name),
            Component::Normal(_) => return Err(Errno::NAMETOOLONG.into()),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::Error::other("its name leads out of the sandbox"));
            }
        }
    }
    Ok(Some(inside).filter(|inside| !inside.as_os_str().is_empty()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    struct Fixture {
        work: tempfile::TempDir,
        sandbox: Sandbox,
    }

    fn fixture() -> Fixture {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("box")).unwrap();
        fs::create_dir(work.path().join("outside")).unwrap();
        let sandbox = Sandbox::open(&work.path().join("box")).unwrap();
        Fixture { work, sandbox }
    }

    impl Fixture {
        fn path(&self, name: &str) -> PathBuf {
            self.work.path().join(name)
        }

        fn write(&self, name: &str) -> Result<(), io::Error> {
            self.sandbox
                .write(Path::new(name), 0o640, Some(1000), &b"text"[..])
        }

        fn is_untouched(&self) -> bool {
            fs::read_dir(self.path("outside")).unwrap().count() == 0
        }
    }

    #[test]
    fn files_are_written_with_the_folders_above_them() {
        let fixture = fixture();
        for name in ["a", "b/c/d", "/e", "./f", "\u{fc}ml\u{e4}ut"] {
            fixture.write(name).unwrap();
        }
        for name in [
            "box/a",
            "box/b/c/d",
            "box/e",
            "box/f",
            "box/\u{fc}ml\u{e4}ut",
        ] {
            assert_eq!(fs::read(fixture.path(name)).unwrap(), b"text", "{name}");
        }
        let found = fs::metadata(fixture.path("box/a")).unwrap();
        assert_eq!((found.mode() & 0o777, found.mtime()), (0o640, 1000));
    }

    #[test]
    fn no_name_leads_out() {
        let fixture = fixture();
        for name in ["../outside/a", "b/../../outside/a", "..", "", "/", "."] {
            assert!(fixture.write(name).is_err(), "{name}");
        }
        assert!(fixture.is_untouched());
    }

    #[test]
    fn no_link_leads_out() {
        let fixture = fixture();
        for (link, target) in [
            ("up", "../outside".into()),
            ("far", fixture.path("outside")),
        ] {
            fixture.sandbox.symlink(Path::new(link), &target).unwrap();
            assert!(fixture.write(&format!("{link}/a")).is_err(), "{link}");
            assert!(
                fixture
                    .sandbox
                    .folder(&Path::new(link).join("b"), 0o755)
                    .is_err()
            );
            let stolen = fixture
                .sandbox
                .hard_link(Path::new("c"), &Path::new(link).join("d"));
            assert!(stolen.is_err());
        }
        assert!(fixture.is_untouched());
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_replaced_not_followed() {
        let fixture = fixture();
        symlink(fixture.path("outside/a"), fixture.path("box/a")).unwrap();
        fixture.write("a").unwrap();
        assert!(
            fs::symlink_metadata(fixture.path("box/a"))
                .unwrap()
                .is_file()
        );
        assert!(fixture.is_untouched());
    }

    #[test]
    fn links_that_stay_inside_are_followed() {
        let fixture = fixture();
        fixture.sandbox.folder(Path::new("lib"), 0o755).unwrap();
        fixture
            .sandbox
            .symlink(Path::new("sub/lib"), Path::new("../lib"))
            .unwrap();
        fixture.write("sub/lib/a").unwrap();
        assert!(fixture.path("box/lib/a").exists());
    }

    #[test]
    fn a_hard_link_is_the_same_file() {
        let fixture = fixture();
        fixture.write("a").unwrap();
        fixture
            .sandbox
            .hard_link(Path::new("b/c"), Path::new("a"))
            .unwrap();
        let inode = |name| fs::metadata(fixture.path(name)).unwrap().ino();
        assert_eq!(inode("box/a"), inode("box/b/c"));
    }

    #[test]
    fn no_archive_makes_programs_that_run_as_their_owner() {
        let fixture = fixture();
        fixture
            .sandbox
            .write(Path::new("a"), 0o4755, None, &b""[..])
            .unwrap();
        fixture.sandbox.folder(Path::new("b"), 0o2000).unwrap();
        let mode = |name| fs::metadata(fixture.path(name)).unwrap().mode() & 0o7777;
        assert_eq!((mode("box/a"), mode("box/b")), (0o755, 0o700));
    }

    #[test]
    fn only_files_are_copied() {
        let fixture = fixture();
        assert!(open_local(&fixture.path("box")).is_err());
        assert!(open_local(Path::new("/dev/zero")).is_err());
    }
}
