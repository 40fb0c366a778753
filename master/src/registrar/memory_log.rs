//! The log in memory: `--registry=in_memory`, lost with the process (R7); and tests.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::log::{Log, Pending, Position};

/// A log that ends with its process. Clones share it, so that a simulated master's
/// restart finds what its predecessor wrote.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    kept: BTreeMap<Position, Vec<u8>>,
    next: u64,
}

impl MemoryLog {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for MemoryLog {
    fn read(&self) -> Pending<Vec<(Position, Vec<u8>)>> {
        let entries = self.entries();
        let all = entries
            .kept
            .iter()
            .map(|(&position, entry)| (position, entry.clone()))
            .collect();
        Box::pin(ready(Ok(all)))
    }

    fn append(&self, entry: Vec<u8>) -> Pending<Position> {
        let mut entries = self.entries();
        let position = Position(entries.next);
        entries.next += 1;
        entries.kept.insert(position, entry);
        Box::pin(ready(Ok(position)))
    }

    fn truncate(&self, to: Position) -> Pending<()> {
        let mut entries = self.entries();
        entries.kept = entries.kept.split_off(&to);
        Box::pin(ready(Ok(())))
    }
}
