//! A framework as its agent knows it.

use std::path::PathBuf;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use messages::v1;
use model::ids::{ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;
use runtime_core::Pid;

use super::executor::{Executor, Work};

/// Whether a framework goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkPhase {
    /// It has executors, or tasks on their way to one.
    Running,
    /// The master said that it is over; its executors are being shut down.
    Terminating,
}

/// A framework with executors here.
#[derive(Debug, Clone)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// What the master last said about it.
    pub info: Arc<v1::FrameworkInfo>,
    /// Its driver, if it speaks libprocess; its executors' messages go there (M54).
    pub pid: Option<Pid>,
    /// Whether it goes on.
    pub phase: FrameworkPhase,
    /// Launches that wait for old folders of the same names to be gone, in their order.
    pub pending: Vector<Arc<PendingLaunch>>,
    /// Executors whose tasks are not all completed.
    pub executors: OrdMap<ExecutorId, Arc<Executor>>,
    /// Which executor has a task that is queued, launched, or terminated but not completed.
    pub tasks: OrdMap<TaskId, ExecutorId>,
    /// Executors that are no more, oldest first; bounded by
    /// `--max_completed_executors_per_framework` (M52).
    pub completed_executors: Vector<Arc<Executor>>,
}

/// A launch that cannot begin yet.
#[derive(Debug, Clone)]
pub struct PendingLaunch {
    /// The executor to run the work in.
    pub executor_info: Arc<v1::ExecutorInfo>,
    /// Whether the agent made up the executor for a command task.
    pub generated: bool,
    /// What to run.
    pub work: Work,
    /// Whether the master expects a new executor; none if it is too old to say.
    pub launch_executor: Option<bool>,
    /// The folders whose removal must end first.
    pub waits_for: Vec<PathBuf>,
    /// What the launch will hold: tasks, and the executor unless it runs already.
    pub resources: Resources,
}

impl Framework {
    /// A framework that has nothing yet.
    pub fn new(id: FrameworkId, info: Arc<v1::FrameworkInfo>, pid: Option<Pid>) -> Self {
        Self {
            id,
            info,
            pid,
            phase: FrameworkPhase::Running,
            pending: Vector::new(),
            executors: OrdMap::new(),
            tasks: OrdMap::new(),
            completed_executors: Vector::new(),
        }
    }

    /// Nothing runs and nothing is to come.
    pub fn idle(&self) -> bool {
        self.executors.is_empty() && self.pending.is_empty()
    }

    /// The executor of a task that is not completed.
    pub fn executor_of(&self, task: &TaskId) -> Option<&Arc<Executor>> {
        self.executors.get(self.tasks.get(task)?)
    }

    /// The pending launch that a task is part of.
    pub fn pending_launch_of(&self, task: &TaskId) -> Option<&Arc<PendingLaunch>> {
        self.pending
            .iter()
            .find(|launch| launch.work.contains(task))
    }

    /// Whether the agent still has something to say about a task.
    pub fn has_task(&self, task: &TaskId) -> bool {
        self.tasks.contains_key(task) || self.pending_launch_of(task).is_some()
    }

    /// What its executors, tasks and pending launches hold.
    pub fn allocated(&self) -> Resources {
        let mut allocated = Resources::default();
        for executor in self.executors.values() {
            allocated += &executor.allocated;
        }
        for launch in &self.pending {
            allocated += &launch.resources;
        }
        allocated
    }
}
