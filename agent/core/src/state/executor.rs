//! An executor and its tasks as the agent knows them.

use std::path::PathBuf;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use messages::v1;
use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;
use runtime_core::Pid;

use crate::effect::CallId;

/// How far an executor has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutorPhase {
    /// Being launched, or launched and not heard of yet.
    Registering,
    /// Subscribed.
    Running,
    /// Told to shut down, or being killed.
    Terminating,
    /// Its container is gone; updates of its tasks may still be unacknowledged.
    Terminated,
}

/// How the agent reaches an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutorConnection {
    /// Not at all: it has not subscribed, or its stream broke.
    None,
    /// By the event stream it opened (V15).
    Stream(CallId),
    /// By libprocess messages to its driver (M5).
    Driver(Box<Driver>),
}

/// The driver of an executor that speaks libprocess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// Where it receives messages.
    pub pid: Pid,
    /// The agent's id as the driver was told it: it is in every message.
    pub agent_id: AgentId,
}

/// One task, or a group of tasks that share one fate.
#[derive(Debug, Clone)]
pub enum Work {
    /// One task.
    Task(Arc<v1::TaskInfo>),
    /// All of a group, or nothing.
    Group(Arc<v1::TaskGroupInfo>),
}

/// Work for an executor that cannot be delivered yet.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The work.
    pub work: Work,
    /// Deliver it when the container has taken up the resource update of this number.
    pub after_update: u64,
}

/// What is known about the end of an executor before it comes.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingTermination {
    /// The state its tasks get.
    pub state: v1::TaskState,
    /// Why.
    pub reason: v1::task_status::Reason,
    /// Why, for people.
    pub message: String,
}

/// An executor, alive or remembered.
#[derive(Debug, Clone)]
pub struct Executor {
    /// Its id; a command task's own id if the agent made it.
    pub id: ExecutorId,
    /// Whose it is.
    pub framework_id: FrameworkId,
    /// What the framework, or the agent, says about it.
    pub info: Arc<v1::ExecutorInfo>,
    /// Where it runs.
    pub container_id: ContainerId,
    /// Its sandbox.
    pub directory: PathBuf,
    /// Whom it runs as; none: the agent's own user.
    pub user: Option<String>,
    /// Made by the agent for one command task.
    pub generated: bool,
    /// How far it has come.
    pub phase: ExecutorPhase,
    /// How it is reached.
    pub connection: ExecutorConnection,
    /// Whether it was ever given a task; one that never was is shut down when its queue
    /// empties, for no other reason would end it.
    pub ever_sent_task: bool,
    /// Work to deliver when it subscribes, or when its container has grown.
    pub queued: Vector<Queued>,
    /// Delivered tasks that have not ended.
    pub launched: OrdMap<TaskId, Arc<v1::Task>>,
    /// Ended tasks whose last update is not acknowledged.
    pub terminated: OrdMap<TaskId, Arc<v1::Task>>,
    /// Ended and acknowledged tasks, oldest first (M52).
    pub completed: Vector<Arc<v1::Task>>,
    /// Why it is being killed, if the agent knows.
    pub pending_termination: Option<PendingTermination>,
    /// What the containerizer said about the container when it launched it.
    pub container_status: Option<Arc<v1::ContainerStatus>>,
    /// Updates that came before the containerizer said that. They wait for it, since they
    /// are to tell of it; executors are faster now and then.
    pub early_updates: Vector<v1::TaskStatus>,
    /// What the executor, its queued and its launched tasks hold.
    pub allocated: Resources,
    /// What the containerizer was last told that the container may use.
    pub granted: Resources,
    /// Number of the last update of `granted` that was sent to the containerizer.
    pub last_update: u64,
    /// Number of the last one it has taken up; zero is the launch.
    pub applied_update: u64,
}

impl Work {
    /// The tasks in it.
    pub fn tasks(&self) -> &[v1::TaskInfo] {
        match self {
            Self::Task(task) => std::slice::from_ref(task),
            Self::Group(group) => &group.tasks,
        }
    }

    /// Whether a task is part of it.
    pub fn contains(&self, task: &TaskId) -> bool {
        self.tasks()
            .iter()
            .any(|one| one.task_id.value == task.as_str())
    }
}

impl Executor {
    /// There are tasks that are not completed.
    pub fn has_incomplete_tasks(&self) -> bool {
        !self.queued.is_empty() || !self.launched.is_empty() || !self.terminated.is_empty()
    }

    /// A task that has been delivered and is not completed.
    pub fn task(&self, task: &TaskId) -> Option<&Arc<v1::Task>> {
        self.launched
            .get(task)
            .or_else(|| self.terminated.get(task))
    }

    /// Tasks that are queued.
    pub fn queued_tasks(&self) -> impl Iterator<Item = &v1::TaskInfo> {
        self.queued.iter().flat_map(|queued| queued.work.tasks())
    }

    /// The queued work that a task is part of.
    pub fn queued_work_of(&self, task: &TaskId) -> Option<&Work> {
        self.queued
            .iter()
            .map(|queued| &queued.work)
            .find(|work| work.contains(task))
    }
}
