//! The master daemon: actors, HTTP, registrar and stores around the pure core.

mod actor;
mod allocator;
mod api;
mod calls;
mod daemon;
mod driver;
mod effects;
mod flags;
mod media;
mod metrics;
pub mod registrar;
mod streams;

pub use daemon::{Running, StartError, Surroundings, open_log, start};
pub use flags::{OptionError, Options, PROGRAM, RegistryKind};
