//! Counters of what happened (E19).

use imbl::OrdMap;
use messages::v1::TaskState;
use messages::v1::task_status::{Reason, Source};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $key:literal,)+) => {
        /// Counters since the master was elected, named as in `/metrics/snapshot`
        /// without `master/`.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Metrics {
            $($(#[$doc])* pub $name: u64,)+
            /// Ended tasks by state, source and reason, as
            /// `task_<state>/source_<source>/reason_<reason>`.
            pub task_states: OrdMap<(TaskState, Source, Reason), u64>,
        }

        impl Metrics {
            /// The plain counters with their keys.
            pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($key, self.$name),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Messages that were not looked at: the master was not ready, or knew no better.
    dropped_messages = "dropped_messages",
    /// Executors' messages that found no framework.
    invalid_executor_to_framework_messages = "invalid_executor_to_framework_messages",
    /// Frameworks' messages that found no agent.
    invalid_framework_to_executor_messages = "invalid_framework_to_executor_messages",
    /// Acknowledgements of operations that found no operation.
    invalid_operation_status_update_acknowledgements =
        "invalid_operation_status_update_acknowledgements",
    /// Operation updates that made no sense.
    invalid_operation_status_updates = "invalid_operation_status_updates",
    /// Acknowledgements that found no task or agent.
    invalid_status_update_acknowledgements = "invalid_status_update_acknowledgements",
    /// Status updates that found no agent, framework or task.
    invalid_status_updates = "invalid_status_updates",
    /// AuthenticateMessage.
    messages_authenticate = "messages_authenticate",
    /// DeactivateFrameworkMessage.
    messages_deactivate_framework = "messages_deactivate_framework",
    /// DECLINE, and ACCEPT without tasks.
    messages_decline_offers = "messages_decline_offers",
    /// ExecutorToFrameworkMessage.
    messages_executor_to_framework = "messages_executor_to_framework",
    /// ExitedExecutorMessage.
    messages_exited_executor = "messages_exited_executor",
    /// MESSAGE.
    messages_framework_to_executor = "messages_framework_to_executor",
    /// KILL.
    messages_kill_task = "messages_kill_task",
    /// ACCEPT with tasks.
    messages_launch_tasks = "messages_launch_tasks",
    /// UpdateOperationStatusMessage.
    messages_operation_status_update = "messages_operation_status_update",
    /// ACKNOWLEDGE_OPERATION_STATUS.
    messages_operation_status_update_acknowledgement =
        "messages_operation_status_update_acknowledgement",
    /// RECONCILE_OPERATIONS.
    messages_reconcile_operations = "messages_reconcile_operations",
    /// RECONCILE.
    messages_reconcile_tasks = "messages_reconcile_tasks",
    /// SUBSCRIBE without an id.
    messages_register_framework = "messages_register_framework",
    /// RegisterSlaveMessage.
    messages_register_slave = "messages_register_slave",
    /// SUBSCRIBE with an id.
    messages_reregister_framework = "messages_reregister_framework",
    /// ReregisterSlaveMessage.
    messages_reregister_slave = "messages_reregister_slave",
    /// REQUEST.
    messages_resource_request = "messages_resource_request",
    /// REVIVE.
    messages_revive_offers = "messages_revive_offers",
    /// StatusUpdateMessage.
    messages_status_update = "messages_status_update",
    /// ACKNOWLEDGE.
    messages_status_update_acknowledgement = "messages_status_update_acknowledgement",
    /// SUPPRESS.
    messages_suppress_offers = "messages_suppress_offers",
    /// TEARDOWN.
    messages_unregister_framework = "messages_unregister_framework",
    /// UnregisterSlaveMessage.
    messages_unregister_slave = "messages_unregister_slave",
    /// UpdateSlaveMessage.
    messages_update_slave = "messages_update_slave",
    /// Agents that did not return after a master failover.
    recovery_slave_removals = "recovery_slave_removals",
    /// Agents admitted.
    slave_registrations = "slave_registrations",
    /// Agents removed, for any reason.
    slave_removals = "slave_removals",
    /// Agents removed since another registered at their address.
    slave_removals_reason_registered = "slave_removals/reason_registered",
    /// Agents removed since they did not answer.
    slave_removals_reason_unhealthy = "slave_removals/reason_unhealthy",
    /// Agents that left in an orderly way.
    slave_removals_reason_unregistered = "slave_removals/reason_unregistered",
    /// Agents that came back.
    slave_reregistrations = "slave_reregistrations",
    /// Kept for old monitoring; always zero.
    slave_shutdowns_canceled = "slave_shutdowns_canceled",
    /// Kept for old monitoring; always zero.
    slave_shutdowns_completed = "slave_shutdowns_completed",
    /// Kept for old monitoring; always zero.
    slave_shutdowns_scheduled = "slave_shutdowns_scheduled",
    /// Agents that answered just before being marked unreachable.
    slave_unreachable_canceled = "slave_unreachable_canceled",
    /// Agents marked unreachable.
    slave_unreachable_completed = "slave_unreachable_completed",
    /// Agents that were to be marked unreachable.
    slave_unreachable_scheduled = "slave_unreachable_scheduled",
    /// Tasks that ended so.
    tasks_dropped = "tasks_dropped",
    /// Tasks that ended so.
    tasks_error = "tasks_error",
    /// Tasks that ended so.
    tasks_failed = "tasks_failed",
    /// Tasks that ended so.
    tasks_finished = "tasks_finished",
    /// Tasks that ended so.
    tasks_gone = "tasks_gone",
    /// Tasks that ended so.
    tasks_gone_by_operator = "tasks_gone_by_operator",
    /// Tasks that ended so.
    tasks_killed = "tasks_killed",
    /// Tasks that ended so.
    tasks_lost = "tasks_lost",
    /// Executors' messages handed on.
    valid_executor_to_framework_messages = "valid_executor_to_framework_messages",
    /// Frameworks' messages handed on.
    valid_framework_to_executor_messages = "valid_framework_to_executor_messages",
    /// Acknowledgements of operations handed on.
    valid_operation_status_update_acknowledgements =
        "valid_operation_status_update_acknowledgements",
    /// Operation updates handed on.
    valid_operation_status_updates = "valid_operation_status_updates",
    /// Acknowledgements handed on.
    valid_status_update_acknowledgements = "valid_status_update_acknowledgements",
    /// Status updates handed on.
    valid_status_updates = "valid_status_updates",
}

impl Metrics {
    /// A task ended in `state`.
    pub(crate) fn task_ended(&mut self, state: TaskState, why: Option<(Source, Reason)>) {
        let counter = match state {
            TaskState::TaskFinished => &mut self.tasks_finished,
            TaskState::TaskFailed => &mut self.tasks_failed,
            TaskState::TaskKilled => &mut self.tasks_killed,
            TaskState::TaskLost => &mut self.tasks_lost,
            TaskState::TaskError => &mut self.tasks_error,
            TaskState::TaskDropped => &mut self.tasks_dropped,
            TaskState::TaskGone => &mut self.tasks_gone,
            TaskState::TaskGoneByOperator => &mut self.tasks_gone_by_operator,
            _ => return,
        };
        *counter += 1;
        if let Some((source, reason)) = why {
            *self.task_states.entry((state, source, reason)).or_default() += 1;
        }
    }
}
