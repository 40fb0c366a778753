//! Registry writes on their way, and what happens when they are done.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::AgentId;
use runtime_core::Pid;

use crate::agents::Arrival;
use crate::connection::Token;
use crate::effect::Effect;
use crate::env::Time;
use crate::registry::{Operation, Ticket};
use crate::report::Report;
use crate::turn::Turn;

/// Where a conversation stands that waits for the registry.
#[derive(Debug)]
pub(crate) enum Stage {
    /// A new agent waits to be admitted (M12).
    Admit {
        from: Pid,
        agent: AgentId,
        arrival: Box<Arrival>,
    },
    /// An agent waits to be let in again (M13).
    Readmit {
        from: Pid,
        agent: AgentId,
        report: Box<Report>,
    },
    /// An agent is to be unreachable.
    Unreachable {
        agent: AgentId,
        since: Time,
        /// For people: what it failed to do.
        why: String,
    },
    /// An agent is to be gone for good; the operator waits.
    Gone {
        agent: AgentId,
        since: Time,
        token: Token,
    },
    /// An agent is to be removed.
    Remove { agent: AgentId, removal: Removal },
    /// Old agents are to be forgotten (M20).
    Prune {
        unreachable: Vec<AgentId>,
        gone: Vec<AgentId>,
    },
    /// The flag's weights are to be stored.
    Weights,
}

impl Stage {
    /// Which agent is in the middle of what until the write is done.
    const fn transition(&self) -> Option<(&AgentId, Transition)> {
        Some(match self {
            Self::Readmit { agent, .. } => (agent, Transition::Reregistering),
            Self::Unreachable { agent, .. } => (agent, Transition::MarkingUnreachable),
            Self::Gone { agent, .. } => (agent, Transition::MarkingGone),
            Self::Remove { agent, .. } => (agent, Transition::Removing),
            Self::Admit { .. } | Self::Prune { .. } | Self::Weights => return None,
        })
    }
}

/// Why an agent is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// It said so.
    Unregistered,
    /// A new agent registered at its address.
    Replaced,
}

impl Removal {
    /// For people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Unregistered => "the agent unregistered",
            Self::Replaced => "a new agent registered at the same address",
        }
    }
}

/// What an agent is in the middle of; it can be in one such thing only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    Reregistering,
    MarkingUnreachable,
    MarkingGone,
    Removing,
}

/// All writes on their way.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    next: u64,
    stages: BTreeMap<Ticket, Stage>,
    registering: BTreeSet<Pid>,
    transitions: BTreeMap<AgentId, (Transition, Ticket)>,
}

impl Writes {
    /// Starts a write, and notes which agent is in the middle of what.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_, '_>, operation: Operation, stage: Stage) {
        let ticket = Ticket(self.next);
        self.next += 1;
        if let Stage::Admit { from, .. } = &stage {
            self.registering.insert(from.clone());
        }
        if let Some((agent, transition)) = stage.transition() {
            self.transitions.insert(agent.clone(), (transition, ticket));
        }
        self.stages.insert(ticket, stage);
        turn.push(Effect::Write { ticket, operation });
    }

    /// Ends a write and gives what waited for it.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> Option<Stage> {
        let stage = self.stages.remove(&ticket)?;
        if let Stage::Admit { from, .. } = &stage {
            self.registering.remove(from);
        }
        if let Some((agent, _)) = stage.transition() {
            self.transitions.remove(agent);
        }
        Some(stage)
    }

    /// Whether an agent at this pid waits to be admitted.
    pub(crate) fn is_registering(&self, pid: &Pid) -> bool {
        self.registering.contains(pid)
    }

    /// What the agent is in the middle of.
    pub(crate) fn transition(&self, agent: &AgentId) -> Option<Transition> {
        self.transitions
            .get(agent)
            .map(|&(transition, _)| transition)
    }

    /// An agent that waits to be let in again says so once more: what it said last counts,
    /// if it is what the registry is told. Says whether it does.
    pub(crate) fn renew(&mut self, agent: &AgentId, pid: &Pid, renewed: Report) -> bool {
        let ticket = self.transitions.get(agent).map(|(_, ticket)| ticket);
        let Some(Stage::Readmit { from, report, .. }) =
            ticket.and_then(|ticket| self.stages.get_mut(ticket))
        else {
            return false;
        };
        let is_same = report.arrival.full_info() == renewed.arrival.full_info();
        if is_same {
            *from = pid.clone();
            **report = renewed;
        }
        is_same
    }
}
