use messages::v1;
use messages::v1::TaskState;
use messages::v1::scheduler::call::{Kill, Type};
use messages::v1::task_status::Reason;
use model::ids::{AgentId, FrameworkId};

use crate::effect::{Effect, ToAgent};
use crate::testing::*;

fn kill(
    world: &mut World,
    framework: &FrameworkId,
    task: &str,
    agent: Option<&AgentId>,
) -> Vec<Effect> {
    let kill = Kill {
        task_id: v1::TaskId {
            value: task.to_owned(),
        },
        agent_id: agent.map(AgentId::to_proto),
        kill_policy: Some(v1::KillPolicy {
            grace_period: Some(v1::DurationInfo { nanoseconds: 5 }),
        }),
    };
    world.call(
        framework,
        v1::scheduler::Call {
            kill: Some(kill),
            ..call(Type::Kill)
        },
    )
}

#[test]
fn a_kill_goes_to_the_tasks_agent_each_time() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let (framework, _) = world.framework();
    world.task(&framework, &agent, "t");
    for agent in [None, Some(&agent)] {
        let effects = kill(&mut world, &framework, "t", agent);
        let [ToAgent::KillTask(message)] = to_agents(&effects)[..] else {
            panic!("{effects:?}");
        };
        assert_eq!(message.task_id.value, "t");
        assert!(message.kill_policy.is_some());
    }
    assert_eq!(kill(&mut world, &framework, "t", Some(&"other".into())), []);
}

#[test]
fn of_an_unknown_task_the_framework_is_told_what_is_known() {
    let mut world = World::new();
    let (framework, _) = world.framework();
    let effects = kill(&mut world, &framework, "t", None);
    let [status] = statuses(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(status.state(), TaskState::TaskLost);
    assert_eq!(status.reason(), Reason::Reconciliation);
}
