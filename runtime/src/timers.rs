//! Timers of a node: one ordered table, one task that sleeps until the earliest.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::mailbox::{Event, Mailbox};
use crate::sync::lock;

/// Names one pending timer; cancels it through the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    pub(crate) at: Instant,
    pub(crate) sequence: u64,
}

#[derive(Default)]
struct Table {
    pending: BTreeMap<(Instant, u64), Weak<Mailbox>>,
    next: u64,
}

/// The timers of one node.
#[derive(Default)]
pub(crate) struct Timers {
    table: Mutex<Table>,
    earlier: Notify,
}

impl Timers {
    /// Has a [`Event::Timer`] with the returned sequence put into `mailbox` at `at`.
    pub(crate) fn set(&self, at: Instant, mailbox: Weak<Mailbox>) -> Timer {
        let mut table = lock(&self.table);
        let sequence = table.next;
        table.next += 1;
        let is_earliest = table
            .pending
            .first_key_value()
            .is_none_or(|(&(earliest, _), _)| at < earliest);
        table.pending.insert((at, sequence), mailbox);
        if is_earliest {
            self.earlier.notify_one();
        }
        Timer { at, sequence }
    }

    pub(crate) fn cancel(&self, timer: Timer) {
        lock(&self.table)
            .pending
            .remove(&(timer.at, timer.sequence));
    }

    /// When the next timer of each mailbox is due, by the mailbox' place.
    pub(crate) fn earliest(&self) -> HashMap<usize, Instant> {
        let table = lock(&self.table);
        let mut earliest = HashMap::new();
        for (&(at, _), mailbox) in &table.pending {
            earliest.entry(mailbox.as_ptr().addr()).or_insert(at);
        }
        earliest
    }

    /// Runs for the life of the node.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let earliest = lock(&self.table)
                .pending
                .first_key_value()
                .map(|(&(at, _), _)| at);
            match earliest {
                Some(at) => {
                    tokio::select! {
                        biased;
                        () = sleep_until(at) => self.fire(Instant::now()),
                        () = self.earlier.notified() => {}
                    }
                }
                None => self.earlier.notified().await,
            }
        }
    }

    fn fire(&self, now: Instant) {
        let due = {
            let mut table = lock(&self.table);
            let later = table.pending.split_off(&(now, u64::MAX));
            std::mem::replace(&mut table.pending, later)
        };
        for ((_, sequence), mailbox) in due {
            if let Some(mailbox) = mailbox.upgrade() {
                mailbox.push(Event::Timer(sequence));
            }
        }
    }
}
