//! The kit for executors: an [`ExecutorDriver`] inside an actor keeps it subscribed with
//! its agent, by the v1 executor API (V15, V16) or by libprocess (M5) as [`Transport`] says,
//! keeps updates until they are acknowledged, and turns events into calls of
//! [`ExecutorActor`]'s methods.

mod actor;
mod core;
mod environment;
mod transport;
mod wire;

pub use actor::{ExecutorActor, ExecutorDriver};
pub use core::{ShutdownReason, TooManyUpdates, UPDATES_MAX};
pub use environment::{Checkpointing, EnvironmentError, ExecutorEnvironment};
pub use transport::Transport;
