//! The port behind which registry entries are kept: one embedded replica today, the
//! replicated log behind the same interface.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

/// Where an entry stands in the log. Positions grow by one and are never used again (R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The log cannot do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogError {
    /// The place where the log is kept cannot be opened.
    #[error("cannot open the registry log at {path}: {reason}")]
    Open {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// Reading or writing failed; nothing is known of the entry.
    #[error("the registry log failed: {0}")]
    Storage(String),
}

/// An operation of the log under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send>>;

/// An append-only log of entries, truncated from its front. An append that has answered
/// is durable.
pub trait Log: Send + Sync + 'static {
    /// All entries that were not truncated, in order.
    fn read(&self) -> Pending<Vec<(Position, Vec<u8>)>>;
    /// Adds an entry at the end, durably.
    fn append(&self, entry: Vec<u8>) -> Pending<Position>;
    /// Forgets every entry before `to`.
    fn truncate(&self, to: Position) -> Pending<()>;
}
