//! The master's state as others may read it.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use messages::v1;
use messages::v1::TaskState;
use model::{Resources, Role};

use crate::agents::AgentsView;
use crate::env::Time;
use crate::frameworks::{Framework, FrameworksView};
use crate::metrics::Metrics;
use crate::offers::Offers;

/// The whole state at one moment. It never changes, shares all that it can with the
/// snapshots before and after it, and is cheap to clone and to send to other threads.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// This master: id, address, version, capabilities.
    pub info: Arc<v1::MasterInfo>,
    /// When the process started.
    pub started: Time,
    /// When it began to lead; `None` until the registry is recovered, when reads other
    /// than `/health` and the like answer 503 (V2).
    pub elected: Option<Time>,
    /// All agents.
    pub agents: AgentsView,
    /// All frameworks, with their tasks and executors.
    pub frameworks: FrameworksView,
    /// All outstanding offers.
    pub offers: Offers,
    /// Weights of roles; 1 for those that are absent.
    pub weights: OrdMap<Role, f64>,
    /// `--roles`, if given.
    pub allowed_roles: Option<Arc<BTreeSet<Role>>>,
    /// Operators' event streams that are open.
    pub operator_streams: usize,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Whether [`Self::metrics`] lists those of each framework too.
    pub publish_per_framework_metrics: bool,
}

/// About how many agents are passed by in the time that one is looked up.
const LOOKUP_COST: usize = 8;

impl Snapshot {
    /// All that a framework's live tasks and executors use, with ports and the like of all
    /// agents together.
    pub fn used_by(&self, framework: &Framework) -> Resources {
        if framework.uses_amounts_only() {
            return framework.used().clone();
        }
        let id = framework.id();
        let (all, presence) = (self.agents.registered(), framework.presence());
        if presence.len() > all.len() / LOOKUP_COST {
            return all
                .values()
                .filter_map(|agent| agent.used().get(id))
                .map(|it| &**it)
                .sum();
        }
        let agents = presence.keys().filter_map(|id| self.agents.get(id));
        agents
            .filter_map(|agent| agent.used().get(id))
            .map(|it| &**it)
            .sum()
    }

    /// All that a framework's offers hold.
    pub fn offered_to(&self, framework: &Framework) -> Resources {
        let offers = framework
            .offers()
            .iter()
            .filter_map(|id| self.offers.get(id.as_str()));
        offers.map(|offer| offer.resources()).sum()
    }

    /// The metrics under `master/` that are known here, without that prefix: counters
    /// and what can be read off the state at `now` (E19). Walks frameworks and agents,
    /// not tasks.
    pub fn metrics(&self, now: Time) -> Vec<(String, f64)> {
        let mut out: Vec<(String, f64)> = self
            .metrics
            .counters()
            .map(|(key, count)| (key.to_owned(), count as f64))
            .collect();
        for ((state, source, reason), count) in &self.metrics.task_states {
            let key = format!(
                "{}/{}/{}",
                state.as_str_name().to_lowercase(),
                source.as_str_name().to_lowercase(),
                reason.as_str_name().to_lowercase()
            );
            out.push((key, *count as f64));
        }
        let mut gauge = |key: &str, value: f64| out.push((key.to_owned(), value));
        gauge("uptime_secs", now.since(self.started).as_secs_f64());
        gauge("elected", f64::from(u8::from(self.elected.is_some())));
        gauge("outstanding_offers", self.offers.len() as f64);
        gauge(
            "operator_event_stream_subscribers",
            self.operator_streams as f64,
        );
        self.agent_gauges(&mut gauge);
        self.framework_gauges(&mut gauge);
        self.resource_gauges(&mut gauge);
        if self.publish_per_framework_metrics {
            for framework in self.frameworks.registered().values() {
                framework.write_metrics(|key, count| out.push((key, count as f64)));
            }
        }
        out
    }

    fn agent_gauges(&self, gauge: &mut impl FnMut(&str, f64)) {
        let agents = self.agents.registered().len();
        let connected = self.agents.connected();
        gauge("slaves_connected", connected as f64);
        gauge("slaves_disconnected", (agents - connected) as f64);
        gauge("slaves_active", connected as f64);
        gauge("slaves_inactive", (agents - connected) as f64);
        gauge("slaves_unreachable", self.agents.unreachable().len() as f64);
    }

    fn framework_gauges(&self, gauge: &mut impl FnMut(&str, f64)) {
        let all = self.frameworks.registered();
        let connected = all.values().filter(|it| it.is_connected()).count();
        let active = all.values().filter(|it| it.is_active()).count();
        gauge("frameworks_connected", connected as f64);
        gauge("frameworks_disconnected", (all.len() - connected) as f64);
        gauge("frameworks_active", active as f64);
        gauge("frameworks_inactive", (all.len() - active) as f64);
        for (key, state) in [
            ("tasks_staging", TaskState::TaskStaging),
            ("tasks_starting", TaskState::TaskStarting),
            ("tasks_running", TaskState::TaskRunning),
            ("tasks_killing", TaskState::TaskKilling),
        ] {
            let count: u64 = all
                .values()
                .map(|it| u64::from(it.task_counts().get(state)))
                .sum();
            gauge(key, count as f64);
        }
        let unreachable: usize = all.values().map(|it| it.unreachable_tasks().len()).sum();
        gauge("tasks_unreachable", unreachable as f64);
    }

    fn resource_gauges(&self, gauge: &mut impl FnMut(&str, f64)) {
        let total = self.agents.total();
        let mut used = Resources::default();
        for framework in self.frameworks.registered().values() {
            used += framework.used();
        }
        for (infix, total, used) in [
            ("", total.non_revocable(), used.non_revocable()),
            ("revocable_", total.revocable(), used.revocable()),
        ] {
            for name in ["cpus", "gpus", "mem", "disk"] {
                let total = total.scalar(name).to_f64();
                let used = used.scalar(name).to_f64();
                let percent = if total > 0.0 { used / total } else { 0.0 };
                gauge(&format!("{name}_{infix}total"), total);
                gauge(&format!("{name}_{infix}used"), used);
                gauge(&format!("{name}_{infix}percent"), percent);
            }
        }
    }
}
