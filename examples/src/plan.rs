//! What a framework wants to run: the part that differs from framework to framework.

use std::time::Duration;

use messages::v1::TaskState;
use model::{ResourceError, Resources, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::tasks::{Task, Tasks};

/// Decides what runs. It has no clock: `now` is the time since 1970. All of it is stored
/// each time that it changes.
pub trait Plan:
    Serialize + DeserializeOwned + Default + Clone + PartialEq + Send + 'static
{
    /// Time has passed, or tasks have changed.
    fn tick(&mut self, _tasks: &Tasks, _now: Duration) {}

    /// What should be launched now, beside the tasks that there are: the most urgent first.
    fn wanted(&self, tasks: &Tasks, now: Duration) -> Vec<Run>;

    /// Tasks that should not run any more.
    fn unwanted(&self, _tasks: &Tasks) -> Vec<String> {
        Vec::new()
    }

    /// A task has ended. It is not among the tasks any more.
    fn ended(&mut self, task: &Task, end: &Ended, now: Duration);

    /// When something may be wanted that is not wanted now, if time alone makes it so.
    fn next(&self, _tasks: &Tasks, _now: Duration) -> Option<Duration> {
        None
    }

    /// Whether there is nothing more to do.
    fn is_over(&self, _tasks: &Tasks) -> bool {
        false
    }
}

/// A command to run once.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// What it belongs to: a command's, service's or job's name.
    pub name: String,
    /// For the shell.
    pub command: String,
    /// What it needs.
    pub needs: Needs,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By itself, well.
    Finished,
    /// By itself, or because it was ordered to: not well.
    Failed {
        /// How.
        state: TaskState,
        /// Why, if that is known.
        message: String,
    },
    /// It never started or vanished, through no fault of its own.
    Lost {
        /// How.
        state: TaskState,
        /// Why, if that is known.
        message: String,
    },
}

/// What a task needs, as `cpus:0.5;mem:64` says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Needs {
    text: String,
    resources: Resources,
}

impl Needs {
    /// The resources.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }
}

impl TryFrom<String> for Needs {
    type Error = ResourceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let resources = Resources::parse(&text, &Role::any())?;
        Ok(Self { text, resources })
    }
}

impl From<Needs> for String {
    fn from(needs: Needs) -> Self {
        needs.text
    }
}

impl Default for Needs {
    /// A tenth of a CPU and 32 MB.
    fn default() -> Self {
        let text = "cpus:0.1;mem:32".to_owned();
        let resources = Resources::parse(&text, &Role::any()).unwrap_or_default();
        Self { text, resources }
    }
}
