//! What the master asks of the registrar, and what it answers.

use master_core::registry::{Operation, Ticket};
use messages::{registry as proto, v1};
use serde::{Deserialize, Serialize};

/// Read the registry and note who leads now (R2). Answered by [`Recovered`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recover {
    /// The master that is about to lead.
    pub master: Box<v1::MasterInfo>,
}

/// The registry was read and the new leader noted in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recovered {
    /// What earlier masters wrote.
    pub registry: Box<proto::Registry>,
}

/// Change the registry. Answered by [`Applied`] once the change is durable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Apply {
    /// Comes back with the answer.
    pub ticket: u64,
    /// The change.
    pub operation: Operation,
}

/// A change is durable, or did not fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    /// Which change.
    pub ticket: u64,
    /// Whether it changed anything.
    pub changed: bool,
}

impl Applied {
    /// The ticket as the core knows it.
    pub const fn ticket(&self) -> Ticket {
        Ticket(self.ticket)
    }
}

/// The registrar can no longer store or read; the master must not go on (R4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failed {
    /// Why.
    pub reason: String,
}

runtime::message!(
    Recover = "mesos.registrar.Recover",
    Recovered = "mesos.registrar.Recovered",
    Apply = "mesos.registrar.Apply",
    Applied = "mesos.registrar.Applied",
    Failed = "mesos.registrar.Failed",
);
