use messages::v1;
use messages::v1::scheduler::call::Type;
use model::ids::FrameworkId;

use crate::connection::{Outcome, Token};
use crate::input::Input;
use crate::testing::*;

fn bad(text: &str) -> Outcome {
    Outcome::BadRequest(text.to_owned())
}

fn as_framework(id: &FrameworkId, kind: Type) -> v1::scheduler::Call {
    v1::scheduler::Call {
        framework_id: Some(id.to_proto()),
        ..call(kind)
    }
}

#[test]
fn a_caller_must_be_subscribed_and_name_its_stream() {
    let mut world = World::new();
    let (id, stream) = world.framework();
    let nobody = as_framework(&"nobody".into(), Type::Revive);
    assert_eq!(
        world.raw_call(None, nobody).0,
        bad("Framework cannot be found")
    );
    let own = as_framework(&id, Type::Revive);
    assert_eq!(
        world.raw_call(None, own.clone()).0,
        bad("All non-subscribe calls should include the 'Mesos-Stream-Id' header")
    );
    assert_eq!(
        world.raw_call(Some("other".to_owned()), own.clone()).0,
        bad(&format!(
            "The stream ID 'other' included in this request didn't match the stream ID \
             currently associated with framework ID {id}"
        ))
    );
    let (outcome, _) = world.raw_call(Some("x".repeat(4000)), own.clone());
    assert_eq!(outcome.status(), 400);
    assert!(outcome.text().len() < 200);
    assert_eq!(
        world.raw_call(Some(stream.to_string()), own.clone()).0,
        Outcome::Accepted
    );
    world.handle(Input::StreamClosed(stream));
    assert_eq!(
        world.raw_call(Some(stream.to_string()), own).0,
        Outcome::Forbidden("Framework is not subscribed".to_owned())
    );
}

#[test]
fn a_subscription_has_no_stream_yet() {
    let mut world = World::new();
    let (outcome, effects) = world.raw_call(Some("any".to_owned()), call(Type::Subscribe));
    assert_eq!(
        outcome,
        bad("Subscribe calls should not include the 'Mesos-Stream-Id' header")
    );
    assert_eq!(effects, []);
}

#[test]
fn the_principal_must_be_the_frameworks() {
    let mut world = World::new();
    let (id, stream) = world.framework();
    let effects = world.handle(Input::SchedulerCall {
        token: Token(0),
        stream: Some(stream.to_string()),
        principal: Some("mallory".to_owned()),
        call: Box::new(as_framework(&id, Type::Teardown)),
    });
    let [crate::Effect::Answer { outcome, .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(outcome.status(), 400);
    assert!(
        outcome
            .text()
            .starts_with("Authenticated principal 'mallory' does not match")
    );
}

#[test]
fn calls_before_recovery_are_told_to_come_again() {
    let mut world = World::unrecovered(Default::default(), Default::default());
    let (outcome, _) = world.raw_call(None, call(Type::Subscribe));
    let why = "Master has not finished recovery".to_owned();
    assert_eq!(outcome, Outcome::Unavailable(why));
}

#[test]
fn a_cut_off_driver_is_told_so() {
    let mut world = World::new();
    let driver: runtime_core::Pid = "scheduler-1@10.0.1.1:4000".parse().unwrap();
    let subscribe = v1::scheduler::call::Subscribe {
        framework_info: v1::FrameworkInfo {
            failover_timeout: Some(60.0),
            ..framework_info()
        },
        ..Default::default()
    };
    let call = v1::scheduler::Call {
        subscribe: Some(subscribe),
        ..call(Type::Subscribe)
    };
    let from = || driver.clone();
    let input = Input::DriverCall {
        from: from(),
        force: false,
        call: Box::new(call),
    };
    let effects = world.handle(input);
    let subscribed = events(&effects)
        .find_map(|event| event.subscribed.as_ref())
        .unwrap();
    let id = FrameworkId::from(&subscribed.framework_id);
    let revive = || Box::new(as_framework(&id, Type::Revive));
    let input = Input::DriverCall {
        from: from(),
        force: false,
        call: revive(),
    };
    assert_eq!(to_allocator(&world.handle(input)).len(), 1);
    let stranger = Input::DriverCall {
        from: agent_pid(9),
        force: false,
        call: revive(),
    };
    assert_eq!(world.handle(stranger), []);
    world.handle(Input::Exited(driver.clone()));
    let input = Input::DriverCall {
        from: from(),
        force: false,
        call: revive(),
    };
    let effects = world.handle(input);
    let error = events(&effects)
        .find_map(|event| event.error.as_ref())
        .unwrap();
    assert_eq!(error.message, "Framework disconnected");
}
