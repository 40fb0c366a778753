//! Who comes first: A3, A4, A16, A17.

use std::collections::BTreeMap;

use super::*;

#[test]
fn unreserved_drf() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.add_framework("framework1", &["role1"]);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", "cpus:2;mem:1024")]
    );

    cluster.add_framework("framework2", &["role2"]);
    cluster.no_offer();
    cluster.add_agent("agent2", "cpus:1;mem:512");
    assert_eq!(
        cluster.run(),
        [offered("framework2", "role2", "agent2", "cpus:1;mem:512")]
    );

    // 2 of 6 cpus for role1, 1 of 6 for role2.
    cluster.add_agent("agent3", "cpus:3;mem:2048");
    assert_eq!(
        cluster.run(),
        [offered("framework2", "role2", "agent3", "cpus:3;mem:2048")]
    );

    cluster.add_framework("framework3", &["role1"]);
    cluster.add_agent("agent4", "cpus:4;mem:4096");
    assert_eq!(
        cluster.run(),
        [offered("framework3", "role1", "agent4", "cpus:4;mem:4096")]
    );

    // framework4 has nothing, but role1 has more than role2.
    cluster.add_framework("framework4", &["role1"]);
    cluster.add_agent("agent5", "cpus:1;mem:512");
    assert_eq!(
        cluster.run(),
        [offered("framework2", "role2", "agent5", "cpus:1;mem:512")]
    );
}

#[test]
fn reserved_drf() {
    let mut cluster = Cluster::new();
    let agent1 = "cpus:1;mem:512;cpus(role1):100;mem(role1):1024";
    cluster.add_agent("agent1", agent1);
    cluster.add_framework("framework1", &["role1"]);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", agent1)]
    );

    cluster.add_framework("framework2", &["role2"]);
    for id in ["agent2", "agent3"] {
        cluster.add_agent(id, "cpus:2;mem:512");
        let expected = offered("framework2", "role2", id, "cpus:2;mem:512");
        assert_eq!(cluster.run(), [expected], "reservations count for role1");
    }

    cluster.add_framework("framework3", &["role1"]);
    let agent4 = "cpus(role1):2;mem(role1):1024";
    cluster.add_agent("agent4", agent4);
    assert_eq!(
        cluster.run(),
        [offered("framework3", "role1", "agent4", agent4)]
    );
}

#[test]
fn drf_with_fairness_exclusion() {
    let mut cluster = Cluster::with(Config {
        fairness_excluded: ["gpus".to_owned()].into(),
        ..Config::default()
    });
    let mut with_gpus = facts(&["role1"]);
    with_gpus.capabilities.gpu_resources = true;
    cluster.add_agent("agent1", "cpus:2;mem:1024;gpus:1");
    cluster.tell(framework("framework1", with_gpus));
    assert_eq!(cluster.one_offer().framework_id.as_str(), "framework1");

    cluster.add_framework("framework2", &["role2"]);
    cluster.add_agent("agent2", "cpus:3;mem:512");
    assert_eq!(cluster.one_offer().framework_id.as_str(), "framework2");

    // With GPUs role1's share would be 1; without it is 2 of 8 cpus, less than role2's.
    cluster.add_agent("agent3", "cpus:3;mem:2048");
    assert_eq!(cluster.one_offer().framework_id.as_str(), "framework1");
}

#[test]
fn nested_role_drf() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.add_framework("framework1", &["a/b"]);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "a/b", "agent1", "cpus:2;mem:1024")]
    );

    cluster.add_framework("framework2", &["a/c"]);
    cluster.add_framework("framework3", &["d/e"]);
    cluster.add_agent("agent2", "cpus:1;mem:512");
    assert_eq!(
        cluster.run(),
        [offered("framework3", "d/e", "agent2", "cpus:1;mem:512")]
    );

    cluster.add_framework("framework4", &["d/f"]);
    cluster.add_agent("agent3", "cpus:2;mem:1024");
    assert_eq!(
        cluster.run(),
        [offered("framework4", "d/f", "agent3", "cpus:2;mem:1024")]
    );
}

#[test]
fn coarse_grained() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.add_agent("agent2", "cpus:2;mem:1024");
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_framework("framework2", &["role2"]);
    let offers = cluster.run();
    assert_eq!(offers.len(), 2);
    for offer in &offers {
        let whole = resources("cpus:2;mem:1024").allocated(&offer.role);
        assert_eq!(offer.resources, whole, "an agent is offered whole");
    }
    let frameworks: BTreeSet<_> = offers.iter().map(|offer| &offer.framework_id).collect();
    assert_eq!(frameworks.len(), 2, "each framework gets one agent");
}

#[test]
fn same_share_fairness() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["*"]);
    cluster.add_framework("framework2", &["*"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    let mut counts = BTreeMap::new();
    for _ in 0..10 {
        let offer = cluster.one_offer();
        *counts.entry(offer.framework_id.clone()).or_insert(0) += 1;
        cluster.recover(&offer, None);
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [5, 5]);
}

#[test]
fn update_weight() {
    let mut cluster = Cluster::new();
    let weights = |pairs: &[(&str, f64)]| UpdateWeights {
        weights: pairs
            .iter()
            .map(|(name, weight)| (role(name), *weight))
            .collect(),
    };
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_framework("framework2", &["role2"]);
    let counts = |offers: &[Offered]| {
        let of = |id| {
            offers
                .iter()
                .filter(|offer| offer.framework_id.as_str() == id)
                .count()
        };
        (of("framework1"), of("framework2"))
    };

    for number in 0..6 {
        cluster.add_agent(&format!("agent{number}"), "cpus:2;mem:1024");
    }
    let offers = cluster.run();
    assert_eq!(counts(&offers), (3, 3));

    // New weights change nothing by themselves, only what is shared out anew.
    cluster.tell(weights(&[("role2", 2.0)]));
    cluster.no_offer();
    for offer in &offers {
        cluster.recover(offer, None);
    }
    let offers = cluster.run();
    assert_eq!(counts(&offers), (2, 4));

    cluster.tell(weights(&[("role1", 2.0), ("role2", 1.0)]));
    for offer in &offers {
        cluster.recover(offer, None);
    }
    assert_eq!(counts(&cluster.run()), (4, 2));
}

#[test]
fn weights_must_be_positive() {
    let mut cluster = Cluster::new();
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let weights = UpdateWeights {
            weights: [(role("a"), weight)].into(),
        };
        let result = cluster.allocator.handle(weights.into(), cluster.now);
        assert!(
            matches!(result, Err(AllocatorError::BadWeight { .. })),
            "{weight}"
        );
    }
}

#[test]
fn random_sorters_give_everyone_a_turn() {
    let mut cluster = Cluster::with(Config {
        role_sorter: SorterKind::Random,
        framework_sorter: SorterKind::Random,
        ..Config::default()
    });
    for (id, name) in [("f1", "a"), ("f2", "a"), ("f3", "b/c")] {
        cluster.add_framework(id, &[name]);
    }
    for number in 0..300 {
        cluster.add_agent(&format!("agent{number}"), "cpus:1");
    }
    let mut counts = BTreeMap::new();
    for offer in cluster.run() {
        *counts
            .entry(offer.framework_id.as_str().to_owned())
            .or_insert(0) += 1;
    }
    // 75, 75 and 150 expected.
    assert!(
        counts["f1"] > 45 && counts["f2"] > 45 && counts["f3"] > 110,
        "{counts:?}"
    );
}
