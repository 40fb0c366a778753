//! Starting a container's first process through the launch helper.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::pipe::{PipeFlags, pipe_with};

use crate::launch_info::{FAILURE_LENGTH, Failure, LaunchInfo};
use crate::process::Process;

/// The launch helper's name in the launcher directory.
pub(crate) const HELPER: &str = "mesos-containerizer";

/// The launch helper could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start '{}': {reason}", helper.display())]
pub(crate) struct SpawnError {
    helper: PathBuf,
    reason: io::Error,
}

/// The end of the helper's status pipe on which it reports a failure. It closes, empty, when
/// the container's command is executed.
#[derive(Debug)]
pub(crate) struct StatusPipe(OwnedFd);

impl StatusPipe {
    /// Waits until the command is executed. Blocks.
    ///
    /// # Errors
    /// Why it is not, if the helper said so.
    pub(crate) fn executed(self) -> Result<(), Option<Failure>> {
        let mut bytes = Vec::new();
        let read = File::from(self.0)
            .take(FAILURE_LENGTH as u64)
            .read_to_end(&mut bytes);
        match read {
            Ok(0) => Ok(()),
            Ok(_) | Err(_) => Err(Failure::from_bytes(&bytes)),
        }
    }
}

/// Starts the helper in `launcher_dir` on `info`. Blocks for as long as posix_spawn(3) does.
///
/// # Errors
/// The helper is not there, or the kernel has no process or file to give.
pub(crate) fn spawn(
    launcher_dir: &Path,
    info: &LaunchInfo,
) -> Result<(Process, StatusPipe), SpawnError> {
    let helper = launcher_dir.join(HELPER);
    let start = || {
        let (receiver, sender) = pipe_with(PipeFlags::CLOEXEC)?;
        // Nothing here may keep the standard library from posix_spawn(3): a fork of the
        // agent's process costs by its size. So the helper does all that is particular.
        let child = Command::new(&helper)
            .arg("launch")
            .env_clear()
            .stdin(info.to_file()?)
            .stdout(Stdio::from(sender))
            .stderr(Stdio::null())
            .spawn()?;
        Ok((Process::adopt(child)?, StatusPipe(receiver)))
    };
    start().map_err(|reason| SpawnError { helper, reason })
}
