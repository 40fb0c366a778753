//! Frameworks in simulated clusters: masters, agents and everything between them are the
//! project's own, on virtual time.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod cluster;
mod crashes;
mod messages_between;
