//! Prometheus' text exposition format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::Metric;
use super::timer::{PERCENTILES, percentile};

/// Writes every metric that has a value. Characters that Prometheus does not allow in
/// names become `_`; metrics whose names become the same are told apart by a label.
pub(super) fn text(metrics: &[(Arc<str>, Metric)]) -> String {
    let mut families: BTreeMap<String, Vec<(&str, &Metric)>> = BTreeMap::new();
    for (name, metric) in metrics {
        families
            .entry(family(name))
            .or_default()
            .push((name, metric));
    }
    let mut out = String::new();
    for (family, members) in &families {
        let kinds: Vec<_> = members.iter().map(|(_, metric)| kind(metric)).collect();
        let kind = kinds
            .first()
            .filter(|first| kinds.iter().all(|kind| kind == *first));
        // Writing to a string does not fail.
        let _ = writeln!(out, "# TYPE {family} {}", kind.unwrap_or(&"untyped"));
        for (name, metric) in members {
            let label = if members.len() > 1 {
                format!("name=\"{}\"", escape(name))
            } else {
                String::new()
            };
            write_metric(&mut out, family, &label, metric);
        }
    }
    out
}

fn family(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut family: String = name
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    if family.starts_with(|c: char| c.is_ascii_digit()) {
        family.insert(0, '_');
    }
    family
}

fn kind(metric: &Metric) -> &'static str {
    match metric {
        Metric::Counter(_) => "counter",
        Metric::Gauge(_) | Metric::Pulled(_) => "gauge",
        Metric::Timer(_) => "summary",
    }
}

fn escape(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn write_metric(out: &mut String, family: &str, label: &str, metric: &Metric) {
    let Metric::Timer(timer) = metric else {
        if let Some(value) = metric.value() {
            let _ = writeln!(out, "{family}{} {value}", braces(label));
        }
        return;
    };
    let Some(figures) = timer.figures() else {
        return;
    };
    for (_, fraction) in PERCENTILES {
        let separator = if label.is_empty() { "" } else { "," };
        let quantile = format!("{label}{separator}quantile=\"{fraction}\"");
        let value = percentile(&figures.sorted, fraction);
        let _ = writeln!(out, "{family}{} {value}", braces(&quantile));
    }
    let _ = writeln!(out, "{family}_sum{} {}", braces(label), figures.sum);
    let _ = writeln!(out, "{family}_count{} {}", braces(label), figures.count);
}

fn braces(label: &str) -> String {
    if label.is_empty() {
        String::new()
    } else {
        format!("{{{label}}}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::metrics::Metrics;

    #[test]
    fn each_kind_has_its_type() {
        let metrics = Metrics::new();
        metrics.counter("master/tasks_lost").add(2);
        metrics.gauge("master/cpus").set(1.5);
        metrics.pull_gauge("9/missing", || f64::NAN);
        let timer = metrics.timer("run");
        timer.record(Duration::from_millis(1));
        timer.record(Duration::from_millis(3));
        let text = metrics.prometheus();
        assert!(
            text.contains("# TYPE master_tasks_lost counter\nmaster_tasks_lost 2\n"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE master_cpus gauge\nmaster_cpus 1.5\n"),
            "{text}"
        );
        assert!(text.contains("# TYPE _9_missing gauge\n#"), "{text}");
        assert!(
            text.contains("# TYPE run_ms summary\nrun_ms{quantile=\"0.5\"} 2\n"),
            "{text}"
        );
        assert!(text.ends_with("run_ms_sum 4\nrun_ms_count 2\n"), "{text}");
    }

    #[test]
    fn names_that_become_the_same_are_labelled() {
        let metrics = Metrics::new();
        metrics.counter("a/b");
        metrics.gauge("a_b");
        assert_eq!(
            metrics.prometheus(),
            "# TYPE a_b untyped\na_b{name=\"a/b\"} 0\na_b{name=\"a_b\"} 0\n"
        );
    }
}
