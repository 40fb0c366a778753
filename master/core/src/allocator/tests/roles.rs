//! Frameworks changing their roles.

use super::*;

fn update(cluster: &mut Cluster, facts: FrameworkFacts) {
    cluster.tell(UpdateFramework {
        framework_id: "framework1".into(),
        facts,
    });
}

#[test]
fn a_new_role_gets_offers_and_an_old_one_none() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2");
    let offer = cluster.one_offer();
    update(&mut cluster, facts(&["role2"]));
    cluster.no_offer();
    // What is held for the old role counts for it until it is free.
    assert_eq!(
        cluster.allocator.figures().dominant_shares[&role("role1")],
        1.0
    );
    cluster.recover(&offer, Some(seconds(1000)));
    assert_eq!(
        cluster.allocator.deadline(),
        None,
        "no filter for a role that is not there"
    );
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role2", "agent1", "cpus:2")]
    );
    assert!(
        !cluster
            .allocator
            .figures()
            .dominant_shares
            .contains_key(&role("role1"))
    );
}

#[test]
fn a_role_that_is_given_up_and_taken_again_has_no_filters() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2");
    let offer = cluster.one_offer();
    cluster.recover(&offer, Some(seconds(1000)));
    cluster.no_offer();
    update(&mut cluster, facts(&[]));
    cluster.no_offer();
    update(&mut cluster, facts(&["role1"]));
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn an_update_suppresses_and_revives() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2");
    let offer = cluster.one_offer();
    cluster.recover(&offer, Some(seconds(1000)));
    update(
        &mut cluster,
        FrameworkFacts {
            suppressed: [role("role1")].into(),
            ..facts(&["role1"])
        },
    );
    assert_eq!(cluster.after(seconds(2000)), []);
    update(&mut cluster, facts(&["role1"]));
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn an_update_that_changes_nothing_keeps_filters() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2");
    let offer = cluster.one_offer();
    cluster.recover(&offer, Some(seconds(1000)));
    update(&mut cluster, facts(&["role1"]));
    cluster.no_offer();
}

#[test]
fn parents_and_children_compete() {
    let mut cluster = Cluster::new();
    cluster.add_framework("parent", &["a"]);
    cluster.add_framework("child", &["a/b"]);
    cluster.add_framework("other", &["c"]);
    for number in 0..8 {
        cluster.add_agent(&format!("agent{number}"), "cpus:1");
    }
    let offers = cluster.run();
    let count = |id: &str| {
        offers
            .iter()
            .filter(|offer| offer.framework_id.as_str() == id)
            .count()
    };
    assert_eq!((count("parent"), count("child"), count("other")), (2, 2, 4));
}
