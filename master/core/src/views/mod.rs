//! What the master's endpoints show of a [`Snapshot`](crate::Snapshot): pure functions
//! that write JSON or protobuf, for any thread. What grows with the cluster is written to an
//! [`Output`], which can be sent while it grows.
//!
//! V0's JSON has keys of its own (section 5.1); the v1 operator API shows the messages of
//! `mesos.v1.master` (V18).

mod agent;
mod framework;
mod json;
mod lists;
pub mod operator;
mod output;
mod resources;
mod roles;
mod state;
mod summary;
mod task;
mod tasks;

use std::collections::BTreeMap;

use messages::v1;

pub use lists::{agents, frameworks, weights};
pub use output::Output;
pub use roles::roles;
pub use state::state;
pub use summary::state_summary;
pub use tasks::{Order, TaskQuery, tasks};

/// What views show that is not the master's state.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The version and build of this program.
    pub version: v1::VersionInfo,
    /// `--cluster`.
    pub cluster: Option<String>,
    /// All flags as they are shown.
    pub flags: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
