use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Subscribe, Type};
use messages::v1::scheduler::event;
use model::ids::FrameworkId;
use runtime_core::Pid;

use crate::allocator::messages::Input as ToAllocator;
use crate::connection::Connection;
use crate::effect::{DriverDetail, Effect, ToAgent};
use crate::input::{Input, Timer};
use crate::limits::HEARTBEAT_INTERVAL;
use crate::testing::*;

fn with_id(id: &FrameworkId) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some(id.to_proto()),
        ..framework_info()
    }
}

fn driver() -> Pid {
    "scheduler-1@10.0.1.1:4000".parse().unwrap()
}

fn subscribe_driver(
    world: &mut World,
    from: &Pid,
    info: v1::FrameworkInfo,
    force: bool,
) -> Vec<Effect> {
    let subscribe = Subscribe {
        framework_info: info,
        ..Default::default()
    };
    let call = v1::scheduler::Call {
        subscribe: Some(subscribe),
        ..call(Type::Subscribe)
    };
    world.handle(Input::DriverCall {
        from: from.clone(),
        force,
        call: Box::new(call),
    })
}

fn errors(effects: &[Effect]) -> Vec<(&Connection, &str)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Framework(to) => to
                .event
                .error
                .as_ref()
                .map(|error| (&to.to, error.message.as_str())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_new_framework_gets_an_id_its_events_and_a_heartbeat_at_once() {
    let mut world = World::new();
    let (stream, effects) = world.subscribe_with(framework_info());
    assert!(matches!(effects[0], Effect::OpenStream { .. }));
    let seen = events_to(&effects, &Connection::Http(stream));
    let kinds: Vec<_> = seen.iter().map(|event| event.r#type()).collect();
    assert_eq!(kinds, [event::Type::Subscribed, event::Type::Heartbeat]);
    let subscribed = seen[0].subscribed.as_ref().unwrap();
    assert_eq!(subscribed.framework_id.value, "m-0000");
    assert_eq!(subscribed.heartbeat_interval_seconds, Some(15.0));
    assert_eq!(subscribed.master_info.as_ref().unwrap().id, "m");
    assert!(matches!(
        to_allocator(&effects)[..],
        [ToAllocator::AddFramework(added)] if added.active
    ));
    let id = FrameworkId::from("m-0000");
    let heartbeat = Timer::Heartbeat {
        framework: id,
        stream,
    };
    assert_eq!(timers(&effects), [(HEARTBEAT_INTERVAL, heartbeat.clone())]);
    let effects = world.timer(heartbeat.clone());
    assert_eq!(events(&effects).count(), 1);
    assert_eq!(timers(&effects), [(HEARTBEAT_INTERVAL, heartbeat)]);
}

#[test]
fn the_newest_subscriber_by_http_takes_over() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (id, old) = world.framework();
    world.offer(&id, &agent, "cpus:1");
    let (new, effects) = world.subscribe_with(with_id(&id));
    assert_eq!(
        errors(&effects),
        [(&Connection::Http(old), "Framework failed over")]
    );
    assert!(effects.contains(&Effect::CloseStream(old)));
    let seen = events_to(&effects, &Connection::Http(new));
    assert_eq!(seen[0].r#type(), event::Type::Subscribed);
    assert_eq!(freed(&effects), [("cpus:1".to_owned(), None)]);
    assert!(events(&effects).all(|event| event.rescind.is_none()));
    // The old stream's end and heartbeat mean nothing any more.
    assert_eq!(world.handle(Input::StreamClosed(old)), []);
    assert_eq!(
        world.timer(Timer::Heartbeat {
            framework: id,
            stream: old
        }),
        []
    );
}

#[test]
fn a_framework_that_returns_in_time_is_active_again() {
    let mut world = World::new();
    let (id, stream) = world.framework();
    world.handle(Input::StreamClosed(stream));
    let (_, effects) = world.subscribe_with(with_id(&id));
    assert!(
        to_allocator(&effects)
            .iter()
            .any(|input| matches!(input, ToAllocator::ActivateFramework(_)))
    );
    assert_eq!(errors(&effects), []);
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

#[test]
fn agents_learn_how_a_returned_framework_is_now() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (id, _) = world.framework();
    world.task(&id, &agent, "t");
    let info = v1::FrameworkInfo {
        name: "renamed".to_owned(),
        ..with_id(&id)
    };
    let (_, effects) = world.subscribe_with(info);
    assert!(to_agents(&effects).iter().any(|message| matches!(
        message,
        ToAgent::UpdateFramework(update)
            if update.framework_info.as_ref().unwrap().name == "renamed"
    )));
    world.check_books();
}

#[test]
fn user_and_checkpointing_cannot_change_and_the_principal_must_not() {
    let mut world = World::new();
    let (id, _) = world.framework();
    let info = v1::FrameworkInfo {
        user: "other".to_owned(),
        checkpoint: Some(false),
        ..with_id(&id)
    };
    world.subscribe_with(info);
    let snapshot = world.master.snapshot();
    let known = snapshot.frameworks.get(&id).unwrap().info();
    assert_eq!((known.user.as_str(), known.checkpoint()), ("user", true));
    let info = v1::FrameworkInfo {
        principal: Some("p".to_owned()),
        ..with_id(&id)
    };
    let (stream, effects) = world.subscribe_with(info);
    assert_eq!(errors(&effects).len(), 1);
    assert!(effects.contains(&Effect::CloseStream(stream)));
}

#[test]
fn what_cannot_be_is_refused_on_its_own_stream() {
    let mut world = World::new();
    let bad_role = v1::FrameworkInfo {
        role: Some("a//b".to_owned()),
        ..framework_info()
    };
    let bad_timeout = v1::FrameworkInfo {
        failover_timeout: Some(1e300),
        ..framework_info()
    };
    for info in [bad_role, bad_timeout] {
        let (stream, effects) = world.subscribe_with(info);
        assert_eq!(errors(&effects).len(), 1, "{effects:?}");
        assert_eq!(effects.last(), Some(&Effect::CloseStream(stream)));
    }
    let (id, _) = world.framework();
    world.call(&id, call(Type::Teardown));
    let (stream, effects) = world.subscribe_with(with_id(&id));
    assert_eq!(
        errors(&effects),
        [(&Connection::Http(stream), "Framework has been removed")]
    );
}

#[test]
fn a_framework_of_an_earlier_master_keeps_its_id() {
    let mut world = World::new();
    let id = FrameworkId::from("old-0007");
    let (_, effects) = world.subscribe_with(with_id(&id));
    let subscribed = events(&effects)
        .find_map(|event| event.subscribed.as_ref())
        .unwrap();
    assert_eq!(subscribed.framework_id.value, "old-0007");
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

#[test]
fn another_driver_needs_force_to_take_over() {
    let mut world = World::new();
    let effects = subscribe_driver(&mut world, &driver(), framework_info(), false);
    let (id, detail) = registered(&effects);
    assert_eq!(detail, DriverDetail::None);
    // A retry gets the same answer.
    let again = subscribe_driver(&mut world, &driver(), framework_info(), false);
    assert_eq!(registered(&again), (id.clone(), DriverDetail::None));
    let id = FrameworkId::from(id);
    let other: Pid = "scheduler-2@10.0.1.2:4000".parse().unwrap();
    let effects = subscribe_driver(&mut world, &other, with_id(&id), false);
    let refused = Connection::Pid(other.clone());
    assert_eq!(errors(&effects), [(&refused, "Framework failed over")]);
    let effects = subscribe_driver(&mut world, &other, with_id(&id), true);
    let old = Connection::Pid(driver());
    assert_eq!(errors(&effects), [(&old, "Framework failed over")]);
    // The same driver asks again without force: it was cut off for a moment.
    let effects = subscribe_driver(&mut world, &other, with_id(&id), false);
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Framework(to) if to.driver == DriverDetail::Reregistered
    )));
}

#[test]
fn suppressed_roles_must_be_the_frameworks_own() {
    let mut world = World::new();
    let info = v1::FrameworkInfo {
        roles: vec!["a".to_owned(), "b".to_owned()],
        ..with_capability(framework_info(), Capability::MultiRole)
    };
    let mut refused = |suppressed: &[&str]| {
        let subscribe = Subscribe {
            framework_info: info.clone(),
            suppressed_roles: suppressed.iter().map(|role| (*role).to_owned()).collect(),
            offer_constraints: None,
        };
        let call = v1::scheduler::Call {
            subscribe: Some(subscribe),
            ..call(Type::Subscribe)
        };
        let effects = world.handle(Input::SchedulerCall {
            token: crate::Token(0),
            stream: None,
            principal: None,
            call: Box::new(call),
        });
        errors(&effects).first().map(|(_, text)| (*text).to_owned())
    };
    assert_eq!(refused(&["a"]), None);
    assert_eq!(
        refused(&["a", "c"]).as_deref(),
        Some("Suppressed role 'c' is not contained in the list of roles")
    );
}

/// A framework that has time to return.
fn patient() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        failover_timeout: Some(60.0),
        ..framework_info()
    }
}

/// The framework that a driver's subscription makes, and how the driver is told.
fn registered(effects: &[Effect]) -> (String, DriverDetail) {
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Framework(to) => Some((to.event.subscribed.as_ref()?, to.driver.clone())),
        _ => None,
    });
    let (subscribed, detail) = told.unwrap();
    (subscribed.framework_id.value.clone(), detail)
}

#[test]
fn a_driver_that_is_cut_off_before_it_hears_its_id_gets_the_same_again() {
    let mut world = World::new();
    subscribe_driver(&mut world, &driver(), patient(), false);
    // However often.
    for _ in 0..2 {
        world.handle(Input::Exited(driver()));
        let effects = subscribe_driver(&mut world, &driver(), patient(), false);
        // It has no id to be registered again with.
        assert_eq!(
            registered(&effects),
            ("m-0000".to_owned(), DriverDetail::None)
        );
        let to_allocator = to_allocator(&effects);
        assert!(
            to_allocator
                .iter()
                .any(|input| matches!(input, ToAllocator::ActivateFramework(_)))
        );
        let frameworks = world.master.snapshot().frameworks;
        assert_eq!(frameworks.registered().len(), 1);
        assert!(frameworks.get(&"m-0000".into()).unwrap().is_active());
    }
}

#[test]
fn a_driver_that_begins_where_another_one_ran_is_a_new_framework() {
    // The one before had heard its id, and may have left tasks.
    let mut world = World::new();
    subscribe_driver(&mut world, &driver(), patient(), false);
    world.handle(Input::DriverCall {
        from: driver(),
        force: false,
        call: Box::new(v1::scheduler::Call {
            framework_id: Some(FrameworkId::from("m-0000").to_proto()),
            ..call(Type::Revive)
        }),
    });
    world.handle(Input::Exited(driver()));
    let effects = subscribe_driver(&mut world, &driver(), patient(), false);
    assert_eq!(registered(&effects).0, "m-0001");
    // It had taken over another framework, by its id.
    let mut world = World::new();
    let id = FrameworkId::from("old-0007");
    let returns = v1::FrameworkInfo {
        id: Some(id.to_proto()),
        ..patient()
    };
    subscribe_driver(&mut world, &driver(), returns, true);
    world.handle(Input::Exited(driver()));
    let effects = subscribe_driver(&mut world, &driver(), patient(), false);
    assert_eq!(registered(&effects).0, "m-0000");
    // It was something else.
    let mut world = World::new();
    subscribe_driver(&mut world, &driver(), patient(), false);
    world.handle(Input::Exited(driver()));
    let other = v1::FrameworkInfo {
        name: "other".to_owned(),
        ..patient()
    };
    let effects = subscribe_driver(&mut world, &driver(), other, false);
    assert_eq!(registered(&effects).0, "m-0001");
}
