use std::time::Duration;

use messages::v1;
use model::Role;
use model::ids::AgentId;

use crate::allocator::messages::Input as ToAllocator;
use crate::config::Config;
use crate::effect::Effect;
use crate::input::{FromAgent, Input, Timer};
use crate::registry::{Operation, Registry};
use crate::testing::*;

fn registry(agents: &[&str]) -> Registry {
    let mut registry = Registry::default();
    for (number, id) in (1..).zip(agents) {
        let info = report(number, &AgentId::from(*id), "cpus:4").slave;
        registry
            .apply(&Operation::AdmitAgent {
                info: Box::new(info),
            })
            .unwrap();
    }
    registry
}

#[test]
fn agents_of_the_registry_have_time_to_return() {
    let mut world = World::unrecovered(Config::default(), registry(&["a", "b"]));
    let registry = world.registry.clone();
    let effects = world.handle(Input::Recovered(Box::new(registry)));
    assert_eq!(
        timers(&effects),
        [
            (Duration::from_secs(900), Timer::RegistryGc),
            (Duration::from_secs(600), Timer::RecoveredAgents),
        ]
    );
    assert_eq!(world.master.snapshot().agents.recovered().len(), 2);
    let message = report(1, &"a".into(), "cpus:4");
    world.agent_says(1, FromAgent::Reregister(Box::new(message.into())));
    world.timer(Timer::RecoveredAgents);
    let snapshot = world.master.snapshot();
    assert!(snapshot.agents.recovered().is_empty());
    assert!(snapshot.agents.get(&"a".into()).is_some());
    assert!(
        snapshot
            .agents
            .unreachable()
            .contains_key(&AgentId::from("b"))
    );
    assert_eq!(snapshot.metrics.recovery_slave_removals, 1);
    assert_eq!(world.registry.unreachable().len(), 1);
}

#[test]
fn a_master_that_would_lose_too_many_agents_ends_instead() {
    let config = Config {
        recovery_agent_removal_limit: 0.4,
        ..Default::default()
    };
    let mut world = World::with(config, registry(&["a", "b"]));
    let message = report(1, &"a".into(), "cpus:4");
    world.agent_says(1, FromAgent::Reregister(Box::new(message.into())));
    let effects = world.timer(Timer::RecoveredAgents);
    let [Effect::Exit(why)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(why.contains("1 (50%) agents"), "{why}");
    assert!(why.contains("10mins"), "{why}");
}

#[test]
fn stored_weights_win_over_the_flags() {
    let role = |name: &str| Role::parse(name).unwrap();
    let config = Config {
        weights: vec![(role("a"), 2.0)],
        ..Default::default()
    };
    let mut world = World::unrecovered(config.clone(), Registry::default());
    let effects = world.handle(Input::Recovered(Box::default()));
    assert!(matches!(
        to_allocator(&effects)[..],
        [ToAllocator::UpdateWeights(it)] if it.weights[&role("a")] == 2.0
    ));
    assert_eq!(world.registry.weights().len(), 1);
    let mut other = world.registry.clone();
    other
        .apply(&Operation::SetWeights {
            weights: vec![(role("b"), 3.0)],
        })
        .unwrap();
    let world = World::with(config, other);
    let weights: Vec<_> = world.master.snapshot().weights.into_iter().collect();
    assert_eq!(weights, [(role("b"), 3.0)]);
}

#[test]
fn a_registry_that_cannot_be_stored_ends_the_master() {
    let mut world = World::new();
    world.hold_writes = true;
    let message = messages::internal::RegisterSlaveMessage {
        slave: v1::AgentInfo {
            hostname: "h".to_owned(),
            ..Default::default()
        },
        version: Some("1.0.0".to_owned()),
        ..Default::default()
    };
    let effects = world.agent_says(1, FromAgent::Register(Box::new(message)));
    let [Effect::Write { ticket, .. }] = effects[..] else {
        panic!("{effects:?}")
    };
    let result = Err("disk full".to_owned());
    let effects = world.handle(Input::Written { ticket, result });
    assert_eq!(
        effects,
        [Effect::Exit(
            "Failed to store the registry: disk full".to_owned()
        )]
    );
}

#[test]
fn an_old_master_does_not_lead_over_what_it_cannot_understand() {
    let newer = messages::registry::Registry {
        minimum_capabilities: vec![messages::registry::MinimumCapability {
            capability: "AGENT_DRAINING".to_owned(),
        }],
        ..Default::default()
    };
    let registry = Registry::from_proto(newer);
    let mut world = World::unrecovered(Config::default(), registry.clone());
    let effects = world.handle(Input::Recovered(Box::new(registry)));
    let [Effect::Exit(why)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert!(why.contains("AGENT_DRAINING"), "{why}");
    assert_eq!(world.master.snapshot().elected, None);
}
