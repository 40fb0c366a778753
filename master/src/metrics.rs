//! The master's metrics: read off the latest snapshot when somebody asks.

use std::sync::Arc;

use arc_swap::ArcSwap;
use master_core::Snapshot;
use master_core::allocator::Figures;
use runtime::metrics::Metrics;
use runtime::{ActorId, Node};

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

/// Adds what waits in the mailboxes of the master and of the allocator (E20).
pub(crate) fn publish_queues(master: ActorId, allocator: ActorId, node: &Node) {
    let here = node.clone();
    node.metrics().pull_many(move || {
        let queued = here.queued(&master);
        let allocator = here.queued(&allocator).all() as f64;
        [
            ("master/event_queue_messages", queued.messages as f64),
            ("master/event_queue_http_requests", queued.requests as f64),
            ("master/event_queue_dispatches", queued.dispatches as f64),
            ("allocator/event_queue_dispatches", allocator),
            ("allocator/mesos/event_queue_dispatches", allocator),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    });
}

/// Adds the allocator's latest figures (E20).
pub(crate) fn publish_figures(figures: &Arc<ArcSwap<Figures>>, metrics: &Metrics) {
    let figures = Arc::clone(figures);
    metrics.pull_many(move || {
        let figures = figures.load();
        let mut all = Vec::new();
        let mut out =
            |name: String, value: f64| all.push((format!("allocator/mesos/{name}"), value));
        for (name, amounts) in &figures.resources {
            out(format!("resources/{name}/total"), amounts.total);
            let held = format!("resources/{name}/offered_or_allocated");
            out(held, amounts.offered_or_allocated);
        }
        for (role, filters) in &figures.filters {
            out(
                format!("offer_filters/roles/{role}/active"),
                *filters as f64,
            );
        }
        for (role, share) in &figures.dominant_shares {
            out(format!("roles/{role}/shares/dominant"), *share);
        }
        all
    });
}
