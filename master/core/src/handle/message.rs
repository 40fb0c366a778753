//! Messages between frameworks and executors that go through the master (M54).

use messages::internal::{ExecutorToFrameworkMessage, FrameworkToExecutorMessage};
use messages::v1::scheduler::call::Message;
use model::ids::{AgentId, FrameworkId};

use crate::effect::{DriverDetail, ToAgent};
use crate::events;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// MESSAGE from a framework.
    pub(crate) fn framework_message(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: Message,
    ) {
        self.count().messages_framework_to_executor += 1;
        let agent = self.agents.get(&AgentId::from(&call.agent_id));
        let Some(agent) = agent.filter(|agent| agent.is_connected()) else {
            self.count().invalid_framework_to_executor_messages += 1;
            return;
        };
        let message = FrameworkToExecutorMessage {
            slave_id: call.agent_id,
            framework_id: framework.to_proto(),
            executor_id: call.executor_id,
            data: call.data,
        };
        turn.tell_agent(agent.pid(), ToAgent::FrameworkToExecutor(message));
        self.count().valid_framework_to_executor_messages += 1;
    }

    /// A message from an executor, by its agent.
    pub(crate) fn executor_message(
        &mut self,
        turn: &mut Turn<'_, '_>,
        message: ExecutorToFrameworkMessage,
    ) {
        self.count().messages_executor_to_framework += 1;
        let framework = FrameworkId::from(&message.framework_id);
        let known = self.agents.get(&AgentId::from(&message.slave_id)).is_some();
        let event = events::message(message.slave_id, message.executor_id, message.data);
        if known && self.tell(turn, &framework, event, DriverDetail::None) {
            self.count().valid_executor_to_framework_messages += 1;
        } else {
            self.count().invalid_executor_to_framework_messages += 1;
        }
    }
}

#[cfg(test)]
mod tests;
