//! Whether the agent may return, and as what.

use super::*;

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
