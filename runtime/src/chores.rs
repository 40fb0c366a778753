//! What every thread does now and then, such as to give back memory that its part of the
//! allocator keeps: no other thread can do that for it.

use std::sync::OnceLock;
use std::time::Duration;

static CHORE: OnceLock<Chore> = OnceLock::new();

#[derive(Clone, Copy)]
struct Chore {
    every: Duration,
    run: fn(),
}

/// Has this thread call `run` that often, and so each thread that nodes start from then on. Only
/// the first call in a process counts. Must be called within [`run`](crate::run()).
pub fn have_each_thread(every: Duration, run: fn()) {
    if CHORE.set(Chore { every, run }).is_ok() {
        actix_rt::spawn(chores());
    }
}

/// Does this thread's chores, if there are any.
pub(crate) async fn chores() {
    if let Some(Chore { every, run }) = CHORE.get() {
        let mut ticks = tokio::time::interval(*every);
        loop {
            ticks.tick().await;
            run();
        }
    }
}
