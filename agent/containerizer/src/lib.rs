//! Containers of the agent: sandboxes, launching, statistics, ending, and the launch helper.
//!
//! The agent talks to a [`Containerizer`]. The real one, [`MesosContainerizer`], never forks
//! the agent's own big process: it starts the launch helper `mesos-containerizer`, which turns
//! itself into the container's first process, or has a template copy itself, and fetches through
//! the program `mesos-fetcher`.
//! It waits for processes on file descriptors, without a thread or a signal handler for them.

mod command;
mod containerizer;
pub mod fake;
mod fetch;
mod isolation;
mod launch_info;
mod launcher;
mod mesos;
pub mod mount;
pub mod paths;
mod process;
mod process_table;
mod reaper;
mod remove_tree;
pub mod sandbox;
mod statistics;
mod table;
mod template;
mod user;

pub use command::{CommandError, DEFAULT_PATH};
pub use containerizer::{
    Answer, ContainerConfig, Containerizer, Counters, DestroyError, LaunchError, Launched,
    Termination, UsageError, Usages,
};
pub use fetch::FetchError;
pub use isolation::{Isolation, IsolationError, Isolator, Launcher, LauncherError};
pub use mesos::{CreateError, MesosContainerizer, Options};
pub use process::KillError;
pub use remove_tree::{RemoveError, remove_tree};
pub use sandbox::SandboxError;
pub use statistics::Limits;
pub use template::TemplateProgram;
pub use user::{Credentials, UserError};
