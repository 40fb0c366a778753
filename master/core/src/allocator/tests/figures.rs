//! Metrics: E20.

use super::*;

#[test]
fn resource_metrics() {
    let mut cluster = Cluster::new();
    assert!(cluster.allocator.figures().resources.is_empty());
    cluster.add_agent("agent1", "cpus:2;mem:1024;ports:[1-10]");
    let amounts = |total, offered_or_allocated| Amounts {
        total,
        offered_or_allocated,
    };
    assert_eq!(
        cluster.allocator.figures().resources["cpus"],
        amounts(2.0, 0.0)
    );
    cluster.add_framework("framework1", &["role1"]);
    let offer = cluster.one_offer();
    let figures = cluster.allocator.figures();
    assert_eq!(figures.resources["cpus"], amounts(2.0, 2.0));
    assert_eq!(figures.resources["mem"], amounts(1024.0, 1024.0));
    assert_eq!(figures.resources.len(), 2, "ranges are not counted");
    cluster.recover(&offer, None);
    assert_eq!(
        cluster.allocator.figures().resources["cpus"],
        amounts(2.0, 0.0)
    );
}

#[test]
fn allocation_runs_metric() {
    let mut cluster = Cluster::new();
    cluster.run();
    cluster.run_all();
    let figures = cluster.allocator.figures();
    assert_eq!(
        (
            figures.runs,
            figures.agents,
            figures.frameworks,
            figures.candidates
        ),
        (2, 0, 0, 0)
    );
    cluster.add_agent("agent1", "cpus:1");
    cluster.add_framework("framework1", &["role1"]);
    let figures = cluster.allocator.figures();
    assert_eq!(
        (figures.agents, figures.frameworks, figures.candidates),
        (1, 1, 1)
    );
}

#[test]
fn dominant_share_metrics() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:1;mem:1024");
    cluster.run();
    cluster.add_framework("framework2", &["role2"]);
    cluster.add_agent("agent2", "cpus:3;mem:1024");
    cluster.run();
    let shares = cluster.allocator.figures().dominant_shares;
    assert_eq!(
        (shares[&role("role1")], shares[&role("role2")]),
        (0.5, 0.75)
    );
    cluster.tell(UpdateWeights {
        weights: [(role("role2"), 3.0)].into(),
    });
    cluster.tell(RemoveFramework {
        framework_id: "framework1".into(),
    });
    let shares = cluster.allocator.figures().dominant_shares;
    assert_eq!(
        shares.into_iter().collect::<Vec<_>>(),
        [(role("role2"), 0.25)],
        "by weight"
    );
}

#[test]
fn active_offer_filters_metrics() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_framework("framework2", &["role1", "role2"]);
    cluster.add_agent("agent1", "cpus:1;mem:1024");
    for _ in 0..3 {
        let offer = cluster.one_offer();
        cluster.recover(&offer, Some(seconds(100)));
    }
    let filters = |cluster: &Cluster| {
        let filters = cluster.allocator.figures().filters;
        (filters[&role("role1")], filters[&role("role2")])
    };
    assert_eq!(filters(&cluster), (2, 1));
    cluster.revive("framework2", &["role1"]);
    assert_eq!(filters(&cluster), (1, 1));
    cluster.after(seconds(100));
    assert_eq!(filters(&cluster), (0, 0));
}
