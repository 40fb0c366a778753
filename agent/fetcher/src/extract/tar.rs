//! Tape archives.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use tar::{Archive, Entry, EntryType};

use crate::budget::Budget;
use crate::sandbox::Sandbox;

/// The mode of what has none.
const MODE: u32 = 0o644;
/// How long the headers of one entry may be. They hold its name, and are read into memory.
const HEADERS_BYTES_MAX: u64 = 1 << 20;

/// Unpacks an archive that is not compressed, or not any more.
pub(crate) fn unpack(
    archive: impl Read,
    sandbox: &Sandbox,
    budget: &mut Budget,
) -> Result<(), io::Error> {
    let headers = Rc::new(Cell::new(HEADERS_BYTES_MAX));
    let mut archive = Archive::new(Guarded {
        reader: archive,
        left: Rc::clone(&headers),
    });
    for entry in archive.entries()? {
        let entry = entry?;
        budget.take_entry()?;
        headers.set(u64::MAX);
        let path = entry.path()?.into_owned();
        unpack_entry(entry, &path, sandbox, budget).map_err(|error| at(&path, &error))?;
        headers.set(HEADERS_BYTES_MAX);
    }
    Ok(())
}

/// A reader that ends in an error when nothing is left to be read.
struct Guarded<R> {
    reader: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, io::Error> {
        let read = self.reader.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left
            .set(left.ok_or_else(|| io::Error::other("the headers of an entry are too long"))?);
        Ok(read)
    }
}

fn unpack_entry(
    entry: Entry<'_, impl Read>,
    path: &Path,
    sandbox: &Sandbox,
    budget: &mut Budget,
) -> Result<(), io::Error> {
    let mode = entry.header().mode().unwrap_or(MODE);
    let modified = entry.header().mtime().ok();
    let target = |entry: &Entry<'_, _>| match entry.link_name()? {
        Some(target) => Ok(target.into_owned()),
        None => Err(io::Error::other("it is a link to nowhere")),
    };
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            sandbox.write(path, mode, modified, budget.meter(entry))
        }
        EntryType::Directory => sandbox.folder(path, mode),
        EntryType::Symlink => sandbox.symlink(path, &target(&entry)?),
        EntryType::Link => sandbox.hard_link(path, &target(&entry)?),
        // A comment on all that follows, as `git archive` writes it.
        EntryType::XGlobalHeader => Ok(()),
        other => Err(io::Error::other(format!(
            "entries of type {other:?} are not unpacked"
        ))),
    }
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::other(format!("'{}': {error}", path.display()))
}
