//! What agents say of executors in words only: the protocol has no field for it.

/// Of a task for an executor that the master took for running: there is none. Apache Mesos'
/// agents say it in these words, too.
pub const NO_EXECUTOR: &str = "No executor is expected to launch and there is none running";
