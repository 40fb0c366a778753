//! Frameworks and tasks that a returning agent reports, or does not.

use std::sync::Arc;

use super::*;

#[test]
fn a_new_master_learns_frameworks_and_tasks_from_agents() {
    let mut world = World::new();
    let (agent, framework) = (AgentId::from("old-S1"), FrameworkId::from("old-0000"));
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        tasks: vec![reported_task(
            "t",
            &agent,
            &framework,
            TaskState::TaskRunning,
        )],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    assert!(welcome(&effects).unwrap().reconciliations.is_empty());
    let added = to_allocator(&effects)
        .into_iter()
        .find_map(|input| match input {
            ToAllocator::AddAgent(added) => Some(added),
            _ => None,
        });
    assert_eq!(
        added.unwrap().used[&framework].unallocated().to_string(),
        "cpus:1; mem:32"
    );
    let snapshot = world.master.snapshot();
    let record = snapshot.frameworks.get(&framework).unwrap();
    assert!(record.is_recovered() && !record.is_active());
    assert_eq!(record.tasks().len(), 1);
    assert!(world.registry.admitted().contains_key(&agent));
    world.check_books();
    // The framework returns and finds its task.
    let (_, effects) = world.subscribe_with(known(&framework, framework_info()));
    assert!(
        to_allocator(&effects)
            .iter()
            .any(|input| matches!(input, ToAllocator::ActivateFramework(_)))
    );
    let snapshot = world.master.snapshot();
    assert!(snapshot.frameworks.get(&framework).unwrap().is_active());
}

#[test]
fn what_a_framework_uses_of_several_agents_is_kept_once() {
    let mut world = World::new();
    let framework = FrameworkId::from("old-0000");
    let used = ["old-S1", "old-S2"].map(|agent| {
        let agent = AgentId::from(agent);
        let number = world.master.snapshot().agents.registered().len() as u16 + 1;
        let task = |name: &str| {
            let name = format!("{name} of {agent}");
            reported_task(&name, &agent, &framework, TaskState::TaskRunning)
        };
        let message = ReregisterSlaveMessage {
            frameworks: vec![known(&framework, framework_info())],
            tasks: vec![task("a"), task("b")],
            ..report(number, &agent, RESOURCES)
        };
        send(&mut world, number, message);
        let snapshot = world.master.snapshot();
        Arc::clone(&snapshot.agents.get(&agent).unwrap().used()[&framework])
    });
    assert_eq!(used[0].unallocated().to_string(), "cpus:2; mem:64");
    assert!(Arc::ptr_eq(&used[0], &used[1]));
    world.check_books();
}

#[test]
fn a_task_that_the_agent_does_not_know_is_asked_for() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    world.task(&framework, &agent, "lost");
    world.task(&framework, &agent, "kept");
    world.handle(Input::Exited(agent_pid(1)));
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        tasks: vec![reported_task(
            "kept",
            &agent,
            &framework,
            TaskState::TaskRunning,
        )],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    let [asked] = &welcome(&effects).unwrap().reconciliations[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(asked.framework_id, framework.to_proto());
    let tasks: Vec<_> = asked
        .statuses
        .iter()
        .map(|it| it.task_id.value.as_str())
        .collect();
    assert_eq!(tasks, ["lost"]);
    assert!(
        to_allocator(&effects)
            .iter()
            .any(|input| matches!(input, ToAllocator::ActivateAgent(_)))
    );
    assert!(
        to_agents(&effects)
            .iter()
            .any(|message| matches!(message, ToAgent::UpdateFramework(_)))
    );
    assert!(
        world
            .master
            .snapshot()
            .agents
            .get(&agent)
            .unwrap()
            .is_connected()
    );
    world.check_books();
}

#[test]
fn what_was_killed_while_the_agent_was_away_is_killed_when_it_returns() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let task = world.task(&framework, &agent, "t");
    world.handle(Input::Exited(agent_pid(1)));
    let kill = Kill {
        task_id: task.to_proto(),
        ..Default::default()
    };
    let effects = world.call(
        &framework,
        v1::scheduler::Call {
            kill: Some(kill),
            ..call(Type::Kill)
        },
    );
    assert_eq!(to_agents(&effects), [] as [&ToAgent; 0]);
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        tasks: vec![reported_task(
            "t",
            &agent,
            &framework,
            TaskState::TaskRunning,
        )],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    assert!(to_agents(&effects).iter().any(
        |message| matches!(message, ToAgent::KillTask(kill) if kill.task_id == task.to_proto())
    ));
}

#[test]
fn tasks_of_an_unreachable_agent_live_on_when_it_returns() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (framework, _) = world.framework_with(info.clone());
    let task = world.task(&framework, &agent, "t");
    world.lose(1, &agent);
    let snapshot = world.master.snapshot();
    assert!(snapshot.agents.unreachable().contains_key(&agent));
    assert!(
        snapshot
            .frameworks
            .get(&framework)
            .unwrap()
            .unreachable_tasks()
            .contains(&task)
    );
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, info)],
        tasks: vec![reported_task(
            "t",
            &agent,
            &framework,
            TaskState::TaskRunning,
        )],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    let [status] = statuses(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.reason(), Reason::AgentReregistered);
    assert_eq!(status.uuid, None);
    let snapshot = world.master.snapshot();
    assert!(snapshot.agents.unreachable().is_empty());
    assert!(
        snapshot
            .frameworks
            .get(&framework)
            .unwrap()
            .unreachable_tasks()
            .is_empty()
    );
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskRunning)
    );
    assert!(world.registry.admitted().contains_key(&agent));
    world.check_books();
}

#[test]
fn frameworks_that_are_over_end_on_the_agent_too() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    world.task(&framework, &agent, "t");
    world.lose(1, &agent);
    world.call(&framework, call(Type::Teardown));
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        tasks: vec![reported_task(
            "t",
            &agent,
            &framework,
            TaskState::TaskRunning,
        )],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    assert!(
        to_agents(&effects)
            .iter()
            .any(|message| matches!(message, ToAgent::ShutdownFramework(_)))
    );
    assert!(
        world
            .master
            .snapshot()
            .agents
            .get(&agent)
            .unwrap()
            .tasks()
            .is_empty()
    );
    world.check_books();
}

#[test]
fn what_was_not_checkpointed_but_survived_is_taken_back() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let info = v1::FrameworkInfo {
        checkpoint: None,
        ..framework_info()
    };
    let (framework, _) = world.framework_with(info.clone());
    let task = world.task(&framework, &agent, "t");
    let effects = world.handle(Input::Exited(agent_pid(1)));
    assert_eq!(statuses(&effects)[0].state(), TaskState::TaskLost);
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, info)],
        tasks: vec![reported_task(
            "t",
            &agent,
            &framework,
            TaskState::TaskRunning,
        )],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    let [status] = statuses(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.reason(), Reason::AgentReregistered);
    assert_eq!(
        world.state_of(&framework, &task),
        Some(TaskState::TaskRunning)
    );
    let added = to_allocator(&effects)
        .into_iter()
        .find_map(|input| match input {
            ToAllocator::AddAgent(added) => Some(added),
            _ => None,
        });
    assert_eq!(
        added.unwrap().used[&framework].unallocated().to_string(),
        "cpus:1; mem:32"
    );
    let snapshot = world.master.snapshot();
    assert!(
        snapshot
            .frameworks
            .get(&framework)
            .unwrap()
            .completed_tasks()
            .is_empty()
    );
    world.check_books();
}

/// A world in which the framework has acknowledged the end of a task, and the report that its
/// agent made before it heard of that.
fn acknowledged_end(
    info: v1::FrameworkInfo,
) -> (World, AgentId, FrameworkId, ReregisterSlaveMessage) {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework_with(info.clone());
    let task = world.task(&framework, &agent, "t");
    world.update(1, &agent, &framework, &task, TaskState::TaskFailed, 1);
    world.acknowledge(&framework, &agent, &task, 1);
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, info)],
        tasks: vec![v1::Task {
            status_update_state: Some(TaskState::TaskFailed.into()),
            status_update_uuid: Some(uuid_bytes(1)),
            ..reported_task("t", &agent, &framework, TaskState::TaskFailed)
        }],
        ..report(1, &agent, RESOURCES)
    };
    (world, agent, framework, message)
}

fn is_in_history_alone(world: &World, framework: &FrameworkId, agent: &AgentId) -> bool {
    let snapshot = world.master.snapshot();
    let record = snapshot.frameworks.get(framework).unwrap();
    world.check_books();
    record.tasks().is_empty()
        && record.completed_tasks().len() == 1
        && snapshot.agents.get(agent).unwrap().tasks().is_empty()
}

#[test]
fn an_end_that_was_acknowledged_meanwhile_is_over_when_the_agent_returns() {
    let (mut world, agent, framework, message) = acknowledged_end(framework_info());
    world.lose(1, &agent);
    let effects = send(&mut world, 1, message.clone());
    assert!(welcome(&effects).is_some());
    assert_eq!(statuses(&effects), [] as [&v1::TaskStatus; 0]);
    assert!(is_in_history_alone(&world, &framework, &agent));
    // If the acknowledgement got lost, the agent tells of the end again, and waits for another.
    let effects = world.update(1, &agent, &framework, &"t".into(), TaskState::TaskFailed, 1);
    assert_eq!(statuses(&effects)[0].uuid, Some(uuid_bytes(1)));
    let effects = world.acknowledge(&framework, &agent, &"t".into(), 1);
    assert!(matches!(to_agents(&effects)[..], [ToAgent::Acknowledge(_)]));
    assert!(is_in_history_alone(&world, &framework, &agent));
    // Another update of a task of that name is not acknowledged yet.
    world.lose(1, &agent);
    let mut another = message;
    another.tasks[0].status_update_uuid = Some(uuid_bytes(2));
    send(&mut world, 1, another);
    assert_eq!(
        world.state_of(&framework, &"t".into()),
        Some(TaskState::TaskFailed)
    );
}

#[test]
fn an_end_that_was_acknowledged_meanwhile_is_over_without_checkpoints_too() {
    let info = v1::FrameworkInfo {
        checkpoint: None,
        ..framework_info()
    };
    let (mut world, agent, framework, message) = acknowledged_end(info);
    world.handle(Input::Exited(agent_pid(1)));
    let effects = send(&mut world, 1, message);
    assert_eq!(statuses(&effects), [] as [&v1::TaskStatus; 0]);
    assert!(is_in_history_alone(&world, &framework, &agent));
}
