//! Whoever takes part tells the observer, which keeps the trace and asks the auditor.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::auditor::{Auditor, Sight};
use crate::events::Event;
use crate::plan::Plan;
use crate::seams::Tap;
use runtime::Mail;

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
    /// How often things of each kind were done to the cluster.
    hardships: Hardships,
}

/// How often what goes wrong went wrong, by kind.
pub type Hardships = BTreeMap<String, u64>;

impl Observer {
    /// One that prints what it sees if it `tells`.
    pub fn new(plan: &Plan, tells: bool) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            now: Duration::ZERO,
            mode: Mode::Working,
            // Its keys are fixed, so that equal traces have equal hashes in all processes.
            hash: DefaultHasher::new(),
            lines: 0,
            tells,
            auditor: Auditor::new(plan),
            hardships: Hardships::new(),
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
        inner.line(now, format_args!("{event:?}"));
        if let Some(kind) = event.hardship() {
            *inner.hardships.entry(kind).or_default() += 1;
        }
        inner.auditor.event(now, &event);
    }

    /// A message is on its way.
    pub fn mail(&self, tap: &Tap, mail: &Mail<'_>, message: &dyn Any) {
        let now = self.now();
        let mut inner = self.inner();
        let Mail { from, to, name, .. } = mail;
        inner.lines += 1;
        (now, from, to, name).hash(&mut inner.hash);
        if inner.tells {
            println!("{:>8.3} {from} to {to}: {name}", now.as_secs_f64());
        }
        inner.auditor.mail(now, tap, mail, message);
    }

    /// Looks at the whole cluster, between two steps.
    pub fn look(&self, sight: &Sight<'_>) {
        let mut inner = self.inner();
        let now = inner.now;
        if let Some(line) = inner.auditor.look(now, sight) {
            inner.line(now, format_args!("{line}"));
        }
    }

    /// What has been said and has not arrived.
    pub fn unsettled(&self) -> Option<String> {
        self.inner().auditor.unsettled()
    }

    /// In which offers the master and the frameworks differ.
    pub fn disagreement(&self, sight: &Sight<'_>) -> Option<String> {
        self.inner().auditor.disagreement(sight)
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

    /// What was done to the cluster, and how often.
    pub fn hardships(&self) -> Hardships {
        self.inner().hardships.clone()
    }

    /// What stands for all that happened, and of how many lines it is.
    pub fn trace(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.hash.finish(), inner.lines)
    }
}

impl Inner {
    fn line(&mut self, now: Duration, text: fmt::Arguments<'_>) {
        self.lines += 1;
        now.hash(&mut self.hash);
        // A hasher takes whatever is written.
        let _ = Hashed(&mut self.hash).write_fmt(text);
        if self.tells {
            println!("{:>8.3} {text}", now.as_secs_f64());
        }
    }
}

/// Hashes a text without making it.
struct Hashed<'a>(&'a mut DefaultHasher);

impl fmt::Write for Hashed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
