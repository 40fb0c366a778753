//! Wakes many connections of a thread at once, now and then.

use std::cell::{Cell, RefCell};
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
    waiting: RefCell<Vec<Waker>>,
}

/// A tick to come, or one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick(u64);

impl Ticker {
    pub(crate) fn new(period: Duration) -> Rc<Self> {
        Rc::new(Self {
            period,
            ticks: Cell::new(0),
            waiting: RefCell::default(),
        })
    }

    /// Has `waker` woken at the next tick, which comes within the period. To be called where
    /// tasks of the current thread can be spawned.
    pub(crate) fn next(self: &Rc<Self>, waker: &Waker) -> Tick {
        let is_first = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push(waker.clone());
            waiting.len() == 1
        };
        if is_first {
            let ticker = Rc::clone(self);
            tokio::task::spawn_local(async move {
                sleep(ticker.period).await;
                ticker.tick();
            });
        }
        Tick(self.ticks.get())
    }

    /// Whether it has been.
    pub(crate) fn has_been(&self, tick: Tick) -> bool {
        tick.0 < self.ticks.get()
    }

    fn tick(&self) {
        self.ticks.set(self.ticks.get() + 1);
        let waiting = self.waiting.take();
        waiting.into_iter().for_each(Waker::wake);
    }
}
