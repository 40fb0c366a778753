//! A child process of the agent: waiting for it without a thread, ending it with all that it
//! started.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, kill_process,
    pidfd_open, pidfd_send_signal, waitid, waitpid,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::process_table::{Entry, ProcessTable};

/// How often a tree of processes is looked at and killed before it counts as unkillable.
const KILL_ROUNDS_MAX: usize = 100;
/// How long one round waits for the killed to end. Who is stuck in the kernel, on a dead file
/// server say, ends only when that lets go.
const KILL_ROUND: Duration = Duration::from_millis(100);

/// A tree of processes did not end.
#[derive(Debug, thiserror::Error)]
pub enum KillError {
    /// The processes cannot be looked at.
    #[error("cannot read the processes in /proc: {0}")]
    Table(#[source] io::Error),
    /// Some are still there.
    #[error("processes {0:?} did not end after SIGKILL")]
    Stuck(Vec<i32>),
}

/// A child process that has not been reaped but through this value.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    pidfd: Arc<OwnedFd>,
    /// The exit status, once reaped. Whoever works by `pid` holds the lock and so knows that
    /// the number is not another process' meanwhile.
    reaped: Mutex<Option<ExitStatus>>,
}

impl Process {
    /// Takes over a child just started, of which nobody else knows.
    ///
    /// # Errors
    /// The kernel gives no file for it; then the child is killed and reaped.
    pub(crate) fn adopt(child: Pid) -> Result<Process, io::Error> {
        match pidfd_open(child, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Process {
                pid: child,
                pidfd: Arc::new(pidfd),
                reaped: Mutex::new(None),
            }),
            Err(error) => {
                // The first error is the one to tell.
                let _ = kill_process(child, Signal::KILL);
                let _ = waitpid(Some(child), WaitOptions::empty());
                Err(error.into())
            }
        }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until the process has ended. It stays a zombie until [`reap`](Self::reap).
    ///
    /// # Errors
    /// The process cannot be watched from this tokio runtime.
    pub(crate) async fn exited(&self) -> Result<(), io::Error> {
        let pidfd = Arc::clone(&self.pidfd);
        // SAFETY: the file stays open, and the same, as long as the registration holds its
        // share of it.
        #[expect(unsafe_code, reason = "tokio asks its callers to vouch for I/O safety")]
        let registered = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) };
        registered?.readable().await?.retain_ready();
        Ok(())
    }

    /// Collects the exit status; blocks until the process has ended.
    ///
    /// # Errors
    /// The kernel does not know the child, which is a bug.
    pub(crate) fn reap(&self) -> Result<ExitStatus, io::Error> {
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = *reaped {
            return Ok(status);
        }
        loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => return Ok(*reaped.insert(exit_status(&status))),
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Kills the process alone.
    pub(crate) fn kill(&self) {
        // An error means that it has ended.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Kills the process and all that it started, as far as they can be found by session and
    /// descent, and waits until they have ended. Blocks. Does nothing once reaped.
    ///
    /// # Errors
    /// Some did not end in time.
    pub(crate) fn kill_tree(&self) -> Result<(), KillError> {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if reaped.is_some() {
            return Ok(());
        }
        kill_tree(self.pid())
    }
}

fn kill_tree(root: i32) -> Result<(), KillError> {
    let mut sessions = BTreeSet::new();
    let mut left = Vec::new();
    for _ in 0..KILL_ROUNDS_MAX {
        let table = ProcessTable::read().map_err(KillError::Table)?;
        let members = table.members(root, &mut sessions);
        left = members
            .iter()
            .filter(|entry| !entry.zombie)
            .map(|entry| entry.pid)
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let killed = members
            .into_iter()
            .filter(|entry| !entry.zombie)
            .filter_map(kill);
        await_ends(&killed.collect::<Vec<_>>());
    }
    Err(KillError::Stuck(left))
}

/// Kills exactly the process that was looked at, not a later one with its number.
fn kill(entry: &Entry) -> Option<OwnedFd> {
    let pidfd = pidfd_open(Pid::from_raw(entry.pid)?, PidfdFlags::empty()).ok()?;
    if Entry::read(entry.pid)?.start != entry.start {
        return None;
    }
    // An error means that it is gone, or not ours to kill; the next look tells.
    let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    Some(pidfd)
}

/// Waits until all have ended, or a round is over.
fn await_ends(pidfds: &[OwnedFd]) {
    for pidfd in pidfds {
        let round = Timespec::try_from(KILL_ROUND).ok();
        // An error is as good as the end of the wait: the next look tells.
        let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], round.as_ref());
    }
}

fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    let raw = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => (code & 0xff) << 8,
        (None, Some(signal)) => signal | if status.dumped() { 0x80 } else { 0 },
        (None, None) => 0,
    };
    ExitStatus::from_raw(raw)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[expect(clippy::zombie_processes, reason = "`Process` reaps it")]
    fn sh(script: &str) -> Process {
        use std::os::unix::process::CommandExt as _;
        let child = Command::new("/bin/sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Process::adopt(Pid::from_child(&child)).unwrap()
    }

    #[tokio::test]
    async fn exit_codes_and_signals_are_told_apart() {
        let process = sh("exit 3");
        process.exited().await.unwrap();
        assert_eq!(process.reap().unwrap().code(), Some(3));
        assert_eq!(
            process.reap().unwrap().code(),
            Some(3),
            "once reaped, the answer stays"
        );

        let process = sh("kill -TERM $$");
        process.exited().await.unwrap();
        assert_eq!(process.reap().unwrap().signal(), Some(15));
    }

    #[tokio::test]
    async fn descendants_die_with_their_root_even_in_other_sessions() {
        let work = tempfile::tempdir().unwrap();
        let ready = work.path().join("ready");
        let fifo = Command::new("mkfifo").arg(&ready).status().unwrap();
        assert!(fifo.success());
        // Three generations, the last in a session of its own, holding the pipe open.
        let process = sh(&format!(
            "sh -c 'setsid sh -c \"echo up; exec sleep 1000\" > {} & wait' & wait",
            ready.display()
        ));
        let reader = tokio::task::spawn_blocking(move || std::fs::read_to_string(ready).unwrap());
        let table = ProcessTable::read().unwrap();
        assert!(
            !table
                .members(process.pid(), &mut BTreeSet::new())
                .is_empty()
        );

        let killing = tokio::task::spawn_blocking(move || {
            // The reader's end of the pipe opens only when the last generation runs.
            loop {
                let table = ProcessTable::read().unwrap();
                if table.members(process.pid(), &mut BTreeSet::new()).len() >= 3 {
                    break;
                }
                std::thread::yield_now();
            }
            process.kill_tree().unwrap();
            process
        });
        let process = killing.await.unwrap();
        // The pipe's end is the proof: its last writer is dead.
        reader.await.unwrap();
        assert_eq!(process.reap().unwrap().signal(), Some(9));
        process.kill_tree().unwrap();
    }
}
