//! How the tasks fare.

use std::collections::BTreeMap;

use messages::v1::{TaskInfo, TaskState, TaskStatus};
use model::task_state::TaskStateExt;

/// The tasks and how those that have ended did so.
#[derive(Debug)]
pub(crate) struct Progress {
    ends: BTreeMap<String, Option<TaskStatus>>,
}

impl Progress {
    /// None of these tasks has ended.
    pub(crate) fn new(tasks: &[TaskInfo]) -> Self {
        Self {
            ends: tasks
                .iter()
                .map(|task| (task.task_id.value.clone(), None))
                .collect(),
        }
    }

    /// Takes a status.
    pub(crate) fn take(&mut self, status: &TaskStatus) {
        if status.state().is_terminal()
            && let Some(end) = self.ends.get_mut(&status.task_id.value)
        {
            end.get_or_insert_with(|| status.clone());
        }
    }

    /// Whether all tasks have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.ends.values().all(Option::is_some)
    }

    /// Why not all is well: the tasks that ended otherwise than with TASK_FINISHED.
    pub(crate) fn failure(&self) -> Option<String> {
        let lines: Vec<String> = self
            .ends
            .values()
            .flatten()
            .filter(|status| status.state() != TaskState::TaskFinished)
            .map(explain)
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// One line: what became of a task and why.
fn explain(status: &TaskStatus) -> String {
    let mut line = format!(
        "Task '{}' ended with {}",
        status.task_id.value,
        status.state().name()
    );
    if status.reason.is_some() {
        line.push_str(&format!(" ({})", status.reason().as_str_name()));
    }
    if let Some(message) = &status.message {
        line.push_str(&format!(": {message}"));
    }
    line
}

/// The lines that show a status.
pub(crate) fn describe(status: &TaskStatus) -> String {
    let mut text = format!(
        "Received status update {} for task '{}'",
        status.state().name(),
        status.task_id.value
    );
    let mut add = |line: String| {
        text.push_str("\n  ");
        text.push_str(&line);
    };
    if let Some(message) = &status.message {
        add(format!("message: '{message}'"));
    }
    if status.source.is_some() {
        add(format!("source: {}", status.source().as_str_name()));
    }
    if status.reason.is_some() {
        add(format!("reason: {}", status.reason().as_str_name()));
    }
    if let Some(healthy) = status.healthy {
        add(format!("healthy?: {healthy}"));
    }
    if let Some(check) = &status.check_status {
        add(format!(
            "check status: {}",
            serde_json::to_string(check).unwrap_or_default()
        ));
    }
    if let Some(limitation) = &status.limitation
        && !limitation.resources.is_empty()
    {
        let resources = model::Resources::from_proto_lossy(&limitation.resources);
        add(format!("resource limit violation: {resources}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use messages::v1::TaskId;
    use messages::v1::task_status::{Reason, Source};

    use super::*;

    fn status(task: &str, state: TaskState) -> TaskStatus {
        TaskStatus {
            task_id: TaskId {
                value: task.to_owned(),
            },
            state: state.into(),
            ..TaskStatus::default()
        }
    }

    fn tasks() -> [TaskInfo; 2] {
        ["a", "b"].map(|id| TaskInfo {
            task_id: TaskId {
                value: id.to_owned(),
            },
            ..TaskInfo::default()
        })
    }

    #[test]
    fn it_is_over_when_all_tasks_have_ended() {
        let mut progress = Progress::new(&tasks());
        progress.take(&status("a", TaskState::TaskRunning));
        progress.take(&status("b", TaskState::TaskFinished));
        assert!(!progress.is_over());
        progress.take(&status("a", TaskState::TaskUnreachable));
        progress.take(&status("c", TaskState::TaskFinished));
        assert!(!progress.is_over());
        progress.take(&status("a", TaskState::TaskFinished));
        assert!(progress.is_over());
        assert_eq!(progress.failure(), None);
    }

    #[test]
    fn a_failure_says_which_task_and_why() {
        let mut progress = Progress::new(&tasks());
        progress.take(&status("a", TaskState::TaskFinished));
        progress.take(&TaskStatus {
            message: Some("Command exited with status 3".to_owned()),
            reason: Some(Reason::CommandExecutorFailed.into()),
            ..status("b", TaskState::TaskFailed)
        });
        let expected = "Task 'b' ended with TASK_FAILED (REASON_COMMAND_EXECUTOR_FAILED): \
                        Command exited with status 3";
        assert_eq!(progress.failure().unwrap(), expected);
    }

    #[test]
    fn a_status_is_shown_with_all_it_says() {
        let status = TaskStatus {
            message: Some("gone".to_owned()),
            source: Some(Source::Master.into()),
            reason: Some(Reason::InvalidOffers.into()),
            ..status("a", TaskState::TaskLost)
        };
        assert_eq!(
            describe(&status),
            "Received status update TASK_LOST for task 'a'\n  message: 'gone'\n  \
             source: SOURCE_MASTER\n  reason: REASON_INVALID_OFFERS"
        );
    }
}
