use messages::v1::TaskState;
use messages::v1::scheduler::call::Type;
use model::ids::FrameworkId;

use crate::connection::{Outcome, Token};
use crate::effect::{Effect, ToAgent};
use crate::input::Input;
use crate::testing::*;

#[test]
fn a_torn_down_framework_leaves_only_its_history() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (id, stream) = world.framework();
    let task = world.task(&id, &agent, "t");
    world.offer(&id, &agent, "cpus:2");
    let effects = world.call(&id, call(Type::Teardown));
    assert!(matches!(
        to_agents(&effects)[..],
        [ToAgent::ShutdownFramework(_)]
    ));
    assert!(effects.contains(&Effect::CloseStream(stream)));
    assert_eq!(statuses(&effects), [] as [&messages::v1::TaskStatus; 0]);
    let snapshot = world.master.snapshot();
    assert!(snapshot.offers.is_empty());
    assert!(snapshot.agents.get(&agent).unwrap().tasks().is_empty());
    let completed = snapshot.frameworks.completed().get(&id).unwrap();
    assert!(completed.unregistered().is_some());
    assert!(!completed.is_active() && !completed.is_connected());
    let record = completed.completed_tasks().front().unwrap();
    assert_eq!(
        (record.id(), record.state()),
        (&task, TaskState::TaskKilled)
    );
    world.check_books();
}

#[test]
fn an_operator_must_name_a_framework_that_is_there() {
    let mut world = World::new();
    let (id, stream) = world.framework();
    let token = Token(77);
    let mut teardown = |framework| {
        let effects = world.handle(Input::Teardown { token, framework });
        let outcome = effects.iter().find_map(|effect| match effect {
            Effect::Answer {
                token: own,
                outcome,
            } if *own == token => Some(outcome.clone()),
            _ => None,
        });
        (outcome.unwrap(), effects)
    };
    let (outcome, _) = teardown(FrameworkId::from("nobody"));
    let why = "No framework found with specified ID".to_owned();
    assert_eq!(outcome, Outcome::BadRequest(why));
    let (outcome, effects) = teardown(id);
    assert_eq!(outcome, Outcome::Ok);
    assert!(effects.contains(&Effect::CloseStream(stream)));
}
