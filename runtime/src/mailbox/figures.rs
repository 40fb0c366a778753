//! What introspection shows of an actor's work.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::activity::Activity;

/// Counts and times of one declared message.
#[derive(Debug, Default)]
pub(crate) struct MessageFigures {
    pub(crate) handled: AtomicU64,
    pub(crate) sampled: AtomicU64,
    pub(crate) sampled_nanos: AtomicU64,
    pub(crate) slowest_nanos: AtomicU64,
}

impl MessageFigures {
    pub(crate) fn sample(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sampled.fetch_add(1, Ordering::Relaxed);
        self.sampled_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.slowest_nanos.fetch_max(nanos, Ordering::Relaxed);
    }
}

/// What introspection knows of an actor's work.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// By index of the declared message; made when the first message is handled, since
    /// most of a million idle actors never handle one.
    messages: OnceLock<Box<[MessageFigures]>>,
    pub(crate) undecodable: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) activity: Activity,
    /// The most events that the actor ever found when it looked.
    pub(crate) deepest: AtomicUsize,
    pub(crate) timers_pending: AtomicU64,
    pub(crate) links: AtomicU64,
}

impl Figures {
    /// Notes how many events the actor found.
    pub(crate) fn found(&self, events: usize) {
        // Only the actor writes it.
        if events > self.deepest.load(Ordering::Relaxed) {
            self.deepest.store(events, Ordering::Relaxed);
        }
    }

    pub(crate) fn message(&self, declared: usize, index: usize) -> Option<&MessageFigures> {
        self.messages
            .get_or_init(|| (0..declared).map(|_| MessageFigures::default()).collect())
            .get(index)
    }

    pub(crate) fn messages(&self) -> &[MessageFigures] {
        self.messages.get().map_or(&[], |figures| figures)
    }
}
