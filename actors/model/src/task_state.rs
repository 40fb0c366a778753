//! The states of tasks and operations (M43, M46), and the statuses that say them.

use messages::v1::{self, OperationState, TaskState, task_status};

use crate::{AgentId, ExecutorId, TaskId};

/// What is to know of a task's state.
pub trait TaskStateExt: Copy {
    /// Whether the task is over and will never run again (M43). A task whose
    /// agent is not reachable is not over.
    fn is_terminal(self) -> bool;

    /// The name on the wire: `TASK_RUNNING`.
    fn name(self) -> &'static str;

    /// The state for frameworks without PARTITION_AWARE, which know only
    /// TASK_LOST for all the ways in which a task can be lost (M41).
    fn for_unaware(self) -> TaskState;
}

impl TaskStateExt for TaskState {
    fn is_terminal(self) -> bool {
        match self {
            Self::TaskFinished
            | Self::TaskFailed
            | Self::TaskKilled
            | Self::TaskLost
            | Self::TaskError
            | Self::TaskDropped
            | Self::TaskGone
            | Self::TaskGoneByOperator => true,
            Self::TaskKilling
            | Self::TaskStaging
            | Self::TaskStarting
            | Self::TaskRunning
            | Self::TaskUnreachable
            | Self::TaskUnknown => false,
        }
    }

    fn name(self) -> &'static str {
        self.as_str_name()
    }

    fn for_unaware(self) -> TaskState {
        match self {
            Self::TaskDropped
            | Self::TaskUnreachable
            | Self::TaskGone
            | Self::TaskGoneByOperator
            | Self::TaskUnknown => Self::TaskLost,
            known => known,
        }
    }
}

/// What is to know of an operation's state.
pub trait OperationStateExt: Copy {
    /// Whether nothing more will happen to the operation (M46).
    fn is_terminal(self) -> bool;
}

impl OperationStateExt for OperationState {
    fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::OperationDropped
                | Self::OperationError
                | Self::OperationFailed
                | Self::OperationFinished
                | Self::OperationGoneByOperator
        )
    }
}

/// A status as a master or an agent makes it, without `uuid`: such a status is
/// not acknowledged (M37).
///
/// ```
/// use messages::v1::{TaskState, task_status::{Reason, Source}};
/// use model::task_state::StatusBuilder;
///
/// let status = StatusBuilder::new(&"t1".into(), TaskState::TaskLost, Source::Master)
///     .reason(Reason::Reconciliation)
///     .message("Reconciliation: Task is unknown")
///     .build(1.5);
/// assert_eq!(status.timestamp, Some(1.5));
/// ```
#[derive(Debug, Clone)]
pub struct StatusBuilder(v1::TaskStatus);

impl StatusBuilder {
    /// Starts a status: which task, what happened, who says so.
    pub fn new(task: &TaskId, state: TaskState, source: task_status::Source) -> Self {
        Self(v1::TaskStatus {
            task_id: task.to_proto(),
            state: state as i32,
            source: Some(source as i32),
            ..Default::default()
        })
    }

    /// Why it happened (M44).
    #[must_use]
    pub fn reason(mut self, reason: task_status::Reason) -> Self {
        self.0.reason = Some(reason as i32);
        self
    }

    /// The same for people.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.0.message = Some(message.into());
        self
    }

    /// Where the task was to run.
    #[must_use]
    pub fn agent(mut self, agent: &AgentId) -> Self {
        self.0.agent_id = Some(agent.to_proto());
        self
    }

    /// What was to run it.
    #[must_use]
    pub fn executor(mut self, executor: &ExecutorId) -> Self {
        self.0.executor_id = Some(executor.to_proto());
        self
    }

    /// Makes it a status that is delivered until it is acknowledged (M35).
    #[must_use]
    pub fn uuid(mut self, uuid: [u8; 16]) -> Self {
        self.0.uuid = Some(uuid.to_vec().into());
        self
    }

    /// The status, at `timestamp` in seconds since 1970.
    pub fn build(mut self, timestamp: f64) -> v1::TaskStatus {
        self.0.timestamp = Some(timestamp);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: std::ops::Range<i32> = 0..14;

    #[test]
    fn states_have_their_numbers_and_names() {
        let names: Vec<_> = STATES
            .map(|number| TaskState::try_from(number).unwrap().name())
            .collect();
        assert_eq!(
            names,
            [
                "TASK_STARTING",
                "TASK_RUNNING",
                "TASK_FINISHED",
                "TASK_FAILED",
                "TASK_KILLED",
                "TASK_LOST",
                "TASK_STAGING",
                "TASK_ERROR",
                "TASK_KILLING",
                "TASK_DROPPED",
                "TASK_UNREACHABLE",
                "TASK_GONE",
                "TASK_GONE_BY_OPERATOR",
                "TASK_UNKNOWN",
            ]
        );
    }

    #[test]
    fn eight_states_are_terminal() {
        let terminal: Vec<_> = STATES
            .filter(|number| TaskState::try_from(*number).unwrap().is_terminal())
            .collect();
        assert_eq!(terminal, [2, 3, 4, 5, 7, 9, 11, 12]);
    }

    #[test]
    fn the_unaware_see_lost() {
        let lost: Vec<_> = STATES
            .filter(|number| {
                let state = TaskState::try_from(*number).unwrap();
                state.for_unaware() == TaskState::TaskLost
            })
            .collect();
        assert_eq!(lost, [5, 9, 10, 11, 12, 13]);
    }
}
