//! The kit for frameworks: a [`SchedulerDriver`] inside an actor keeps it subscribed with
//! the leading master by the v1 scheduler API (V8–V13), makes its calls, and turns events
//! into calls of [`SchedulerActor`]'s methods.

mod actor;
mod calls;
mod core;

pub use actor::{SchedulerActor, SchedulerConfig, SchedulerDriver};
pub use calls::{CallError, CallId};
