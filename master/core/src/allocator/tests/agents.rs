//! Agents coming, going and changing.

use super::*;

#[test]
fn whitelist() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["*"]);
    cluster.tell(UpdateWhitelist {
        hosts: Some(["other".to_owned()].into()),
    });
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    assert_eq!(cluster.run_all(), []);
    cluster.tell(UpdateWhitelist {
        hosts: Some(["agent1".to_owned()].into()),
    });
    let offer = cluster.one_offer();
    cluster.recover(&offer, None);
    cluster.tell(UpdateWhitelist {
        hosts: Some(Default::default()),
    });
    assert_eq!(cluster.run_all(), []);
    cluster.tell(UpdateWhitelist { hosts: None });
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn a_renamed_host_is_looked_up_in_the_whitelist_again() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["*"]);
    cluster.tell(UpdateWhitelist {
        hosts: Some(["good".to_owned()].into()),
    });
    cluster.add_agent("agent1", "cpus:1");
    cluster.no_offer();
    let mut facts = agent("agent1", resources("")).facts;
    Arc::make_mut(&mut facts.info).hostname = "good".into();
    cluster.tell(UpdateAgent {
        agent_id: "agent1".into(),
        facts: Some(facts),
        total: None,
    });
    cluster.one_offer();
}

#[test]
fn deactivated_agents_are_not_offered() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["*"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.tell(DeactivateAgent {
        agent_id: "agent1".into(),
    });
    cluster.no_offer();
    assert_eq!(cluster.run_all(), []);
    cluster.tell(ActivateAgent {
        agent_id: "agent1".into(),
    });
    let offer = cluster.one_offer();
    cluster.tell(DeactivateAgent {
        agent_id: "agent1".into(),
    });
    cluster.recover(&offer, None);
    cluster.no_offer();
}

#[test]
fn remove_slave_recover_resources() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    let offer = cluster.one_offer();
    cluster.tell(RemoveAgent {
        agent_id: "agent1".into(),
    });
    assert!(cluster.allocator.total().is_empty());
    let figures = cluster.allocator.figures();
    assert!(
        figures.resources.is_empty(),
        "nothing is held of it any more: {figures:?}"
    );
    assert_eq!(figures.dominant_shares[&role("role1")], 0.0);

    // The master may still say that the offer's resources are free.
    let late = RecoverResources {
        framework_id: offer.framework_id.clone(),
        agent_id: offer.agent_id.clone(),
        resources: offer.resources.clone(),
        refuse: None,
    };
    assert_eq!(
        cluster.allocator.handle(late.into(), cluster.now),
        Err(AllocatorError::UnknownAgent("agent1".into()))
    );
    cluster.no_offer();

    cluster.add_agent("agent1", "cpus:2;mem:1024");
    assert_eq!(cluster.run(), [offer]);
}

#[test]
fn a_removed_agent_is_not_looked_at() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.tell(RemoveAgent {
        agent_id: "agent1".into(),
    });
    cluster.add_framework("framework1", &["role1"]);
    assert!(!cluster.allocator.has_candidates());
    assert_eq!(cluster.allocator.figures().candidates, 0);
}

#[test]
fn no_double_accounting() {
    let mut cluster = Cluster::new();
    let held = |name: &str| resources("cpus:1").allocated(&role(name));
    let mut agent1 = agent("agent1", resources("cpus:1"));
    agent1.used.insert("framework1".into(), held("role1"));
    let mut agent2 = agent("agent2", resources("cpus:1"));
    agent2.used.insert("framework2".into(), held("role2"));
    cluster.tell(agent1);
    cluster.tell(agent2);
    let shares = |cluster: &Cluster| {
        let shares = cluster.allocator.figures().dominant_shares;
        (shares[&role("role1")], shares[&role("role2")])
    };
    assert_eq!(shares(&cluster), (0.5, 0.5));
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_framework("framework2", &["role2"]);
    assert_eq!(shares(&cluster), (0.5, 0.5));
    cluster.no_offer();
}

#[test]
fn what_an_unknown_framework_holds_can_be_freed() {
    let mut cluster = Cluster::new();
    let mut agent1 = agent("agent1", resources("cpus:2"));
    agent1
        .used
        .insert("old".into(), resources("cpus:1").allocated(&role("role1")));
    cluster.tell(agent1);
    cluster.add_framework("framework1", &["role2"]);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role2", "agent1", "cpus:1")]
    );
    cluster.recover(&offered("old", "role1", "agent1", "cpus:1"), None);
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role2", "agent1", "cpus:1")]
    );
    assert_eq!(
        cluster.allocator.figures().frameworks,
        1,
        "nothing is left of the old one"
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
fn update_slave_total_resources() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.add_agent("agent1", "cpus:100;mem:100;disk:100");
    let offer = cluster.one_offer();
    let update = |cluster: &mut Cluster, total: &str| {
        cluster.tell(UpdateAgent {
            agent_id: "agent1".into(),
            facts: None,
            total: Some(resources(total).into()),
        });
    };
    update(&mut cluster, "cpus:150;mem:100;disk:100");
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", "cpus:50")]
    );

    // 150 cpus are held of 50: nothing is free until more than 100 came back.
    update(&mut cluster, "cpus:50;mem:150;disk:100");
    assert_eq!(
        cluster.run(),
        [offered("framework1", "role1", "agent1", "mem:50")]
    );
    cluster.recover(&offered("framework1", "role1", "agent1", "cpus:50"), None);
    cluster.no_offer();
    cluster.recover(
        &Offered {
            resources: offer.resources.clone(),
            ..offer
        },
        None,
    );
    assert_eq!(
        cluster.run(),
        [offered(
            "framework1",
            "role1",
            "agent1",
            "cpus:50;mem:100;disk:100"
        )]
    );
}

#[test]
fn update_slave_oversubscribed_resources() {
    let mut cluster = Cluster::new();
    let mut able = facts(&["role1"]);
    able.capabilities.revocable_resources = true;
    cluster.tell(framework("framework1", able));
    cluster.add_agent("agent1", "cpus:100;mem:100");
    cluster.one_offer();
    let total = |extra: &str| resources("cpus:100;mem:100") + revocable(extra);
    let update = |extra| UpdateAgent {
        agent_id: "agent1".into(),
        facts: None,
        total: Some(total(extra).into()),
    };
    cluster.tell(update("cpus:10"));
    assert_eq!(
        cluster.one_offer().resources,
        revocable("cpus:10").allocated(&role("role1"))
    );
    cluster.tell(update("cpus:12"));
    assert_eq!(
        cluster.one_offer().resources,
        revocable("cpus:2").allocated(&role("role1"))
    );
    cluster.tell(update("cpus:5"));
    cluster.no_offer();
    assert_eq!(
        cluster.allocator.total(),
        &total("cpus:5").scalar_quantities()
    );
}

#[test]
fn an_update_without_a_change_asks_for_nothing() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:1;mem:1");
    cluster.run();
    cluster.tell(UpdateAgent {
        agent_id: "agent1".into(),
        facts: Some(agent("agent1", resources("")).facts),
        total: Some(resources("mem:1;cpus:1").into()),
    });
    assert!(!cluster.allocator.has_candidates());
}

#[test]
fn events_about_the_unknown_are_refused() {
    let mut cluster = Cluster::new();
    let unknown = || AllocatorError::UnknownAgent("x".into());
    let inputs: [Input; 3] = [
        RemoveAgent {
            agent_id: "x".into(),
        }
        .into(),
        ActivateAgent {
            agent_id: "x".into(),
        }
        .into(),
        UpdateAgent {
            agent_id: "x".into(),
            facts: None,
            total: None,
        }
        .into(),
    ];
    for input in inputs {
        assert_eq!(cluster.allocator.handle(input, cluster.now), Err(unknown()));
    }
    cluster.add_agent("agent1", "cpus:1");
    let again = agent("agent1", resources("cpus:1"));
    assert_eq!(
        cluster.allocator.handle(again.into(), cluster.now),
        Err(AllocatorError::AgentExists("agent1".into()))
    );
    assert_eq!(
        cluster.allocator.total(),
        &resources("cpus:1").scalar_quantities()
    );
}

#[test]
fn an_agents_place_is_not_confused_with_its_predecessors() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["*"]);
    cluster.add_agent("agent1", "cpus:1");
    let offer = cluster.one_offer();
    cluster.recover(&offer, Some(seconds(100)));
    cluster.tell(RemoveAgent {
        agent_id: "agent1".into(),
    });
    cluster.add_agent("agent2", "cpus:1");
    assert_eq!(
        cluster.run(),
        [offered("framework1", "*", "agent2", "cpus:1")]
    );
}
