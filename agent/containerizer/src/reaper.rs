//! The ends of containers' processes: what one left behind is ended, then it is reaped.

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::process::Process;
use crate::process_table::shared_sessions;

/// The shortest time between two looks at the machine's processes. A look costs by the number
/// of these; whoever ends between two looks shares the second one.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Ends what ended processes have left behind. Looks for that at most once in
/// [`LOOK_INTERVAL`], and at once after a time in which nobody ended.
#[derive(Debug, Default)]
pub(crate) struct Reaper {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// As many as there are containers at most.
    waiting: Vec<Ended>,
    /// Whether someone is looking, or about to.
    working: bool,
}

/// A process that has ended and is not reaped.
#[derive(Debug)]
struct Ended {
    process: Arc<Process>,
    tell: oneshot::Sender<io::Result<ExitStatus>>,
}

impl Reaper {
    /// Waits until `process` has ended, ends what it left behind, and reaps it.
    ///
    /// # Errors
    /// The process cannot be watched from this tokio runtime, or reaped.
    pub(crate) async fn end(self: &Arc<Self>, process: Arc<Process>) -> io::Result<ExitStatus> {
        process.exited().await?;
        let (tell, told) = oneshot::channel();
        let was_working = {
            let mut queue = self.queue();
            queue.waiting.push(Ended { process, tell });
            std::mem::replace(&mut queue.working, true)
        };
        if !was_working {
            tokio::spawn(Arc::clone(self).work());
        }
        told.await
            .unwrap_or_else(|_| Err(io::Error::other("the agent is shutting down")))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(self: Arc<Self>) {
        while let Some(batch) = self.batch() {
            let next_look = Instant::now() + LOOK_INTERVAL;
            // If it fails the agent ends, and those who wait learn it by its end of the channel.
            let _ = spawn_blocking(|| look(batch)).await;
            tokio::time::sleep_until(next_look).await;
        }
    }

    /// All that wait. None if nobody does; then the work is over.
    fn batch(&self) -> Option<Vec<Ended>> {
        let mut queue = self.queue();
        queue.working = !queue.waiting.is_empty();
        queue.working.then(|| std::mem::take(&mut queue.waiting))
    }
}

/// Looks at the machine once for all of `batch`. Blocks.
fn look(batch: Vec<Ended>) {
    let shared = shared_sessions().unwrap_or_else(|error| {
        tracing::error!(%error, "cannot look for processes that ended containers left");
        Default::default()
    });
    for ended in batch {
        // Until it is reaped, no other session can have its number.
        if shared.contains(&ended.process.pid()) {
            // Some take long to kill: the others do not wait for that.
            spawn_blocking(|| {
                if let Err(error) = ended.process.kill_tree() {
                    let pid = ended.process.pid();
                    tracing::error!(pid, %error, "processes are left");
                }
                ended.reap();
            });
        } else {
            ended.reap();
        }
    }
}

impl Ended {
    fn reap(self) {
        // Whoever asked may have gone.
        let _ = self.tell.send(self.process.reap());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, Stdio};

    use rustix::process::Pid;

    use super::*;

    /// A shell that leads a session of its own, as a container's first process does.
    #[expect(clippy::zombie_processes, reason = "`Process` reaps it")]
    fn leader(script: &str, output: Stdio) -> Arc<Process> {
        let child = Command::new("setsid")
            .args(["sh", "-c", script])
            .stdin(Stdio::null())
            .stdout(output)
            .spawn()
            .unwrap();
        Arc::new(Process::adopt(Pid::from_child(&child)).unwrap())
    }

    #[tokio::test]
    async fn what_is_left_in_the_session_has_ended_before_the_end_is_told() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let process = leader("sleep 1000 & exit 3", writer.into());
        let status = Arc::new(Reaper::default()).end(process).await.unwrap();
        assert_eq!(status.code(), Some(3));
        // The pipe ends with its last writer, the one that was left.
        let reading = tokio::task::spawn_blocking(move || reader.read_to_end(&mut Vec::new()));
        assert_eq!(reading.await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn many_that_end_together_are_all_told_how() {
        let reaper = Arc::new(Reaper::default());
        let ends: Vec<_> = (0..20)
            .map(|code| {
                let script = match code % 3 {
                    0 => "kill -KILL $$".to_owned(),
                    1 => format!("sleep 1000 & exit {code}"),
                    _ => format!("exit {code}"),
                };
                let process = leader(&script, Stdio::null());
                let reaper = Arc::clone(&reaper);
                (code, tokio::spawn(async move { reaper.end(process).await }))
            })
            .collect();
        for (code, end) in ends {
            let status = end.await.unwrap().unwrap();
            match code % 3 {
                0 => assert_eq!(status.signal(), Some(9)),
                _ => assert_eq!(status.code(), Some(code)),
            }
        }
        // Once idle it looks again for the next.
        let status = reaper.end(leader("exit 7", Stdio::null())).await.unwrap();
        assert_eq!(status.code(), Some(7));
    }
}
