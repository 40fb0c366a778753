use messages::internal::RegisterSlaveMessage;
use messages::v1;

use crate::allocator::messages::Input as ToAllocator;
use crate::effect::{Effect, ToAgent};
use crate::input::{FromAgent, Input, Timer};
use crate::registry::Operation;
use crate::testing::*;

fn register(number: u16) -> RegisterSlaveMessage {
    RegisterSlaveMessage {
        slave: agent_info(number, "cpus:2;mem:512"),
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    }
}

fn send(world: &mut World, number: u16, message: RegisterSlaveMessage) -> Vec<Effect> {
    world.agent_says(number, FromAgent::Register(Box::new(message)))
}

#[test]
fn an_agent_is_written_down_before_it_is_welcomed() {
    let mut world = World::new();
    world.hold_writes = true;
    let effects = send(&mut world, 1, register(1));
    let [
        Effect::Write {
            operation: Operation::AdmitAgent { info },
            ..
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(info.id.as_ref().unwrap().value, "m-S0");
    // It asks again while the write is on its way.
    assert_eq!(send(&mut world, 1, register(1)), []);
    let effects = world.write();
    assert!(matches!(&effects[0], Effect::Link { to, .. } if *to == agent_pid(1)));
    assert!(matches!(
        to_allocator(&effects)[..],
        [ToAllocator::AddAgent(_)]
    ));
    let [ToAgent::Ping(ping), ToAgent::Registered(welcome)] = &to_agents(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert!(ping.connected);
    assert_eq!(welcome.slave_id.value, "m-S0");
    let connection = welcome.connection.as_ref().unwrap();
    assert_eq!(connection.total_ping_timeout_seconds, Some(75.0));
    assert!(matches!(timers(&effects)[..], [(_, Timer::Pings)]));
    // And again, since the welcome was lost.
    let effects = send(&mut world, 1, register(1));
    assert!(matches!(
        &effects[..],
        [Effect::Agent { message: ToAgent::Registered(again), .. }] if again == welcome
    ));
}

#[test]
fn an_agent_that_lost_its_id_replaces_its_old_self() {
    let mut world = World::new();
    let old = world.agent(1, "cpus:2;mem:512");
    world.handle(Input::Exited(agent_pid(1)));
    let effects = send(&mut world, 1, register(1));
    assert!(
        to_allocator(&effects)
            .iter()
            .any(|input| matches!(input, ToAllocator::RemoveAgent(it) if it.agent_id == old))
    );
    let snapshot = world.master.snapshot();
    assert_eq!(snapshot.agents.registered().len(), 1);
    assert!(snapshot.agents.was_removed(&old));
    assert_eq!(snapshot.metrics.slave_removals_reason_registered, 1);
    assert_eq!(snapshot.agents.connected(), 1);
    world.check_books();
    // The new one answers at the old one's address.
    assert_eq!(send(&mut world, 1, register(1)).len(), 1);
}

#[test]
fn agents_too_old_or_ill_described_are_not_answered() {
    let mut world = World::new();
    let old = RegisterSlaveMessage {
        version: Some("0.28.0".to_owned()),
        ..register(1)
    };
    let none = RegisterSlaveMessage {
        version: None,
        ..register(1)
    };
    let mut negative = register(1);
    negative.slave.resources[0].scalar = Some(v1::value::Scalar { value: -1.0 });
    let mut elsewhere = register(1);
    elsewhere.slave.domain = Some(v1::DomainInfo::default());
    for message in [old, none, negative, elsewhere] {
        assert_eq!(send(&mut world, 1, message), []);
    }
}

#[test]
fn before_the_registry_is_read_agents_are_not_heard() {
    let mut world = World::unrecovered(Default::default(), Default::default());
    assert_eq!(send(&mut world, 1, register(1)), []);
    assert_eq!(world.master.snapshot().metrics.dropped_messages, 1);
}
