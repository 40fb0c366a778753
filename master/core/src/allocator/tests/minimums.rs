//! What is too small for an offer: A7.

use super::*;

fn offers(minimum: &str, total: &str) -> bool {
    let mut cluster = Cluster::with(Config {
        min_allocatable: parse_min_allocatable(minimum).unwrap(),
        ..Config::default()
    });
    cluster.add_framework("framework1", &["a"]);
    cluster.add_agent("agent1", total);
    !cluster.run().is_empty()
}

#[test]
fn allocatable() {
    let default = "cpus:0.01|mem:32";
    assert!(!offers(default, "cpus:0.005;mem:16;disk:128"));
    assert!(offers(default, "cpus:0.01;mem:16"));
    assert!(offers(default, "cpus:0.005;mem:32"));
    assert!(offers(default, "cpus:0.01;mem:32;disk:128"));
    assert!(!offers(default, "disk:128"));
    assert!(offers("", "disk:128"));
    assert!(!offers("cpus:1;mem:32", "cpus:1;mem:16"));
    assert!(offers("cpus:1;mem:32", "cpus:1;mem:32"));
}

#[test]
fn several_parts_count_together() {
    assert!(offers("cpus:2", "cpus:1;cpus(a):1"));
}

#[test]
fn bad_minimums_are_refused() {
    for bad in ["cpus", "cpus:-1", "cpus:1|mem:x"] {
        assert!(parse_min_allocatable(bad).is_err(), "{bad}");
    }
}

fn with_minimum(minimum: &str) -> FrameworkFacts {
    let mut facts = facts(&["a"]);
    facts
        .min_allocatable
        .insert(role("a"), parse_min_allocatable(minimum).unwrap());
    facts
}

#[test]
fn framework_min_allocatable() {
    let mut cluster = Cluster::new();
    cluster.tell(framework("framework1", with_minimum("cpus:4")));
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.no_offer();
    cluster.add_agent("agent2", "cpus:4");
    assert_eq!(
        cluster.run(),
        [offered("framework1", "a", "agent2", "cpus:4")]
    );

    // What was too small before is not when the framework asks for less.
    cluster.tell(UpdateFramework {
        framework_id: "framework1".into(),
        facts: with_minimum("cpus:1"),
    });
    assert_eq!(
        cluster.run(),
        [offered("framework1", "a", "agent1", "cpus:2;mem:1024")]
    );
}

#[test]
fn framework_empty_min_allocatable() {
    let mut cluster = Cluster::new();
    cluster.tell(framework("framework1", with_minimum("")));
    cluster.add_agent("agent1", "cpus:0.001");
    cluster.one_offer();
}
