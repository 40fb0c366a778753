//! The port through which the agent runs containers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitStatus;

use messages::v1;
use model::ids::ContainerId;

use crate::command::CommandError;
use crate::fetch::FetchError;
use crate::process::KillError;
use crate::sandbox::SandboxError;
use crate::statistics::Limits;
use crate::user::UserError;

/// An answer that takes time.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs containers. The real one is [`MesosContainerizer`](crate::MesosContainerizer), the one
/// for tests and the simulator [`FakeContainerizer`](crate::fake::FakeContainerizer).
///
/// What is asked is begun by the call itself, within the tokio runtime of the caller; an
/// answer that is dropped takes nothing back.
pub trait Containerizer: Send + Sync + fmt::Debug {
    /// Makes the sandbox, fetches what the command names, and starts the command.
    fn launch(&self, config: ContainerConfig) -> Answer<Result<Launched, LaunchError>>;

    /// Waits until the container has ended and nothing of it runs any more. `None` if there is
    /// no such container; one that has ended is remembered for a while.
    fn wait(&self, container: &ContainerId) -> Answer<Option<Termination>>;

    /// Kills all that runs in the container and waits for its end. A launch under way fails
    /// with [`LaunchError::Destroyed`]. May be called again at any time.
    fn destroy(&self, container: &ContainerId)
    -> Answer<Result<Option<Termination>, DestroyError>>;

    /// Tells what the container may use from now on. Says whether there is such a container.
    fn update(&self, container: &ContainerId, limits: Limits) -> bool;

    /// What each of `containers` uses at this moment; those that do not run are left out.
    /// To ask for many at once costs little more than to ask for one.
    fn usage(&self, containers: &[ContainerId]) -> Answer<Result<Usages, UsageError>>;

    /// The container's process and networks; `None` if it does not run.
    fn status(&self, container: &ContainerId) -> Option<v1::ContainerStatus>;

    /// What was counted since the start.
    fn counters(&self) -> Counters;
}

/// What containers use.
pub type Usages = BTreeMap<ContainerId, v1::ResourceStatistics>;

/// A container to be.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerConfig {
    /// Its id.
    pub container_id: ContainerId,
    /// What runs in it and what it must find in its sandbox.
    pub command: v1::CommandInfo,
    /// What it wants of its surroundings.
    pub container_info: Option<v1::ContainerInfo>,
    /// Its sandbox, created if need be.
    pub directory: PathBuf,
    /// A symbolic link to point at the sandbox.
    pub latest_link: Option<PathBuf>,
    /// Its environment but for what the command itself asks for (G22). Nothing of the agent's
    /// own environment is added.
    pub environment: Vec<(String, String)>,
    /// Whom to run as and to give the sandbox to; none is the agent's user (G30).
    pub user: Option<String>,
    /// What it may use. The posix isolators only report it.
    pub limits: Limits,
}

/// A container that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launched {
    /// Its first process, which also leads its session.
    pub pid: i32,
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination {
    /// How its first process ended; none if its command was never executed.
    pub status: Option<ExitStatus>,
}

/// Why a container was not launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is, or was a moment ago, a container of this id.
    #[error("container '{0}' already exists")]
    Exists(ContainerId),
    /// It was destroyed before its command was executed.
    #[error("container was destroyed while it was being launched")]
    Destroyed,
    /// It wants what this containerizer does not offer.
    #[error("{0}")]
    Unsupported(String),
    /// Its user.
    #[error(transparent)]
    User(#[from] UserError),
    /// Its sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Its command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Its files.
    #[error("Failed to fetch all URIs for container '{container}': {reason}")]
    Fetch {
        /// The container.
        container: ContainerId,
        /// Why.
        reason: FetchError,
    },
    /// Its first process could not be started, for the reason in the text.
    #[error("{0}")]
    Start(String),
    /// The agent is about to end.
    #[error("the agent is shutting down")]
    Stopping,
}

/// Why a container was not destroyed.
#[derive(Debug, thiserror::Error)]
pub enum DestroyError {
    /// Processes that cannot be ended.
    #[error("container '{container}' could not be destroyed: {reason}")]
    Kill {
        /// The container.
        container: ContainerId,
        /// Which, and why.
        reason: KillError,
    },
    /// The agent is about to end.
    #[error("the agent is shutting down")]
    Stopping,
}

/// Why it cannot be said what containers use.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The processes cannot be looked at.
    #[error("cannot read the processes in /proc: {0}")]
    Processes(#[from] std::io::Error),
    /// The agent is about to end.
    #[error("the agent is shutting down")]
    Stopping,
}

/// What a containerizer counts (E21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// `containerizer/mesos/container_destroy_errors`.
    pub destroy_errors: u64,
    /// `containerizer/mesos/template_failures`: how often the template of executors could not be
    /// started, or ended.
    pub template_failures: u64,
    /// `containerizer/fetcher/task_fetches_succeeded`.
    pub fetches_succeeded: u64,
    /// `containerizer/fetcher/task_fetches_failed`.
    pub fetches_failed: u64,
}
