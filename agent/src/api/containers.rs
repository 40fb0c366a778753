//! `/containers` and `/monitor/statistics` (E15, E16). Figures are measured when somebody
//! asks, for all containers at once and off the agent's thread.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_core::state::ExecutorPhase;
use agent_core::{Snapshot, views};
use containerizer::{Containerizer, Usages};
use model::ids::ContainerId;
use runtime::Context;
use runtime::http::{Help, Published as Endpoint, Responder, Response};
use tracing::warn;

use crate::actor::{Agent, Published};

/// Measures what containers use.
#[derive(Debug, Clone)]
pub(crate) struct Gauge {
    published: Published,
    containerizer: Arc<dyn Containerizer>,
}

impl Gauge {
    pub(crate) fn new(published: &Published, containerizer: &Arc<dyn Containerizer>) -> Self {
        Self {
            published: Arc::clone(published),
            containerizer: Arc::clone(containerizer),
        }
    }

    /// Measures all containers, then answers by what `show` makes of it.
    pub(crate) fn answer(
        &self,
        responder: Responder,
        show: impl FnOnce(&Snapshot, &Usages) -> Response + Send + 'static,
    ) {
        let snapshot = self.published.load_full();
        let containers: Vec<ContainerId> = snapshot
            .state
            .executors()
            .filter(|executor| executor.phase != ExecutorPhase::Terminated)
            .map(|executor| executor.container_id.clone())
            .collect();
        let measuring = self.containerizer.usage(&containers);
        tokio::spawn(async move {
            let mut usages = measuring.await.unwrap_or_else(|error| {
                warn!("cannot measure containers: {error}");
                Usages::new()
            });
            add_requests(&snapshot, &mut usages);
            responder.answer(show(&snapshot, &usages));
        });
    }
}

/// What a container was granted is its soft limit, whether or not it may use more.
fn add_requests(snapshot: &Snapshot, usages: &mut Usages) {
    for executor in snapshot.state.executors() {
        if let Some(usage) = usages.get_mut(&executor.container_id) {
            usage.cpus_soft_limit = Some(executor.granted.cpus().to_f64());
            let megabytes = executor.granted.mem().to_f64();
            usage.mem_soft_limit_bytes = Some((megabytes * f64::from(1 << 20)) as u64);
        }
    }
}

pub(crate) fn publish(gauge: &Gauge, context: &Context<'_, Agent>) {
    let of_containers = gauge.clone();
    context.publish(
        "containers",
        Endpoint::later(
            Help::new(
                "The containers of executors.",
                "A list of {container_id, executor_id, executor_name, framework_id, source, \
                 statistics, status}. `?container_id=` names one.",
            ),
            move |request, responder| {
                let only = request
                    .query("container_id")
                    .map(|id| BTreeSet::from([ContainerId::from(id)]));
                of_containers.answer(responder, move |snapshot, usages| {
                    Response::json(&views::containers(snapshot, usages, only.as_ref()))
                });
            },
        ),
    );
    let of_statistics = gauge.clone();
    context.publish(
        "monitor/statistics",
        Endpoint::later(
            Help::new(
                "What executors' containers use.",
                "A list of {executor_id, executor_name, framework_id, source, statistics}.",
            ),
            move |_, responder| {
                of_statistics.answer(responder, |snapshot, usages| {
                    Response::json(&views::statistics(snapshot, usages))
                });
            },
        ),
    );
}
