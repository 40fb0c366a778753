//! ACKNOWLEDGE: a framework has taken a status update (M35, M40).

use messages::internal::StatusUpdateAcknowledgementMessage;
use messages::v1::scheduler::call::Acknowledge;
use model::ids::{AgentId, FrameworkId, TaskId};
use model::task_state::TaskStateExt as _;

use super::lifecycle::History;
use crate::effect::ToAgent;
use crate::env::Uuid;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Hands the acknowledgement on to the agent. A task whose end was acknowledged goes
    /// to the history.
    pub(crate) fn acknowledge(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: Acknowledge,
    ) {
        self.count().messages_status_update_acknowledgement += 1;
        if self.take_acknowledgement(turn, framework, call) {
            self.count().valid_status_update_acknowledgements += 1;
        } else {
            self.count().invalid_status_update_acknowledgements += 1;
        }
    }

    fn take_acknowledgement(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: Acknowledge,
    ) -> bool {
        let agent_id = AgentId::from(&call.agent_id);
        let agent = self.agents.get(&agent_id).filter(|it| it.is_connected());
        let (Some(agent), Some(uuid)) = (agent, Uuid::from_bytes(&call.uuid)) else {
            return false;
        };
        let pid = agent.pid().clone();
        let task_id = TaskId::from(&call.task_id);
        let task = self
            .frameworks
            .get(framework)
            .and_then(|it| it.task(&task_id))
            .filter(|task| *task.agent() == agent_id);
        if let Some(task) = task {
            // An update that this master has not sent: the agent will send it again.
            let Some((state, expected)) = task.unacknowledged() else {
                return false;
            };
            if state.is_terminal() && expected == uuid {
                if let Some(framework) = self.frameworks.get_mut(framework)
                    && let Some(task) = framework.task_mut(&task_id)
                {
                    task.acknowledge_end();
                }
                self.remove_task(turn, framework, &task_id, History::Completed);
            }
        }
        let message = StatusUpdateAcknowledgementMessage {
            slave_id: call.agent_id,
            framework_id: framework.to_proto(),
            task_id: call.task_id,
            uuid: call.uuid,
        };
        turn.tell_agent(&pid, ToAgent::Acknowledge(message));
        true
    }
}

#[cfg(test)]
mod tests;
