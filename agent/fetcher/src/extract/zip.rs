//! Zip archives.

use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::budget::Budget;
use crate::sandbox::Sandbox;

/// The modes of what has none.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;
/// The longest path a link may hold.
const TARGET_BYTES_MAX: u64 = 4096;

/// Unpacks an archive.
pub(crate) fn unpack(
    archive: impl Read + Seek,
    sandbox: &Sandbox,
    budget: &mut Budget,
) -> Result<(), io::Error> {
    let mut archive = ZipArchive::new(archive)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        budget.take_entry()?;
        let path = path(&entry)?;
        unpack_entry(entry, &path, sandbox, budget)
            .map_err(|error| io::Error::other(format!("'{}': {error}", path.display())))?;
    }
    Ok(())
}

fn unpack_entry(
    mut entry: ZipFile<'_, impl Read>,
    path: &Path,
    sandbox: &Sandbox,
    budget: &mut Budget,
) -> Result<(), io::Error> {
    if entry.is_dir() {
        return sandbox.folder(path, entry.unix_mode().unwrap_or(FOLDER_MODE));
    }
    if entry.is_symlink() {
        let mut target = Vec::new();
        budget
            .meter(&mut entry)
            .take(TARGET_BYTES_MAX)
            .read_to_end(&mut target)?;
        return sandbox.symlink(path, &PathBuf::from(std::ffi::OsString::from_vec(target)));
    }
    let mode = entry.unix_mode().unwrap_or(FILE_MODE);
    sandbox.write(path, mode, None, budget.meter(entry))
}

/// The entry's name. Few archives say that their names are in UTF-8 though most are; one that
/// is not is in the code page of the first PCs.
fn path(entry: &ZipFile<'_, impl Read>) -> Result<PathBuf, io::Error> {
    match std::str::from_utf8(entry.name_raw()) {
        Ok(name) => Ok(name.into()),
        Err(_) => Ok(entry.name()?.into_owned().into()),
    }
}
