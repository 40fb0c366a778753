//! Starting containers by copies of a program that is started once, the template (see
//! [`launch::template`]).

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, IoSlice, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use launch::template::{MESSAGE_MAX, PID_LENGTH, VARIABLE};
use nix::spawn::PosixSpawnFileActions;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

use crate::launch_info::LaunchInfo;
use crate::launcher::{self, STDIN_FILENO, StatusPipe};
use crate::process::Process;

/// How long a template may take to copy itself before it is killed. It takes a millisecond; one
/// that was stopped would take forever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// After which time a template is tried again when the one before never copied itself.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// A program that can be a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProgram {
    /// The program's file.
    pub program: PathBuf,
    /// Its arguments, the zeroth included. Only containers that run the program with the same
    /// are copies.
    pub arguments: Vec<OsString>,
}

/// Starts the containers that run one program with the same arguments. Whatever goes wrong with
/// the template is told in the log and counted, and its container starts in the ordinary way.
#[derive(Debug)]
pub(crate) struct Template {
    of: TemplateProgram,
    patience: Timespec,
    state: Mutex<State>,
    failures: AtomicU64,
}

#[derive(Debug)]
enum State {
    Running(Arc<Running>),
    /// There is none; not before this time, if one is given, is there to be another.
    Down(Option<Instant>),
}

/// A template's process; it ends with this.
#[derive(Debug)]
struct Running {
    socket: OwnedFd,
    process: Process,
    has_copied: AtomicBool,
}

impl Template {
    /// A template, started at once: the first container shall not wait for it. It is given up
    /// when it takes longer than `patience` to copy itself.
    pub(crate) fn new(of: TemplateProgram, patience: Duration) -> Template {
        let template = Template {
            of,
            patience: Timespec {
                tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: patience.subsec_nanos().into(),
            },
            state: Mutex::new(State::Down(None)),
            failures: AtomicU64::new(0),
        };
        template.running();
        template
    }

    /// How many templates failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Starts a container by a copy. `None` if it is not for this template, or if there is none.
    /// Blocks until the copy runs.
    pub(crate) fn start(&self, info: &LaunchInfo) -> Option<(Process, StatusPipe)> {
        let is_fit =
            info.programs == [self.of.program.as_path()] && info.arguments == self.of.arguments;
        if !is_fit {
            return None;
        }
        // What fails here fails in the ordinary way too, and is told there.
        let bytes = info.encode().ok()?;
        let (receiver, sender) = pipe_with(PipeFlags::CLOEXEC).ok()?;
        if bytes.len() > MESSAGE_MAX {
            return None;
        }
        let running = self.running()?;
        match running.copy(&bytes, receiver, sender, &self.patience) {
            Ok(started) => Some(started),
            Err(error) => {
                self.failed(&running, &error);
                None
            }
        }
    }

    /// The template; a new one if there is none and it is time for one.
    fn running(&self) -> Option<Arc<Running>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Running(running) => return Some(Arc::clone(running)),
            State::Down(Some(until)) if Instant::now() < *until => return None,
            State::Down(_) => {}
        }
        match Running::start(&self.of) {
            Ok(running) => {
                let running = Arc::new(running);
                tracing::info!(
                    pid = running.process.pid(),
                    "started the executors' template"
                );
                *state = State::Running(Arc::clone(&running));
                Some(running)
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                *state = State::Down(Some(Instant::now() + RETRY_AFTER));
                let program = self.of.program.display();
                tracing::warn!(
                    %program, %error,
                    "cannot start the executors' template; executors start one by one"
                );
                None
            }
        }
    }

    /// Gives a template up, unless another has taken its place already.
    fn failed(&self, failed: &Arc<Running>, error: &io::Error) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(&*state, State::Running(running) if Arc::ptr_eq(running, failed)) {
            return;
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        let pid = failed.process.pid();
        // One that has worked may work again; one that never did shall not cost every container.
        let again = if failed.has_copied.load(Ordering::Relaxed) {
            tracing::warn!(pid, %error, "the executors' template failed; there will be another");
            None
        } else {
            tracing::error!(
                pid, %error,
                "the executors' template does not work; executors start one by one"
            );
            Some(Instant::now() + RETRY_AFTER)
        };
        *state = State::Down(again);
    }
}

impl Running {
    fn start(of: &TemplateProgram) -> io::Result<Running> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (socket, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        let arguments = of
            .arguments
            .iter()
            .map(|text| CString::new(text.as_bytes()));
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        let variable = CString::new(format!("{VARIABLE}=1"))?;
        let mut files = PosixSpawnFileActions::init()?;
        files.add_dup2(theirs.as_raw_fd(), STDIN_FILENO)?;
        let process = launcher::start(&of.program, &files, &arguments, &[variable])?;
        Ok(Running {
            socket,
            process,
            has_copied: AtomicBool::new(false),
        })
    }

    fn copy(
        &self,
        info: &[u8],
        receiver: OwnedFd,
        sender: OwnedFd,
        patience: &Timespec,
    ) -> io::Result<(Process, StatusPipe)> {
        sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(info)],
            &[ControlMessage::ScmRights(&[sender.as_raw_fd()])],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        drop(sender);
        if poll(&mut [PollFd::new(&receiver, PollFlags::IN)], Some(patience)) == Ok(0) {
            // Then the pipe closes, unless there is a copy after all.
            self.process.kill();
        }
        let mut status = File::from(receiver);
        let mut pid = [0; PID_LENGTH];
        status.read_exact(&mut pid)?;
        let pid = Pid::from_raw(i32::from_le_bytes(pid)).ok_or(io::ErrorKind::InvalidData)?;
        let process = Process::adopt(pid)?;
        self.has_copied.store(true, Ordering::Relaxed);
        Ok((process, StatusPipe::new(status.into())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill();
        // An error would mean that it is no child of ours, so that nothing is left of it here.
        let _ = self.process.reap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_hangs_is_killed_and_not_waited_for_again() {
        let program = TemplateProgram {
            program: "/bin/sleep".into(),
            arguments: ["sleep", "1000"].map(Into::into).into(),
        };
        let info = LaunchInfo {
            directory: "/".into(),
            credentials: None,
            rlimits: Vec::new(),
            programs: vec![program.program.clone()],
            arguments: program.arguments.clone(),
            environment: Vec::new(),
        };
        let template = Template::new(program, Duration::ZERO);
        let pid = template.running().unwrap().process.pid();
        let is_there = || std::path::Path::new(&format!("/proc/{pid}")).exists();
        assert!(is_there());
        assert!(template.start(&info).is_none());
        assert_eq!(template.failures(), 1);
        assert!(!is_there(), "it is killed, and nothing is left of it");
        assert!(template.start(&info).is_none());
        assert_eq!(template.failures(), 1, "there is no other for a while");
    }
}
