//! Work that this agent does not run, and what its tasks are told.

use messages::v1;
use model::ids::{ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;

use crate::agent::Agent;
use crate::run_task::Request;
use crate::state::Work;
use crate::status::NewStatus;
use crate::task;
use crate::turn::Turn;

/// Why work does not run.
#[derive(Debug)]
pub(crate) struct Refusal {
    kind: RefusalKind,
    reason: v1::task_status::Reason,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefusalKind {
    /// It may run elsewhere, or later.
    Dropped,
    /// It never can.
    Error,
}

impl Refusal {
    /// The tasks become `TASK_DROPPED`, or `TASK_LOST`.
    pub(crate) fn dropped(reason: v1::task_status::Reason, message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::Dropped,
            reason,
            message: message.into(),
        }
    }

    /// The tasks become `TASK_ERROR`.
    pub(crate) fn error(reason: v1::task_status::Reason, message: impl Into<String>) -> Self {
        Self {
            kind: RefusalKind::Error,
            reason,
            message: message.into(),
        }
    }
}

impl Agent {
    /// What this agent can never run.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Refusal> {
        use v1::task_status::Reason;
        let tasks = request.work.tasks();
        let is_group = matches!(request.work, Work::Group(_));
        if request.executor.r#type() == v1::executor_info::Type::Default {
            let reason = if is_group {
                Reason::TaskGroupInvalid
            } else {
                Reason::TaskInvalid
            };
            return Err(Refusal::error(
                reason,
                "Executors of type DEFAULT are not supported by this agent",
            ));
        }
        if !is_group
            && tasks
                .iter()
                .any(|task| task.executor.is_some() == task.command.is_some())
        {
            return Err(Refusal::error(
                Reason::TaskInvalid,
                "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
            ));
        }
        for resources in tasks
            .iter()
            .map(|task| &task.resources)
            .chain([&request.executor.resources])
        {
            if let Err(error) = Resources::from_proto(resources) {
                return Err(Refusal::error(Reason::TaskInvalid, error.to_string()));
            }
        }
        for task in tasks {
            self.check_limits(task)?;
        }
        self.check_reservations(tasks, &request.executor)
    }

    /// Reservations and volumes made by operations must be known to the agent; else the task
    /// was meant for another state of it.
    fn check_reservations(
        &self,
        tasks: &[v1::TaskInfo],
        executor: &v1::ExecutorInfo,
    ) -> Result<(), Refusal> {
        let message = if !tasks.iter().all(|task| self.keeps(&task.resources)) {
            "The checkpointed resources being used by the task or task group are unknown to the \
             agent"
        } else if !self.keeps(&executor.resources) {
            "The checkpointed resources being used by the executor are unknown to the agent"
        } else {
            return Ok(());
        };
        Err(Refusal::dropped(
            v1::task_status::Reason::ResourcesUnknown,
            message,
        ))
    }

    /// Limits above the request need an isolator that enforces them (G4).
    fn check_limits(&self, task: &v1::TaskInfo) -> Result<(), Refusal> {
        let docker = task
            .container
            .as_ref()
            .is_some_and(|container| container.r#type() == v1::container_info::Type::Docker);
        let message = if docker {
            return Ok(());
        } else if task.limits.contains_key("cpus") && !self.config.cpu_limits {
            "CPU limits can only be set on tasks launched in Mesos containers when the agent \
             has loaded the 'cgroups/cpu' isolator"
        } else if task.limits.contains_key("mem") && !self.config.mem_limits {
            "Memory limits can only be set on tasks launched in Mesos containers when the agent \
             has loaded the 'cgroups/mem' isolator"
        } else {
            return Ok(());
        };
        Err(Refusal::dropped(v1::task_status::Reason::GcError, message))
    }

    /// Says of each task of refused work why it does not run.
    pub(crate) fn refuse(
        &mut self,
        framework_id: &FrameworkId,
        executor: &v1::ExecutorInfo,
        work: &Work,
        refusal: Refusal,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        let state = match refusal.kind {
            RefusalKind::Error => v1::TaskState::TaskError,
            RefusalKind::Dropped => task::dropped_state(&framework.info),
        };
        let executor_id = ExecutorId::from(&executor.executor_id);
        tracing::warn!(framework = %framework_id, "Not running tasks: {}", refusal.message);
        for task in work.tasks() {
            let task_id = TaskId::from(&task.task_id);
            let new = NewStatus::new(
                state,
                refusal.reason,
                refusal.message.clone(),
                Some(executor_id.clone()),
            );
            let update = self.make_update(framework_id, &task_id, new, turn);
            self.state.counters.valid_status_updates += 1;
            self.stream_update(update, turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use messages::internal;

    use super::*;
    use crate::input::Message;
    use crate::testing::{World, command_task, custom_executor, framework_info, task};

    fn run_message(task: v1::TaskInfo) -> internal::RunTaskMessage {
        internal::RunTaskMessage {
            framework: framework_info(),
            task,
            ..Default::default()
        }
    }

    fn refusal_of(message: internal::RunTaskMessage) -> v1::TaskStatus {
        let mut world = World::registered();
        world.message(Message::RunTask(message));
        assert!(world.launches().is_empty());
        world.only_update().status
    }

    #[test]
    fn default_executors_are_refused() {
        let mut world = World::registered();
        let mut executor = custom_executor("e");
        executor.r#type = Some(v1::executor_info::Type::Default as i32);
        executor.command = None;
        world.message(Message::RunTaskGroup(internal::RunTaskGroupMessage {
            framework: framework_info(),
            executor,
            task_group: v1::TaskGroupInfo {
                tasks: vec![task("a"), task("b")],
            },
            launch_executor: Some(true),
            ..Default::default()
        }));
        let sent = world.sent();
        assert_eq!(sent.len(), 3);
        for message in &sent[..2] {
            let crate::Outgoing::StatusUpdate(message) = message else {
                panic!("{message:?}")
            };
            assert_eq!(message.update.status.state(), v1::TaskState::TaskError);
            assert!(message.update.status.message().contains("DEFAULT"));
        }
        assert!(matches!(&sent[2], crate::Outgoing::ExitedExecutor(_)));
        assert!(world.agent.snapshot().state.frameworks.is_empty());
    }

    #[test]
    fn limits_need_an_isolator() {
        let mut limited = command_task("t", "true");
        limited
            .limits
            .insert("cpus".into(), v1::value::Scalar { value: 2.0 });
        let status = refusal_of(run_message(limited));
        assert_eq!(status.state(), v1::TaskState::TaskLost);
        assert!(status.message().contains("'cgroups/cpu' isolator"));
    }

    #[test]
    fn bad_tasks_are_errors() {
        let mut odd = command_task("t", "true");
        odd.executor = Some(custom_executor("e"));
        let status = refusal_of(run_message(odd));
        assert_eq!(status.state(), v1::TaskState::TaskError);

        let mut negative = command_task("t", "true");
        negative.resources[0].scalar = Some(v1::value::Scalar { value: -1.0 });
        let status = refusal_of(run_message(negative));
        assert_eq!(status.state(), v1::TaskState::TaskError);
        assert_eq!(status.reason(), v1::task_status::Reason::TaskInvalid);
    }
}
