use messages::v1::TaskState;

use crate::effect::ToAgent;
use crate::input::Input;
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

#[test]
fn an_acknowledged_end_sends_the_task_to_the_history() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    world.update(1, &agent, &framework, &task, TaskState::TaskFinished, 1);
    // Another update's acknowledgement is handed on, but ends nothing.
    let effects = world.acknowledge(&framework, &agent, &task, 9);
    assert!(matches!(to_agents(&effects)[..], [ToAgent::Acknowledge(_)]));
    assert!(world.state_of(&framework, &task).is_some());
    let effects = world.acknowledge(&framework, &agent, &task, 1);
    let [ToAgent::Acknowledge(message)] = to_agents(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(message.uuid, uuid_bytes(1));
    assert_eq!(message.framework_id, framework.to_proto());
    let snapshot = world.master.snapshot();
    let record = snapshot.frameworks.get(&framework).unwrap();
    assert!(record.tasks().is_empty() && record.presence().is_empty());
    assert_eq!(record.completed_tasks().len(), 1);
    assert!(snapshot.agents.get(&agent).unwrap().tasks().is_empty());
    world.check_books();
}

#[test]
fn the_history_is_bounded() {
    let config = crate::Config {
        max_completed_tasks_per_framework: 2,
        ..Default::default()
    };
    let mut world = World::with(config, Default::default());
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    for id in ["a", "b", "c"] {
        let task = world.task(&framework, &agent, id);
        world.update(1, &agent, &framework, &task, TaskState::TaskFinished, 1);
        world.acknowledge(&framework, &agent, &task, 1);
    }
    let snapshot = world.master.snapshot();
    let record = snapshot.frameworks.get(&framework).unwrap();
    let kept: Vec<_> = record
        .completed_tasks()
        .iter()
        .map(|task| task.id().as_str())
        .collect();
    assert_eq!(kept, ["b", "c"]);
}

#[test]
fn an_update_that_was_never_sent_cannot_be_acknowledged() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    assert_eq!(world.acknowledge(&framework, &agent, &task, 1), []);
    world.handle(Input::Exited(agent_pid(1)));
    assert_eq!(world.acknowledge(&framework, &agent, &task, 1), []);
    let metrics = world.master.snapshot().metrics;
    assert_eq!(metrics.invalid_status_update_acknowledgements, 2);
}
