//! Starting a container's first process through the launch helper.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::launch_info::{FAILURE_LENGTH, Failure, LaunchInfo};
use crate::process::Process;

/// The launch helper's name in the launcher directory.
pub(crate) const HELPER: &str = "mesos-containerizer";

/// The numbers of standard input and output.
const STDIN_FILENO: RawFd = 0;
const STDOUT_FILENO: RawFd = 1;

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
        let info = info.to_file()?;
        // A fork of the agent's process would cost by its size. All that posix_spawn(3) cannot
        // do is the helper's.
        let mut files = PosixSpawnFileActions::init()?;
        files.add_dup2(info.as_raw_fd(), STDIN_FILENO)?;
        files.add_dup2(sender.as_raw_fd(), STDOUT_FILENO)?;
        let arguments = [c"mesos-containerizer", c"launch"];
        let variables: [&CStr; 0] = [];
        let pid = posix_spawn(
            helper.as_path(),
            &files,
            &attributes()?,
            &arguments,
            &variables,
        )?;
        let pid = Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidData)?;
        Ok((Process::adopt(pid)?, StatusPipe(receiver)))
    };
    start().map_err(|reason| SpawnError { helper, reason })
}

/// What the agent ignores and blocks, or was told to, such as SIGHUP by nohup(1), is no
/// container's business.
fn attributes() -> nix::Result<PosixSpawnAttr> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    attributes.set_sigdefault(&SigSet::all())?;
    attributes.set_sigmask(&SigSet::empty())?;
    Ok(attributes)
}
