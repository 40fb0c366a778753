//! Tasks as records: made from what a framework asked for, changed by status updates.

use messages::v1;
use model::capabilities::framework_has;
use model::ids::FrameworkId;
use model::task_state::TaskStateExt;
use v1::framework_info::capability::Type as FrameworkCapability;

use crate::limits::STATUSES_PER_TASK_MAX;

/// The state of a task that the agent will not run: `TASK_LOST` for frameworks that do
/// not tell lost tasks apart.
pub(crate) fn dropped_state(framework: &v1::FrameworkInfo) -> v1::TaskState {
    for_framework(framework, v1::TaskState::TaskDropped)
}

/// The state of a task whose container the agent had to destroy.
pub(crate) fn gone_state(framework: &v1::FrameworkInfo) -> v1::TaskState {
    for_framework(framework, v1::TaskState::TaskGone)
}

fn for_framework(framework: &v1::FrameworkInfo, state: v1::TaskState) -> v1::TaskState {
    if framework_has(framework, FrameworkCapability::PartitionAware) {
        state
    } else {
        state.for_unaware()
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
        kill_policy: info.kill_policy,
        user: own_user.or_else(executor_user),
        ..v1::Task::default()
    }
}

/// Adds a status to a task's record. Of several statuses of one state in a row only the
/// last is kept, so that health reports do not fill the memory.
pub(crate) fn record(task: &mut v1::Task, status: v1::TaskStatus) {
    let repeated = task
        .statuses
        .last()
        .is_some_and(|last| last.state == status.state);
    if repeated {
        task.statuses.pop();
    } else if task.statuses.len() >= STATUSES_PER_TASK_MAX {
        task.statuses.remove(0);
    }
    task.state = status.state;
    task.statuses.push(status);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: v1::TaskState, message: &str) -> v1::TaskStatus {
        v1::TaskStatus {
            state: state as i32,
            message: Some(message.into()),
            ..Default::default()
        }
    }

    #[test]
    fn repeated_states_are_kept_once_and_the_rest_is_bounded() {
        let mut task = v1::Task::default();
        record(&mut task, status(v1::TaskState::TaskRunning, "healthy"));
        record(&mut task, status(v1::TaskState::TaskRunning, "sick"));
        assert_eq!(task.statuses.len(), 1);
        assert_eq!(task.statuses[0].message(), "sick");
        for _ in 0..STATUSES_PER_TASK_MAX {
            record(&mut task, status(v1::TaskState::TaskStarting, ""));
            record(&mut task, status(v1::TaskState::TaskRunning, ""));
        }
        assert_eq!(task.statuses.len(), STATUSES_PER_TASK_MAX);
        assert_eq!(task.state(), v1::TaskState::TaskRunning);
    }

    #[test]
    fn lost_tasks_are_told_apart_for_those_who_can() {
        let mut framework = v1::FrameworkInfo::default();
        assert_eq!(dropped_state(&framework), v1::TaskState::TaskLost);
        framework.capabilities.push(v1::framework_info::Capability {
            r#type: Some(FrameworkCapability::PartitionAware as i32),
        });
        assert_eq!(dropped_state(&framework), v1::TaskState::TaskDropped);
        assert_eq!(gone_state(&framework), v1::TaskState::TaskGone);
    }
}
