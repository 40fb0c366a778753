//! Whoever takes part tells the observer, which keeps the trace and asks the auditor.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auditor::{Auditor, Sight};
use crate::events::Event;

/// What the frameworks are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Their work, in their own ways.
    Working,
    /// Their work, with all diligence: there are no more faults.
    Settling,
    /// Keep every offer: all resources must come.
    Probing,
}

/// Shared by all that take part in one simulation.
#[derive(Clone)]
pub struct Observer(Arc<Mutex<Inner>>);

struct Inner {
    now: Duration,
    mode: Mode,
    hash: DefaultHasher,
    lines: u64,
    tells: bool,
    auditor: Auditor,
}

impl Observer {
    /// One that prints what it sees if it `tells`.
    pub fn new(tells: bool) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now: Duration::ZERO,
            mode: Mode::Working,
            // Its keys are fixed, so that equal traces have equal hashes in all processes.
            hash: DefaultHasher::new(),
            lines: 0,
            tells,
            auditor: Auditor::new(),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the start of the simulation.
    pub fn now(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_else(|| self.inner().now)
    }

    /// Between two steps: the simulation has come to this point.
    pub fn advance(&self, now: Duration) {
        self.inner().now = now;
    }

    pub fn mode(&self) -> Mode {
        self.inner().mode
    }

    pub fn set_mode(&self, mode: Mode) {
        self.inner().mode = mode;
    }

    /// Something happened.
    pub fn note(&self, event: Event) {
        let now = self.now();
        let mut inner = self.inner();
        inner.line(now, &format!("{event:?}"));
        inner.auditor.event(now, &event);
    }

    /// Looks at the whole cluster, between two steps.
    pub fn look(&self, sight: &Sight<'_>) {
        let mut inner = self.inner();
        let now = inner.now;
        if let Some(line) = inner.auditor.look(now, sight) {
            inner.line(now, &line);
        }
    }

    /// What has been said and has not arrived.
    pub fn unsettled(&self) -> Option<String> {
        self.inner().auditor.unsettled()
    }

    /// What is wrong by now.
    pub fn violations(&self) -> Vec<String> {
        self.inner().auditor.violations().to_vec()
    }

    /// Something is wrong that only the conductor can see.
    pub fn complain(&self, invariant: &str, text: String) {
        let mut inner = self.inner();
        let now = inner.now;
        inner.auditor.complain(now, invariant, text);
    }

    /// What stands for all that happened, and of how many lines it is.
    pub fn trace(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.hash.finish(), inner.lines)
    }
}

impl Inner {
    fn line(&mut self, now: Duration, text: &str) {
        let line = format!("{:>8.3} {text}", now.as_secs_f64());
        self.hash.write(line.as_bytes());
        self.lines += 1;
        if self.tells {
            println!("{line}");
        }
    }
}
