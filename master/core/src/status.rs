//! Statuses that the master makes itself: without uuid, so nobody acknowledges them (M37).

use messages::v1::task_status::{Reason, Source};
use messages::v1::{TaskState, TaskStatus};
use model::ids::{AgentId, TaskId};

use crate::env::Time;
use crate::registry::time_info;
use crate::task::Task;

/// What the master says of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict<'a> {
    pub(crate) state: TaskState,
    pub(crate) reason: Reason,
    /// For people.
    pub(crate) message: &'a str,
}

impl Verdict<'_> {
    /// What is said of a task that has a record (M41).
    pub(crate) fn latest(task: &Task) -> Self {
        Self {
            state: task.told_state(),
            reason: Reason::Reconciliation,
            message: "Reconciliation: Latest task state",
        }
    }

    /// Of a task that the master may know nothing about.
    pub(crate) fn of(self, task: &TaskId, agent: Option<&AgentId>, now: Time) -> TaskStatus {
        TaskStatus {
            task_id: task.to_proto(),
            state: self.state.into(),
            message: Some(self.message.to_owned()),
            source: Some(Source::Master.into()),
            reason: Some(self.reason.into()),
            agent_id: agent.map(AgentId::to_proto),
            timestamp: Some(now.seconds()),
            ..TaskStatus::default()
        }
    }

    /// Of a known task, which names its executor too.
    pub(crate) fn of_task(self, task: &Task, now: Time) -> TaskStatus {
        TaskStatus {
            executor_id: task.executor().map(model::ids::ExecutorId::to_proto),
            ..self.of(task.id(), Some(task.agent()), now)
        }
    }

    /// Of a known task, with what is known of its health and container.
    pub(crate) fn of_running(self, task: &Task, now: Time) -> TaskStatus {
        let status = self.of_task(task, now);
        match task.last_status() {
            None => status,
            Some(last) => TaskStatus {
                healthy: last.healthy,
                check_status: last.check_status,
                container_status: last.container_status,
                ..status
            },
        }
    }
}

/// The status, with the time since when the task's agent is unreachable.
pub(crate) fn unreachable_since(status: TaskStatus, since: Time) -> TaskStatus {
    TaskStatus {
        unreachable_time: Some(time_info(since)),
        ..status
    }
}
