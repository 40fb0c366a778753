//! Tasks as records: made from what a framework asked for, changed by status updates.

use messages::v1;
use model::ids::FrameworkId;
use v1::framework_info::capability;

/// The framework tells lost tasks apart (M45).
pub(crate) const PARTITION_AWARE: capability::Type = capability::Type::PartitionAware;

/// Whether a framework said that it can do something.
pub(crate) fn capable_of(info: &v1::FrameworkInfo, capability: capability::Type) -> bool {
    info.capabilities
        .iter()
        .any(|one| one.r#type == Some(capability as i32))
}

/// The state of a task that the agent will not run: `TASK_LOST` for frameworks that do
/// not tell lost tasks apart.
pub(crate) fn dropped_state(partition_aware: bool) -> v1::TaskState {
    if partition_aware {
        v1::TaskState::TaskDropped
    } else {
        v1::TaskState::TaskLost
    }
}

/// The state of a task whose container the agent had to destroy.
pub(crate) fn gone_state(partition_aware: bool) -> v1::TaskState {
    if partition_aware {
        v1::TaskState::TaskGone
    } else {
        v1::TaskState::TaskLost
    }
}

/// The record of a task that was just delivered, or never will be.
pub(crate) fn from_info(
    info: &v1::TaskInfo,
    state: v1::TaskState,
    framework: &FrameworkId,
) -> v1::Task {
    let own_user = info
        .command
        .as_ref()
        .and_then(|command| command.user.clone());
    let executor_user = || {
        let command = info.executor.as_ref()?.command.as_ref()?;
        command.user.clone()
    };
    v1::Task {
        name: info.name.clone(),
        task_id: info.task_id.clone(),
        framework_id: framework.to_proto(),
        executor_id: info
            .executor
            .as_ref()
            .map(|executor| executor.executor_id.clone()),
        agent_id: info.agent_id.clone(),
        state: state as i32,
        resources: info.resources.clone(),
        limits: info.limits.clone(),
        labels: info.labels.clone(),
        discovery: info.discovery.clone(),
        container: info.container.clone(),
        health_check: info.health_check.clone(),
        kill_policy: info.kill_policy.clone(),
        user: own_user.or_else(executor_user),
        ..v1::Task::default()
    }
}

/// Adds a status to a task's record. Of several statuses of one state in a row only the
/// last is kept, so that health reports do not fill the memory.
pub(crate) fn record(task: &mut v1::Task, status: v1::TaskStatus) {
    if task
        .statuses
        .last()
        .is_some_and(|last| last.state == status.state)
    {
        task.statuses.pop();
    }
    task.state = status.state;
    task.statuses.push(status);
}
