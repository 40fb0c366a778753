//! What the agent counts (E21).

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
