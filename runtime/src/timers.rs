//! Timers of a node: one table, one task that sleeps until the earliest.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::mailbox::Mailbox;
use crate::sync::lock;

/// Timers that are due within one such span are kept together. Only when the time has come
/// are they put in order: setting one of a million looks at the spans, not at the timers.
const SPAN_NANOS: u32 = 1_000_000;
const SPANS_PER_SECOND: u64 = 1_000;

/// Names one pending timer; cancels it through the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    pub(crate) at: Instant,
    pub(crate) sequence: u64,
    /// Where its actor keeps what to do then.
    pub(crate) slot: usize,
}

struct Pending {
    timer: Timer,
    /// Whom to tell; nobody, once it is cancelled.
    mailbox: Weak<Mailbox>,
}

#[derive(Default)]
struct Span {
    /// In the order in which they were set.
    pending: Vec<Pending>,
    /// No timer of the span is due before.
    earliest: Option<Instant>,
    cancelled: usize,
}

impl Span {
    fn is_due(&self, now: Instant) -> bool {
        self.earliest.is_some_and(|at| at <= now)
    }

    fn add(&mut self, pending: Pending) {
        let at = pending.timer.at;
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
        self.pending.push(pending);
    }

    fn cancel(&mut self, timer: Timer) {
        let found = self
            .pending
            .binary_search_by_key(&timer.sequence, |pending| pending.timer.sequence);
        let found = found.ok().and_then(|at| self.pending.get_mut(at));
        if let Some(pending) = found {
            pending.mailbox = Weak::new();
            self.cancelled += 1;
        }
        if self.cancelled * 2 > self.pending.len() {
            // Those that ended with their actors go, too.
            self.pending
                .retain(|pending| pending.mailbox.strong_count() > 0);
            self.cancelled = 0;
        }
    }

    /// Takes out what is due.
    fn take(&mut self, now: Instant) -> Vec<Pending> {
        let due = self
            .pending
            .extract_if(.., |pending| pending.timer.at <= now)
            .collect();
        let rest = self.pending.iter().map(|pending| pending.timer.at);
        self.earliest = rest.min();
        due
    }
}

struct Table {
    /// By how many spans after `start` they begin. None is empty.
    spans: BTreeMap<u64, Span>,
    start: Instant,
    next: u64,
}

impl Table {
    fn span(&self, at: Instant) -> u64 {
        let after = at.saturating_duration_since(self.start);
        after.as_secs() * SPANS_PER_SECOND + u64::from(after.subsec_nanos() / SPAN_NANOS)
    }

    fn earliest(&self) -> Option<Instant> {
        self.spans
            .first_key_value()
            .and_then(|(_, span)| span.earliest)
    }
}

/// The timers of one node.
pub(crate) struct Timers {
    table: Mutex<Table>,
    earlier: Notify,
}

impl Timers {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::new(Table {
                spans: BTreeMap::new(),
                start: Instant::now(),
                next: 0,
            }),
            earlier: Notify::new(),
        })
    }

    /// Has the returned timer put into `mailbox` at `at`.
    pub(crate) fn set(&self, at: Instant, mailbox: Weak<Mailbox>, slot: usize) -> Timer {
        let mut table = lock(&self.table);
        let sequence = table.next;
        table.next += 1;
        let is_earliest = table.earliest().is_none_or(|earliest| at < earliest);
        let timer = Timer { at, sequence, slot };
        let span = table.span(at);
        let pending = Pending { timer, mailbox };
        table.spans.entry(span).or_default().add(pending);
        if is_earliest {
            self.earlier.notify_one();
        }
        timer
    }

    pub(crate) fn cancel(&self, timer: Timer) {
        let mut table = lock(&self.table);
        let at = table.span(timer.at);
        if let Some(span) = table.spans.get_mut(&at) {
            span.cancel(timer);
            if span.pending.is_empty() {
                table.spans.remove(&at);
            }
        }
    }

    /// When the next timer of each mailbox is due, by the mailbox' place.
    pub(crate) fn earliest(&self) -> HashMap<usize, Instant> {
        let table = lock(&self.table);
        let mut earliest = HashMap::new();
        for Pending { timer, mailbox } in table.spans.values().flat_map(|span| &span.pending) {
            let first: &mut Instant = earliest.entry(mailbox.as_ptr().addr()).or_insert(timer.at);
            *first = timer.at.min(*first);
        }
        earliest
    }

    /// Runs for the life of the node.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let earliest = lock(&self.table).earliest();
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
        let mut due = Vec::new();
        {
            let mut table = lock(&self.table);
            while let Some(mut first) = table.spans.first_entry() {
                if !first.get().is_due(now) {
                    break;
                }
                due.push(first.get_mut().take(now));
                if first.get().pending.is_empty() {
                    first.remove();
                }
            }
        }
        // Spans are in order already.
        for mut of_span in due {
            of_span.sort_unstable_by_key(|pending| pending.timer);
            for of_one in of_span.chunk_by(|a, b| Weak::ptr_eq(&a.mailbox, &b.mailbox)) {
                let mailbox = of_one.first().and_then(|first| first.mailbox.upgrade());
                if let Some(mailbox) = mailbox {
                    mailbox.push_timers(of_one.iter().map(|pending| pending.timer));
                }
            }
        }
    }
}
