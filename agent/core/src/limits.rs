//! Named limits and fixed times.

use std::time::Duration;

/// The longest wait between registrations (M10).
pub const REGISTRATION_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// How long a master may be silent, unless it says otherwise (M17).
pub const TOTAL_PING_TIMEOUT: Duration = Duration::from_secs(75);

/// First wait for the acknowledgement of a status update (M35).
pub const STATUS_RETRY_INTERVAL_MIN: Duration = Duration::from_secs(10);

/// Longest wait for the acknowledgement of a status update (M35).
pub const STATUS_RETRY_INTERVAL_MAX: Duration = Duration::from_secs(600);

/// Unacknowledged updates kept for one task. More are not taken; the executor keeps
/// them until it subscribes anew. A terminal update is always taken.
pub const PENDING_UPDATES_PER_TASK_MAX: usize = 1000;

/// Updates of an executor that wait for the report that its container runs. With more, none
/// waits any longer.
pub const EARLY_UPDATES_MAX: usize = 100;

/// Uuids of acknowledged updates remembered for one task, to drop duplicates.
pub const REMEMBERED_UPDATES_PER_TASK_MAX: usize = 1000;

/// Statuses kept in one task's record.
pub const STATUSES_PER_TASK_MAX: usize = 100;

/// Time between heartbeats on an executor's stream (V16).
pub const EXECUTOR_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// Executors that ended while there was no master to tell; more than an agent has.
pub const EXITED_EXECUTORS_MAX: usize = 10_000;

/// Completed frameworks remembered (M52).
pub const COMPLETED_FRAMEWORKS_MAX: usize = 50;

/// Completed tasks remembered for one executor (M52).
pub const COMPLETED_TASKS_PER_EXECUTOR_MAX: usize = 200;

/// Launches that may wait in one framework for old folders to be removed.
pub const PENDING_LAUNCHES_PER_FRAMEWORK_MAX: usize = 10_000;

/// Folders scheduled for removal. When there are more, the oldest goes at once.
pub const SCHEDULED_PATHS_MAX: usize = 1_000_000;

/// Folders being removed at any moment.
pub const REMOVALS_AT_ONCE_MAX: usize = 8;

/// What the agent adds to a command task for its executor, thousandths of a cpu (G23).
pub const COMMAND_EXECUTOR_MILLICPUS: i64 = 100;

/// What the agent adds to a command task for its executor, thousandths of a MB (G23).
pub const COMMAND_EXECUTOR_MILLIMEM: i64 = 32_000;

/// The longest time in which the end of a process may go unnoticed; part of a command
/// executor's own grace period.
pub const REAP_INTERVAL_MAX: Duration = Duration::from_secs(1);
