//! Brings the files that a task names into its sandbox (G7).
//!
//! The agent runs this as a program of its own, `mesos-fetcher`, so that neither its
//! decoders nor what they decode are ever in the agent, and so that it can become the task's
//! user. Everything it writes lies in the sandbox: the kernel is asked to see to that.

mod budget;
mod download;
mod extract;
mod fetch;
mod sandbox;
mod uri;
mod user;

pub use fetch::{FetchError, run};
