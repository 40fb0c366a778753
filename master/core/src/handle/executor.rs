//! Executors are ended by their frameworks, or end by themselves.

use messages::internal::{ExitedExecutorMessage, ShutdownExecutorMessage};
use messages::v1::scheduler::call::Shutdown;
use model::ids::{AgentId, ExecutorId, FrameworkId};

use crate::effect::{DriverDetail, ToAgent};
use crate::events;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// SHUTDOWN: the agent is told to end the executor, known here or not.
    pub(crate) fn shutdown_executor(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: &Shutdown,
    ) {
        let Some(agent) = self.agents.get(&AgentId::from(&call.agent_id)) else {
            tracing::warn!(%framework, agent = call.agent_id.value, "SHUTDOWN at an unknown agent");
            return;
        };
        let message = ShutdownExecutorMessage {
            executor_id: Some(call.executor_id.clone()),
            framework_id: Some(framework.to_proto()),
        };
        turn.tell_agent(agent.pid(), ToAgent::ShutdownExecutor(message));
    }

    /// An executor ended; what became of its tasks the agent tells by status updates.
    pub(crate) fn executor_exited(
        &mut self,
        turn: &mut Turn<'_, '_>,
        message: &ExitedExecutorMessage,
    ) {
        self.count().messages_exited_executor += 1;
        let agent = AgentId::from(&message.slave_id);
        let framework = FrameworkId::from(&message.framework_id);
        let executor = ExecutorId::from(&message.executor_id);
        if self.agents.get(&agent).is_none()
            || !self.remove_executor(turn, &framework, &agent, &executor)
        {
            tracing::debug!(%agent, %framework, %executor, "an unknown executor exited");
            return;
        }
        let event = events::executor_failure(&agent, &executor, message.status);
        self.tell(turn, &framework, event, DriverDetail::None);
    }
}

#[cfg(test)]
mod tests;
