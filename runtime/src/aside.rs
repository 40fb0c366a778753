//! Threads aside: they make and send what is large, and give way to all others.
//!
//! When all processors are busy, whoever has something short to do waits for the end of a time
//! slice, some milliseconds, at each thread that a call passes through. A low priority alone does
//! not help: it makes slices rarer, not shorter. So these threads also let go of their processor
//! after each piece of work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::{io, thread};

use rustix::process::setpriority_process;
use rustix::thread::gettid;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tracing::warn;

use crate::chores::chores;

/// How many send what is large.
const SENDERS: usize = 2;
/// How nice they are to others: a quarter of a processor is theirs, as long as another thread wants
/// all of it. With less, large answers would all but stop beside programs that never rest.
const NICE: i32 = 5;

/// The threads aside of a node. Made when there is work for them.
#[derive(Default)]
pub(crate) struct Aside {
    senders: OnceLock<Vec<Sender>>,
    next: AtomicUsize,
}

/// A thread with an event loop. Work that blocks or takes long has threads of its own beside it.
struct Sender {
    handle: Handle,
    /// The thread ends with it.
    _end: oneshot::Sender<()>,
}

impl Aside {
    /// An event loop aside; of several, the next in turn. None if no thread could be had.
    pub(crate) fn next(&self) -> Option<&Handle> {
        let senders = self.senders.get_or_init(|| {
            let started: io::Result<_> = (0..SENDERS).map(|_| Sender::start()).collect();
            started.unwrap_or_else(|error| {
                warn!(%error, "no threads for large answers: these will hold up others");
                Vec::new()
            })
        });
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let turn = turn.checked_rem(senders.len())?;
        senders.get(turn).map(|sender| &sender.handle)
    }
}

impl Sender {
    fn start() -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || run(&tell, ended))?;
        // It does nothing before that.
        let handle = told.recv().map_err(io::Error::other)??;
        Ok(Self { handle, _end: end })
    }
}

/// Runs an event loop, of which it tells, until the end.
fn run(tell: &mpsc::Sender<io::Result<Handle>>, end: oneshot::Receiver<()>) {
    lower_priority();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("aside")
        .on_thread_start(lower_priority)
        .build();
    // Whoever starts this thread waits for it.
    let _ = match runtime {
        Err(error) => tell.send(Err(error)),
        Ok(runtime) => {
            runtime.spawn(chores());
            let told = tell.send(Ok(runtime.handle().clone()));
            let _ = runtime.block_on(end);
            // What is being made is for nobody any more: it is not waited for.
            runtime.shutdown_background();
            told
        }
    };
}

fn lower_priority() {
    // If that is forbidden, the thread works on as before.
    let _ = setpriority_process(Some(gettid()), NICE);
}

/// Lets whoever waits for this processor have it first: between pieces of what is large.
pub(crate) fn give_way() {
    thread::yield_now();
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    fn priority() -> i32 {
        getpriority_process(Some(gettid())).unwrap()
    }

    #[test]
    fn threads_aside_have_a_lower_priority_and_no_others() {
        let here = priority();
        let aside = Aside::default();
        let (tell, told) = mpsc::channel();
        for _ in 0..SENDERS {
            let event_loop = aside.next().unwrap();
            let (sender, worker) = (tell.clone(), tell.clone());
            event_loop.spawn(async move { sender.send(priority()).unwrap() });
            event_loop.spawn_blocking(move || worker.send(priority()).unwrap());
        }
        drop(tell);
        assert_eq!(told.iter().collect::<Vec<_>>(), [NICE; 2 * SENDERS]);
        assert_eq!(priority(), here);
    }
}
