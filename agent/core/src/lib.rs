//! The agent's decisions: frameworks, executors, tasks, status updates, garbage collection. Pure.
