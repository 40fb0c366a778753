//! The command executor.
