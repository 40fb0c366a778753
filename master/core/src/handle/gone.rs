//! An operator gives an agent up for good: MARK_AGENT_GONE (V20).

use messages::internal::ShutdownMessage;
use messages::v1::TaskState;
use messages::v1::task_status::Reason;
use model::ids::AgentId;

use super::removal::Loss;
use crate::connection::{Outcome, Token};
use crate::effect::ToAgent;
use crate::env::Time;
use crate::master::Master;
use crate::registry::Operation;
use crate::status::Verdict;
use crate::turn::Turn;
use crate::writes::Stage;

/// What a gone agent and its frameworks are told.
const GONE: &str = "Agent has been marked gone";

impl Master {
    pub(crate) fn mark_gone(&mut self, turn: &mut Turn<'_, '_>, token: Token, agent: &AgentId) {
        let view = self.agents.view();
        if view.gone().contains_key(agent) {
            turn.answer(token, Outcome::Ok);
            return;
        }
        if self.writes.transition(agent).is_some() {
            turn.answer(
                token,
                Outcome::Unavailable(format!(
                    "Agent {agent} is in the middle of another change: try again"
                )),
            );
            return;
        }
        if view.get(agent).is_none()
            && !view.recovered().contains_key(agent)
            && !view.unreachable().contains_key(agent)
        {
            turn.answer(
                token,
                Outcome::NotFound(format!("Agent '{agent}' not found")),
            );
            return;
        }
        let since = turn.env.time;
        let operation = Operation::MarkGone {
            agent: agent.clone(),
            since,
        };
        let stage = Stage::Gone {
            agent: agent.clone(),
            since,
            token,
        };
        self.writes.start(turn, operation, stage);
    }

    /// The registry says that the agent is gone.
    pub(crate) fn marked_gone(
        &mut self,
        turn: &mut Turn<'_, '_>,
        token: Token,
        agent: &AgentId,
        since: Time,
        accepted: bool,
    ) {
        if !accepted {
            let why = format!("Failed to mark agent {agent} gone: the registry does not know it");
            turn.answer(token, Outcome::NotFound(why));
            return;
        }
        turn.answer(token, Outcome::Ok);
        self.agents.add_gone(agent.clone(), since);
        if let Some(pid) = self.agents.get(agent).map(|it| it.pid().clone()) {
            let message = ShutdownMessage {
                message: Some(GONE.to_owned()),
            };
            turn.tell_agent(&pid, ToAgent::Shutdown(message));
            self.lose_agent(turn, agent, Loss::Gone, GONE);
        } else {
            self.agents.forget_recovered(agent);
            self.end_unreachable_tasks(turn, agent);
        }
    }

    /// Tasks that could not be reached will not come back. Of those that had ended before,
    /// their framework has heard how.
    fn end_unreachable_tasks(&mut self, turn: &mut Turn<'_, '_>, agent: &AgentId) {
        for (framework_id, task_id) in self.agents.remove_unreachable(agent) {
            let Some(framework) = self.frameworks.get_mut(&framework_id) else {
                continue;
            };
            let (state, reason) = if framework.capabilities().partition_aware() {
                (
                    TaskState::TaskGoneByOperator,
                    Reason::AgentRemovedByOperator,
                )
            } else {
                (TaskState::TaskLost, Reason::AgentRemoved)
            };
            let Some(mut task) = framework.remove_unreachable(&task_id) else {
                continue;
            };
            if task.is_told_ended() {
                framework.add_completed(task);
                continue;
            }
            let verdict = Verdict {
                state,
                reason,
                message: GONE,
            };
            let status = verdict.of_task(&task, turn.env.time);
            std::sync::Arc::make_mut(&mut task).push_status(&status, state);
            framework.add_completed(task);
            self.tell_status(turn, &framework_id, status);
        }
    }
}

#[cfg(test)]
mod tests;
