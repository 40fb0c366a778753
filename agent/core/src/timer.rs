//! The agent's timers.

use model::ids::ContainerId;

/// Names a timer. Setting one that is already set moves it; there is never more than
/// one of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Register with the master, or try again (M10).
    Registration,
    /// The master has not pinged for too long (M17).
    Ping,
    /// The executor in this container should have subscribed by now (G21).
    ExecutorRegistration(ContainerId),
    /// The executor in this container was given its time to shut down (G26).
    ExecutorShutdown(ContainerId),
    /// Send the next HEARTBEAT to the executor in this container (V16).
    ExecutorHeartbeat(ContainerId),
    /// A status update waits too long for its acknowledgement (M35).
    StatusRetry,
    /// Look at the disk (G12).
    DiskWatch,
    /// The next scheduled path may be removed (G12).
    Gc,
}
