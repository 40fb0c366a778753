//! What survives the master: the registry and the operations that change it (R1–R3).
//!
//! The master asks for operations and acts on their results; the registrar applies them
//! to its own [`Registry`] and stores them.

mod operations;
mod state;

pub use operations::{Operation, OperationError};
pub(crate) use state::time_info;
pub use state::{Admitted, Registry, Unreachable};

/// Names one write on its way, so that its result finds what waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);
