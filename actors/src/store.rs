//! What an actor keeps beyond its own life: a port, with a file behind it or memory.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The longest state that is read, in bytes.
pub const STATE_BYTES_MAX: u64 = 256 << 20;

/// Holds one text. What [`Store::save`] was given is there after any crash, wholly, or
/// what was saved before it.
pub trait Store: Send + fmt::Debug {
    /// The text saved last; none if there is none yet.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn load(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the text.
    ///
    /// # Errors
    ///
    /// When it cannot be written; then the former text is still there.
    fn save(&mut self, text: &[u8]) -> Result<(), StoreError>;
}

/// A state cannot be kept.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process that lives has the file.
    #[error("the state '{}' is in use by another process; give each its own", .0.display())]
    InUse(PathBuf),
    /// The file cannot be read or written.
    #[error("cannot {what} the state '{}': {error}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("the state is not readable: {0}; it is of another program or version, or damaged")]
    Malformed(String),
    /// The state has no written form.
    #[error("the state cannot be written: {0}")]
    Unwritable(String),
}

/// A file, replaced as a whole and synced. It belongs to one process at a time: a file
/// beside it, `.lock` added to its name, is locked while this value lives.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    _lock: File,
}

impl FileStore {
    /// Takes the file at `path`, which need not exist yet; its folder must.
    ///
    /// # Errors
    ///
    /// When another process has it, or its folder cannot be written to.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let lock = beside(&path, ".lock");
        let failed = |error| StoreError::File {
            what: "lock",
            path: lock.clone(),
            error,
        };
        let file = File::options()
            .create(true)
            .append(true)
            .open(&lock)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, _lock: file }),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse(path)),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> StoreError {
        let path = self.path.clone();
        move |error| StoreError::File { what, path, error }
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let fresh = beside(&self.path, ".new");
        let mut file = File::create(&fresh)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        // The rename itself must survive a power cut.
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl Store for FileStore {
    fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read")(error)),
            Ok(data) if data.len() > STATE_BYTES_MAX => {
                let text = format!("it is longer than {STATE_BYTES_MAX} bytes");
                return Err(StoreError::Malformed(text));
            }
            Ok(_) => {}
        }
        fs::read(&self.path).map(Some).map_err(self.failed("read"))
    }

    fn save(&mut self, text: &[u8]) -> Result<(), StoreError> {
        self.replace(text).map_err(self.failed("write"))
    }
}

/// Memory that its clones share: for tests, and for what need not outlive the process.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Option<Vec<u8>>>>);

impl Store for MemoryStore {
    fn load(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn save(&mut self, text: &[u8]) -> Result<(), StoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_vec());
        Ok(())
    }
}

/// A value that is kept in a [`Store`], as JSON. It reads like the value; it changes only
/// by [`Kept::change`], which saves it before it returns: what an actor does after that is
/// covered by what it wrote down.
///
/// ```
/// use actors::store::{Kept, MemoryStore};
///
/// let store = MemoryStore::default();
/// let mut counter = Kept::<u64>::load(store.clone()).unwrap();
/// counter.change(|counter| *counter += 1).unwrap();
/// // The next life goes on with it.
/// assert_eq!(*Kept::<u64>::load(store).unwrap(), 1);
/// ```
#[derive(Debug)]
pub struct Kept<T> {
    value: T,
    store: Box<dyn Store>,
}

impl<T: Serialize + DeserializeOwned + Default> Kept<T> {
    /// What the store holds; the default of `T` if it holds nothing yet.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or holds something else.
    pub fn load(store: impl Store + 'static) -> Result<Self, StoreError> {
        let value = match store.load()? {
            Some(text) => serde_json::from_slice(&text)
                .map_err(|error| StoreError::Malformed(error.to_string()))?,
            None => T::default(),
        };
        Ok(Self {
            value,
            store: Box::new(store),
        })
    }
}

impl<T: Serialize + Clone> Kept<T> {
    /// Changes the value and saves it.
    ///
    /// # Errors
    ///
    /// When it cannot be saved; then it has not changed.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> Result<R, StoreError> {
        let mut value = self.value.clone();
        let result = change(&mut value);
        let text = serde_json::to_vec_pretty(&value)
            .map_err(|error| StoreError::Unwritable(error.to_string()))?;
        self.store.save(&text)?;
        self.value = value;
        Ok(result)
    }
}

impl<T> std::ops::Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_the_last_state_and_belongs_to_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        {
            let mut kept = Kept::<Vec<u8>>::load(FileStore::open(&path).unwrap()).unwrap();
            assert!(kept.is_empty());
            kept.change(|list| list.push(7)).unwrap();
            let second = FileStore::open(&path).unwrap_err();
            assert!(matches!(second, StoreError::InUse(_)), "{second}");
        }
        let kept = Kept::<Vec<u8>>::load(FileStore::open(&path).unwrap()).unwrap();
        assert_eq!(*kept, [7]);
    }

    #[test]
    fn what_a_crash_left_half_written_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut store = FileStore::open(&path).unwrap();
        store.save(b"1").unwrap();
        fs::write(beside(&path, ".new"), b"gar").unwrap();
        assert_eq!(store.load().unwrap().unwrap(), b"1");
        store.save(b"2").unwrap();
        assert_eq!(store.load().unwrap().unwrap(), b"2");
    }

    #[test]
    fn a_change_that_cannot_be_saved_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut kept = Kept::<u8>::load(FileStore::open(&path).unwrap()).unwrap();
        kept.change(|number| *number = 1).unwrap();
        fs::create_dir(beside(&path, ".new")).unwrap();
        let error = kept.change(|number| *number = 2).unwrap_err();
        assert!(error.to_string().contains("cannot write the state"));
        assert_eq!(*kept, 1);
    }

    #[test]
    fn another_programs_file_is_no_state() {
        let mut store = MemoryStore::default();
        store.save(b"hello").unwrap();
        let error = Kept::<u8>::load(store).unwrap_err();
        assert!(matches!(error, StoreError::Malformed(_)), "{error}");
    }
}
