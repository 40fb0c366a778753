//! What tests across processes share: real daemons in folders of their own, a plain
//! HTTP client, and a scheduler that speaks the v1 API by hand.

pub mod cluster;
pub mod gated;
pub mod http;
pub mod process;
pub mod scheduler;
pub mod skip;
