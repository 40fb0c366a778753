use std::time::Duration;

use model::ids::AgentId;

use crate::config::Config;
use crate::input::Timer;
use crate::testing::*;

#[test]
fn the_oldest_and_the_surplus_are_forgotten_with_their_tasks() {
    let config = Config {
        registry_max_agent_count: 2,
        ..Default::default()
    };
    let mut world = World::with(config, Default::default());
    let (framework, _) = world.framework();
    let mut agents = Vec::new();
    for number in 1..=3 {
        world.now += Duration::from_secs(1);
        let agent = world.agent(number, "cpus:4;mem:1024");
        world.task(&framework, &agent, &format!("t{number}"));
        world.lose(number, &agent);
        agents.push(agent);
    }
    let effects = world.timer(Timer::RegistryGc);
    assert!(
        timers(&effects)
            .iter()
            .any(|(_, timer)| *timer == Timer::RegistryGc)
    );
    let left: Vec<AgentId> = world
        .master
        .snapshot()
        .agents
        .unreachable()
        .keys()
        .cloned()
        .collect();
    assert_eq!(left, agents[1..]);
    assert_eq!(world.registry.unreachable().len(), 2);
    let snapshot = world.master.snapshot();
    let tasks = snapshot
        .frameworks
        .get(&framework)
        .unwrap()
        .unreachable_tasks();
    assert_eq!(tasks.len(), 2);
    world.now += Duration::from_secs(15 * 24 * 60 * 60);
    world.timer(Timer::RegistryGc);
    assert!(world.registry.unreachable().is_empty());
    assert!(world.master.snapshot().agents.unreachable().is_empty());
}
