//! What one log entry holds: some operations, or the whole registry (R6).

use master_core::registry::{Operation, Registry};
use messages::registry as proto;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One entry of the log, in MessagePack with named fields.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Entry {
    /// The registry as it was; what stands before may be forgotten.
    Snapshot(Box<proto::Registry>),
    /// Changes since, in order.
    Operations(Vec<Operation>),
}

/// An entry cannot be read or does not fit what stands before it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum EntryError {
    #[error("entry {position} of the registry log cannot be read: {reason}")]
    Malformed { position: u64, reason: String },
    #[error("the registry cannot be written: {0}")]
    Unwritable(String),
}

impl Entry {
    pub(super) fn encode(&self) -> Result<Vec<u8>, EntryError> {
        rmp_serde::to_vec_named(self).map_err(|error| EntryError::Unwritable(error.to_string()))
    }

    fn decode(position: u64, bytes: &[u8]) -> Result<Self, EntryError> {
        rmp_serde::from_slice(bytes).map_err(|error| EntryError::Malformed {
            position,
            reason: error.to_string(),
        })
    }
}

/// Rebuilds the registry from its log.
pub(super) fn replay(
    entries: impl IntoIterator<Item = (u64, Vec<u8>)>,
) -> Result<Registry, EntryError> {
    let mut registry = Registry::default();
    for (position, bytes) in entries {
        match Entry::decode(position, &bytes)? {
            Entry::Snapshot(proto) => registry = Registry::from_proto(*proto),
            Entry::Operations(operations) => {
                for operation in &operations {
                    // One that did not fit was answered so when it was written.
                    let _ = registry.apply(operation);
                }
            }
        }
    }
    Ok(registry)
}
