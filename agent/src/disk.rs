//! The disk below the work directory: how full it is, and what is removed from it (G12).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use model::AgentId;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;
use tokio::task::spawn_blocking;

/// The file in the work directory that an agent locks.
const LOCK: &str = ".agent.lock";

/// How far below an agent's folder its executors' runs are: frameworks, a framework,
/// executors, an executor, runs.
const RUNS_DEPTH: usize = 5;

/// An answer that takes time; the error is for people.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

/// The agent's disk.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The used part of the file system that holds `path`, in `[0, 1]`.
    fn usage(&self, path: &Path) -> Answer<f64>;

    /// Creates a directory and what is missing above it.
    fn create(&self, path: PathBuf) -> Answer<()>;

    /// The directories of former agents in `path`, and how long ago something in each was
    /// begun or removed. That there is no `path` is fine.
    fn former(&self, path: PathBuf) -> Answer<Vec<(AgentId, Duration)>>;

    /// Removes a directory and all below it, but nothing that is mounted there. That there
    /// is none is fine.
    fn remove(&self, path: PathBuf) -> Answer<()>;
}

/// This machine's disk, with a work directory that no other agent uses.
#[derive(Debug)]
pub struct RealDisk {
    /// Locked while the agent lives.
    _lock: File,
}

/// A work directory cannot be used.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The file that agents lock cannot be had.
    #[error("cannot open '{}': {error}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another agent that lives has it.
    #[error("--work_dir '{}' is in use by another agent; give each its own", .0.display())]
    InUse(PathBuf),
}

impl RealDisk {
    /// Takes a work directory, for one agent alone: it removes what others left there.
    ///
    /// # Errors
    ///
    /// Another agent has it, or it cannot be written to.
    pub fn open(work_dir: &Path) -> Result<Self, DiskError> {
        let path = work_dir.join(LOCK);
        let failed = |error| DiskError::Lock {
            path: path.clone(),
            error,
        };
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _lock: file }),
            Err(Errno::WOULDBLOCK) => Err(DiskError::InUse(work_dir.to_owned())),
            Err(error) => Err(failed(error.into())),
        }
    }
}

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

    fn former(&self, path: PathBuf) -> Answer<Vec<(AgentId, Duration)>> {
        aside(move || match former(&path) {
            Ok(found) => Ok(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(format!("'{}': {error}", path.display())),
        })
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

fn former(path: &Path) -> io::Result<Vec<(AgentId, Duration)>> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if entry.file_type()?.is_dir() {
            let changed = last_change(&entry.path(), RUNS_DEPTH);
            // A clock that was set back makes it young, and so kept.
            let age = now.duration_since(changed).unwrap_or_default();
            found.push((AgentId::from(name), age));
        }
    }
    Ok(found)
}

/// When something was last added to a directory, or to one of those `depth` levels below.
fn last_change(path: &Path, depth: usize) -> SystemTime {
    let own = fs::symlink_metadata(path).and_then(|found| found.modified());
    let own = own.unwrap_or(SystemTime::UNIX_EPOCH);
    let below = match depth
        .checked_sub(1)
        .map(|depth| (depth, fs::read_dir(path)))
    {
        Some((depth, Ok(entries))) => entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| last_change(&entry.path(), depth))
            .max(),
        _ => None,
    };
    below.map_or(own, |below| own.max(below))
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

    fn former(&self, _: PathBuf) -> Answer<Vec<(AgentId, Duration)>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn remove(&self, _: PathBuf) -> Answer<()> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_created_measured_and_removed() {
        let work = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(work.path()).unwrap();
        let folder = work.path().join("a/b");
        runtime::run(async {
            disk.create(folder.clone()).await.unwrap();
            assert!(folder.is_dir());
            let usage = disk.usage(&folder).await.unwrap();
            assert!((0.0..=1.0).contains(&usage), "{usage}");
            disk.remove(work.path().join("a")).await.unwrap();
            assert!(!work.path().join("a").exists());
            assert!(disk.usage(&folder).await.is_err());
        });
    }

    #[test]
    fn a_work_directory_is_one_agents() {
        let work = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(work.path()).unwrap();
        let error = RealDisk::open(work.path()).unwrap_err();
        assert!(error.to_string().contains("another agent"), "{error}");
        drop(disk);
        assert!(RealDisk::open(work.path()).is_ok());
    }

    #[test]
    fn former_agents_are_as_old_as_their_last_run() {
        let work = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(work.path()).unwrap();
        let agents = work.path().join("slaves");
        let day = Duration::from_secs(24 * 3600);
        let long_ago = SystemTime::now() - 10 * day;
        runtime::run(async {
            assert_eq!(disk.former(agents.clone()).await, Ok(Vec::new()));
            let runs = agents.join("S0/frameworks/F0/executors/E0/runs");
            fs::create_dir_all(&runs).unwrap();
            fs::write(agents.join("stray"), "").unwrap();
            for folder in runs.ancestors().take(6) {
                File::open(folder).unwrap().set_modified(long_ago).unwrap();
            }
            let found = disk.former(agents.clone()).await.unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0.as_str(), "S0");
            assert!(found[0].1 >= 10 * day, "{found:?}");

            fs::create_dir(runs.join("C0")).unwrap();
            let found = disk.former(agents).await.unwrap();
            assert!(found[0].1 < day, "{found:?}");
        });
    }
}
