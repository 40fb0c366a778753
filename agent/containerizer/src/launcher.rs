//! Starting a container's first process through the launch helper.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use launch::{FAILURE_LENGTH, Failure};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::launch_info::LaunchInfo;
use crate::process::Process;

/// The launch helper's name in the launcher directory.
pub(crate) const HELPER: &str = "mesos-containerizer";

/// The numbers of standard input and output.
pub(crate) const STDIN_FILENO: RawFd = 0;
const STDOUT_FILENO: RawFd = 1;

/// The launch helper could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start '{}': {reason}", helper.display())]
pub(crate) struct SpawnError {
    helper: PathBuf,
    reason: io::Error,
}

/// The end of a status pipe on which a failure is reported. It closes, empty, when the
/// container's command is executed.
#[derive(Debug)]
pub(crate) struct StatusPipe(OwnedFd);

impl StatusPipe {
    /// A pipe of which the agent reads this end.
    pub(crate) fn new(receiver: OwnedFd) -> Self {
        StatusPipe(receiver)
    }

    /// Waits until the command is executed. Blocks.
    ///
    /// # Errors
    /// Why it is not, if that was said.
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
    let start_helper = || {
        let (receiver, sender) = pipe_with(PipeFlags::CLOEXEC)?;
        let info = info.to_file()?;
        let mut files = PosixSpawnFileActions::init()?;
        files.add_dup2(info.as_raw_fd(), STDIN_FILENO)?;
        files.add_dup2(sender.as_raw_fd(), STDOUT_FILENO)?;
        let arguments = [c"mesos-containerizer", c"launch"];
        let process = start::<_, CString>(&helper, &files, &arguments, &[])?;
        Ok((process, StatusPipe::new(receiver)))
    };
    start_helper().map_err(|reason| SpawnError { helper, reason })
}

/// Starts a program. Blocks for as long as posix_spawn(3) does.
///
/// # Errors
/// It is not there, or the kernel has no process or file to give.
pub(crate) fn start<A: AsRef<CStr>, V: AsRef<CStr>>(
    program: &Path,
    files: &PosixSpawnFileActions,
    arguments: &[A],
    variables: &[V],
) -> io::Result<Process> {
    // A fork of the agent's process would cost by its size. All that posix_spawn(3) cannot do is
    // done by the program.
    let pid = posix_spawn(program, files, &attributes()?, arguments, variables)?;
    let pid = Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidData)?;
    Process::adopt(pid)
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
