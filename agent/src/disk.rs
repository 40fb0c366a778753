//! The disk below the work directory: how full it is, and what is removed from it (G12).

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::task::spawn_blocking;

/// An answer that takes time; the error is for people.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// The agent's disk.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The used part of the file system that holds `path`, in `[0, 1]`.
    fn usage(&self, path: &Path) -> Answer<f64>;

    /// Creates a directory and what is missing above it.
    fn create(&self, path: PathBuf) -> Answer<()>;

    /// Removes a directory and all below it, but nothing that is mounted there. That there
    /// is none is fine.
    fn remove(&self, path: PathBuf) -> Answer<()>;
}

/// This machine's disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn usage(&self, path: &Path) -> Answer<f64> {
        let path = path.to_owned();
        aside(move || {
            let found = rustix::fs::statvfs(&path).map_err(|error| error.to_string())?;
            if found.f_blocks == 0 {
                return Ok(0.0);
            }
            let used = found.f_blocks.saturating_sub(found.f_bfree);
            Ok(used as f64 / found.f_blocks as f64)
        })
    }

    fn create(&self, path: PathBuf) -> Answer<()> {
        aside(move || std::fs::create_dir_all(&path).map_err(|error| error.to_string()))
    }

    fn remove(&self, path: PathBuf) -> Answer<()> {
        aside(move || containerizer::remove_tree(&path).map_err(|error| error.to_string()))
    }
}

fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Answer<T> {
    let working = spawn_blocking(work);
    Box::pin(async {
        working
            .await
            .unwrap_or_else(|_| Err("the agent is shutting down".to_owned()))
    })
}

/// No disk, for simulations: always empty, and whatever is asked of it succeeds.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDisk;

impl Disk for NoDisk {
    fn usage(&self, _: &Path) -> Answer<f64> {
        Box::pin(async { Ok(0.0) })
    }

    fn create(&self, _: PathBuf) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }

    fn remove(&self, _: PathBuf) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

/// The most removals that go on at once: enough that one huge folder does not hold the
/// small ones up, few enough to leave the disk to the tasks.
const REMOVALS_AT_ONCE: usize = 2;

/// Folders to be removed, in their order.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    waiting: VecDeque<PathBuf>,
    running: usize,
}

impl Removals {
    pub(crate) fn add(&mut self, path: PathBuf) {
        self.waiting.push_back(path);
    }

    /// Takes out the next folder, if its removal may begin.
    pub(crate) fn begin(&mut self) -> Option<PathBuf> {
        if self.running == REMOVALS_AT_ONCE {
            return None;
        }
        let path = self.waiting.pop_front()?;
        self.running += 1;
        Some(path)
    }

    /// A removal has ended.
    pub(crate) fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_removals_go_on_at_once() {
        let mut removals = Removals::default();
        for name in ["a", "b", "c"] {
            removals.add(name.into());
        }
        assert_eq!(removals.begin(), Some("a".into()));
        assert_eq!(removals.begin(), Some("b".into()));
        assert_eq!(removals.begin(), None);
        removals.end();
        assert_eq!(removals.begin(), Some("c".into()));
        removals.end();
        assert_eq!(removals.begin(), None);
    }

    #[test]
    fn a_folder_is_created_measured_and_removed() {
        let work = tempfile::tempdir().unwrap();
        let folder = work.path().join("a/b");
        runtime::run(async {
            RealDisk.create(folder.clone()).await.unwrap();
            assert!(folder.is_dir());
            let usage = RealDisk.usage(&folder).await.unwrap();
            assert!((0.0..=1.0).contains(&usage), "{usage}");
            RealDisk.remove(work.path().join("a")).await.unwrap();
            assert!(!work.path().join("a").exists());
            assert!(RealDisk.usage(&folder).await.is_err());
        });
    }
}
