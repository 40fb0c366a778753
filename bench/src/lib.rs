//! Benchmarks: named cases, peers and ours in alternating rounds.
