//! What makes a process the first one of a container: session, directory, limits, user, output
//! files, and at last the container's command.
//!
//! The agent is a big threaded process, which must not fork and run code in the child. So this is
//! done by small programs with a single thread: by the launch helper `mesos-containerizer`, which
//! has neither a C library nor Rust's standard library and executes the command, and by copies of
//! a [`template`]. Hence no standard library here. What is to be done is told by [`Records`], and
//! a step that fails by a [`Failure`].

#![no_std]

mod failure;
mod process;
mod records;
pub mod sys;
pub mod template;

pub use failure::{FAILURE_LENGTH, Failure, Step};
pub use process::Launch;
pub use records::{Malformed, Record, Records};
