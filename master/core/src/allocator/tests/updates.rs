//! Operations that change what is offered.

use super::*;

fn reserve(from: &str, to: &str) -> Conversion {
    let allocated = |text| resources(text).allocated(&role("role1"));
    Conversion {
        consumed: allocated(from),
        converted: allocated(to),
    }
}

fn update(offer: &Offered, conversions: Vec<Conversion>) -> UpdateAllocation {
    UpdateAllocation {
        framework_id: offer.framework_id.clone(),
        agent_id: offer.agent_id.clone(),
        offered: offer.resources.clone(),
        conversions,
    }
}

fn offered_agent() -> (Cluster, Offered) {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:100;mem:100;disk:100");
    let offer = cluster.one_offer();
    (cluster, offer)
}

#[test]
fn update_allocation() {
    let (mut cluster, offer) = offered_agent();
    cluster.tell(update(&offer, vec![reserve("cpus:40", "cpus(role1):40")]));
    cluster.no_offer();
    let changed = "cpus:60;cpus(role1):40;mem:100;disk:100";
    cluster.recover(&offered("framework1", "role1", "agent1", changed), None);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", changed)]
    );
    assert_eq!(cluster.allocator.figures().resources["cpus"].total, 100.0);

    cluster.recover(&offered("framework1", "role1", "agent1", changed), None);
    cluster.tell(RemoveFramework {
        framework_id: "framework1".into(),
    });
    cluster.add_framework("framework2", &["role2"]);
    assert_eq!(
        cluster.run(),
        [offered(
            "framework2",
            "role2",
            "agent1",
            "cpus:60;mem:100;disk:100"
        )]
    );
}

#[test]
fn update_allocation_is_no_turn() {
    let (mut cluster, offer) = offered_agent();
    cluster.add_framework("framework2", &["role1"]);
    cluster.recover(&offer, None);
    let offer = cluster.one_offer();
    assert_eq!(offer.framework_id.as_str(), "framework2");
    cluster.tell(update(&offer, vec![reserve("cpus:40", "cpus(role1):40")]));
    cluster.tell(update(
        &offered("framework2", "role1", "agent1", "cpus(role1):40"),
        vec![reserve("cpus(role1):40", "cpus:40")],
    ));
    cluster.recover(&offer, None);
    assert_eq!(cluster.one_offer().framework_id.as_str(), "framework1");
}

#[test]
fn update_allocation_remove_resources() {
    let (mut cluster, offer) = offered_agent();
    cluster.tell(update(&offer, vec![reserve("disk:100", "")]));
    let figures = cluster.allocator.figures();
    assert_eq!(
        figures.resources["cpus"],
        Amounts {
            total: 100.0,
            offered_or_allocated: 100.0
        }
    );
    assert!(!figures.resources.contains_key("disk"));
    cluster.recover(
        &offered("framework1", "role1", "agent1", "cpus:100;mem:100"),
        None,
    );
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", "cpus:100;mem:100")]
    );
}

#[test]
fn another_copy_of_a_shared_resource_is_no_more_of_it() {
    let mut cluster = Cluster::new();
    let mut able = facts(&["role1"]);
    able.capabilities.shared_resources = true;
    cluster.tell(framework("framework1", able));
    cluster.tell(agent(
        "agent1",
        resources("cpus:10") + shared("disk(role1):10"),
    ));
    let offer = cluster.one_offer();
    let copy = shared("disk(role1):10").allocated(&role("role1"));
    cluster.tell(update(
        &offer,
        vec![Conversion {
            consumed: Resources::new(),
            converted: copy.clone(),
        }],
    ));
    assert_eq!(cluster.allocator.figures().resources["disk"].total, 10.0);
    // Both copies can be given back.
    cluster.recover(
        &Offered {
            resources: copy.clone(),
            ..offer.clone()
        },
        None,
    );
    cluster.recover(&offer, None);
    let expected = resources("cpus:10") + shared("disk(role1):10");
    assert_eq!(
        cluster.one_offer().resources,
        expected.allocated(&role("role1"))
    );
}

#[test]
fn what_is_not_there_is_not_converted() {
    let (mut cluster, offer) = offered_agent();
    let before = cluster.allocator.figures();
    let input = update(&offer, vec![reserve("cpus:400", "cpus(role1):400")]);
    let result = cluster.allocator.handle(input.into(), cluster.now);
    assert!(matches!(result, Err(AllocatorError::NotThere(_))));
    assert_eq!(cluster.allocator.figures(), before);
}

#[test]
fn recover_resources() {
    let (mut cluster, offer) = offered_agent();
    let part = |text| offered("framework1", "role1", "agent1", text);
    cluster.recover(&part("cpus:30"), None);
    assert_eq!(cluster.run(), [part("cpus:30")]);
    cluster.recover(&part("cpus:10;mem:100"), None);
    cluster.recover(&part("cpus:90;disk:100"), None);
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn what_is_not_held_is_not_recovered() {
    let (mut cluster, offer) = offered_agent();
    for (framework, text) in [("framework1", "cpus:101"), ("framework1", "gpus:1")] {
        let wrong = RecoverResources {
            framework_id: framework.into(),
            agent_id: offer.agent_id.clone(),
            resources: resources(text).allocated(&role("role1")),
            refuse: None,
        };
        let result = cluster.allocator.handle(wrong.into(), cluster.now);
        assert!(matches!(result, Err(AllocatorError::NotHeld(_))), "{text}");
    }
    cluster.no_offer();
}

#[test]
fn resources_of_two_roles_are_recovered_together_or_not_at_all() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1", "role2"]);
    cluster.add_agent("agent1", "cpus(role1):1;cpus(role2):2");
    assert_eq!(cluster.run().len(), 2);
    let both = |first: &str, second: &str| RecoverResources {
        framework_id: "framework1".into(),
        agent_id: "agent1".into(),
        resources: resources(first).allocated(&role("role1"))
            + resources(second).allocated(&role("role2")),
        refuse: None,
    };
    let before = cluster.allocator.figures();
    let wrong = both("cpus(role1):1", "cpus(role2):3");
    assert!(cluster.allocator.handle(wrong.into(), cluster.now).is_err());
    assert_eq!(cluster.allocator.figures(), before);
    cluster.tell(both("cpus(role1):1", "cpus(role2):2"));
    assert_eq!(cluster.run().len(), 2);
}

#[test]
fn messages_survive_the_codec() {
    use runtime_core::{Codec, Message};
    let message = AddAgent {
        used: [("f".into(), resources("cpus:1").allocated(&role("a")))].into(),
        ..agent(
            "agent1",
            resources("cpus:2;ports:[1-5]") + revocable("mem:1"),
        )
    };
    for codec in [Codec::MessagePack, Codec::Json] {
        let mut body = Vec::new();
        message.encode(codec, &mut body).unwrap();
        assert_eq!(AddAgent::decode(codec, &body).unwrap(), message);
    }
    assert_eq!(AddAgent::NAME, "mesos.allocator.AddAgent");
}
