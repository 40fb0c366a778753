//! What the executor needs of the machine.

use std::io;
use std::pin::Pin;

use thiserror::Error;

use crate::command::Command;
use crate::exit::Exit;

/// Which way to end processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGTERM: asks.
    Terminate,
    /// SIGKILL: does.
    Kill,
}

/// A command could not be started.
#[derive(Debug, Error)]
#[error("Failed to launch '{program}': {source}")]
pub struct StartError {
    /// The program.
    pub program: String,
    /// What the system says.
    pub source: io::Error,
}

/// The future of [`Machine::exit`].
pub type ExitFuture = Pin<Box<dyn Future<Output = io::Result<Exit>>>>;

/// Processes: the machine's, or a test's.
pub trait Machine: Send + 'static {
    /// Starts the command; returns its pid.
    ///
    /// # Errors
    ///
    /// When the system does not start it.
    fn start(&mut self, command: &Command) -> Result<u32, StartError>;

    /// Waits until the command started has ended. Asked for once.
    fn exit(&mut self, pid: u32) -> ExitFuture;

    /// Signals the command and every process that comes from it, wherever these have
    /// moved themselves to; returns how many there were.
    ///
    /// # Errors
    ///
    /// When processes cannot be listed.
    fn strike(&mut self, blow: Blow) -> io::Result<usize>;

    /// Whether processes of the command are left. True when that is not known.
    fn has_leftovers(&mut self) -> bool;
}
