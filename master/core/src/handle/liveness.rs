//! Agents that answer, agents that do not, and connections that break (M16–M18).

use messages::internal::PingSlaveMessage;
use messages::v1::TaskState;
use messages::v1::task_status::Reason;
use model::ids::AgentId;
use runtime_core::Pid;
use runtime_core::units::DurationText;

use super::lifecycle::{End, History};
use crate::allocator::messages::DeactivateAgent;
use crate::effect::ToAgent;
use crate::input::Timer;
use crate::master::Master;
use crate::removals::Failure;
use crate::status::Verdict;
use crate::turn::Turn;

/// So many agents are pinged before others get their turn.
const PINGS_AT_ONCE: usize = 256;

impl Master {
    /// Time to look whether some agents answered, and to ask them again.
    pub(crate) fn send_pings(&mut self, turn: &mut Turn<'_, '_>) {
        for _ in 0..PINGS_AT_ONCE {
            let Some((id, missed)) = self.pings.due(turn.env.now) else {
                break;
            };
            self.ping(turn, &id, missed);
        }
        if let Some(at) = self.pings.next() {
            let (at, now) = (at.since_start(), turn.env.now.since_start());
            turn.timer(at.saturating_sub(now), Timer::Pings);
        }
    }

    /// An agent that is about to be unreachable is still asked: an answer saves it.
    fn ping(&mut self, turn: &mut Turn<'_, '_>, id: &AgentId, missed: u32) {
        let Some(agent) = self.agents.get(id) else {
            self.pings.end(id);
            return;
        };
        let ping = PingSlaveMessage {
            connected: agent.is_connected(),
        };
        turn.tell_agent(agent.pid(), ToAgent::Ping(ping));
        let timeout = self.config.agent_ping_timeout;
        self.pings.again(id.clone(), turn.env.now.after(timeout));
        if missed >= self.config.max_agent_ping_timeouts {
            self.schedule_removal(turn, id, Failure::Pings, "health check timed out");
        }
    }

    /// An agent answered a ping.
    pub(crate) fn pong(&mut self, from: &Pid) {
        let Some(id) = self.agents.by_pid(from).map(|agent| agent.id().clone()) else {
            return;
        };
        self.pings.answered(&id);
        if self.removals.answered(&id) {
            self.count().slave_unreachable_canceled += 1;
        }
    }

    /// A framework's or an agent's connection broke.
    pub(crate) fn exited(&mut self, turn: &mut Turn<'_, '_>, pid: &Pid) {
        if let Some(framework) = self.frameworks.by_pid(pid) {
            let id = framework.id().clone();
            self.driver_exited(turn, &id);
        } else if let Some(agent) = self.agents.by_pid(pid)
            && agent.is_connected()
        {
            let id = agent.id().clone();
            self.agent_disconnected(turn, &id);
        }
    }

    /// Nothing more of the agent is offered. What runs there of checkpointing frameworks
    /// may survive; the rest is lost.
    fn agent_disconnected(&mut self, turn: &mut Turn<'_, '_>, id: &AgentId) {
        tracing::info!(agent = %id, "an agent disconnected");
        self.agents.disconnect(id);
        let Some(agent) = self.agents.get(id) else {
            return;
        };
        let epoch = agent.epoch();
        let message = format!("Agent {} disconnected", agent.hostname());
        let offers: Vec<_> = agent.offers().iter().cloned().collect();
        let lost = |framework: &model::FrameworkId| {
            self.frameworks
                .get(framework)
                .is_some_and(|it| !it.info().checkpoint())
        };
        let tasks: Vec<_> = agent
            .tasks()
            .iter()
            .filter(|(framework, _)| lost(framework))
            .cloned()
            .collect();
        let executors: Vec<_> = agent
            .executors()
            .iter()
            .filter(|(framework, _)| lost(framework))
            .cloned()
            .collect();
        turn.allocator(DeactivateAgent {
            agent_id: id.clone(),
        });
        for offer in &offers {
            self.rescind(turn, offer);
        }
        let verdict = Verdict {
            state: TaskState::TaskLost,
            reason: Reason::AgentDisconnected,
            message: &message,
        };
        let end = End {
            verdict,
            unreachable_since: None,
            history: History::Completed,
            tell: true,
        };
        for (framework, task) in &tasks {
            self.end_task(turn, framework, task, end);
        }
        for (framework, executor) in &executors {
            self.remove_executor(turn, framework, id, executor);
        }
        let timer = Timer::AgentReturn {
            agent: id.clone(),
            epoch,
        };
        turn.timer(self.config.agent_reregister_timeout, timer);
    }

    /// A disconnected agent has had its time. It may still answer pings, if it hangs
    /// in its recovery.
    pub(crate) fn agent_stayed_away(&mut self, turn: &mut Turn<'_, '_>, id: &AgentId, epoch: u64) {
        let away = self
            .agents
            .get(id)
            .is_some_and(|it| !it.is_connected() && it.epoch() == epoch);
        if away {
            let why = format!(
                "agent did not reregister within {} after disconnecting",
                DurationText(self.config.agent_reregister_timeout)
            );
            self.schedule_removal(turn, id, Failure::Return, &why);
        }
    }
}

#[cfg(test)]
mod tests;
