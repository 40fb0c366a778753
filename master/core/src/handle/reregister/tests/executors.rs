//! Executors that a returning agent does not report.

use super::*;

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
