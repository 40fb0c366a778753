//! Timers: durations given to them, and the spread of the latest ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::sync::lock;

/// How many samples a timer remembers (upstream's time series hold as many).
const WINDOW: usize = 1000;

/// Percentiles by the name of their key.
pub(super) const PERCENTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
    ("p9999", 0.9999),
];

/// Takes durations and shows them in milliseconds. Clones record together.
#[derive(Debug, Clone, Default)]
pub struct Timer(Arc<Mutex<Samples>>);

#[derive(Debug, Default)]
struct Samples {
    /// The latest samples, in no order once it is full.
    window: Vec<f64>,
    /// Where the next sample goes once the window is full.
    oldest: usize,
    last: f64,
    count: u64,
    sum: f64,
}

/// What a timer holds now, in milliseconds.
pub(super) struct Figures {
    pub(super) last: f64,
    /// All samples ever.
    pub(super) count: u64,
    /// The sum of all samples ever.
    pub(super) sum: f64,
    /// The window, sorted.
    pub(super) sorted: Vec<f64>,
}

impl Timer {
    /// Adds one sample.
    pub fn record(&self, duration: Duration) {
        let millis = duration.as_secs_f64() * 1e3;
        let mut samples = lock(&self.0);
        let oldest = samples.oldest;
        if samples.window.len() < WINDOW {
            samples.window.push(millis);
        } else if let Some(slot) = samples.window.get_mut(oldest) {
            *slot = millis;
            samples.oldest = (oldest + 1) % WINDOW;
        }
        samples.last = millis;
        samples.count += 1;
        samples.sum += millis;
    }

    /// None before the first sample.
    pub(super) fn figures(&self) -> Option<Figures> {
        let samples = lock(&self.0);
        let mut figures = Figures {
            last: samples.last,
            count: samples.count,
            sum: samples.sum,
            sorted: samples.window.clone(),
        };
        drop(samples);
        figures.sorted.sort_by(f64::total_cmp);
        (figures.count > 0).then_some(figures)
    }

    pub(super) fn snapshot(&self, name: &str, values: &mut BTreeMap<String, f64>) {
        let Some(figures) = self.figures() else {
            return;
        };
        values.insert(name.to_owned(), figures.last);
        let (&[min, .., max], sorted) = (figures.sorted.as_slice(), &figures.sorted) else {
            return;
        };
        values.insert(format!("{name}/count"), sorted.len() as f64);
        values.insert(format!("{name}/min"), min);
        values.insert(format!("{name}/max"), max);
        for (key, fraction) in PERCENTILES {
            values.insert(format!("{name}/{key}"), percentile(sorted, fraction));
        }
    }
}

/// The percentile of sorted values, interpolated between the two nearest ranks.
pub(super) fn percentile(sorted: &[f64], fraction: f64) -> f64 {
    let position = fraction * sorted.len().saturating_sub(1) as f64;
    let at = |rank: f64| sorted.get(rank as usize).copied().unwrap_or_default();
    let (below, above) = (at(position.floor()), at(position.ceil()));
    below + (above - below) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(timer: &Timer) -> BTreeMap<String, f64> {
        let mut values = BTreeMap::new();
        timer.snapshot("t_ms", &mut values);
        values
    }

    #[test]
    fn statistics_appear_with_the_second_sample() {
        let timer = Timer::default();
        assert!(snapshot(&timer).is_empty());
        timer.record(Duration::from_millis(4));
        assert_eq!(snapshot(&timer), BTreeMap::from([("t_ms".to_owned(), 4.0)]));
        timer.record(Duration::from_millis(2));
        let values = snapshot(&timer);
        let keys: Vec<_> = values
            .keys()
            .map(|key| key.trim_start_matches("t_ms"))
            .collect();
        let expected = [
            "", "/count", "/max", "/min", "/p50", "/p90", "/p95", "/p99", "/p999", "/p9999",
        ];
        assert_eq!(keys, expected);
        assert_eq!(values["t_ms"], 2.0);
        assert_eq!(values["t_ms/count"], 2.0);
        assert_eq!(values["t_ms/min"], 2.0);
        assert_eq!(values["t_ms/max"], 4.0);
        assert_eq!(values["t_ms/p50"], 3.0);
        assert!((values["t_ms/p90"] - 3.8).abs() < 1e-9);
    }

    #[test]
    fn only_the_latest_samples_count() {
        let timer = Timer::default();
        timer.record(Duration::from_secs(100));
        for millis in 1..=WINDOW as u64 {
            timer.record(Duration::from_millis(millis));
        }
        let values = snapshot(&timer);
        assert_eq!(values["t_ms/count"], WINDOW as f64);
        assert_eq!(values["t_ms/max"], WINDOW as f64);
        assert_eq!(values["t_ms/min"], 1.0);
        assert_eq!(timer.figures().unwrap().count, WINDOW as u64 + 1);
    }
}
