//! The agent daemon: its actor, HTTP endpoints, files and containers around the pure core.
//!
//! [`start`] runs an agent on a node of its own; a process may hold several. What an agent
//! needs of the machine stands behind [`Ports`].

mod actor;
mod api;
mod containers;
mod daemon;
mod detector;
mod disk;
mod effects;
mod flags;
mod inbox;
mod machine;
mod metrics;
mod options;
mod program;
mod resources;

pub use daemon::{Ended, Ports, PortsError, Running, StartError, Surroundings, start};
pub use detector::{Detection, Detector, FixedDetector};
pub use disk::{Answer, Disk, DiskError, NoDisk, RealDisk};
pub use flags::PROGRAM;
pub use machine::Machine;
pub use options::{OptionError, Options};
pub use program::main;
