//! The weighted shuffle: how often each client comes first, and then second.

use std::collections::BTreeMap;

use super::Bench;
use crate::allocator::sorter::SorterKind;

const ROUNDS: usize = 20_000;

/// Five standard deviations of a frequency of one half over [`ROUNDS`].
const TOLERANCE: f64 = 0.018;

fn frequencies(bench: &mut Bench, place: usize) -> BTreeMap<String, f64> {
    let mut frequencies = BTreeMap::new();
    for _ in 0..ROUNDS {
        let name = bench.sort()[place].to_owned();
        *frequencies.entry(name).or_insert(0.0) += 1.0 / ROUNDS as f64;
    }
    frequencies
}

fn assert_close(frequencies: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        let frequency = frequencies.get(*name).copied().unwrap_or_default();
        assert!(
            (frequency - expected).abs() < TOLERANCE,
            "{name}: {frequency}, not {expected}"
        );
    }
}

#[test]
fn probability_distribution() {
    let mut bench = Bench::new(SorterKind::Random, "cpus:1");
    for (name, weight) in [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)] {
        bench.weight(name, weight);
        bench.add_with(name, "");
    }
    assert_close(
        &frequencies(&mut bench, 0),
        &[("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.4)],
    );
    let second = |own: f64, others: [f64; 3]| {
        others
            .iter()
            .map(|other| other * own / (1.0 - other))
            .sum::<f64>()
    };
    assert_close(
        &frequencies(&mut bench, 1),
        &[
            ("a", second(0.1, [0.2, 0.3, 0.4])),
            ("d", second(0.4, [0.1, 0.2, 0.3])),
        ],
    );
}

#[test]
fn hierarchical_probability_distribution() {
    let mut bench = Bench::new(SorterKind::Random, "cpus:1");
    for (name, weight) in [("a", 1.0), ("b", 3.0), ("b/x", 1.0), ("b/y", 2.0)] {
        bench.weight(name, weight);
    }
    for name in ["a", "b/x", "b/y", "b/z"] {
        bench.add_with(name, "");
    }
    bench.deactivate("b/z");
    assert_close(
        &frequencies(&mut bench, 0),
        &[("a", 0.25), ("b/x", 0.25), ("b/y", 0.5)],
    );
}

#[test]
fn inactive_branches_have_no_chance() {
    let mut bench = Bench::new(SorterKind::Random, "cpus:1");
    bench.weight("b", 100.0);
    bench.add("b/x");
    bench.add_with("a", "");
    assert_eq!(bench.sort(), ["a"]);
}

#[test]
fn a_long_walk_meets_everyone_once_in_a_fair_order() {
    let mut bench = Bench::new(SorterKind::Random, "cpus:1");
    let names: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    for name in &names {
        bench.add_with(name, "");
    }
    assert_eq!(bench.sorted_names(), names);

    // The last place is filled by the shuffle after the single draws.
    let last = frequencies(&mut bench, 39);
    assert_eq!(last.len(), 40);
    assert!(
        last.values()
            .all(|frequency| (frequency - 1.0 / 40.0).abs() < 0.006)
    );
}

#[test]
fn heavy_clients_stay_ahead_in_the_shuffled_rest() {
    let mut bench = Bench::new(SorterKind::Random, "cpus:1");
    for number in 0..20 {
        let name = format!("{number:02}");
        bench.weight(&name, if number == 0 { 0.001 } else { 1.0 });
        bench.add_with(&name, "");
    }
    let last = frequencies(&mut bench, 19);
    assert!(last["00"] > 0.95, "the light one comes last");
}
