//! Frameworks coming, going and changing.

use super::*;

#[test]
fn deactivate_and_reactivate_framework() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.add_framework("framework1", &["role1"]);
    let offer = cluster.one_offer();
    cluster.tell(DeactivateFramework {
        framework_id: "framework1".into(),
    });
    cluster.recover(&offer, Some(seconds(1000)));
    assert_eq!(cluster.run_all(), []);
    cluster.tell(DeactivateFramework {
        framework_id: "framework1".into(),
    });
    cluster.tell(ActivateFramework {
        framework_id: "framework1".into(),
    });
    assert_eq!(
        cluster.run(),
        [offer],
        "its filters went with the deactivation"
    );
}

#[test]
fn a_suppressed_role_stays_suppressed_over_a_deactivation() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["role1"]);
    cluster.suppress("framework1", &[]);
    cluster.tell(DeactivateFramework {
        framework_id: "framework1".into(),
    });
    cluster.tell(ActivateFramework {
        framework_id: "framework1".into(),
    });
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.no_offer();
}

#[test]
fn an_inactive_framework_is_added_without_offers() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    cluster.tell(AddFramework {
        active: false,
        ..framework("framework1", facts(&["role1"]))
    });
    assert_eq!(cluster.run_all(), []);
    cluster.tell(ActivateFramework {
        framework_id: "framework1".into(),
    });
    cluster.one_offer();
}

#[test]
fn roles_may_be_suppressed_from_the_start() {
    let mut cluster = Cluster::new();
    cluster.add_agent("agent1", "cpus:2;mem:1024");
    let suppressed = FrameworkFacts {
        suppressed: [role("role1")].into(),
        ..facts(&["role1", "role2"])
    };
    cluster.tell(framework("framework1", suppressed));
    assert_eq!(cluster.one_offer().role, role("role2"));
}

#[test]
fn what_a_removed_framework_held_is_free() {
    let mut cluster = Cluster::new();
    for id in ["agent1", "agent2"] {
        cluster.add_agent(id, "cpus:2;mem:1024");
    }
    cluster.add_framework("framework1", &["role1", "role2"]);
    assert_eq!(cluster.run().len(), 2);
    cluster.add_framework("framework2", &["role1"]);
    cluster.no_offer();
    cluster.tell(RemoveFramework {
        framework_id: "framework1".into(),
    });
    assert_eq!(
        pairs(&cluster.run()),
        BTreeSet::from([("framework2", "agent1"), ("framework2", "agent2")])
    );
    let shares = cluster.allocator.figures().dominant_shares;
    assert_eq!(
        shares.into_iter().collect::<Vec<_>>(),
        [(role("role1"), 1.0)]
    );
}

#[test]
fn framework_loop_mesos_9554() {
    // A framework with many roles and another with one: what the first declines for all
    // of its roles must reach the second.
    let mut cluster = Cluster::new();
    let names: Vec<String> = (0..20).map(|number| format!("role{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cluster.add_framework("greedy", &names);
    cluster.add_framework("humble", &["other"]);
    cluster.add_agent("agent1", "cpus:1");
    for _ in 0..21 {
        let offer = cluster.one_offer();
        if offer.framework_id.as_str() == "humble" {
            return;
        }
        cluster.recover(&offer, Some(seconds(100)));
    }
    panic!("the second framework was never offered anything");
}

#[test]
fn adding_a_framework_twice_is_refused() {
    let mut cluster = Cluster::new();
    cluster.add_framework("framework1", &["a"]);
    let again = framework("framework1", facts(&["b"]));
    assert_eq!(
        cluster.allocator.handle(again.into(), cluster.now),
        Err(AllocatorError::FrameworkExists("framework1".into()))
    );
    let unknown = RemoveFramework {
        framework_id: "x".into(),
    };
    assert_eq!(
        cluster.allocator.handle(unknown.into(), cluster.now),
        Err(AllocatorError::UnknownFramework("x".into()))
    );
}

#[test]
fn descriptions_are_read() {
    use ::messages::v1;
    use v1::framework_info::{Capability, capability::Type};
    let info = |roles: &[&str], capabilities: &[Type]| v1::FrameworkInfo {
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        capabilities: capabilities
            .iter()
            .map(|capability| Capability {
                r#type: Some(*capability as i32),
            })
            .collect(),
        ..Default::default()
    };
    let multi = FrameworkFacts::new(&info(&["a", "b/c"], &[Type::MultiRole]), BTreeSet::new());
    assert_eq!(multi, Ok(facts(&["a", "b/c"])));

    let single =
        FrameworkFacts::new(&info(&["a"], &[Type::GpuResources]), BTreeSet::new()).unwrap();
    assert_eq!(single.roles, [Role::any()].into());
    assert!(single.capabilities.gpu_resources && !single.capabilities.multi_role);

    let bad = FrameworkFacts::new(&info(&["a//b"], &[Type::MultiRole]), BTreeSet::new());
    assert!(matches!(bad, Err(FactsError::Role(_))));
}
