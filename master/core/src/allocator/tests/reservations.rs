//! Reserved resources are offered to their role, and to roles below it (A16, A22).

use super::*;

#[test]
fn reservations() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus(role1):2;mem(role1):1024");
    cluster.add_framework("framework2", &["role2"]);
    cluster.add_framework("framework3", &["*"]);
    cluster.no_offer();
    cluster.add_framework("framework1", &["role1"]);
    let text = "cpus(role1):2;mem(role1):1024";
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", text)]
    );
}

#[test]
fn one_agent_serves_several_roles_their_reservations() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_framework("framework2", &["role2"]);
    cluster.add_agent("agent1", "cpus(role1):1;cpus(role2):2;cpus:4;mem:64");
    let mut offers = cluster.run();
    offers.sort_by(|a, b| a.framework_id.cmp(&b.framework_id));
    assert_eq!(
        offers,
        [
            offered(
                "framework1",
                "role1",
                "agent1",
                "cpus(role1):1;cpus:4;mem:64"
            ),
            offered("framework2", "role2", "agent1", "cpus(role2):2"),
        ]
    );
}

#[test]
fn offer_ancestor_reservations_to_descendant_child() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["a/b/c"]);
    cluster.add_agent(
        "agent1",
        "cpus:1;cpus(a):1;mem(a/b):64;disk(a/b/c/d):10;disk(x):10",
    );
    assert_eq!(
        cluster.run(),
        [offered(
            "framework1",
            "a/b/c",
            "agent1",
            "cpus:1;cpus(a):1;mem(a/b):64"
        )]
    );
    cluster.add_framework("framework2", &["a/b"]);
    cluster.no_offer();
}

#[test]
fn refined_reservations_only_for_those_who_know_of_them() {
    let refined = resources("cpus(a):1")
        .push_reservation(&model::resources::Reservation::new_static(role("a/b")));
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["a/b"]);
    cluster.tell(agent("agent1", refined.clone()));
    cluster.no_offer();
    let mut able = facts(&["a/b"]);
    able.capabilities.reservation_refinement = true;
    cluster.tell(framework("framework2", able));
    assert_eq!(
        cluster.one_offer().resources,
        refined.allocated(&role("a/b"))
    );
}

#[test]
fn a_declined_reservation_is_filtered_alone() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus(role1):1");
    let offer = cluster.one_offer();
    cluster.recover(&offer, Some(seconds(100)));
    cluster.no_offer();
    cluster.tell(UpdateAgent {
        agent_id: "agent1".into(),
        facts: None,
        total: Some(resources("cpus(role1):1;cpus:1").into()),
    });
    assert_eq!(
        cluster.run(),
        [offered(
            "framework1",
            "role1",
            "agent1",
            "cpus(role1):1;cpus:1"
        )]
    );
}
