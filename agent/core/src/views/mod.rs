//! What readers are shown, made from a [`Snapshot`](crate::Snapshot): pure, and safe to run
//! on any thread.

mod api;
mod containers;
mod metrics;
mod state;

pub use api::{JsonAnswer, answer};
pub use containers::{ContainerEntry, StatisticsEntry, containers, get_containers, statistics};
pub use metrics::metrics;
pub use state::StateView;
