//! What every daemon does at its start and end: common flags, the address, logging,
//! `/version` and `/flags`, signals.

mod address;
mod build;
mod files;
mod flags;
mod launch;

pub use address::{Address, AddressError};
pub use build::{Build, VERSION};
pub use files::{FileRoots, Files, FilesError};
pub use flags::{COMMON, publish_flags};
pub use launch::{ExitReason, interrupted, load_flags, main};
