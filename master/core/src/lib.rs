// What upstream's protocol calls deprecated is still spoken by its clients.
#![allow(deprecated)]
//! The master's decisions, pure: no clock, socket, thread or file.
//!
//! [`Master`] is a deterministic state machine: [`Master::handle`] takes one [`Input`]
//! and appends the [`Effect`]s that the actor around it carries out. Its state is kept
//! by noun ([`agents`], [`frameworks`], [`offers`] …) in persistent maps, so that
//! [`Master::snapshot`] is cheap and any thread may read it. Each conversation is a
//! file of `handle`.

pub mod agents;
pub mod allocator;
pub mod bounded;
mod checks;
mod config;
pub mod connection;
mod counts;
mod description;
mod effect;
mod encoded_task;
pub mod env;
mod events;
mod executor;
pub mod frameworks;
mod handle;
mod input;
pub mod limits;
mod master;
mod metrics;
pub mod offers;
mod operators;
mod pings;
pub mod registry;
mod removals;
mod report;
mod returning;
mod roles;
mod snapshot;
mod status;
mod task;
#[cfg(test)]
mod testing;
mod turn;
pub mod views;
mod writes;

pub use config::Config;
pub use connection::{Connection, Outcome, StreamId, Token};
pub use counts::TaskCounts;
pub use description::Description;
pub use effect::{DriverDetail, Effect, ToAgent, ToFramework};
pub use env::{Env, Moment, Time, Uuid};
pub use executor::Executor;
pub use input::{FromAgent, Input, Timer};

pub use master::Master;
pub use metrics::Metrics;
pub use returning::Returning;
pub use roles::RoleView;
pub use snapshot::Snapshot;
pub use task::Task;
