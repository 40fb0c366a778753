use std::time::Duration;

use messages::v1;
use model::ids::FrameworkId;

use crate::allocator::messages::Input as ToAllocator;
use crate::input::{Input, Timer};
use crate::testing::*;

fn failover(effects: &[crate::Effect]) -> (Duration, Timer) {
    timers(effects)
        .into_iter()
        .find(|(_, timer)| matches!(timer, Timer::FrameworkFailover { .. }))
        .unwrap()
}

fn patient() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        failover_timeout: Some(7.0),
        ..framework_info()
    }
}

#[test]
fn a_framework_that_stays_away_is_removed_when_its_time_is_over() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (id, stream) = world.framework_with(patient());
    world.offer(&id, &agent, "cpus:2");
    let effects = world.handle(Input::StreamClosed(stream));
    assert!(matches!(
        to_allocator(&effects)[0],
        ToAllocator::DeactivateFramework(_)
    ));
    assert_eq!(freed(&effects), [("cpus:2".to_owned(), None)]);
    let (after, timer) = failover(&effects);
    assert_eq!(after, Duration::from_secs(7));
    let effects = world.timer(timer);
    assert!(
        to_allocator(&effects)
            .iter()
            .any(|input| matches!(input, ToAllocator::RemoveFramework(_)))
    );
    let snapshot = world.master.snapshot();
    assert!(snapshot.frameworks.get(&id).is_none());
    assert!(snapshot.frameworks.completed().contains(&id));
}

#[test]
fn one_that_returned_and_left_again_has_its_whole_time_anew() {
    let mut world = World::new();
    let (id, stream) = world.framework_with(patient());
    let (_, first) = failover(&world.handle(Input::StreamClosed(stream)));
    let info = v1::FrameworkInfo {
        id: Some(id.to_proto()),
        ..patient()
    };
    let (stream, _) = world.subscribe_with(info);
    assert_eq!(world.timer(first.clone()), []);
    let (_, second) = failover(&world.handle(Input::StreamClosed(stream)));
    assert_eq!(world.timer(first), []);
    assert!(!world.timer(second).is_empty());
}

#[test]
fn endless_patience_is_no_overflow() {
    let mut world = World::new();
    let info = v1::FrameworkInfo {
        failover_timeout: Some(9.0e9),
        ..framework_info()
    };
    let (_, stream) = world.framework_with(info);
    let (after, _) = failover(&world.handle(Input::StreamClosed(stream)));
    assert_eq!(after, Duration::from_secs(9_000_000_000));
}

#[test]
fn nobody_else_can_deactivate_a_framework() {
    let mut world = World::new();
    let (id, _) = world.framework();
    let from = agent_pid(9);
    let input = Input::DriverDeactivate {
        from,
        framework: id.clone(),
    };
    assert_eq!(world.handle(input), []);
    let unknown = FrameworkId::from("nobody");
    let input = Input::DriverDeactivate {
        from: agent_pid(9),
        framework: unknown,
    };
    assert_eq!(world.handle(input), []);
    assert!(
        world
            .master
            .snapshot()
            .frameworks
            .get(&id)
            .unwrap()
            .is_active()
    );
}
