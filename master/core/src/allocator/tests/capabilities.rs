//! What frameworks and agents know to handle: A13.

use super::*;

/// Whether a framework with these capabilities is offered the agent, and what of it.
fn offer_for(capabilities: FrameworkCapabilities, agent: AddAgent) -> Option<Resources> {
    let mut cluster = Cluster::new();
    cluster.tell(agent);
    cluster.tell(framework(
        "framework1",
        FrameworkFacts {
            capabilities,
            ..facts(&["a"])
        },
    ));
    let mut offers = cluster.run();
    assert!(offers.len() <= 1);
    offers.pop().map(|offer| offer.resources.unallocated())
}

fn none() -> FrameworkCapabilities {
    FrameworkCapabilities::default()
}

/// Constraints of role `a`: the attribute `rack` is this.
fn on_rack(rack: &str) -> FrameworkFacts {
    use ::messages::v1::scheduler::attribute_constraint::{
        Predicate, Selector, predicate, selector,
    };
    use ::messages::v1::scheduler::offer_constraints::{RoleConstraints, role_constraints::Group};
    use ::messages::v1::scheduler::{AttributeConstraint, OfferConstraints};
    let constraint = AttributeConstraint {
        selector: Selector {
            selector: Some(selector::Selector::AttributeName("rack".to_owned())),
        },
        predicate: Predicate {
            predicate: Some(predicate::Predicate::TextEquals(predicate::TextEquals {
                value: rack.to_owned(),
            })),
        },
    };
    let groups = vec![Group {
        attribute_constraints: vec![constraint],
    }];
    let constraints = OfferConstraints {
        role_constraints: [("a".to_owned(), RoleConstraints { groups })].into(),
    };
    FrameworkFacts {
        constraints: model::offer_constraints::parse(&constraints).unwrap(),
        ..facts(&["a", "b"])
    }
}

#[test]
fn constraints_keep_agents_away_from_a_role() {
    let mut cluster = Cluster::new();
    let mut on_r1 = agent("agent1", resources("cpus:1"));
    Arc::make_mut(&mut on_r1.facts.info).attributes =
        model::attributes::parse("rack:r1").unwrap().into();
    cluster.tell(on_r1);
    cluster.tell(framework("framework1", on_rack("r2")));
    let offer = cluster.one_offer();
    assert_eq!(
        offer.role,
        role("b"),
        "only the other role has no constraints"
    );

    let mut cluster = Cluster::new();
    let mut on_r1 = agent("agent1", resources("cpus:1"));
    Arc::make_mut(&mut on_r1.facts.info).attributes =
        model::attributes::parse("rack:r1").unwrap().into();
    cluster.tell(on_r1);
    let only_a = |rack| FrameworkFacts {
        roles: [role("a")].into(),
        ..on_rack(rack)
    };
    cluster.tell(framework("framework1", only_a("r2")));
    cluster.no_offer();
    cluster.tell(UpdateFramework {
        framework_id: "framework1".into(),
        facts: only_a("r1"),
    });
    cluster.one_offer();
}

#[test]
fn gpu_agents_only_for_frameworks_that_know_of_gpus() {
    let gpus = || agent("agent1", resources("cpus:1;gpus:1"));
    assert_eq!(offer_for(none(), gpus()), None);
    let able = FrameworkCapabilities {
        gpu_resources: true,
        ..none()
    };
    assert_eq!(offer_for(able, gpus()), Some(resources("cpus:1;gpus:1")));
    assert!(offer_for(able, agent("agent1", resources("cpus:1"))).is_some());

    let mut cluster = Cluster::with(Config {
        filter_gpu: false,
        ..Config::default()
    });
    cluster.tell(gpus());
    cluster.add_framework("framework1", &["a"]);
    cluster.one_offer();
}

#[test]
fn an_agent_that_lost_its_gpus_is_for_everyone() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["a"]);
    cluster.add_agent("agent1", "cpus:1;gpus:1");
    cluster.no_offer();
    cluster.tell(UpdateAgent {
        agent_id: "agent1".into(),
        facts: None,
        total: Some(resources("cpus:1").into()),
    });
    cluster.one_offer();
}

#[test]
fn dont_offer_old_agent_to_multi_role_framework() {
    let mut old = agent("agent1", resources("cpus:1"));
    old.facts.capabilities.multi_role = false;
    let multi = FrameworkCapabilities {
        multi_role: true,
        ..none()
    };
    assert_eq!(offer_for(multi, old.clone()), None);
    assert!(offer_for(none(), old).is_some());
}

#[test]
fn hierarchical_roles_only_on_agents_that_know_them() {
    let mut cluster = Cluster::new();
    let mut old = agent("agent1", resources("cpus:1"));
    old.facts.capabilities.hierarchical_role = false;
    cluster.tell(old.clone());
    cluster.add_framework("framework1", &["a/b"]);
    cluster.no_offer();
    old.facts.capabilities.hierarchical_role = true;
    cluster.tell(UpdateAgent {
        agent_id: "agent1".into(),
        facts: Some(old.facts),
        total: None,
    });
    cluster.one_offer();
}

#[test]
fn remote_agents_only_for_region_aware_frameworks() {
    let mut remote = agent("agent1", resources("cpus:1"));
    let east = v1::domain_info::FaultDomain {
        region: v1::domain_info::fault_domain::RegionInfo {
            name: "east".to_owned(),
        },
        ..Default::default()
    };
    Arc::make_mut(&mut remote.facts.info).domain = Some(Box::new(v1::DomainInfo {
        fault_domain: Some(east),
    }));
    for (region, offered) in [(Some("west"), false), (Some("east"), true), (None, false)] {
        let region = region.map(str::to_owned);
        let mut cluster = Cluster::with(Config {
            region,
            ..Config::default()
        });
        cluster.tell(remote.clone());
        cluster.add_framework("framework1", &["a"]);
        assert_eq!(cluster.run().len(), usize::from(offered));
        let mut aware = facts(&["a"]);
        aware.capabilities.region_aware = true;
        cluster.tell(framework("framework2", aware));
        assert_eq!(cluster.run().len(), usize::from(!offered));
    }
}

#[test]
fn oversubscribed_not_allocated() {
    let with_revocable = || agent("agent1", resources("cpus:1;mem:64") + revocable("cpus:2"));
    assert_eq!(
        offer_for(none(), with_revocable()),
        Some(resources("cpus:1;mem:64"))
    );
    let able = FrameworkCapabilities {
        revocable_resources: true,
        ..none()
    };
    let all = resources("cpus:1;mem:64") + revocable("cpus:2");
    assert_eq!(offer_for(able, with_revocable()), Some(all));
    assert_eq!(
        offer_for(none(), agent("agent1", revocable("cpus:2"))),
        None
    );
}

#[test]
fn what_one_framework_cannot_handle_goes_to_the_next() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["a"]);
    let mut able = facts(&["a"]);
    able.capabilities.revocable_resources = true;
    cluster.tell(framework("framework2", able));
    // framework1 comes first by name.
    cluster.tell(agent("agent1", resources("cpus:1") + revocable("cpus:2")));
    let offers = cluster.run();
    let expected = Offered {
        resources: revocable("cpus:2").allocated(&role("a")),
        ..offered("framework2", "a", "agent1", "")
    };
    assert_eq!(
        offers,
        [offered("framework1", "a", "agent1", "cpus:1"), expected]
    );
}

#[test]
fn shared_resources_capability() {
    let with_shared = || agent("agent1", resources("cpus:1") + shared("disk(a):10"));
    assert_eq!(offer_for(none(), with_shared()), Some(resources("cpus:1")));
    let able = FrameworkCapabilities {
        shared_resources: true,
        ..none()
    };
    let all = resources("cpus:1") + shared("disk(a):10");
    assert_eq!(offer_for(able, with_shared()), Some(all));
}

#[test]
fn allocate_shared_resources() {
    let mut cluster = Cluster::new();
    let mut able = facts(&["a"]);
    able.capabilities.shared_resources = true;
    cluster.tell(framework("framework1", able.clone()));
    cluster.tell(framework("framework2", able));
    cluster.tell(agent("agent1", resources("cpus:1") + shared("disk(a):10")));
    let first = cluster.one_offer();
    // A shared resource is there for the next one too, with something to use it.
    let half = Offered {
        resources: resources("cpus:0.5").allocated(&role("a")),
        ..first.clone()
    };
    cluster.recover(&half, None);
    let second = cluster.one_offer();
    let expected = resources("cpus:0.5") + shared("disk(a):10");
    assert_eq!(second.resources, expected.allocated(&role("a")));
    assert_ne!(first.framework_id, second.framework_id);
}
