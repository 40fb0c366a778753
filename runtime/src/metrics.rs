//! Metrics: counters, gauges and timers by name, as one flat JSON object in upstream's
//! spelling (L37) and as Prometheus text.

mod prometheus;
mod timer;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use runtime_core::percent::encode as key_part;
pub use timer::Timer;

use crate::sync::lock;

/// The most metrics that are published. Past it, new ones count unseen.
const METRICS_MAX: usize = 500_000;

/// The metrics of a node. Clones share them.
///
/// A name is a path such as `master/tasks_running`; a part of it that comes from outside
/// goes through [`key_part`] (E22). When a name is added again, as by an actor that starts
/// anew, the newest handle is the one published.
#[derive(Clone, Default)]
pub struct Metrics {
    registry: Arc<Mutex<BTreeMap<Arc<str>, Metric>>>,
    /// Asked at each snapshot for many values at once.
    pulled: Arc<Mutex<Vec<Arc<PullMany>>>>,
}

type PullMany = dyn Fn() -> Vec<(String, f64)> + Send + Sync;

#[derive(Clone)]
enum Metric {
    Counter(Counter),
    Gauge(Gauge),
    Pulled(Arc<dyn Fn() -> f64 + Send + Sync>),
    Timer(Timer),
}

impl Metrics {
    /// No metrics yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets go of all metrics, and of what they are read from.
    pub(crate) fn clear(&self) {
        let metrics = std::mem::take(&mut *lock(&self.registry));
        let pulled = std::mem::take(&mut *lock(&self.pulled));
        drop((metrics, pulled));
    }

    /// Publishes a counter that stands at 0.
    pub fn counter(&self, name: &str) -> Counter {
        let counter = Counter::default();
        self.add(name, Metric::Counter(counter.clone()));
        counter
    }

    /// Publishes a gauge that is set by its owner and stands at 0.
    pub fn gauge(&self, name: &str) -> Gauge {
        let gauge = Gauge::default();
        self.add(name, Metric::Gauge(gauge.clone()));
        gauge
    }

    /// Publishes a gauge that is asked at each snapshot, on the thread that takes it.
    /// `pull` must not block. While it gives NaN, the metric is left out.
    pub fn pull_gauge(&self, name: &str, pull: impl Fn() -> f64 + Send + Sync + 'static) {
        self.add(name, Metric::Pulled(Arc::new(pull)));
    }

    /// Publishes whatever `pull` gives at each snapshot, such as all that can be read off
    /// a daemon's state at once. `pull` must not block.
    pub fn pull_many(&self, pull: impl Fn() -> Vec<(String, f64)> + Send + Sync + 'static) {
        lock(&self.pulled).push(Arc::new(pull));
    }

    /// Publishes a timer in milliseconds under `<name>_ms`.
    pub fn timer(&self, name: &str) -> Timer {
        let timer = Timer::default();
        self.add(&format!("{name}_ms"), Metric::Timer(timer.clone()));
        timer
    }

    /// Withdraws one metric, by the name it is published under.
    pub fn remove(&self, name: &str) {
        lock(&self.registry).remove(name);
    }

    /// Withdraws all metrics whose names begin with `prefix`, such as those of a framework.
    pub fn remove_prefix(&self, prefix: &str) {
        let mut registry = lock(&self.registry);
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let names: Vec<_> = registry
            .range::<str, _>(from)
            .map(|(name, _)| name.clone())
            .take_while(|name| name.starts_with(prefix))
            .collect();
        for name in names {
            registry.remove(&name);
        }
    }

    /// Every value that is available now, by name. A timer gives its last value, and from
    /// two samples on `/count`, `/min`, `/max` and percentiles of its window.
    pub fn snapshot(&self) -> BTreeMap<String, f64> {
        let mut values: BTreeMap<_, _> = self.pulled().into_iter().collect();
        for (name, metric) in self.metrics() {
            match metric {
                Metric::Timer(timer) => timer.snapshot(&name, &mut values),
                metric => {
                    if let Some(value) = metric.value() {
                        values.insert(name.to_string(), value);
                    }
                }
            }
        }
        values
    }

    /// Every value that is available now, in Prometheus' text exposition format.
    pub fn prometheus(&self) -> String {
        let mut metrics = self.metrics();
        for (name, value) in self.pulled() {
            let gauge = Gauge::default();
            gauge.set(value);
            metrics.push((name.into(), Metric::Gauge(gauge)));
        }
        prometheus::text(&metrics)
    }

    fn pulled(&self) -> Vec<(String, f64)> {
        let pulls = lock(&self.pulled).clone();
        pulls
            .iter()
            .flat_map(|pull| pull())
            .filter(|(_, value)| value.is_finite())
            .collect()
    }

    /// A copy of the registry, so that no closure runs under its lock.
    fn metrics(&self) -> Vec<(Arc<str>, Metric)> {
        lock(&self.registry)
            .iter()
            .map(|(name, metric)| (name.clone(), metric.clone()))
            .collect()
    }

    fn add(&self, name: &str, metric: Metric) {
        let mut registry = lock(&self.registry);
        if registry.len() < METRICS_MAX || registry.contains_key(name) {
            registry.insert(name.into(), metric);
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(lock(&self.registry).keys()).finish()
    }
}

impl Metric {
    /// The present value of what is not a timer; none if it is not available.
    fn value(&self) -> Option<f64> {
        let value = match self {
            Self::Counter(counter) => counter.get() as f64,
            Self::Gauge(gauge) => gauge.get(),
            Self::Pulled(pull) => pull(),
            Self::Timer(_) => return None,
        };
        value.is_finite().then_some(value)
    }
}

/// A number that only grows. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The present count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down. Clones show the same number.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Replaces the number.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Adds to the number; `change` may be negative.
    pub fn add(&self, change: f64) {
        self.0.update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            (f64::from_bits(bits) + change).to_bits()
        });
    }

    /// The present number.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_snapshot_is_flat_sorted_and_without_what_is_unavailable() {
        let metrics = Metrics::new();
        let counter = metrics.counter("b/count");
        let gauge = metrics.gauge("a/gauge");
        metrics.pull_gauge("c/pulled", || 2.5);
        metrics.pull_gauge("c/missing", || f64::NAN);
        let timer = metrics.timer("d/run");
        counter.increment();
        counter.add(2);
        gauge.set(1.0);
        gauge.add(-3.0);
        let text = |metrics: &Metrics| serde_json::to_string(&metrics.snapshot()).unwrap();
        assert_eq!(
            text(&metrics),
            r#"{"a/gauge":-2.0,"b/count":3.0,"c/pulled":2.5}"#
        );
        timer.record(Duration::from_micros(1500));
        let with_one = r#"{"a/gauge":-2.0,"b/count":3.0,"c/pulled":2.5,"d/run_ms":1.5}"#;
        assert_eq!(text(&metrics), with_one);
    }

    #[test]
    fn a_prefix_is_withdrawn_whole_and_alone() {
        let metrics = Metrics::new();
        let prefix = format!("master/frameworks/{}/", key_part("my fw/1"));
        metrics.counter(&format!("{prefix}calls"));
        metrics.timer(&format!("{prefix}run"));
        metrics.counter("master/frameworks/my%20fw");
        metrics.counter("master/tasks");
        metrics.remove_prefix(&prefix);
        metrics.remove("master/tasks");
        let names: Vec<_> = metrics.snapshot().into_keys().collect();
        assert_eq!(names, ["master/frameworks/my%20fw"]);
    }

    #[test]
    fn the_newest_handle_of_a_name_is_published() {
        let metrics = Metrics::new();
        let old = metrics.counter("x");
        old.add(5);
        metrics.counter("x").increment();
        old.increment();
        assert_eq!(metrics.snapshot()["x"], 1.0);
    }
}
