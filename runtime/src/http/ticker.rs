//! Wakes many connections of a thread at once, now and then.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::sleep;

/// Wakes whoever waits for its next tick. It is coarse on purpose: one timer serves all
/// connections of a thread, and it rests while none of them waits.
#[derive(Debug)]
pub(crate) struct Ticker {
    period: Duration,
    ticks: Cell<u64>,
    /// By the order of their coming.
    waiting: RefCell<BTreeMap<u64, Waker>>,
    next_place: Cell<u64>,
    /// Whether a task sleeps until the next tick.
    is_running: Cell<bool>,
}

/// A tick to come, or one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    number: u64,
    /// Where its waker waits.
    place: u64,
}

impl Ticker {
    pub(crate) fn new(period: Duration) -> Rc<Self> {
        Rc::new(Self {
            period,
            ticks: Cell::new(0),
            waiting: RefCell::default(),
            next_place: Cell::new(0),
            is_running: Cell::new(false),
        })
    }

    /// Has `waker` woken at the next tick, which comes within the period. To be called where
    /// tasks of the current thread can be spawned.
    pub(crate) fn next(self: &Rc<Self>, waker: &Waker) -> Tick {
        let place = self.next_place.get();
        self.next_place.set(place + 1);
        self.waiting.borrow_mut().insert(place, waker.clone());
        if !self.is_running.replace(true) {
            let ticker = Rc::clone(self);
            tokio::task::spawn_local(async move {
                sleep(ticker.period).await;
                ticker.tick();
            });
        }
        Tick {
            number: self.ticks.get(),
            place,
        }
    }

    /// Nobody waits for a tick any more. A waker keeps its task's memory, so who ends must not
    /// leave it here.
    pub(crate) fn forget(&self, tick: Tick) {
        let forgotten = self.waiting.borrow_mut().remove(&tick.place);
        drop(forgotten);
    }

    /// Whether it has been.
    pub(crate) fn has_been(&self, tick: Tick) -> bool {
        tick.number < self.ticks.get()
    }

    fn tick(&self) {
        self.is_running.set(false);
        self.ticks.set(self.ticks.get() + 1);
        let waiting = self.waiting.take();
        waiting.into_values().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn who_ends_leaves_nothing_behind() {
        crate::run(async {
            let nobody = Arc::new(Nobody);
            let ticker = Ticker::new(Duration::from_secs(3600));
            let ticks: Vec<_> = (0..1000)
                .map(|_| ticker.next(&Arc::clone(&nobody).into()))
                .collect();
            assert_eq!(Arc::strong_count(&nobody), 1001);
            ticks.into_iter().for_each(|tick| ticker.forget(tick));
            assert_eq!(Arc::strong_count(&nobody), 1);
        });
    }
}
