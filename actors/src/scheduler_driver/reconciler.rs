//! Asking for the states of tasks until each was answered (M41).

use std::collections::BTreeMap;
use std::time::Duration;

use messages::v1::{AgentId, TaskId};

/// How long answers may take before the question is repeated, at first and at most.
const PAUSE_MIN: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(10 * 60);

/// What is to be asked, and when to ask again.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    /// None for all that the master knows.
    pub(super) tasks: Vec<(TaskId, Option<AgentId>)>,
    /// Call [`Reconciler::due`] with this number after this time; not at all after the
    /// last question.
    pub(super) again: Option<(u64, Duration)>,
}

/// Tasks whose states are asked for.
#[derive(Debug, Default)]
pub(super) struct Reconciler {
    open: BTreeMap<String, Option<AgentId>>,
    /// Numbers the rounds, so that timers of former ones mean nothing.
    round: u64,
    pause: Duration,
    is_active: bool,
}

impl Reconciler {
    /// Begins anew, with these tasks.
    pub(super) fn begin(&mut self, tasks: Vec<(TaskId, Option<AgentId>)>) -> Option<Question> {
        self.open = tasks
            .into_iter()
            .map(|(task, agent)| (task.value, agent))
            .collect();
        self.pause = PAUSE_MIN;
        self.is_active = true;
        self.ask()
    }

    /// There is no master to ask.
    pub(super) fn end(&mut self) {
        self.open.clear();
        self.round += 1;
        self.is_active = false;
    }

    /// A task's state is known. Gives the last question when it was the last task.
    pub(super) fn answered(&mut self, task: &TaskId) -> Option<Question> {
        let was_open = self.open.remove(&task.value).is_some();
        if was_open && self.open.is_empty() {
            return self.ask();
        }
        None
    }

    /// It is time to ask again.
    pub(super) fn due(&mut self, round: u64) -> Option<Question> {
        if round != self.round {
            return None;
        }
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.ask()
    }

    fn ask(&mut self) -> Option<Question> {
        if !self.is_active {
            return None;
        }
        self.round += 1;
        self.is_active = !self.open.is_empty();
        let tasks = self.open.iter().map(|(task, agent)| {
            let value = task.clone();
            (TaskId { value }, agent.clone())
        });
        Some(Question {
            tasks: tasks.collect(),
            again: self.is_active.then_some((self.round, self.pause)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> (TaskId, Option<AgentId>) {
        (TaskId { value: id.into() }, None)
    }

    #[test]
    fn it_asks_again_for_what_was_not_answered_and_at_last_for_all() {
        let mut reconciler = Reconciler::default();
        let first = reconciler.begin(vec![task("a"), task("b")]).unwrap();
        assert_eq!(first.tasks.len(), 2);
        let (round, pause) = first.again.unwrap();
        assert_eq!(pause, PAUSE_MIN);
        assert_eq!(reconciler.answered(&task("a").0), None);
        let second = reconciler.due(round).unwrap();
        assert_eq!(second.tasks, [task("b")]);
        assert_eq!(second.again.unwrap().1, PAUSE_MIN * 2);
        assert_eq!(reconciler.due(round), None);
        let last = reconciler.answered(&task("b").0).unwrap();
        assert_eq!((last.tasks.len(), last.again), (0, None));
        assert_eq!(reconciler.answered(&task("b").0), None);
        assert_eq!(reconciler.due(second.again.unwrap().0), None);
    }

    #[test]
    fn without_tasks_it_asks_once_for_all() {
        let mut reconciler = Reconciler::default();
        let only = reconciler.begin(Vec::new()).unwrap();
        assert_eq!((only.tasks.len(), only.again), (0, None));
    }

    #[test]
    fn without_a_master_it_is_quiet() {
        let mut reconciler = Reconciler::default();
        let first = reconciler.begin(vec![task("a")]).unwrap();
        reconciler.end();
        assert_eq!(reconciler.due(first.again.unwrap().0), None);
        assert_eq!(reconciler.answered(&task("a").0), None);
    }
}
