//! LAUNCH_GROUP: tasks that start together or not at all (M49, M51).

use messages::internal::RunTaskGroupMessage;
use messages::v1;
use messages::v1::TaskState;
use messages::v1::offer::Operation;
use messages::v1::offer::operation::Type;
use messages::v1::task_status::Reason;
use model::Resources;
use model::ids::{ExecutorId, TaskId};

use super::accept::Acceptance;
use super::launch::{
    allocate, complete_task, executor_is_new, resource_versions, resources_to_old_form, to_old_form,
};
use crate::checks;
use crate::effect::ToAgent;
use crate::executor::Executor;
use crate::master::Master;
use crate::status::Verdict;
use crate::task::Task;
use crate::turn::Turn;

impl Master {
    pub(crate) fn launch_group(
        &mut self,
        turn: &mut Turn<'_, '_>,
        acceptance: &mut Acceptance,
        operation: Operation,
    ) {
        let has_id = operation.id.is_some();
        let Some(group) = operation.launch_group else {
            return;
        };
        let tasks = group.task_group.tasks.iter();
        let ids: Vec<_> = tasks
            .map(|task| (task.task_id.clone(), task.agent_id.clone()))
            .collect();
        let launched = if has_id {
            Err("The `id` field cannot be set on LAUNCH_GROUP operations".to_owned())
        } else {
            self.launch_together(turn, acceptance, group.executor, group.task_group)
        };
        if let Err(why) = launched {
            let verdict = Verdict {
                state: TaskState::TaskError,
                reason: Reason::TaskGroupInvalid,
                message: &why,
            };
            for (task, agent) in &ids {
                self.refuse_task(turn, &acceptance.framework, (task, agent), verdict);
            }
        }
    }

    /// Sends the group off, or says why not.
    fn launch_together(
        &mut self,
        turn: &mut Turn<'_, '_>,
        acceptance: &mut Acceptance,
        mut executor: v1::ExecutorInfo,
        mut group: v1::TaskGroupInfo,
    ) -> Result<(), String> {
        let Acceptance {
            framework: framework_id,
            agent: agent_id,
            role,
            remaining,
        } = acceptance;
        let (Some(framework), Some(agent)) =
            (self.frameworks.get(framework_id), self.agents.get(agent_id))
        else {
            return Err("Agent removed".to_owned());
        };
        Resources::from_proto(&executor.resources)
            .and_then(|_| checks::resources_of(&group.tasks))
            .map_err(|error| error.to_string())?;
        allocate(&mut executor.resources, role);
        for task in &mut group.tasks {
            complete_task(task, role, framework_id.as_str());
            // So that whoever looks at the task finds its executor.
            task.executor.get_or_insert_with(|| executor.clone());
        }
        let launch = checks::Launch {
            framework,
            agent,
            available: remaining,
        };
        launch
            .check_group(&group, &executor)
            .map_err(|error| error.to_string())?;
        let is_new = executor_is_new(framework, agent_id, &executor);
        let old_form = !agent.reads_reservations();
        let mut message = RunTaskGroupMessage {
            framework: framework.info().clone(),
            executor: executor.clone(),
            task_group: v1::TaskGroupInfo::default(),
            resource_version_uuids: resource_versions(agent),
            launch_executor: Some(is_new),
        };
        let pid = agent.pid().clone();
        if is_new {
            let used = Resources::from_proto_lossy(&executor.resources);
            *remaining -= &used;
            self.add_executor(framework_id, Executor::new(executor, agent_id, used));
        } else if let Some(agent) = self.agents.get_mut(agent_id) {
            let executor = ExecutorId::from(&executor.executor_id);
            for task in &group.tasks {
                agent.await_task(framework_id, &TaskId::from(&task.task_id), &executor);
            }
        }
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.metrics_mut().operated(Type::LaunchGroup);
        }
        for task in &group.tasks {
            let resources = Resources::from_proto_lossy(&task.resources);
            *remaining -= &resources;
            if let Some(framework) = self.frameworks.get_mut(framework_id) {
                let resources = framework.share(resources);
                let record = Task::launched(task, framework_id, agent_id, resources);
                self.add_task(turn, record);
            }
        }
        if old_form {
            resources_to_old_form(&mut message.executor.resources);
            group.tasks.iter_mut().for_each(to_old_form);
        }
        message.task_group = group;
        turn.tell_agent(&pid, ToAgent::RunTaskGroup(Box::new(message)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
