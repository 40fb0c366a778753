//! Apache Mesos 1.11.0 itself, run from its PyPI package: its master, its agents and its
//! scheduler driver, for tests of clusters that are mixed of theirs and ours.
//!
//! Where it cannot be had (no CPython 2.7, no network), [`Mesos::install`] says so by the
//! skip mechanism of the crate `tests`.

mod driver;
pub mod ear;
mod install;
mod native;
mod shims;

pub use driver::{Driver, command_task, executor_task, small_task};
pub use install::Mesos;
pub use native::{Agents, Master};
