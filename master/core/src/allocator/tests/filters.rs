//! Offer filters: A10, A11.

use super::*;

/// An agent and a framework that was just offered it.
fn offered_agent() -> (Cluster, Offered) {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:1;mem:512");
    let offer = cluster.one_offer();
    (cluster, offer)
}

#[test]
fn offer_filter() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(seconds(10)));
    assert_eq!(
        cluster.allocator.deadline(),
        Some(cluster.now + seconds(10))
    );
    cluster.no_offer();
    assert_eq!(cluster.after(seconds(9)), []);
    assert_eq!(cluster.after(seconds(1)), [offer]);
    assert_eq!(cluster.allocator.deadline(), None);
}

#[test]
fn a_run_at_the_deadline_needs_no_batch() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(seconds(10)));
    cluster.no_offer();
    assert!(!cluster.allocator.has_candidates());
    cluster.now = cluster.allocator.deadline().unwrap();
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn small_offer_filter_timeout() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(Duration::from_millis(1)));
    assert_eq!(
        cluster.after(Duration::from_millis(999)),
        [],
        "one interval at least"
    );
    assert_eq!(cluster.after(Duration::from_millis(1)), [offer]);
}

#[test]
fn refusing_for_no_time_is_no_filter() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(Duration::ZERO));
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn a_filtered_agent_goes_to_others() {
    let (mut cluster, offer) = offered_agent();
    cluster.add_framework("framework2", &["role1"]);
    cluster.add_framework("framework3", &["role2"]);
    cluster.recover(&offer, Some(seconds(100)));
    let second = cluster.one_offer();
    cluster.recover(&second, Some(seconds(100)));
    let third = cluster.one_offer();
    cluster.recover(&third, Some(seconds(100)));
    cluster.no_offer();
    let seen = [&offer, &second, &third].map(|offer| offer.framework_id.as_str().to_owned());
    assert_eq!(BTreeSet::from(seen).len(), 3);
}

#[test]
fn a_filter_is_for_one_role_only() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1", "role2"]);
    cluster.add_agent("agent1", "cpus:1;mem:512");
    let first = cluster.one_offer();
    cluster.recover(&first, Some(seconds(100)));
    let second = cluster.one_offer();
    assert_ne!(first.role, second.role);
    cluster.recover(&second, Some(seconds(100)));
    cluster.no_offer();
}

#[test]
fn more_than_was_refused_is_offered() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    let offer = cluster.one_offer();
    let half = Offered {
        resources: resources("cpus:1;mem:512").allocated(&role("role1")),
        ..offer
    };
    cluster.recover(&half, Some(seconds(100)));
    cluster.no_offer();
    cluster.recover(&half, None);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", "cpus:2;mem:1024")]
    );
}

#[test]
fn a_filter_that_covers_an_older_one_replaces_it() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    let offer = cluster.one_offer();
    let half = Offered {
        resources: resources("cpus:1;mem:512").allocated(&role("role1")),
        ..offer.clone()
    };
    cluster.recover(&half, Some(seconds(5)));
    cluster.recover(&half, Some(seconds(5)));
    let active = |cluster: &Cluster| cluster.allocator.figures().filters[&role("role1")];
    assert_eq!(active(&cluster), 1);
    let whole = cluster.one_offer();
    cluster.recover(&whole, Some(seconds(50)));
    assert_eq!(active(&cluster), 1);
    assert_eq!(cluster.after(seconds(49)), []);
    assert_eq!(cluster.after(seconds(1)), [whole]);
    assert_eq!(active(&cluster), 0);
}

#[test]
fn remove_filters() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(seconds(1000)));
    cluster.no_offer();
    let mut facts = agent("agent1", resources("")).facts;
    Arc::make_mut(&mut facts.info).attributes = Box::new([::messages::v1::Attribute {
        name: "rack".to_owned(),
        ..Default::default()
    }]);
    cluster.tell(UpdateAgent {
        agent_id: "agent1".into(),
        facts: Some(facts),
        total: None,
    });
    assert_eq!(cluster.run(), [offer], "changed attributes drop filters");
    assert_eq!(cluster.allocator.deadline(), None);
}

#[test]
fn filters_go_with_their_agent() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(seconds(1000)));
    cluster.tell(RemoveAgent {
        agent_id: "agent1".into(),
    });
    assert_eq!(cluster.allocator.deadline(), None);
    cluster.add_agent("agent1", "cpus:1;mem:512");
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn filters_go_with_their_framework() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(seconds(1000)));
    cluster.tell(RemoveFramework {
        framework_id: "framework1".into(),
    });
    assert_eq!(cluster.allocator.deadline(), None);
    cluster.add_framework("framework1", &["role1"]);
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn revive_offers() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, Some(seconds(1000)));
    cluster.no_offer();
    cluster.revive("framework1", &[]);
    assert_eq!(cluster.run(), [offer]);
    assert_eq!(cluster.allocator.deadline(), None);
}

#[test]
fn suppress_and_revive_offers() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, None);
    cluster.suppress("framework1", &[]);
    assert_eq!(cluster.run_all(), []);
    assert_eq!(cluster.after(seconds(100)), []);
    cluster.revive("framework1", &[]);
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn suppress_and_revive_offers_with_multi_role() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1", "role2"]);
    cluster.suppress("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    let offer = cluster.one_offer();
    assert_eq!(offer.role, role("role2"));
    cluster.recover(&offer, None);
    cluster.suppress("framework1", &["role2"]);
    cluster.no_offer();
    cluster.revive("framework1", &["role1"]);
    assert_eq!(cluster.one_offer().role, role("role1"));
}

#[test]
fn reviving_one_role_keeps_the_filters_of_another() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1", "role2"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    for _ in 0..2 {
        let offer = cluster.one_offer();
        cluster.recover(&offer, Some(seconds(1000)));
    }
    cluster.revive("framework1", &["role2"]);
    let offer = cluster.one_offer();
    assert_eq!(offer.role, role("role2"));
    cluster.recover(&offer, Some(seconds(1000)));
    cluster.no_offer();
}

#[test]
fn a_role_that_the_framework_has_not_is_not_suppressed() {
    let (mut cluster, offer) = offered_agent();
    cluster.recover(&offer, None);
    cluster.suppress("framework1", &["elsewhere"]);
    assert_eq!(cluster.run(), [offer]);
}
