//! Agents that are lost: unreachable, or removed for good.

use messages::v1::TaskState;
use messages::v1::master::event as operator_event;
use messages::v1::task_status::Reason;
use model::ids::{AgentId, FrameworkId};

use super::lifecycle::{End, History};
use crate::allocator::messages::RemoveAgent;
use crate::effect::DriverDetail;
use crate::env::Time;
use crate::events;
use crate::input::Timer;
use crate::master::Master;
use crate::operators;
use crate::registry::Operation;
use crate::removals::{Failure, Waiting};
use crate::status::Verdict;
use crate::turn::Turn;
use crate::writes::{Removal, Stage};

impl Master {
    /// An agent failed to answer or return: it is marked unreachable when the rate limit
    /// lets it (M16).
    pub(crate) fn schedule_removal(
        &mut self,
        turn: &mut Turn<'_, '_>,
        agent: &AgentId,
        failure: Failure,
        why: &str,
    ) {
        let waiting = Waiting {
            why: why.to_owned(),
            failure,
        };
        let interval = self.config.agent_removal_interval;
        let Some(delay) = self
            .removals
            .add(agent.clone(), waiting, interval, turn.env.now)
        else {
            return;
        };
        self.count().slave_unreachable_scheduled += 1;
        if delay.is_zero() {
            self.remove_in_turn(turn, agent);
        } else {
            turn.timer(
                delay,
                Timer::AgentRemoval {
                    agent: agent.clone(),
                },
            );
        }
    }

    /// It is the agent's turn; it may have been saved in the meantime.
    pub(crate) fn remove_in_turn(&mut self, turn: &mut Turn<'_, '_>, agent: &AgentId) {
        let Some(Waiting { why, failure }) = self.removals.take(agent) else {
            return;
        };
        let still_lost = match failure {
            Failure::Pings => self.agents.get(agent).is_some(),
            Failure::Return => self.agents.get(agent).is_some_and(|it| !it.is_connected()),
            Failure::Recovery => self.agents.view().recovered().contains_key(agent),
        };
        if still_lost && self.writes.transition(agent).is_none() {
            tracing::info!(%agent, why, "marking an agent unreachable");
            let since = turn.env.time;
            let operation = Operation::MarkUnreachable {
                agent: agent.clone(),
                since,
            };
            let stage = Stage::Unreachable {
                agent: agent.clone(),
                since,
                why,
            };
            self.writes.start(turn, operation, stage);
        } else {
            self.count().slave_unreachable_canceled += 1;
        }
    }

    /// The registry says that the agent is unreachable.
    pub(crate) fn marked_unreachable(
        &mut self,
        turn: &mut Turn<'_, '_>,
        agent: &AgentId,
        since: Time,
        why: &str,
    ) {
        let count = self.count();
        count.slave_unreachable_completed += 1;
        count.slave_removals += 1;
        count.slave_removals_reason_unhealthy += 1;
        self.agents.add_unreachable(agent.clone(), since);
        if self.agents.forget_recovered(agent).is_some() {
            self.count().recovery_slave_removals += 1;
            self.tell_agent_lost(turn, agent);
        } else {
            self.lose_agent(turn, agent, Loss::Unreachable(since), why);
        }
    }

    /// An agent says that it leaves.
    pub(crate) fn unregister_agent(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &runtime_core::Pid,
        message: &messages::internal::UnregisterSlaveMessage,
    ) {
        self.count().messages_unregister_slave += 1;
        let agent = AgentId::from(&message.slave_id);
        if self.agents.get(&agent).is_some_and(|it| it.pid() == from) {
            self.remove_agent(turn, &agent, Removal::Unregistered);
        } else {
            tracing::warn!(%agent, %from, "ignoring an unknown agent that unregisters");
        }
    }

    /// Begins to remove an agent for good.
    pub(crate) fn remove_agent(
        &mut self,
        turn: &mut Turn<'_, '_>,
        agent: &AgentId,
        removal: Removal,
    ) {
        if self.writes.transition(agent).is_some() {
            return;
        }
        let operation = Operation::RemoveAgent {
            agent: agent.clone(),
        };
        self.writes.start(
            turn,
            operation,
            Stage::Remove {
                agent: agent.clone(),
                removal,
            },
        );
    }

    /// The registry has forgotten the agent.
    pub(crate) fn removed(&mut self, turn: &mut Turn<'_, '_>, agent: &AgentId, removal: Removal) {
        let count = self.count();
        count.slave_removals += 1;
        match removal {
            Removal::Unregistered => count.slave_removals_reason_unregistered += 1,
            Removal::Replaced => count.slave_removals_reason_registered += 1,
        }
        let Some(hostname) = self.agents.get(agent).map(|it| it.hostname().to_owned()) else {
            return;
        };
        let why = format!("Agent {hostname} removed: {}", removal.text());
        self.lose_agent(turn, agent, Loss::Removed, &why);
    }

    /// Takes a registered agent out with all that ran there. The frameworks are told
    /// what became of their tasks, in the words that they understand.
    pub(crate) fn lose_agent(
        &mut self,
        turn: &mut Turn<'_, '_>,
        agent_id: &AgentId,
        loss: Loss,
        why: &str,
    ) {
        let Some(agent) = self.agents.remove(agent_id) else {
            return;
        };
        turn.allocator(RemoveAgent {
            agent_id: agent_id.clone(),
        });
        for (framework, task) in agent.tasks() {
            let end = self.end_of(framework, loss, why);
            self.end_task(turn, framework, task, end);
        }
        for (framework, executor) in agent.executors() {
            self.remove_executor(turn, framework, agent_id, executor);
        }
        for offer in agent.offers() {
            self.rescind(turn, offer);
        }
        self.pings.end(agent_id);
        self.tell_agent_lost(turn, agent_id);
        self.operators.tell(turn, || messages::v1::master::Event {
            agent_removed: Some(operator_event::AgentRemoved {
                agent_id: agent_id.to_proto(),
            }),
            ..operators::event(operator_event::Type::AgentRemoved)
        });
    }

    /// How a task of this framework ends when its agent is lost.
    fn end_of<'a>(&self, framework: &FrameworkId, loss: Loss, why: &'a str) -> End<'a> {
        let aware = self
            .frameworks
            .get(framework)
            .is_some_and(|it| it.capabilities().partition_aware());
        let (state, reason) = match (loss, aware) {
            (Loss::Unreachable(_), true) => (TaskState::TaskUnreachable, Reason::AgentRemoved),
            (Loss::Gone, true) => (
                TaskState::TaskGoneByOperator,
                Reason::AgentRemovedByOperator,
            ),
            _ => (TaskState::TaskLost, Reason::AgentRemoved),
        };
        // Without the capability a lost task of a partitioned agent may come back, so it
        // is kept with the unreachable ones.
        let (since, history) = match loss {
            Loss::Unreachable(since) => (Some(since), History::Unreachable),
            Loss::Gone | Loss::Removed => (None, History::Completed),
        };
        let verdict = Verdict {
            state,
            reason,
            message: why,
        };
        End {
            verdict,
            unreachable_since: since,
            history,
            tell: true,
        }
    }

    /// Tells all connected frameworks that an agent is lost.
    fn tell_agent_lost(&self, turn: &mut Turn<'_, '_>, agent: &AgentId) {
        for framework in self.frameworks.view().registered().values() {
            if let Some(to) = framework.connection()
                && framework.is_connected()
            {
                let event = events::agent_failure(agent);
                turn.event(Some(framework.id()), to, event, DriverDetail::None);
            }
        }
    }
}

/// How an agent was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It cannot be reached, since this time.
    Unreachable(Time),
    /// An operator gave it up for good.
    Gone,
    /// It left, or another took its place.
    Removed,
}
