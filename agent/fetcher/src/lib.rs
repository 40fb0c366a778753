//! Brings the files that a task names into its sandbox (G7).
