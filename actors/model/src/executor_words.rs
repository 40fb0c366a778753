//! What agents say of executors in words only: the protocol has no field for it. Apache Mesos'
//! agents say it in these words, too.

/// Of a task for an executor that the master took for running: there is none.
pub const NO_EXECUTOR: &str = "No executor is expected to launch and there is none running";

/// Of a task whose executor has ended: before it came, or under it.
pub const EXECUTOR_TERMINATED: &str = "Executor terminated";
