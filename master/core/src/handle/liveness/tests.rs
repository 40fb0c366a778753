use std::time::Duration;

use messages::v1;
use messages::v1::TaskState;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::task_status::Reason;

use crate::allocator::messages::Input as ToAllocator;
use crate::config::Config;
use crate::effect::{Effect, ToAgent};
use crate::input::{FromAgent, Input, Timer};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// The agents' time to answer is over.
fn ping(world: &mut World) -> Vec<Effect> {
    world.now += PING_TIMEOUT;
    world.timer(Timer::Pings)
}

#[test]
fn an_agent_that_answers_lives() {
    let mut world = World::new();
    world.agent(1, RESOURCES);
    for _ in 0..20 {
        world.agent_says(1, FromAgent::Pong);
        let effects = ping(&mut world);
        assert!(matches!(to_agents(&effects)[..], [ToAgent::Ping(ping)] if ping.connected));
        assert_eq!(timers(&effects), [(PING_TIMEOUT, Timer::Pings)]);
    }
}

#[test]
fn each_agent_is_pinged_in_its_turn_and_one_timer_serves_all() {
    let mut world = World::new();
    world.agent(1, RESOURCES);
    world.now += PING_TIMEOUT / 3;
    world.agent(2, RESOURCES);
    world.now += PING_TIMEOUT - PING_TIMEOUT / 3;
    let effects = world.timer(Timer::Pings);
    assert_eq!(to_agents(&effects).len(), 1);
    assert_eq!(timers(&effects), [(PING_TIMEOUT / 3, Timer::Pings)]);
    // Too early for the other one.
    assert_eq!(to_agents(&world.timer(Timer::Pings)).len(), 0);
    world.now += PING_TIMEOUT / 3;
    assert_eq!(to_agents(&world.timer(Timer::Pings)).len(), 1);
}

#[test]
fn five_pings_without_an_answer_make_an_agent_unreachable() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (aware, _) = world.framework_with(info);
    let (plain, _) = world.framework();
    world.task(&aware, &agent, "a");
    world.task(&plain, &agent, "b");
    world.offer(&plain, &agent, "cpus:1");
    for _ in 0..4 {
        assert_eq!(statuses(&ping(&mut world)), [] as [&v1::TaskStatus; 0]);
    }
    let effects = ping(&mut world);
    let told: Vec<_> = statuses(&effects)
        .iter()
        .map(|it| {
            (
                it.task_id.value.as_str(),
                it.state(),
                it.reason(),
                it.message(),
            )
        })
        .collect();
    let (state, lost) = (TaskState::TaskUnreachable, TaskState::TaskLost);
    assert_eq!(
        told,
        [
            ("a", state, Reason::AgentRemoved, "health check timed out"),
            ("b", lost, Reason::AgentRemoved, "health check timed out"),
        ]
    );
    assert!(
        statuses(&effects)
            .iter()
            .all(|it| it.unreachable_time.is_some())
    );
    // The agent goes first, so that nothing of it is offered again.
    assert!(matches!(
        to_allocator(&effects)[0],
        ToAllocator::RemoveAgent(_)
    ));
    assert_eq!(
        events(&effects)
            .filter(|event| event.rescind.is_some())
            .count(),
        1
    );
    assert_eq!(
        events(&effects)
            .filter(|event| event.failure.is_some())
            .count(),
        2
    );
    assert!(world.registry.unreachable().contains_key(&agent));
    let snapshot = world.master.snapshot();
    assert_eq!(snapshot.metrics.slave_removals_reason_unhealthy, 1);
    assert_eq!(snapshot.agents.connected(), 0);
    assert_eq!(ping(&mut world), []);
    world.check_books();
}

#[test]
fn under_a_rate_limit_an_answer_saves_an_agent_that_waits() {
    let interval = Some(Duration::from_secs(60));
    let config = Config {
        agent_removal_interval: interval,
        ..Default::default()
    };
    let mut world = World::with(config, Default::default());
    let agents = [world.agent(1, RESOURCES), world.agent(2, RESOURCES)];
    let mut last = Vec::new();
    for _ in 0..5 {
        last = ping(&mut world);
    }
    let removal = Timer::AgentRemoval {
        agent: agents[1].clone(),
    };
    assert!(timers(&last).contains(&(Duration::from_secs(60), removal.clone())));
    assert!(world.master.snapshot().agents.get(&agents[0]).is_none());
    world.agent_says(2, FromAgent::Pong);
    assert_eq!(world.timer(removal), []);
    let snapshot = world.master.snapshot();
    assert!(snapshot.agents.get(&agents[1]).is_some());
    assert_eq!(snapshot.metrics.slave_unreachable_canceled, 1);
}

#[test]
fn a_broken_connection_costs_only_what_is_not_checkpointed() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (kept, _) = world.framework();
    let info = v1::FrameworkInfo {
        checkpoint: None,
        ..framework_info()
    };
    let (lost, _) = world.framework_with(info);
    world.task(&kept, &agent, "kept");
    world.task(&lost, &agent, "lost");
    world.offer(&kept, &agent, "cpus:1");
    let effects = world.handle(Input::Exited(agent_pid(1)));
    assert!(matches!(
        to_allocator(&effects)[0],
        ToAllocator::DeactivateAgent(_)
    ));
    let [status] = statuses(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(status.task_id.value, "lost");
    assert_eq!(status.reason(), Reason::AgentDisconnected);
    assert_eq!(status.message(), "Agent host1 disconnected");
    assert_eq!(
        world
            .master
            .snapshot()
            .agents
            .get(&agent)
            .unwrap()
            .tasks()
            .len(),
        1
    );
    world.check_books();
    // It is told with the next ping, so that it returns.
    let effects = ping(&mut world);
    assert!(matches!(to_agents(&effects)[..], [ToAgent::Ping(ping)] if !ping.connected));
    assert_eq!(world.handle(Input::Exited(agent_pid(1))), []);
}

#[test]
fn an_agent_that_does_not_return_is_unreachable() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let effects = world.handle(Input::Exited(agent_pid(1)));
    let (after, timer) = timers(&effects).remove(0);
    assert_eq!(after, Duration::from_secs(600));
    let effects = world.timer(timer);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Allocator(ToAllocator::RemoveAgent(_))))
    );
    assert!(world.registry.unreachable().contains_key(&agent));
}

#[test]
fn an_agent_may_leave_in_an_orderly_way() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    world.task(&framework, &agent, "t");
    let message = messages::internal::UnregisterSlaveMessage {
        slave_id: agent.to_proto(),
    };
    assert_eq!(
        world.agent_says(2, FromAgent::Unregister(message.clone())),
        []
    );
    let effects = world.agent_says(1, FromAgent::Unregister(message));
    let [status] = statuses(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        status.message(),
        "Agent host1 removed: the agent unregistered"
    );
    assert!(world.registry.admitted().is_empty());
    world.check_books();
}
