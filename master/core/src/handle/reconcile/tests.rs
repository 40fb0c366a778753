use messages::v1;
use messages::v1::TaskState;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Reconcile, Type, reconcile};
use messages::v1::task_status::{Reason, Source};
use model::ids::{AgentId, FrameworkId};

use crate::config::Config;
use crate::registry::{Operation, Registry};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

fn ask(
    world: &mut World,
    framework: &FrameworkId,
    tasks: &[(&str, Option<&AgentId>)],
) -> Vec<(String, TaskState)> {
    let tasks = tasks
        .iter()
        .map(|(task, agent)| reconcile::Task {
            task_id: v1::TaskId {
                value: (*task).to_owned(),
            },
            agent_id: agent.map(AgentId::to_proto),
        })
        .collect();
    let call = v1::scheduler::Call {
        reconcile: Some(Reconcile { tasks }),
        ..call(Type::Reconcile)
    };
    let effects = world.call(framework, call);
    statuses(&effects)
        .iter()
        .map(|status| {
            assert_eq!(status.reason(), Reason::Reconciliation);
            assert_eq!(status.source(), Source::Master);
            assert_eq!(status.uuid, None);
            let away = status
                .agent_id
                .as_ref()
                .is_some_and(|it| it.value == "away");
            assert_eq!(status.unreachable_time.is_some(), away);
            (status.task_id.value.clone(), status.state())
        })
        .collect()
}

/// A registry with an agent in each state but registered.
fn registry() -> Registry {
    let mut registry = Registry::default();
    for id in ["recovered", "away", "gone"] {
        let info = v1::AgentInfo {
            id: Some(AgentId::from(id).to_proto()),
            ..agent_info(9, "")
        };
        registry
            .apply(&Operation::AdmitAgent {
                info: Box::new(info),
            })
            .unwrap();
    }
    let since = crate::Time::from_seconds(1.0);
    registry
        .apply(&Operation::MarkUnreachable {
            agent: "away".into(),
            since,
        })
        .unwrap();
    registry
        .apply(&Operation::MarkGone {
            agent: "gone".into(),
            since,
        })
        .unwrap();
    registry
}

#[test]
fn all_tasks_are_told_in_the_state_that_the_framework_knows() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    world.task(&framework, &agent, "staging");
    let task = world.task(&framework, &agent, "running");
    world.update(1, &agent, &framework, &task, TaskState::TaskRunning, 1);
    assert_eq!(
        ask(&mut world, &framework, &[]),
        [
            ("running".to_owned(), TaskState::TaskRunning),
            ("staging".to_owned(), TaskState::TaskStaging),
        ]
    );
}

#[test]
fn what_is_unknown_depends_on_what_is_known_of_the_agent() {
    let mut world = World::with(Config::default(), registry());
    let here = world.agent(1, RESOURCES);
    let info = with_capability(framework_info(), Capability::PartitionAware);
    let (aware, _) = world.framework_with(info);
    let (plain, _) = world.framework();
    let agents: Vec<AgentId> = ["recovered", "away", "gone", "nobody"]
        .map(AgentId::from)
        .to_vec();
    let mut asked = vec![("t", Some(&here)), ("t", None)];
    asked.extend(agents.iter().map(|agent| ("t", Some(agent))));
    let states = |answers: Vec<(String, TaskState)>| {
        answers
            .into_iter()
            .map(|(_, state)| state)
            .collect::<Vec<_>>()
    };
    // Of an agent that may return, and of no agent while one may, nothing is said.
    assert_eq!(
        states(ask(&mut world, &aware, &asked)),
        [
            TaskState::TaskGone,
            TaskState::TaskUnreachable,
            TaskState::TaskGoneByOperator,
            TaskState::TaskUnknown,
        ]
    );
    assert_eq!(
        states(ask(&mut world, &plain, &asked)),
        [TaskState::TaskLost; 4]
    );
}

#[test]
fn without_agents_to_wait_for_an_unknown_task_is_unknown() {
    let mut world = World::new();
    let (framework, _) = world.framework();
    assert_eq!(
        ask(&mut world, &framework, &[("t", None)]),
        [("t".to_owned(), TaskState::TaskLost)]
    );
}
