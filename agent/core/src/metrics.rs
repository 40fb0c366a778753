//! What the agent counts (E21).

use messages::v1;

/// Counters since the agent began; their metric names are `slave/<field>`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Tasks that ended in `TASK_FINISHED`.
    pub tasks_finished: u64,
    /// Tasks that ended in `TASK_FAILED`.
    pub tasks_failed: u64,
    /// Tasks that ended in `TASK_KILLED`.
    pub tasks_killed: u64,
    /// Tasks that ended in `TASK_LOST`.
    pub tasks_lost: u64,
    /// Tasks that ended in `TASK_GONE`.
    pub tasks_gone: u64,
    /// Executors whose container ended.
    pub executors_terminated: u64,
    /// Executors killed to give way to others.
    pub executors_preempted: u64,
    /// Status updates taken.
    pub valid_status_updates: u64,
    /// Status updates refused.
    pub invalid_status_updates: u64,
    /// Messages between executors and frameworks passed on.
    pub valid_framework_messages: u64,
    /// Messages between executors and frameworks dropped.
    pub invalid_framework_messages: u64,
    /// Containers that could not be launched.
    pub container_launch_errors: u64,
    /// Errors met while recovering.
    pub recovery_errors: u64,
    /// Paths removed; the metric is `gc/path_removals_succeeded`.
    pub path_removals_succeeded: u64,
    /// Paths that could not be removed; the metric is `gc/path_removals_failed`.
    pub path_removals_failed: u64,
}

impl Counters {
    /// Counts a task that ended in `state`.
    pub(crate) fn count_terminal(&mut self, state: v1::TaskState) {
        match state {
            v1::TaskState::TaskFinished => self.tasks_finished += 1,
            v1::TaskState::TaskFailed => self.tasks_failed += 1,
            v1::TaskState::TaskKilled => self.tasks_killed += 1,
            v1::TaskState::TaskLost => self.tasks_lost += 1,
            v1::TaskState::TaskGone => self.tasks_gone += 1,
            _ => {}
        }
    }
}
