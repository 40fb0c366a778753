use messages::internal::{
    ReregisterSlaveMessage, SlaveReregisteredMessage, StatusUpdate, StatusUpdateMessage,
};
use messages::v1;
use messages::v1::TaskState;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Kill, Type};
use messages::v1::task_status::Reason;
use model::ids::{AgentId, FrameworkId};

use crate::allocator::messages::Input as ToAllocator;
use crate::effect::{Effect, ToAgent};
use crate::input::{FromAgent, Input, Timer};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

fn send(world: &mut World, number: u16, message: ReregisterSlaveMessage) -> Vec<Effect> {
    world.agent_says(number, FromAgent::Reregister(Box::new(message.into())))
}

fn welcome(effects: &[Effect]) -> Option<&SlaveReregisteredMessage> {
    to_agents(effects)
        .into_iter()
        .find_map(|message| match message {
            ToAgent::Reregistered(message) => Some(&**message),
            _ => None,
        })
}

fn known(id: &FrameworkId, info: v1::FrameworkInfo) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some(id.to_proto()),
        ..info
    }
}

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

/// A task `t` with an executor of its own.
fn launch_by_executor(world: &mut World, framework: &FrameworkId, agent: &AgentId) {
    let offer = world.offer(framework, agent, "cpus:2;mem:96");
    let executor = executor_info("e", "cpus:1;mem:64");
    let task = by_executor(task_info("t", agent), executor);
    world.accept(framework, &[&offer], vec![launch(vec![task])]);
}

/// A task with an executor of its own is launched, and the agent returns without either.
fn crossed_launch() -> (World, AgentId, FrameworkId) {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    launch_by_executor(&mut world, &framework, &agent);
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        ..report(1, &agent, RESOURCES)
    };
    let effects = send(&mut world, 1, message);
    assert_eq!(welcome(&effects).unwrap().reconciliations.len(), 1);
    assert_eq!(freed(&effects), []);
    world.check_books();
    (world, agent, framework)
}

/// What the agent says of task `t`, that it is over.
fn over(
    world: &mut World,
    agent: &AgentId,
    framework: &FrameworkId,
    (reason, uuid): (Reason, u8),
) -> Vec<Effect> {
    let status = v1::TaskStatus {
        reason: Some(reason.into()),
        ..lost("t")
    };
    say(world, agent, framework, (status, uuid))
}

/// What an agent says of a task that is over.
fn lost(task: &str) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: model::TaskId::from(task).to_proto(),
        state: TaskState::TaskLost.into(),
        source: Some(v1::task_status::Source::Agent.into()),
        ..Default::default()
    }
}

fn say(
    world: &mut World,
    agent: &AgentId,
    framework: &FrameworkId,
    (status, uuid): (v1::TaskStatus, u8),
) -> Vec<Effect> {
    let update = StatusUpdate {
        framework_id: framework.to_proto(),
        slave_id: Some(agent.to_proto()),
        status,
        uuid: Some(uuid_bytes(uuid)),
        ..Default::default()
    };
    let message = StatusUpdateMessage { update, pid: None };
    world.agent_says(1, FromAgent::StatusUpdate(Box::new(message)))
}

/// What the agent answers about a task that it does not know.
fn unknown_task(world: &mut World, agent: &AgentId, framework: &FrameworkId) -> Vec<Effect> {
    over(world, agent, framework, (Reason::Reconciliation, 9))
}

#[test]
fn an_executor_on_its_way_to_a_returning_agent_keeps_its_resources() {
    let (mut world, agent, framework) = crossed_launch();
    let task = model::TaskId::from("t");
    world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 1);
    // The agent has the executor: it goes on without the task.
    let effects = unknown_task(&mut world, &agent, &framework);
    assert_eq!(freed(&effects), [("cpus:1; mem:32".to_owned(), None)]);
    world.check_books();
}

#[test]
fn an_executor_whose_only_launch_was_lost_is_given_up_with_it() {
    let (mut world, agent, framework) = crossed_launch();
    let effects = unknown_task(&mut world, &agent, &framework);
    let freed: Vec<_> = freed(&effects)
        .into_iter()
        .map(|(freed, _)| freed)
        .collect();
    assert_eq!(freed, ["cpus:1; mem:32", "cpus:1; mem:64"]);
    world.check_books();
}

#[test]
fn what_an_executor_of_the_same_name_ran_before_says_nothing_of_one_on_its_way() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    // Its end is told, the one before is not acknowledged yet.
    let mut before = reported_task("before", &agent, &framework, TaskState::TaskFinished);
    before.executor_id = Some(v1::ExecutorId {
        value: "e".to_owned(),
    });
    let message = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        tasks: vec![before],
        ..report(1, &agent, RESOURCES)
    };
    world.lose(1, &agent);
    send(&mut world, 1, message.clone());
    launch_by_executor(&mut world, &framework, &agent);
    send(&mut world, 1, message);
    let before = model::TaskId::from("before");
    world.update(1, &agent, &framework, &before, TaskState::TaskRunning, 1);
    let effects = unknown_task(&mut world, &agent, &framework);
    assert_eq!(freed(&effects).len(), 2, "the executor's too: {effects:?}");
    world.check_books();
}

#[test]
fn a_kill_that_finds_no_task_leaves_open_whether_there_is_an_executor() {
    let (mut world, agent, framework) = crossed_launch();
    let killed = (Reason::ExecutorTerminated, 1);
    let effects = over(&mut world, &agent, &framework, killed);
    assert_eq!(freed(&effects), [("cpus:1; mem:32".to_owned(), None)]);
    world.acknowledge(&framework, &agent, &"t".into(), 1);
    let effects = unknown_task(&mut world, &agent, &framework);
    assert_eq!(freed(&effects), [("cpus:1; mem:64".to_owned(), None)]);
    world.check_books();
}

#[test]
fn an_executor_of_whose_end_the_word_was_lost_is_given_up_when_the_agent_has_none() {
    use model::executor_words::{EXECUTOR_TERMINATED, NO_EXECUTOR};
    for words in [NO_EXECUTOR, EXECUTOR_TERMINATED] {
        is_given_up(words);
    }
}

fn is_given_up(words: &str) {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    launch_by_executor(&mut world, &framework, &agent);
    world.update(
        1,
        &agent,
        &framework,
        &"t".into(),
        TaskState::TaskFinished,
        1,
    );
    let offer = world.offer(&framework, &agent, "cpus:1;mem:32");
    let second = by_executor(task_info("u", &agent), executor_info("e", "cpus:1;mem:64"));
    world.accept(&framework, &[&offer], vec![launch(vec![second])]);
    let status = v1::TaskStatus {
        reason: Some(Reason::ExecutorTerminated.into()),
        message: Some(words.to_owned()),
        ..lost("u")
    };
    let effects = say(&mut world, &agent, &framework, (status.clone(), 2));
    let freed_now: Vec<_> = freed(&effects)
        .into_iter()
        .map(|(freed, _)| freed)
        .collect();
    assert_eq!(freed_now, ["cpus:1; mem:32", "cpus:1; mem:64"]);
    world.check_books();
    // Said again, it says nothing of an executor that was launched since.
    let offer = world.offer(&framework, &agent, "cpus:2;mem:96");
    let third = by_executor(task_info("v", &agent), executor_info("e", "cpus:1;mem:64"));
    world.accept(&framework, &[&offer], vec![launch(vec![third])]);
    assert_eq!(freed(&say(&mut world, &agent, &framework, (status, 2))), []);
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
fn an_agent_cannot_return_as_another_machine_or_from_the_grave() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let effects = send(&mut world, 2, report(2, &agent, RESOURCES));
    assert!(matches!(to_agents(&effects)[..], [ToAgent::Shutdown(_)]));
    world.handle(Input::MarkAgentGone {
        token: crate::Token(0),
        agent: agent.clone(),
    });
    let effects = send(&mut world, 1, report(1, &agent, RESOURCES));
    assert!(matches!(
        to_agents(&effects)[..],
        [ToAgent::Shutdown(shutdown)]
            if shutdown.message.as_deref() == Some("Agent has been marked gone")
    ));
}

#[test]
fn a_changed_agent_is_written_down_first() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    world.hold_writes = true;
    let effects = send(&mut world, 1, report(1, &agent, "cpus:8;mem:1024"));
    assert!(matches!(&effects[..], [Effect::Write { .. }]));
    let effects = world.write();
    assert!(welcome(&effects).is_some());
    assert_eq!(world.master.snapshot().agents.total().cpus().to_f64(), 8.0);
    world.check_books();
    // Unchanged, it needs no write.
    let effects = send(&mut world, 1, report(1, &agent, "cpus:8;mem:1024"));
    assert!(welcome(&effects).is_some());
}

#[test]
fn an_agent_that_waits_for_the_registry_may_say_something_else_meanwhile() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    world.lose(1, &agent);
    world.hold_writes = true;
    let with_version = |byte| ReregisterSlaveMessage {
        resource_version_uuid: Some(v1::Uuid {
            value: uuid_bytes(byte),
        }),
        ..report(1, &agent, RESOURCES)
    };
    send(&mut world, 1, with_version(1));
    assert_eq!(
        send(&mut world, 1, with_version(2)),
        [],
        "the write goes on"
    );
    let another = report(1, &agent, "cpus:8;mem:1024");
    assert_eq!(
        send(&mut world, 1, another),
        [],
        "it is not what is written"
    );
    assert!(welcome(&world.write()).is_some());
    world.hold_writes = false;
    let offer = world.offer(&framework, &agent, "cpus:1;mem:32");
    let tasks = launch(vec![task_info("t", &agent)]);
    let effects = world.accept(&framework, &[&offer], vec![tasks]);
    let [ToAgent::RunTask(run)] = to_agents(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(run.resource_version_uuids[0].uuid.value, uuid_bytes(2));
    world.check_books();
}

#[test]
fn reports_that_contradict_themselves_are_not_answered() {
    let mut world = World::new();
    let (agent, framework) = (AgentId::from("a"), FrameworkId::from("f"));
    let task = reported_task("t", &agent, &framework, TaskState::TaskRunning);
    let foreign = ReregisterSlaveMessage {
        tasks: vec![task.clone()],
        ..report(1, &agent, RESOURCES)
    };
    let twice = ReregisterSlaveMessage {
        frameworks: vec![known(&framework, framework_info())],
        tasks: vec![task.clone(), task],
        ..report(1, &agent, RESOURCES)
    };
    let mut nameless = report(1, &agent, RESOURCES);
    nameless.slave.id = None;
    for message in [foreign, twice, nameless] {
        assert_eq!(send(&mut world, 1, message), []);
    }
}

#[test]
fn a_returned_agents_old_timers_mean_nothing() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let effects = world.handle(Input::Exited(agent_pid(1)));
    let timer = timers(&effects)
        .into_iter()
        .find(|(_, timer)| matches!(timer, Timer::AgentReturn { .. }))
        .unwrap();
    send(&mut world, 1, report(1, &agent, RESOURCES));
    assert_eq!(world.timer(timer.1), []);
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
