use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::task_status::Reason;
use messages::v1::{TaskState, TaskStatus};
use model::ids::AgentId;

use crate::connection::{Outcome, Token};
use crate::effect::{Effect, ToAgent};
use crate::input::Input;
use crate::testing::*;

fn mark(world: &mut World, agent: &AgentId) -> Vec<Effect> {
    world.handle(Input::MarkAgentGone {
        token: Token(0),
        agent: agent.clone(),
    })
}

fn outcome(effects: &[Effect]) -> Option<&Outcome> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer { outcome, .. } => Some(outcome),
        _ => None,
    })
}

#[test]
fn a_registered_agent_is_sent_away_and_its_tasks_are_gone() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (framework, _) = world.framework_with(info);
    world.task(&framework, &agent, "t");
    let effects = mark(&mut world, &agent);
    assert_eq!(outcome(&effects), Some(&Outcome::Ok));
    assert!(
        to_agents(&effects)
            .iter()
            .any(|message| matches!(message, ToAgent::Shutdown(_)))
    );
    let [status] = statuses(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(status.state(), TaskState::TaskGoneByOperator);
    assert_eq!(status.reason(), Reason::AgentRemovedByOperator);
    assert_eq!(status.message(), "Agent has been marked gone");
    assert!(world.registry.gone().contains_key(&agent));
    world.check_books();
    // Once is enough.
    assert_eq!(outcome(&mark(&mut world, &agent)), Some(&Outcome::Ok));
}

#[test]
fn tasks_of_an_unreachable_agent_end_for_good() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (framework, _) = world.framework_with(info);
    world.task(&framework, &agent, "t");
    world.lose(1, &agent);
    let effects = mark(&mut world, &agent);
    assert_eq!(statuses(&effects)[0].state(), TaskState::TaskGoneByOperator);
    let snapshot = world.master.snapshot();
    let record = snapshot.frameworks.get(&framework).unwrap();
    assert!(record.unreachable_tasks().is_empty());
    assert_eq!(
        record.completed_tasks()[0].state(),
        TaskState::TaskGoneByOperator
    );
    assert!(snapshot.agents.unreachable().is_empty());
}

#[test]
fn a_task_that_ended_before_its_agent_was_lost_does_not_end_again() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (framework, _) = world.framework_with(info);
    let task = world.task(&framework, &agent, "t");
    world.update(1, &agent, &framework, &task, TaskState::TaskFailed, 1);
    world.lose(1, &agent);
    assert_eq!(
        statuses(&mark(&mut world, &agent)),
        Vec::<&TaskStatus>::new()
    );
    let snapshot = world.master.snapshot();
    let record = snapshot.frameworks.get(&framework).unwrap();
    assert!(record.unreachable_tasks().is_empty());
    assert_eq!(record.completed_tasks()[0].state(), TaskState::TaskFailed);
}

#[test]
fn an_agent_in_another_change_must_be_asked_for_again() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    assert_eq!(
        outcome(&mark(&mut world, &"nobody".into()))
            .unwrap()
            .status(),
        404
    );
    world.hold_writes = true;
    assert_eq!(outcome(&mark(&mut world, &agent)), None);
    assert_eq!(outcome(&mark(&mut world, &agent)).unwrap().status(), 503);
    assert_eq!(outcome(&world.write()), Some(&Outcome::Ok));
}
