//! Rounds, medians and ratios.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::Options;
use crate::cases::Case;

/// Figures of one run of one side, by name.
pub type Figures = BTreeMap<String, f64>;

/// Runs all sides of a case in turn, and prints what came of it.
pub fn run(case: &Case, options: &Options, folder: &Path) {
    let mut results: BTreeMap<&str, Vec<Figures>> = BTreeMap::new();
    for round in 0..options.rounds {
        for side in case.sides {
            if *side == "reference" && options.reference.is_none() {
                continue;
            }
            match run_side(case.name, side, options, folder) {
                Some(figures) => results.entry(side).or_default().push(figures),
                None => eprintln!("{} {side}: round {round} failed", case.name),
            }
        }
    }
    for (side, rounds) in &results {
        for name in names(rounds) {
            let values = column(rounds, &name);
            println!(
                "{}",
                json!({"case": case.name, "side": side, "figure": name, "rounds": values.len(),
                    "min": values.first(), "median": median(&values), "max": values.last()})
            );
        }
    }
    let Some(ours) = results.get("ours") else {
        return;
    };
    for (side, theirs) in results.iter().filter(|(side, _)| **side != "ours") {
        for name in names(ours) {
            let ratios: Vec<f64> = ours
                .iter()
                .zip(theirs)
                .filter_map(|(a, b)| Some(a.get(&name)? / b.get(&name)?))
                .collect();
            if !ratios.is_empty() {
                let ratios = sorted(ratios);
                println!(
                    "{}",
                    json!({"case": case.name, "figure": name, "ratio": format!("ours/{side}"),
                        "min": ratios.first(), "median": median(&ratios), "max": ratios.last()})
                );
            }
        }
    }
}

fn run_side(case: &str, side: &str, options: &Options, folder: &Path) -> Option<Figures> {
    let output = Command::new(std::env::current_exe().ok()?)
        .args(["--side", case, side])
        .args(&options.reference)
        .env("TMPDIR", folder)
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| serde_json::from_str(text.trim()).ok())
        .flatten()
}

fn names(rounds: &[Figures]) -> Vec<String> {
    rounds
        .first()
        .map(|figures| figures.keys().cloned().collect())
        .unwrap_or_default()
}

fn column(rounds: &[Figures], name: &str) -> Vec<f64> {
    sorted(
        rounds
            .iter()
            .filter_map(|figures| figures.get(name).copied())
            .collect(),
    )
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The middle one.
pub fn median(values: &[f64]) -> Option<f64> {
    sorted(values.to_vec()).get(values.len() / 2).copied()
}

/// The power of the size with which a cost grows: the slope of the line that fits the
/// logarithms best.
pub fn exponent(costs: &[(f64, f64)]) -> f64 {
    let points: Vec<_> = costs
        .iter()
        .map(|(size, cost)| (size.ln(), cost.ln()))
        .collect();
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    covariance / variance
}

/// A percentile of samples, in their unit.
pub fn percentile(samples: &mut [f64], percent: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let at = (samples.len().saturating_sub(1)) as f64 * percent / 100.0;
    samples
        .get(at.round() as usize)
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn exponents_are_slopes_of_logarithms() {
        let of = |cost: fn(f64) -> f64| {
            let points = [10.0, 100.0, 1000.0].map(|size| (size, cost(size)));
            (exponent(&points) * 1000.0).round() / 1000.0
        };
        assert_eq!(of(|size| 7.0 * size), 1.0);
        assert_eq!(of(|size| size * size / 3.0), 2.0);
        assert_eq!(of(|_| 5.0), 0.0);
    }
}
