//! The agent's decisions: frameworks, executors, tasks, status updates, garbage
//! collection. Pure: an [`Input`] goes in, the [`State`] changes, [`Effect`]s come out.
//! The shell around it (crate `agent`) turns messages, calls and timers into inputs and
//! carries effects out.

mod acknowledgement;
mod admission;
mod agent;
mod command_executor;
pub mod config;
mod container;
mod container_status;
mod delivery;
mod early_updates;
pub mod effect;
pub mod env;
mod environment;
mod events;
mod executor_call;
mod executor_messages;
mod executor_shutdown;
mod forward;
mod framework;
mod gc;
pub mod input;
#[cfg(test)]
mod invariants;
mod kill_task;
mod launch;
pub mod limits;
mod liveness;
pub mod metrics;
pub mod paths;
mod registration;
mod reservations;
mod run_task;
mod shutdown;
pub mod state;
mod status;
mod streams;
mod subscribe;
mod task;
#[cfg(test)]
mod testing;
pub mod timer;
mod turn;
pub mod views;

pub use agent::{Agent, Snapshot};
pub use command_executor::{
    PROGRAM as COMMAND_EXECUTOR_PROGRAM, arguments as command_executor_arguments,
};
pub use config::Config;
pub use effect::{Answer, CallId, ContainerLaunch, Effect, Outgoing};
pub use env::Env;
pub use input::{Input, Master, Message, Termination};
pub use state::State;
pub use timer::Timer;
