//! The master's metrics: read off the latest snapshot when somebody asks.

use master_core::Snapshot;
use runtime::Node;
use runtime::metrics::Metrics;

use crate::actor::{Published, time};

/// Adds what a snapshot says to the node's metrics.
pub(crate) fn publish(published: &Published, node: &Node) {
    let metrics: &Metrics = node.metrics();
    let published = published.clone();
    let clock = node.clone();
    metrics.pull_many(move || {
        let snapshot: &Snapshot = &published.load();
        snapshot
            .metrics(time(clock.world().wall_time()))
            .into_iter()
            .map(|(name, value)| (format!("master/{name}"), value))
            .collect()
    });
}
