//! Queued work reaches its executor once the container has grown for it.

use std::sync::Arc;

use messages::v1;
use model::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;

use crate::agent::Agent;
use crate::effect::Effect;
use crate::events;
use crate::executor_messages;
use crate::state::{
    Executor, ExecutorConnection, ExecutorPhase, FrameworkPhase, PendingTermination, Queued,
    TaskDemand, Work, container_limits,
};
use crate::status::NewStatus;
use crate::task;
use crate::turn::Turn;

impl Agent {
    /// Tells the containerizer what an executor and its tasks may use, if that changed.
    /// Work that is queued now is delivered when the container has taken it up.
    pub(crate) fn grant(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        if executor.phase != ExecutorPhase::Running {
            return;
        }
        if executor.allocated != executor.granted {
            executor.last_update += 1;
            executor.granted = executor.allocated.clone();
            turn.effect(Effect::UpdateContainer {
                container_id: executor.container_id.clone(),
                sequence: executor.last_update,
                resources: executor.granted.clone(),
                limits: executor.limits(),
            });
        }
        let latest = executor.last_update;
        for queued in executor
            .queued
            .iter_mut()
            .filter(|queued| queued.after_update == 0)
        {
            queued.after_update = latest;
        }
    }

    /// Sends an executor the queued work that its container is ready for.
    pub(crate) fn deliver(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        if framework.phase == FrameworkPhase::Terminating {
            return;
        }
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        if executor.phase != ExecutorPhase::Running {
            return;
        }
        if matches!(executor.connection, ExecutorConnection::Driver(_)) {
            self.refuse_groups(framework_id, executor_id, turn);
        }
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        let mut ready = Vec::new();
        while let Some(queued) = executor.queued.pop_front() {
            if queued.after_update > executor.applied_update {
                executor.queued.push_front(queued);
                break;
            }
            executor.mark_launched(&queued);
            ready.push(queued.work);
        }
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.get(executor_id) else {
            return;
        };
        for work in ready {
            match (&executor.connection, work) {
                (ExecutorConnection::Driver(driver), Work::Task(task)) => {
                    let message =
                        executor_messages::run_task(framework, Arc::unwrap_or_clone(task));
                    turn.send(&driver.pid, message);
                }
                (_, Work::Task(task)) => {
                    turn.tell(executor, events::launch(Arc::unwrap_or_clone(task)));
                }
                (_, Work::Group(group)) => {
                    turn.tell(executor, events::launch_group(Arc::unwrap_or_clone(group)));
                }
            }
        }
    }

    /// Drivers know no message for groups of tasks; without an answer these would wait forever.
    fn refuse_groups(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(executor) = self.executor(framework_id, executor_id) else {
            return;
        };
        let group = |queued: &Queued| match &queued.work {
            Work::Group(group) => Some(Arc::clone(group)),
            Work::Task(_) => None,
        };
        let groups: Vec<_> = executor.queued.iter().filter_map(group).collect();
        for group in groups {
            let status = || {
                NewStatus::new(
                    v1::TaskState::TaskError,
                    v1::task_status::Reason::TaskGroupInvalid,
                    "The executor's driver speaks libprocess, which has no task groups",
                    Some(executor_id.clone()),
                )
            };
            self.end_queued(framework_id, executor_id, &group.tasks, status, turn);
        }
    }

    pub(crate) fn container_updated(
        &mut self,
        container_id: &ContainerId,
        sequence: u64,
        result: Result<(), String>,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some((framework_id, executor_id)) = self.owner_of(container_id) else {
            return;
        };
        match result {
            Ok(()) => {
                if let Some(executor) = self.executor_mut(&framework_id, &executor_id) {
                    executor.applied_update = executor.applied_update.max(sequence);
                }
                self.deliver(&framework_id, &executor_id, turn);
            }
            Err(error) => self.update_failed(&framework_id, &executor_id, &error, turn),
        }
    }

    /// A container that does not take its resources cannot go on.
    fn update_failed(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        error: &str,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        let state = task::gone_state(&framework.info);
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        tracing::error!(container = %executor.container_id, "Failed to update resources: {error}");
        executor.pending_termination = Some(PendingTermination {
            state,
            reason: v1::task_status::Reason::ContainerUpdateFailed,
            message: format!("Failed to update resources for container: {error}"),
        });
        turn.effect(Effect::DestroyContainer(executor.container_id.clone()));
    }
}

impl Executor {
    /// Gives back what a task held.
    pub(crate) fn release(&mut self, resources: &[v1::Resource]) {
        self.allocated -= &Resources::from_proto_lossy(resources);
    }

    /// Moves queued work, already taken off the queue, to the launched tasks.
    fn mark_launched(&mut self, queued: &Queued) {
        self.ever_sent_task = true;
        for info in queued.work.tasks() {
            let task = task::from_info(info, v1::TaskState::TaskStaging, &self.framework_id);
            self.launched
                .insert(TaskId::from(&info.task_id), Arc::new(task));
        }
    }

    /// What the container may use at most.
    fn limits(&self) -> std::collections::BTreeMap<String, f64> {
        let queued = self.queued_tasks().map(TaskDemand::from);
        let launched = self.launched.values().map(|task| TaskDemand::from(&**task));
        container_limits(&self.info.resources, queued.chain(launched))
    }
}
