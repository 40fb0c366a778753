//! Running the fetcher program for a container (G7).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use messages::fetcher::{FetcherInfo, fetcher_info::Item, fetcher_info::item::Action};
use messages::v1::DurationInfo;
use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;

use crate::containerizer::ContainerConfig;
use crate::process::Process;
use crate::user::Credentials;

/// The fetcher's name in the launcher directory.
pub(crate) const FETCHER: &str = "mesos-fetcher";
/// Carries the fetcher's orders, as JSON.
const INFO_VARIABLE: &str = "MESOS_FETCHER_INFO";
/// How much of the end of the fetcher's log is searched for the reason of its failure.
const LOG_TAIL_BYTES: u64 = 4096;

/// Why files were not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The orders cannot be written down.
    #[error("cannot write the fetcher's orders: {0}")]
    Orders(String),
    /// The sandbox file that the fetcher logs to cannot be opened.
    #[error("Failed to create '{}': {reason}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The program cannot be run.
    #[error("Failed to execute '{}': {reason}", program.display())]
    Execute {
        /// Where it was looked for.
        program: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// It failed; the last line of its log says why.
    #[error("{status}: {reason}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        reason: String,
    },
}

/// How files are fetched.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    /// Where the program is.
    pub(crate) launcher_dir: PathBuf,
    /// What relative paths start from.
    pub(crate) frameworks_home: Option<String>,
    /// How long a download may bring nothing.
    pub(crate) stall_timeout: Duration,
}

impl Fetcher {
    /// Starts the fetcher for the URIs of `config`, logging to `stdout` and `stderr` in the
    /// sandbox. Blocks for as long as posix_spawn(3) does.
    pub(crate) fn start(
        &self,
        config: &ContainerConfig,
        owner: Option<&Credentials>,
    ) -> Result<Process, FetchError> {
        let info = messages::json::to_json(&self.info(config, owner))
            .map_err(|error| FetchError::Orders(error.to_string()))?;
        let info =
            String::from_utf8(info).map_err(|error| FetchError::Orders(error.to_string()))?;
        let program = self.launcher_dir.join(FETCHER);
        let child = Command::new(&program)
            .env_clear()
            .envs(inherited(std::env::vars_os()))
            .env(INFO_VARIABLE, info)
            .stdin(Stdio::null())
            .stdout(log(&config.directory, "stdout", owner)?)
            .stderr(log(&config.directory, "stderr", owner)?)
            .process_group(0)
            .spawn();
        child
            .and_then(|child| Process::adopt(Pid::from_child(&child)))
            .map_err(|reason| FetchError::Execute { program, reason })
    }

    fn info(&self, config: &ContainerConfig, owner: Option<&Credentials>) -> FetcherInfo {
        let item = |uri: &messages::v1::command_info::Uri| Item {
            uri: uri.clone(),
            // There is no cache yet; the fetcher says so where one is asked for.
            action: Action::BypassCache as i32,
            cache_filename: None,
        };
        let nanoseconds = i64::try_from(self.stall_timeout.as_nanos()).unwrap_or(i64::MAX);
        FetcherInfo {
            sandbox_directory: config.directory.display().to_string(),
            items: config.command.uris.iter().map(item).collect(),
            user: owner.and(config.user.clone()),
            frameworks_home: self.frameworks_home.clone(),
            stall_timeout: Some(DurationInfo { nanoseconds }),
            ..FetcherInfo::default()
        }
    }
}

/// What of the agent's environment is the fetcher's business too: proxies, the home of CA
/// certificates and such, but not the agent's own settings.
fn inherited(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    variables.filter(|(name, _)| {
        let name = name.as_bytes();
        !name.starts_with(b"MESOS_") && !name.starts_with(b"LIBPROCESS_")
    })
}

fn log(sandbox: &Path, name: &str, owner: Option<&Credentials>) -> Result<File, FetchError> {
    let path = sandbox.join(name);
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || {
        let file = File::from(rustix::fs::open(&path, flags, Mode::from_raw_mode(0o644))?);
        if let Some(owner) = owner {
            std::os::unix::fs::fchown(&file, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(file)
    };
    open().map_err(|reason| FetchError::Log { path, reason })
}

/// Whether the fetcher that ended with `status` did its work in `sandbox`.
pub(crate) fn outcome(status: ExitStatus, sandbox: &Path) -> Result<(), FetchError> {
    if status.success() {
        return Ok(());
    }
    Err(FetchError::Failed {
        status,
        reason: last_line(&sandbox.join("stderr")),
    })
}

fn last_line(log: &Path) -> String {
    let read = || {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut file = File::from(rustix::fs::open(log, flags, Mode::empty())?);
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.take(LOG_TAIL_BYTES).read_to_end(&mut tail)?;
        Ok::<_, io::Error>(tail)
    };
    let tail = read().unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    match tail.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) => line.trim().to_owned(),
        None => format!("it left no reason in '{}'", log.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_own_settings_stay_with_the_agent() {
        let variables = ["MESOS_MASTER", "LIBPROCESS_IP", "HTTP_PROXY", "PATH"]
            .map(|name| (OsString::from(name), OsString::from("x")));
        let kept: Vec<_> = inherited(variables.into_iter())
            .map(|(name, _)| name)
            .collect();
        assert_eq!(kept, ["HTTP_PROXY", "PATH"]);
    }

    #[test]
    fn the_reason_is_the_last_line_that_says_anything() {
        let work = tempfile::tempdir().unwrap();
        let log = work.path().join("stderr");
        assert!(last_line(&log).starts_with("it left no reason in '"));
        std::fs::write(&log, format!("{}\nthe reason \n\n", "x".repeat(5000))).unwrap();
        assert_eq!(last_line(&log), "the reason");
    }
}
