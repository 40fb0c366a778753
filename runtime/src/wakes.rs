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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::world::World;
    use crate::{Actor, Context, Declaration, Node, Placement};

    type Log = Arc<Mutex<Vec<usize>>>;

    /// Notes its number when it is woken.
    struct Sleeper(usize, Log);

    impl std::task::Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    fn wake_one(number: usize, log: &Log) {
        wake(&Arc::new(Sleeper(number, Arc::clone(log))).into());
    }

    fn woken(log: &Log) -> Vec<usize> {
        log.lock().unwrap().clone()
    }

    /// Looks, as it begins, at when those are woken that it sends something.
    struct Sender;

    impl Actor for Sender {
        const KIND: &'static str = "sender";

        fn declare(_: &mut Declaration<Self>) {}

        fn initialize(&mut self, context: &mut Context<'_, Self>) {
            let log = Log::default();
            let given = context.gathered(|context| {
                wake_one(1, &log);
                context.gathered(|_| wake_one(2, &log));
                wake_one(3, &log);
                assert!(woken(&log).is_empty(), "not the inner one's end wakes them");
                "given"
            });
            assert_eq!(given, "given");
            assert_eq!(woken(&log), [1, 2, 3]);
            wake_one(4, &log);
            assert_eq!(woken(&log), [1, 2, 3, 4]);
        }
    }

    #[test]
    fn receivers_are_woken_in_order_when_all_is_sent() {
        crate::run(async {
            let node = Node::offline(World::Real);
            let sender = node.spawn("sender", Sender, Placement::Here).unwrap();
            assert_eq!(sender.ask(|_, _| ()).await, Some(()));
        });
    }

    #[test]
    fn more_than_many_are_not_waited_with() {
        let log = Log::default();
        let gathering = Gathering::begin();
        (0..=MANY).for_each(|number| wake_one(number, &log));
        assert_eq!(woken(&log), [MANY]);
        drop(gathering);
        let in_order: Vec<_> = std::iter::once(MANY).chain(0..MANY).collect();
        assert_eq!(woken(&log), in_order);
    }
}
