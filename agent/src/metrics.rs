//! The agent's metrics (E21): read off the latest snapshot and the containerizer when
//! somebody asks.

use std::sync::Arc;

use agent_core::views;
use containerizer::Containerizer;
use runtime::Node;

use crate::actor::Published;

/// Adds them to the node's.
pub(crate) fn publish(published: &Published, containerizer: &Arc<dyn Containerizer>, node: &Node) {
    let (published, containerizer) = (Arc::clone(published), Arc::clone(containerizer));
    let clock = node.clone();
    node.metrics().pull_many(move || {
        let counters = containerizer.counters();
        let counted = [
            (
                "containerizer/mesos/container_destroy_errors",
                counters.destroy_errors,
            ),
            (
                "containerizer/mesos/template_failures",
                counters.template_failures,
            ),
            (
                "containerizer/fetcher/task_fetches_succeeded",
                counters.fetches_succeeded,
            ),
            (
                "containerizer/fetcher/task_fetches_failed",
                counters.fetches_failed,
            ),
        ];
        views::metrics(&published.load(), clock.world().wall_time())
            .into_iter()
            .chain(counted.map(|(name, count)| (name.to_owned(), count as f64)))
            .collect()
    });
}
