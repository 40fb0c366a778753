//! A task's state changed: its framework is told, the record follows (M34, M36).

use messages::internal::StatusUpdateMessage;
use messages::v1::TaskState;
use model::ids::{AgentId, FrameworkId, TaskId};
use runtime_core::Pid;

use crate::effect::DriverDetail;
use crate::env::Uuid;
use crate::events;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    pub(crate) fn status_update(&mut self, turn: &mut Turn<'_, '_>, message: StatusUpdateMessage) {
        self.count().messages_status_update += 1;
        let valid = self.take_status_update(turn, message);
        let count = self.count();
        if valid {
            count.valid_status_updates += 1;
        } else {
            count.invalid_status_updates += 1;
        }
    }

    fn take_status_update(
        &mut self,
        turn: &mut Turn<'_, '_>,
        message: StatusUpdateMessage,
    ) -> bool {
        let acknowledgee = message
            .pid
            .as_deref()
            .and_then(|pid| pid.parse::<Pid>().ok());
        let update = message.update;
        let uuid = update.uuid.as_deref().and_then(Uuid::from_bytes);
        let agent_id = update.slave_id.as_ref().map(AgentId::from);
        let agent = agent_id.as_ref().and_then(|id| self.agents.get(id));
        let (Some(agent_id), Some(agent), Some(uuid)) = (&agent_id, agent, uuid) else {
            return false;
        };
        let acknowledgee = acknowledgee.unwrap_or_else(|| agent.pid().clone());
        let mut status = update.status;
        status.agent_id = Some(agent_id.to_proto());
        status.timestamp = Some(update.timestamp);
        status.uuid = update.uuid;
        if update.executor_id.is_some() {
            status.executor_id = update.executor_id;
        }
        let Ok(told) = TaskState::try_from(status.state) else {
            return false;
        };
        let latest = update
            .latest_state
            .and_then(|state| TaskState::try_from(state).ok());
        let framework_id = FrameworkId::from(&update.framework_id);
        let task_id = TaskId::from(&status.task_id);
        let task = self
            .frameworks
            .get_mut(&framework_id)
            .and_then(|framework| framework.task_mut(&task_id))
            .filter(|task| task.agent() == agent_id);
        let is_known = task.is_some();
        if let Some(task) = task {
            // Even if the framework is away now: the agent goes on from here when it returns.
            task.set_unacknowledged(told, uuid);
            self.update_task(turn, &framework_id, &task_id, &status, latest);
        }
        self.hear_of_task(turn, agent_id, (&framework_id, &task_id), &status);
        let detail = DriverDetail::Update(Some(acknowledgee));
        let told_framework = self.tell(turn, &framework_id, events::update(status), detail);
        is_known && told_framework
    }
}

#[cfg(test)]
mod tests;
