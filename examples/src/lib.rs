//! Frameworks made with the kit in `actors::scheduler_driver`, each a program of its own:
//!
//! - `run-commands` runs commands, each to its end, and reports;
//! - `supervisor` keeps services alive, wherever there is room;
//! - `timetable` runs jobs at their times, and jobs after others.
//!
//! They differ in what they want to run, which each decides as a pure state machine: a
//! [`Plan`]. One actor, [`Framework`], does for all three what every framework does:
//! launches what is wanted on what is offered, watches it, and writes down what it does
//! before it does it, so that its next life goes on where this one was killed.

mod flags;
mod framework;
mod plan;
mod program;
pub mod run_commands;
pub mod supervisor;
mod tasks;
pub mod timetable;

pub use framework::{Framework, Settings, State};
pub use plan::{Ended, Needs, Plan, Run};
pub use program::{Input, main};
pub use tasks::{Task, Tasks};

/// Runs the examples of the guide as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/frameworks.md")]
struct Guide;
