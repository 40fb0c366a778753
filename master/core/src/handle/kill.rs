//! KILL: a framework ends a task (M42).

use messages::internal::KillTaskMessage;
use messages::v1::scheduler::call::{Kill, reconcile};
use model::ids::{AgentId, FrameworkId, TaskId};

use crate::effect::ToAgent;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Hands the kill on to the task's agent, or keeps it until the agent returns. Of an
    /// unknown task the framework is told what is known.
    pub(crate) fn kill(&mut self, turn: &mut Turn<'_, '_>, id: &FrameworkId, call: Kill) {
        self.count().messages_kill_task += 1;
        let task_id = TaskId::from(&call.task_id);
        let task = self.frameworks.get(id).and_then(|it| it.task(&task_id));
        let Some(task) = task else {
            let asked = reconcile::Task {
                task_id: call.task_id,
                agent_id: call.agent_id,
            };
            self.reconcile(turn, id, std::slice::from_ref(&asked));
            return;
        };
        let agent_id = task.agent().clone();
        if call
            .agent_id
            .as_ref()
            .is_some_and(|asked| asked.value != agent_id.as_str())
        {
            tracing::warn!(task = %task_id, agent = %agent_id, "dropping a kill at another agent");
            return;
        }
        self.kill_at(turn, id, &task_id, &agent_id, call.kill_policy);
    }

    fn kill_at(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        task: &TaskId,
        agent: &AgentId,
        kill_policy: Option<messages::v1::KillPolicy>,
    ) {
        let Some(agent) = self.agents.get_mut(agent) else {
            return;
        };
        // Remembered even if it is sent: the agent may be cut off without our knowing.
        agent.remember_kill(framework, task);
        if agent.is_connected() {
            let message = KillTaskMessage {
                framework_id: framework.to_proto(),
                task_id: task.to_proto(),
                kill_policy,
            };
            turn.tell_agent(agent.pid(), ToAgent::KillTask(Box::new(message)));
        }
    }
}

#[cfg(test)]
mod tests;
