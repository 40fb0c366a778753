//! LAUNCH: tasks on their way to an agent, each by itself (M47, M49).

use messages::internal::{ResourceVersionUuid, RunTaskMessage};
use messages::v1;
use messages::v1::TaskState;
use messages::v1::offer::Operation;
use messages::v1::offer::operation::Type;
use messages::v1::task_status::Reason;
use model::ids::{AgentId, ExecutorId, TaskId};
use model::{Resources, Role};

use super::accept::{Acceptance, tasks_of};
use crate::agents::Agent;
use crate::checks;
use crate::connection::Connection;
use crate::effect::ToAgent;
use crate::executor::Executor;
use crate::master::Master;
use crate::status::Verdict;
use crate::task::Task;
use crate::turn::Turn;

impl Master {
    pub(crate) fn launch(
        &mut self,
        turn: &mut Turn<'_, '_>,
        acceptance: &mut Acceptance,
        operation: Operation,
    ) {
        let wrong = if operation.id.is_some() {
            Some("The `id` field cannot be set on LAUNCH operations".to_owned())
        } else {
            checks::resources_of(tasks_of(&operation))
                .err()
                .map(|error| error.to_string())
        };
        let mut tasks = operation
            .launch
            .map_or_else(Vec::new, |launch| launch.task_infos);
        for task in &mut tasks {
            let launched = match &wrong {
                Some(why) => Err(why.clone()),
                None => self.launch_task(turn, acceptance, task),
            };
            if let Err(why) = launched {
                let verdict = Verdict {
                    state: TaskState::TaskError,
                    reason: Reason::TaskInvalid,
                    message: &why,
                };
                let ids = (&task.task_id, &task.agent_id);
                self.refuse_task(turn, &acceptance.framework, ids, verdict);
            }
        }
    }

    /// Sends one task off, of which nothing is left then, or says why not.
    fn launch_task(
        &mut self,
        turn: &mut Turn<'_, '_>,
        acceptance: &mut Acceptance,
        task: &mut v1::TaskInfo,
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
        complete_task(task, role, framework_id.as_str());
        let launch = checks::Launch {
            framework,
            agent,
            available: remaining,
        };
        launch.check(task).map_err(|error| error.to_string())?;
        let resources = Resources::from_proto_lossy(&task.resources);
        let is_new = task
            .executor
            .as_ref()
            .is_none_or(|executor| executor_is_new(framework, agent_id, executor));
        let pid = agent.pid().clone();
        let old_form = !agent.reads_reservations();
        let info = framework.info().clone();
        let resource_version_uuids = resource_versions(agent);
        let driver = framework.connection().and_then(Connection::pid);
        let driver = driver.map(ToString::to_string);
        *remaining -= &resources;
        if let Some(info) = &task.executor {
            if is_new {
                let used = Resources::from_proto_lossy(&info.resources);
                *remaining -= &used;
                self.add_executor(framework_id, Executor::new(info.clone(), agent_id, used));
            } else if let Some(agent) = self.agents.get_mut(agent_id) {
                let task_id = TaskId::from(&task.task_id);
                agent.await_task(framework_id, &task_id, &ExecutorId::from(&info.executor_id));
            }
        }
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.metrics_mut().operated(Type::Launch);
            let resources = framework.share(resources);
            let record = Task::launched(task, framework_id, agent_id, resources);
            self.add_task(turn, record);
        }
        if old_form {
            to_old_form(task);
        }
        let message = Box::new(RunTaskMessage {
            framework_id: None,
            framework: info,
            resource_version_uuids,
            pid: driver,
            launch_executor: Some(is_new),
            task: std::mem::take(task),
        });
        turn.tell_agent(&pid, ToAgent::RunTask(message));
        Ok(())
    }
}

/// Fills in what frameworks may leave out: to which role the resources are allocated,
/// whose the executor is, and of what kind the health check is.
pub(super) fn complete_task(task: &mut v1::TaskInfo, role: &Role, framework: &str) {
    allocate(&mut task.resources, role);
    if let Some(executor) = &mut task.executor {
        allocate(&mut executor.resources, role);
        executor
            .framework_id
            .get_or_insert_with(|| v1::FrameworkId {
                value: framework.to_owned(),
            });
    }
    if let Some(check) = &mut task.health_check
        && check.r#type.is_none()
    {
        use v1::health_check::Type;
        check.r#type = match (&check.command, &check.http) {
            (Some(_), None) => Some(Type::Command.into()),
            (None, Some(_)) => Some(Type::Http.into()),
            _ => None,
        };
    }
}

/// Allocates those resources to `role` that say nothing of it.
pub(super) fn allocate(resources: &mut [v1::Resource], role: &Role) {
    for resource in resources {
        if resource.allocation_info.is_none() {
            let role = Some(role.to_string());
            resource.allocation_info = Some(v1::resource::AllocationInfo { role });
        }
    }
}

/// The versions of the agent's resources, as it last told them.
pub(super) fn resource_versions(agent: &Agent) -> Vec<ResourceVersionUuid> {
    agent
        .resource_version()
        .map(|version| ResourceVersionUuid {
            resource_provider_id: None,
            uuid: v1::Uuid {
                value: version.bytes().to_vec().into(),
            },
        })
        .into_iter()
        .collect()
}

/// Puts a task's resources in the form that an agent without RESERVATION_REFINEMENT
/// reads.
pub(super) fn to_old_form(task: &mut v1::TaskInfo) {
    resources_to_old_form(&mut task.resources);
    if let Some(executor) = &mut task.executor {
        resources_to_old_form(&mut executor.resources);
    }
}

/// Refined reservations stay as they are: such an agent has none.
pub(super) fn resources_to_old_form(resources: &mut [v1::Resource]) {
    for resource in resources {
        if model::resources::format::downgrade(resource).is_err() {
            tracing::warn!(
                name = resource.name,
                "a refined reservation for an old agent"
            );
        }
    }
}

/// Whether the framework does not run this executor on the agent yet.
pub(super) fn executor_is_new(
    framework: &crate::frameworks::Framework,
    agent: &AgentId,
    executor: &v1::ExecutorInfo,
) -> bool {
    framework
        .executor(agent, &ExecutorId::from(&executor.executor_id))
        .is_none()
}

#[cfg(test)]
mod tests;
