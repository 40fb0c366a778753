//! What a framework knows and keeps through its own crashes, as a real one does in its
//! database: it writes before it acts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::v1::TaskState;
use model::ids::{AgentId, FrameworkId, TaskId};

/// A framework's memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Pages>>);

/// What stands in the ledger.
#[derive(Debug, Default)]
pub struct Pages {
    pub id: Option<FrameworkId>,
    pub jobs: Vec<Job>,
    pub tasks: BTreeMap<TaskId, Entry>,
    pub attempts: u32,
    /// How often the framework had to begin anew.
    pub lives: u32,
    /// Whether it has ended itself once.
    pub has_left: bool,
    /// Whether a second scheduler has come once.
    pub has_doubled: bool,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    Waiting,
    /// This task was asked for.
    Asked(TaskId),
    Done,
}

/// One task that was asked for.
#[derive(Debug, Clone)]
pub struct Entry {
    pub job: usize,
    pub agent: AgentId,
    pub asked: Duration,
    /// What the framework heard last.
    pub state: TaskState,
    /// Whether it is over, as far as the framework knows.
    pub over: bool,
    /// Whether the framework wants it to end.
    pub unwanted: bool,
    /// When it was last asked for to be killed.
    pub killed: Option<Duration>,
}

impl Ledger {
    pub fn new(jobs: usize) -> Self {
        let ledger = Self::default();
        ledger.pages().jobs = vec![Job::Waiting; jobs];
        ledger
    }

    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Whether all is done, and nothing runs any more as far as the framework knows.
    pub fn is_settled(&self) -> bool {
        self.jobs.iter().all(|job| *job == Job::Done)
            && self.tasks.values().all(|task| task.over || task.is_away())
    }

    /// What is not done, for people.
    pub fn rest(&self) -> String {
        let jobs = self.jobs.iter().filter(|job| **job != Job::Done);
        let tasks = self
            .tasks
            .iter()
            .filter(|(_, task)| !task.over && !task.is_away());
        let jobs: Vec<_> = jobs.collect();
        let tasks: Vec<_> = tasks
            .map(|(id, task)| format!("{id} {} on {}", task.state.as_str_name(), task.agent))
            .collect();
        format!("{:?}: jobs {jobs:?}, tasks {tasks:?}", self.id)
    }

    /// A task that the framework does not expect any more is not its job's.
    pub fn is_current(&self, task: &TaskId) -> bool {
        self.tasks
            .get(task)
            .is_some_and(|entry| self.jobs.get(entry.job) == Some(&Job::Asked(task.clone())))
    }
}

impl Entry {
    /// On an agent that cannot be reached, and given up.
    pub fn is_away(&self) -> bool {
        self.unwanted && self.state == TaskState::TaskUnreachable
    }
}
