use messages::v1::TaskState;
use messages::v1::master::event::Type;

use crate::config::Config;
use crate::connection::{StreamId, Token};
use crate::effect::Effect;
use crate::input::{Input, Timer};
use crate::testing::*;

fn subscribe(world: &mut World) -> (StreamId, Vec<Effect>) {
    let effects = world.handle(Input::OperatorSubscribe { token: Token(0) });
    let stream = effects
        .iter()
        .find_map(|effect| match effect {
            Effect::OpenStream { stream, .. } => Some(*stream),
            _ => None,
        })
        .unwrap();
    (stream, effects)
}

fn told(effects: &[Effect]) -> Vec<Type> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Operator { event, .. } => Some(event.r#type()),
            _ => None,
        })
        .collect()
}

#[test]
fn an_operator_sees_the_state_first_and_then_what_changes() {
    let mut world = World::new();
    let (stream, effects) = subscribe(&mut world);
    assert!(effects.contains(&Effect::OperatorSubscribed { to: stream }));
    assert_eq!(told(&effects), [Type::Heartbeat]);
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:1;mem:32");
    let tasks = launch(vec![task_info("t", &agent)]);
    let effects = world.accept(&framework, &[&offer], vec![tasks]);
    assert_eq!(told(&effects), [Type::TaskAdded]);
    let task = "t".into();
    let running = world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 1);
    assert_eq!(told(&running), [Type::TaskUpdated]);
    // The same state again is no news.
    let again = world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 2);
    assert_eq!(told(&again), []);
    let effects = world.call(
        &framework,
        call(messages::v1::scheduler::call::Type::Teardown),
    );
    assert_eq!(told(&effects), [Type::TaskUpdated, Type::FrameworkRemoved]);
    world.handle(Input::OperatorClosed(stream));
    assert_eq!(world.timer(Timer::OperatorHeartbeat { stream }), []);
    assert_eq!(world.master.snapshot().operator_streams, 0);
}

#[test]
fn the_oldest_stream_makes_room() {
    let config = Config {
        max_operator_streams: 1,
        ..Default::default()
    };
    let mut world = World::with(config, Default::default());
    let (first, _) = subscribe(&mut world);
    let (_, effects) = subscribe(&mut world);
    assert_eq!(effects[0], Effect::CloseStream(first));
    assert_eq!(world.master.snapshot().operator_streams, 1);
}

#[test]
fn each_framework_has_metrics_of_its_own() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let info = messages::v1::FrameworkInfo {
        name: "a b".to_owned(),
        ..framework_info()
    };
    let (framework, _) = world.framework_with(info);
    let task = world.task(&framework, &agent, "t");
    world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 1);
    world.offer(&framework, &agent, "cpus:1");
    let snapshot = world.master.snapshot();
    let metrics: std::collections::BTreeMap<_, _> = snapshot
        .metrics(crate::Time::from_seconds(3000.0))
        .into_iter()
        .collect();
    let own = |key: &str| metrics[&format!("frameworks/a%20b/m-0000/{key}")];
    for (key, count) in [
        ("subscribed", 1.0),
        ("calls", 2.0),
        ("calls/subscribe", 1.0),
        ("calls/accept", 1.0),
        ("events/subscribed", 1.0),
        ("events/update", 1.0),
        ("events/offers", 2.0),
        ("offers/sent", 2.0),
        ("offers/accepted", 1.0),
        ("operations/launch", 1.0),
        ("tasks/active/task_running", 1.0),
        ("tasks/active/task_staging", 0.0),
        ("tasks/terminal/task_finished", 0.0),
    ] {
        assert_eq!(own(key), count, "{key}");
    }
    assert_eq!(
        (metrics["tasks_running"], metrics["uptime_secs"]),
        (1.0, 2000.0)
    );
    assert_eq!((metrics["cpus_total"], metrics["cpus_used"]), (4.0, 1.0));
    assert_eq!(
        (metrics["cpus_percent"], metrics["slaves_active"]),
        (0.25, 1.0)
    );
}
