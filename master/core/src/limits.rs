//! The bounds of everything that could grow, and the periods that no flag sets (M52).

use std::time::Duration;

/// Time between two HEARTBEAT events on an event stream (V10).
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// Removed agents that are remembered, so that their late messages are known (M52).
pub const REMOVED_AGENTS_MAX: usize = 100_000;

/// Operator event streams held open; beyond it the oldest is cut (V21).
pub const OPERATOR_STREAMS_MAX: usize = 1000;

/// The longest `Mesos-Stream-Id` that is looked at (V8), in bytes.
pub const STREAM_ID_LENGTH_MAX: usize = 128;

/// Kills remembered for one disconnected agent, to be sent when it returns (M42).
pub const KILLED_TASKS_MAX: usize = 100_000;

/// The longest a framework may ask to be waited for; beyond it the timer would overflow.
pub const FAILOVER_TIMEOUT_MAX: Duration = Duration::from_secs(u32::MAX as u64 * 60);
