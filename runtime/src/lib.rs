//! The actor runtime: libprocess in Rust. Knows nothing of Mesos.
