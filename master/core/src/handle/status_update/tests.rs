use messages::internal::{StatusUpdate, StatusUpdateMessage};
use messages::v1::{TaskState, TaskStatus};
use runtime_core::Pid;

use crate::effect::{DriverDetail, Effect};
use crate::input::{FromAgent, Input};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

#[test]
fn an_update_reaches_the_framework_as_the_agent_sent_it() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    let effects = world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 1);
    let [Effect::Framework(to)] = &effects[..] else {
        panic!("{effects:?}")
    };
    let status = &to.event.update.as_ref().unwrap().status;
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.uuid, Some(uuid_bytes(1)));
    assert_eq!(status.agent_id, Some(agent.to_proto()));
    assert_eq!(status.timestamp, Some(3000.0));
    assert_eq!(to.driver, DriverDetail::Update(Some(agent_pid(1))));
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskRunning)
    );
    world.check_books();
}

#[test]
fn an_end_frees_resources_at_once_and_keeps_the_record() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    let effects = world.update(1, &agent, &framework, &task, TaskState::TaskFinished, 1);
    assert_eq!(freed(&effects), [("cpus:1; mem:32".to_owned(), None)]);
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskFinished)
    );
    assert_eq!(world.master.snapshot().metrics.tasks_finished, 1);
    world.check_books();
    // A late or repeated update frees nothing and changes nothing.
    let effects = world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 2);
    assert_eq!((freed(&effects), statuses(&effects).len()), (vec![], 1));
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskFinished)
    );
    world.check_books();
}

#[test]
fn the_latest_state_counts_before_the_framework_has_seen_it() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    let status = TaskStatus {
        task_id: task.to_proto(),
        state: TaskState::TaskRunning.into(),
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: framework.to_proto(),
        slave_id: Some(agent.to_proto()),
        status,
        timestamp: 1.0,
        uuid: Some(uuid_bytes(1)),
        latest_state: Some(TaskState::TaskFailed.into()),
        executor_id: None,
    };
    let message = StatusUpdateMessage { update, pid: None };
    let effects = world.agent_says(1, FromAgent::StatusUpdate(Box::new(message)));
    assert_eq!(statuses(&effects)[0].state(), TaskState::TaskRunning);
    assert_eq!(freed(&effects).len(), 1);
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskFailed)
    );
    let snapshot = world.master.snapshot();
    let record = snapshot
        .frameworks
        .get(&framework)
        .unwrap()
        .task(&task)
        .unwrap();
    assert_eq!(record.told_state(), TaskState::TaskRunning);
    let counted = ("tasks_failed".to_owned(), 1.0);
    let metrics = snapshot.metrics(crate::Time::default());
    assert!(metrics.contains(&counted), "{metrics:?}");
}

#[test]
fn the_record_keeps_one_status_for_each_run_of_a_state_without_data() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    for (state, uuid) in [
        (TaskState::TaskStarting, 1),
        (TaskState::TaskRunning, 2),
        (TaskState::TaskRunning, 3),
    ] {
        world.update(1, &agent, &framework, &task, state, uuid);
    }
    let snapshot = world.master.snapshot();
    let record = snapshot
        .frameworks
        .get(&framework)
        .unwrap()
        .task(&task)
        .unwrap();
    let kept: Vec<_> = record
        .statuses()
        .map(|status| (status.state(), status.uuid.clone()))
        .collect();
    assert_eq!(
        kept,
        [
            (TaskState::TaskStarting, Some(uuid_bytes(1))),
            (TaskState::TaskRunning, Some(uuid_bytes(3))),
        ]
    );
    assert_eq!(record.to_proto().statuses[0].task_id, task.to_proto());
}

#[test]
fn updates_nobody_can_use_are_counted_and_dropped() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, stream) = world.framework();
    let task = world.task(&framework, &agent, "t");
    let nowhere = "nowhere".into();
    assert_eq!(
        world.update(1, &nowhere, &framework, &task, TaskState::TaskRunning, 1),
        []
    );
    world.handle(Input::StreamClosed(stream));
    // Disconnected: the record follows, the framework hears it from the agent later.
    let effects = world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 1);
    assert_eq!(effects, []);
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskRunning)
    );
    let metrics = world.master.snapshot().metrics;
    assert_eq!(
        (
            metrics.invalid_status_updates,
            metrics.messages_status_update
        ),
        (2, 2)
    );
}

#[test]
fn a_pid_that_is_none_is_the_agents() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    let update = StatusUpdate {
        framework_id: framework.to_proto(),
        slave_id: Some(agent.to_proto()),
        status: TaskStatus {
            task_id: task.to_proto(),
            state: TaskState::TaskRunning.into(),
            ..Default::default()
        },
        timestamp: 1.0,
        uuid: Some(uuid_bytes(1)),
        latest_state: None,
        executor_id: None,
    };
    let message = StatusUpdateMessage {
        update,
        pid: Some("nonsense".to_owned()),
    };
    let from: Pid = agent_pid(1);
    let effects = world.handle(Input::Agent {
        from: from.clone(),
        message: FromAgent::StatusUpdate(Box::new(message)),
    });
    let [Effect::Framework(to)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(to.driver, DriverDetail::Update(Some(from)));
}
