//! Wakes that wait for each other.
//!
//! Who sends much at once would have the first message wake its receiver's thread, which then
//! takes the others one by one, and sleeps in between. So the receivers are woken at the end.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;

use crate::peer::Peer;

/// More at once are not waited with.
const MANY: usize = 64;

thread_local! {
    static IS_GATHERING: Cell<bool> = const { Cell::new(false) };
    static WAITING: RefCell<Vec<Wake>> = const { RefCell::new(Vec::new()) };
}

/// Whom to wake.
enum Wake {
    Task(Waker),
    /// The connection to a peer for which something waits.
    Peer(Arc<Peer>),
}

impl Wake {
    fn now(self) {
        match self {
            Self::Task(waker) => waker.wake(),
            Self::Peer(peer) => peer.tell(),
        }
    }
}

/// While it lives, wakes of this thread wait, in their order.
pub(crate) struct Gathering {
    /// Another one has begun before, and ends it.
    is_inner: bool,
}

impl Gathering {
    pub(crate) fn begin() -> Self {
        let is_inner = IS_GATHERING.replace(true);
        Self { is_inner }
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        if !self.is_inner {
            IS_GATHERING.set(false);
            for wake in WAITING.take() {
                wake.now();
            }
        }
    }
}

/// Wakes a task, at once or when the thread has gathered all wakes.
pub(crate) fn wake(waker: &Waker) {
    if !IS_GATHERING.get() || !gather(|| Wake::Task(waker.clone())) {
        waker.wake_by_ref();
    }
}

/// Whether the thread gathers wakes, and has this peer's connection told with the others.
pub(crate) fn tells_later(peer: &Arc<Peer>) -> bool {
    IS_GATHERING.get() && gather(|| Wake::Peer(Arc::clone(peer)))
}

fn gather(wake: impl FnOnce() -> Wake) -> bool {
    WAITING.with_borrow_mut(|waiting| {
        let has_room = waiting.len() < MANY;
        if has_room {
            waiting.push(wake());
        }
        has_room
    })
}
