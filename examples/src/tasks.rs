//! The tasks that a framework has launched and that are not over.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::v1::{self, TaskState, TaskStatus};
use model::task_state::TaskStateExt as _;
use serde::{Deserialize, Serialize};

use crate::plan::Ended;

/// A task that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What it belongs to.
    pub name: String,
    /// Its number: later ones have larger ones.
    pub number: u64,
    /// The agent's id.
    pub agent: String,
    /// Its host's name.
    pub host: String,
    /// When it was launched, since 1970.
    pub launched: Duration,
    /// Its state as last heard; none before the first word.
    pub state: Option<String>,
    /// Since when its agent is not reachable, since 1970.
    pub away: Option<Duration>,
}

/// All of them, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tasks {
    by_id: BTreeMap<String, Task>,
    /// How many were launched ever.
    launched: u64,
}

impl Tasks {
    /// The tasks and their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Task)> {
        self.by_id.iter()
    }

    /// Those that belong to `name`, with their ids.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a String, &'a Task)> {
        self.iter().filter(move |(_, task)| task.name == name)
    }

    /// The task of this id.
    pub fn get(&self, id: &str) -> Option<&Task> {
        self.by_id.get(id)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Writes a task down that is about to be launched; gives its id.
    pub(crate) fn add(&mut self, name: &str, offer: &v1::Offer, now: Duration) -> String {
        self.launched += 1;
        let id = format!("{name}.{}", self.launched);
        let task = Task {
            name: name.to_owned(),
            number: self.launched,
            agent: offer.agent_id.value.clone(),
            host: offer.hostname.clone(),
            launched: now,
            state: None,
            away: None,
        };
        self.by_id.insert(id.clone(), task);
        id
    }

    /// Strikes a task out that was never launched.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Task> {
        self.by_id.remove(id)
    }

    /// All tasks are over.
    pub(crate) fn clear(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.by_id).into_values().collect()
    }

    /// What is to be asked of a master.
    pub(crate) fn questions(&self) -> Vec<(v1::TaskId, Option<v1::AgentId>)> {
        let question = |(id, task): (&String, &Task)| {
            let agent = v1::AgentId {
                value: task.agent.clone(),
            };
            (v1::TaskId { value: id.clone() }, Some(agent))
        };
        self.iter().map(question).collect()
    }

    /// Takes a status. Gives the task and how it ended if that is its end.
    pub(crate) fn take(&mut self, status: &TaskStatus, now: Duration) -> Option<(Task, Ended)> {
        let id = &status.task_id.value;
        let state = status.state();
        let task = self.by_id.get_mut(id)?;
        task.state = Some(state.name().to_owned());
        task.away = match state {
            TaskState::TaskUnreachable => task.away.or(Some(now)),
            _ => None,
        };
        let message = || status.message.clone().unwrap_or_default();
        let ended = match state {
            TaskState::TaskFinished => Ended::Finished,
            TaskState::TaskFailed | TaskState::TaskKilled | TaskState::TaskError => Ended::Failed {
                state,
                message: message(),
            },
            // Nobody has ever heard of it: it was written down, and the launch was lost.
            TaskState::TaskUnknown => Ended::Lost {
                state,
                message: message(),
            },
            _ if state.is_terminal() => Ended::Lost {
                state,
                message: message(),
            },
            _ => return None,
        };
        self.by_id.remove(id).map(|task| (task, ended))
    }

    /// Gives up tasks whose agents have been away for longer than `patience`.
    pub(crate) fn give_up(&mut self, patience: Duration, now: Duration) -> Vec<Task> {
        let is_lost = |task: &Task| {
            let away = task.away;
            away.is_some_and(|since| now.saturating_sub(since) >= patience)
        };
        let lost: Vec<_> = self
            .iter()
            .filter(|(_, task)| is_lost(task))
            .map(|(id, _)| id.clone())
            .collect();
        lost.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// When the next task will be given up.
    pub(crate) fn next_loss(&self, patience: Duration) -> Option<Duration> {
        let away = self.by_id.values().filter_map(|task| task.away);
        away.map(|since| since + patience).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn status(id: &str, state: TaskState) -> TaskStatus {
        TaskStatus {
            task_id: v1::TaskId { value: id.into() },
            state: state.into(),
            ..TaskStatus::default()
        }
    }

    #[test]
    fn a_task_is_there_until_it_ends() {
        let mut tasks = Tasks::default();
        let id = tasks.add("web", &v1::Offer::default(), NOW);
        assert_eq!(id, "web.1");
        assert_eq!(tasks.take(&status(&id, TaskState::TaskRunning), NOW), None);
        let (task, end) = tasks
            .take(&status(&id, TaskState::TaskFinished), NOW)
            .unwrap();
        assert_eq!((task.name.as_str(), end), ("web", Ended::Finished));
        assert!(tasks.is_empty());
        assert_eq!(tasks.add("web", &v1::Offer::default(), NOW), "web.2");
    }

    #[test]
    fn a_launch_that_was_lost_is_no_failure() {
        for state in [
            TaskState::TaskUnknown,
            TaskState::TaskGone,
            TaskState::TaskDropped,
        ] {
            let mut tasks = Tasks::default();
            let id = tasks.add("web", &v1::Offer::default(), NOW);
            let (_, end) = tasks.take(&status(&id, state), NOW).unwrap();
            assert!(matches!(end, Ended::Lost { .. }), "{state:?}");
        }
    }

    #[test]
    fn the_absent_are_given_up_in_time() {
        let patience = Duration::from_secs(60);
        let mut tasks = Tasks::default();
        let id = tasks.add("web", &v1::Offer::default(), NOW);
        tasks.take(&status(&id, TaskState::TaskUnreachable), NOW);
        assert_eq!(tasks.next_loss(patience), Some(NOW + patience));
        // Hearing it again does not begin the wait anew.
        tasks.take(&status(&id, TaskState::TaskUnreachable), NOW + patience / 2);
        assert!(tasks.give_up(patience, NOW + patience / 2).is_empty());
        assert_eq!(tasks.give_up(patience, NOW + patience).len(), 1);
        assert!(tasks.is_empty());
    }

    #[test]
    fn who_comes_back_is_kept() {
        let mut tasks = Tasks::default();
        let id = tasks.add("web", &v1::Offer::default(), NOW);
        tasks.take(&status(&id, TaskState::TaskUnreachable), NOW);
        tasks.take(&status(&id, TaskState::TaskRunning), NOW);
        assert_eq!(tasks.next_loss(Duration::ZERO), None);
    }
}
