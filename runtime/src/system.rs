//! Load, processors and memory of this machine, as `/proc` tells them (L40).

use std::fs;

use serde::Serialize;

use crate::metrics::Metrics;

/// The machine's figures; what could not be read is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Load average over 1 minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_load_1min: Option<f64>,
    /// Load average over 5 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_load_5min: Option<f64>,
    /// Load average over 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg_load_15min: Option<f64>,
    /// Processors on line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus_total: Option<u64>,
    /// Memory of the machine, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_total_bytes: Option<u64>,
    /// Memory not in use for anything, caches included, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem_free_bytes: Option<u64>,
}

/// Reads the machine's figures now.
pub fn statistics() -> Statistics {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    parse(
        &read("/proc/loadavg"),
        &read("/proc/stat"),
        &read("/proc/meminfo"),
    )
}

/// Publishes the figures as `system/*` metrics.
pub fn publish(metrics: &Metrics) {
    type Figure = fn(&Statistics) -> Option<f64>;
    let figures: [(&str, Figure); 6] = [
        ("system/load_1min", |figures| figures.avg_load_1min),
        ("system/load_5min", |figures| figures.avg_load_5min),
        ("system/load_15min", |figures| figures.avg_load_15min),
        ("system/cpus_total", |figures| {
            figures.cpus_total.map(|count| count as f64)
        }),
        ("system/mem_total_bytes", |figures| {
            figures.mem_total_bytes.map(|bytes| bytes as f64)
        }),
        ("system/mem_free_bytes", |figures| {
            figures.mem_free_bytes.map(|bytes| bytes as f64)
        }),
    ];
    for (name, figure) in figures {
        metrics.pull_gauge(name, move || figure(&statistics()).unwrap_or(f64::NAN));
    }
}

fn parse(loadavg: &str, stat: &str, meminfo: &str) -> Statistics {
    let mut loads = loadavg.split_whitespace().map(|load| load.parse().ok());
    let mut load = || loads.next().flatten();
    let is_cpu = |line: &&str| {
        line.strip_prefix("cpu")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let cpus = stat.lines().filter(is_cpu).count() as u64;
    let memory = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kilobytes.checked_mul(1024)
    };
    Statistics {
        avg_load_1min: load(),
        avg_load_5min: load(),
        avg_load_15min: load(),
        cpus_total: (cpus > 0).then_some(cpus),
        mem_total_bytes: memory("MemTotal:"),
        mem_free_bytes: memory("MemFree:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_proc_texts() {
        let statistics = parse(
            "0.25 0.50 1.00 2/345 6789\n",
            "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\n",
            "MemTotal:       16384 kB\nMemFree:            8 kB\nMemAvailable:  99 kB\n",
        );
        assert_eq!(
            serde_json::to_string(&statistics).unwrap(),
            "{\"avg_load_1min\":0.25,\"avg_load_5min\":0.5,\"avg_load_15min\":1.0,\
             \"cpus_total\":2,\"mem_total_bytes\":16777216,\"mem_free_bytes\":8192}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        assert_eq!(parse("", "", "MemTotal: many kB"), Statistics::default());
    }

    #[test]
    fn this_machine_has_figures_and_metrics() {
        let metrics = Metrics::new();
        publish(&metrics);
        let values = metrics.snapshot();
        assert_eq!(values.len(), 6);
        assert_eq!(
            values["system/cpus_total"],
            statistics().cpus_total.unwrap() as f64
        );
    }
}
