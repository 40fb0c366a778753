//! Tests that cross processes.
