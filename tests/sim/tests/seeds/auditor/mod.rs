//! What must hold, always: one file per invariant.

mod acknowledgements;
mod filters;
mod gone;
mod lost;
mod machines;
mod mailboxes;
mod masters;
mod offers;
mod panics;
mod peers;
mod resources;
pub mod settled;
mod tasks;
mod unreachable;
mod updates;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use master_core::Snapshot;
use runtime::{Mail, Node};

use crate::events::Event;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::seams::Tap;

pub use panics::watch as watch_panics;

/// The cluster as it can be seen between two steps.
pub struct Sight<'a> {
    /// What the master knows; none while it is down.
    pub snapshot: Option<&'a Arc<Snapshot>>,
    /// The nodes that are up.
    pub nodes: &'a [(String, Node)],
    /// What the frameworks know.
    pub ledgers: &'a [Ledger],
    /// Of each agent, whether the master cannot hear of it now.
    pub away: &'a [bool],
    /// Counts the containers that run.
    pub containers: &'a dyn Fn() -> usize,
}

/// Something that must hold.
trait Invariant {
    const NAME: &'static str;

    /// Looks at something that happened.
    fn event(&mut self, _at: Duration, _event: &Event, _found: &mut Findings) {}

    /// Looks at a message that is on its way.
    fn mail(
        &mut self,
        _at: Duration,
        _tap: &Tap,
        _mail: &Mail<'_>,
        _message: &dyn Any,
        _found: &mut Findings,
    ) {
    }

    /// Looks at what the master knows, whenever it has changed.
    fn snapshot(&mut self, _at: Duration, _snapshot: &Snapshot, _found: &mut Findings) {}

    /// Looks at all of the cluster.
    fn look(&mut self, _at: Duration, _sight: &Sight<'_>, _found: &mut Findings) {}
}

/// What does not hold.
#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    fn say(&mut self, text: String) {
        self.0.push(text);
    }
}

/// All invariants.
pub struct Auditor {
    resources: resources::Resources,
    offers: offers::Offers,
    updates: updates::Updates,
    tasks: tasks::Tasks,
    filters: filters::Filters,
    mailboxes: mailboxes::Mailboxes,
    peers: peers::Peers,
    panics: panics::Panics,
    acknowledgements: acknowledgements::Acknowledgements,
    machines: machines::Machines,
    gone: gone::Gone,
    lost: lost::Lost,
    masters: masters::Masters,
    unreachable: unreachable::Unreachable,
    last: Option<Arc<Snapshot>>,
    violations: Vec<String>,
}

macro_rules! each {
    ($auditor:ident, $at:ident, |$invariant:ident, $found:ident| $ask:expr) => {
        each!(@ $auditor, $at, $invariant, $found, $ask,
            resources, offers, updates, tasks, filters, mailboxes, peers, panics,
            acknowledgements, gone, lost, machines, masters, unreachable);
    };
    (@ $auditor:ident, $at:ident, $invariant:ident, $found:ident, $ask:expr, $($field:ident),+) => {$(
        {
            let mut findings = Findings::default();
            {
                let $invariant = &mut $auditor.$field;
                let $found = &mut findings;
                $ask;
            }
            for text in findings.0 {
                let name = name_of(&$auditor.$field);
                $auditor.complain($at, name, text);
            }
        }
    )+};
}

fn name_of<I: Invariant>(_: &I) -> &'static str {
    I::NAME
}

impl Auditor {
    pub fn new(plan: &Plan) -> Self {
        Self {
            resources: resources::Resources,
            offers: offers::Offers::default(),
            updates: updates::Updates::default(),
            tasks: tasks::Tasks::default(),
            filters: filters::Filters::default(),
            mailboxes: mailboxes::Mailboxes,
            peers: peers::Peers,
            panics: panics::Panics,
            acknowledgements: acknowledgements::Acknowledgements::default(),
            gone: gone::Gone::default(),
            lost: lost::Lost::default(),
            machines: machines::Machines::new(plan),
            masters: masters::Masters::default(),
            unreachable: unreachable::Unreachable::new(plan),
            last: None,
            violations: Vec::new(),
        }
    }

    pub fn event(&mut self, at: Duration, event: &Event) {
        each!(self, at, |invariant, found| invariant
            .event(at, event, found));
    }

    pub fn mail(&mut self, at: Duration, tap: &Tap, mail: &Mail<'_>, message: &dyn Any) {
        each!(self, at, |invariant, found| invariant
            .mail(at, tap, mail, message, found));
    }

    /// Looks at the cluster. Gives a line for the trace if the master knows something new.
    pub fn look(&mut self, at: Duration, sight: &Sight<'_>) -> Option<String> {
        each!(self, at, |invariant, found| invariant
            .look(at, sight, found));
        let snapshot = sight.snapshot?;
        let is_new = self
            .last
            .as_ref()
            .is_none_or(|last| !Arc::ptr_eq(last, snapshot));
        if !is_new {
            return None;
        }
        self.last = Some(Arc::clone(snapshot));
        each!(self, at, |invariant, found| invariant
            .snapshot(at, snapshot, found));
        Some(digest(snapshot))
    }

    /// What has been said and has not arrived.
    pub fn unsettled(&self) -> Option<String> {
        self.updates.unsettled().or_else(|| self.lost.unsettled())
    }

    /// In which offers the master and the frameworks differ.
    pub fn disagreement(&self, sight: &Sight<'_>) -> Option<String> {
        self.offers.disagreement(sight.snapshot?)
    }

    pub fn complain(&mut self, at: Duration, invariant: &str, text: String) {
        let at = at.as_secs_f64();
        self.violations
            .push(format!("{invariant} at {at:.3}: {text}"));
    }

    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}

/// What the master knows, in one line.
fn digest(snapshot: &Snapshot) -> String {
    let agents = snapshot.agents.registered();
    let connected = agents.values().filter(|agent| agent.is_connected()).count();
    let frameworks = snapshot.frameworks.registered();
    let tasks: Vec<_> = frameworks
        .values()
        .flat_map(|framework| framework.tasks().values())
        .map(|task| format!("{} {}", task.id(), task.state().as_str_name()))
        .collect();
    format!(
        "master: {connected}/{} agents, {} frameworks, {} offers, {tasks:?}",
        agents.len(),
        frameworks.len(),
        snapshot.offers.len(),
    )
}
