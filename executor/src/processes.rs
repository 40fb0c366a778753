//! The machine's processes.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitIdOptions, WaitOptions, kill_process, pidfd_open,
    pidfd_send_signal, set_child_subreaper, wait,
};
use tokio::signal::unix::{self, SignalKind};

use crate::command::Command;
use crate::exit::Exit;
use crate::machine::{Blow, ExitFuture, Machine, StartError};
use crate::process_tree::{self, Process};

/// How often processes are listed anew while they multiply under the blow.
const ROUNDS_MAX: usize = 16;

/// The bit of a wait status that tells of an image written.
const CORE_DUMPED: i32 = 0x80;

/// Processes of this machine. All that come from the command stay this process's
/// descendants, even when they leave their parent, their group and their session: it is
/// their reaper in the place of init.
#[derive(Debug)]
pub struct Processes {
    children: Option<unix::Signal>,
}

impl Processes {
    /// Makes this process the reaper of its descendants. One such machine may be in a
    /// process, and it must have no other children: each end of one is taken for the
    /// command's or its descendants'.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn new() -> io::Result<Self> {
        set_child_subreaper(Some(rustix::process::getpid()))?;
        Ok(Self {
            children: Some(unix::signal(SignalKind::child())?),
        })
    }
}

impl Machine for Processes {
    fn start(&mut self, command: &Command) -> Result<u32, StartError> {
        let failed = |source| StartError {
            program: command.program.clone(),
            source,
        };
        let mut arguments = command.arguments.iter();
        let mut starting = process::Command::new(&command.program);
        if let Some(name) = arguments.next() {
            starting.arg0(name);
        }
        // No more than this, so that the fast way of starting (posix_spawn) is taken.
        starting
            .args(arguments)
            .env_clear()
            .envs(&command.variables)
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .process_group(0);
        starting.spawn().map(|child| child.id()).map_err(failed)
    }

    fn exit(&mut self, pid: u32) -> ExitFuture {
        let children = self.children.take();
        Box::pin(async move {
            let Some(mut children) = children else {
                return Err(io::Error::other("the command's end is awaited already"));
            };
            loop {
                if let Some(exit) = reap(pid)? {
                    return Ok(exit);
                }
                children.recv().await;
            }
        })
    }

    fn strike(&mut self, blow: Blow) -> io::Result<usize> {
        let (signal, rounds) = match blow {
            // Asked once: what they start in order to end well is not disturbed.
            Blow::Terminate => (Signal::TERM, 1),
            Blow::Kill => (Signal::KILL, ROUNDS_MAX),
        };
        let mut struck: Vec<(u32, u64)> = Vec::new();
        for _ in 0..rounds {
            let before = struck.len();
            for target in process_tree::descendants(process::id(), &process_tree::all()?) {
                let identity = (target.pid, target.started);
                if !struck.contains(&identity) {
                    struck.push(identity);
                    send(target, signal);
                }
            }
            if struck.len() == before {
                break;
            }
        }
        Ok(struck.len())
    }

    fn has_leftovers(&mut self) -> bool {
        // All leftovers are children now, or come from one.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(
            rustix::process::waitid(rustix::process::WaitId::All, options),
            Err(Errno::CHILD)
        )
    }
}

/// Takes the ends of children; returns the end of `pid` if it is among them.
fn reap(pid: u32) -> io::Result<Option<Exit>> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((child, status))) if child.as_raw_nonzero().get().cast_unsigned() == pid => {
                let exit = match (status.exit_status(), status.terminating_signal()) {
                    (Some(status), _) => Exit::Status(status),
                    (None, Some(number)) => {
                        let core_dumped = status.as_raw() & CORE_DUMPED != 0;
                        Exit::Signal {
                            number,
                            core_dumped,
                        }
                    }
                    (None, None) => continue,
                };
                return Ok(Some(exit));
            }
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Signals this process and no other: between looking and signalling its pid may have
/// become another's, unless it is held by a descriptor.
fn send(target: Process, signal: Signal) {
    let Some(pid) = i32::try_from(target.pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    // One that has ended meanwhile needs no signal.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(held) => {
            let now = process_tree::process(target.pid);
            if now.is_some_and(|now| now.started == target.started) {
                let _ = pidfd_send_signal(held, signal);
            }
        }
        Err(Errno::NOSYS) => {
            let _ = kill_process(pid, signal);
        }
        Err(_) => {}
    }
}
