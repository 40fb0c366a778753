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
    transitions: BTreeMap<AgentId, Transition>,
}

impl Writes {
    /// Starts a write, and notes which agent is in the middle of what.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_, '_>, operation: Operation, stage: Stage) {
        let ticket = Ticket(self.next);
        self.next += 1;
        match &stage {
            Stage::Admit { from, .. } => {
                self.registering.insert(from.clone());
            }
            Stage::Readmit { agent, .. } => {
                self.transitions
                    .insert(agent.clone(), Transition::Reregistering);
            }
            Stage::Unreachable { agent, .. } => {
                self.transitions
                    .insert(agent.clone(), Transition::MarkingUnreachable);
            }
            Stage::Gone { agent, .. } => {
                self.transitions
                    .insert(agent.clone(), Transition::MarkingGone);
            }
            Stage::Remove { agent, .. } => {
                self.transitions.insert(agent.clone(), Transition::Removing);
            }
            Stage::Prune { .. } | Stage::Weights => {}
        }
        self.stages.insert(ticket, stage);
        turn.push(Effect::Write { ticket, operation });
    }

    /// Ends a write and gives what waited for it.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> Option<Stage> {
        let stage = self.stages.remove(&ticket)?;
        match &stage {
            Stage::Admit { from, .. } => {
                self.registering.remove(from);
            }
            Stage::Readmit { agent, .. }
            | Stage::Unreachable { agent, .. }
            | Stage::Gone { agent, .. }
            | Stage::Remove { agent, .. } => {
                self.transitions.remove(agent);
            }
            Stage::Prune { .. } | Stage::Weights => {}
        }
        Some(stage)
    }

    /// Whether an agent at this pid waits to be admitted.
    pub(crate) fn is_registering(&self, pid: &Pid) -> bool {
        self.registering.contains(pid)
    }

    /// What the agent is in the middle of.
    pub(crate) fn transition(&self, agent: &AgentId) -> Option<Transition> {
        self.transitions.get(agent).copied()
    }
}
