//! The command executor `mesos-executor` (G23): runs one command as one task, says how it
//! fares, and kills it with all its processes when asked to.
//!
//! [`core`] decides and is pure, [`actor`] is its shell, [`machine`] is what it needs of
//! the machine, with [`processes`] as the real one.

pub mod actor;
pub mod command;
pub mod core;
pub mod exit;
pub mod machine;
pub mod process_tree;
pub mod processes;
mod program;
mod template;

pub use program::main;
