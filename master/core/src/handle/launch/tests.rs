use messages::v1;
use messages::v1::TaskState;
use messages::v1::task_status::{Reason, Source};

use crate::effect::{Effect, ToAgent};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024;ports:[1-9]";

const EXECUTOR: &str = "cpus:0.5;mem:64";

fn run(effects: &[Effect]) -> Vec<&messages::internal::RunTaskMessage> {
    to_agents(effects)
        .into_iter()
        .filter_map(|message| match message {
            ToAgent::RunTask(run) => Some(&**run),
            _ => None,
        })
        .collect()
}

#[test]
fn a_command_task_goes_to_the_agent_complete() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:1;mem:32");
    let effects = world.accept(
        &framework,
        &[&offer],
        vec![launch(vec![task_info("t", &agent)])],
    );
    let [message] = run(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(message.framework.id.as_ref(), Some(&framework.to_proto()));
    assert_eq!(message.launch_executor, Some(true));
    assert_eq!(message.pid, None);
    let allocation = message.task.resources[0].allocation_info.as_ref().unwrap();
    assert_eq!(allocation.role(), "*");
    assert_eq!(
        world.state_of(&framework, &"t".into()),
        Some(TaskState::TaskStaging)
    );
    let snapshot = world.master.snapshot();
    let record = snapshot
        .frameworks
        .get(&framework)
        .unwrap()
        .task(&"t".into())
        .unwrap();
    assert_eq!(record.statuses().count(), 0);
    assert_eq!(record.executor(), None);
}

#[test]
fn an_executor_is_paid_for_once() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:3;mem:512");
    let tasks = vec![
        by_executor(task_info("a", &agent), executor_info("e", EXECUTOR)),
        by_executor(task_info("b", &agent), executor_info("e", EXECUTOR)),
    ];
    let effects = world.accept(&framework, &[&offer], vec![launch(tasks)]);
    let new: Vec<_> = run(&effects)
        .iter()
        .map(|message| message.launch_executor)
        .collect();
    assert_eq!(new, [Some(true), Some(false)]);
    let whose = run(&effects)[0]
        .task
        .executor
        .as_ref()
        .unwrap()
        .framework_id
        .clone();
    assert_eq!(whose, Some(framework.to_proto()));
    assert_eq!(freed(&effects)[0].0, "cpus:0.5; mem:384");
    let snapshot = world.master.snapshot();
    assert_eq!(snapshot.agents.get(&agent).unwrap().executors().len(), 1);
    let again = world.offer(&framework, &agent, "cpus:1;mem:32");
    assert_eq!(
        again.executor_ids,
        [v1::ExecutorId {
            value: "e".to_owned()
        }]
    );
    world.check_books();
}

#[test]
fn tasks_that_cannot_be_are_refused_one_by_one() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    world.task(&framework, &agent, "running");
    let offer = world.offer(&framework, &agent, "cpus:2;mem:64");
    let mut large = task_info("large", &agent);
    large.resources = resources_of("cpus:100").to_proto();
    let empty = v1::TaskInfo {
        resources: vec![],
        ..task_info("empty", &agent)
    };
    let slash = task_info("a/b", &agent);
    let both = v1::TaskInfo {
        executor: Some(executor_info("e", EXECUTOR)),
        ..task_info("both", &agent)
    };
    let elsewhere = task_info("elsewhere", &"other".into());
    let tasks = vec![
        large,
        task_info("running", &agent),
        task_info("good", &agent),
        empty,
        slash,
        both,
        elsewhere,
    ];
    let effects = world.accept(&framework, &[&offer], vec![launch(tasks)]);
    assert_eq!(run(&effects).len(), 1);
    let refused: Vec<_> = statuses(&effects)
        .iter()
        .map(|status| {
            assert_eq!(status.state(), TaskState::TaskError);
            assert_eq!(status.reason(), Reason::TaskInvalid);
            assert_eq!(status.source(), Source::Master);
            assert_eq!(status.uuid, None);
            status.task_id.value.as_str()
        })
        .collect();
    assert_eq!(
        refused,
        ["large", "running", "empty", "a/b", "both", "elsewhere"]
    );
    assert_eq!(world.master.snapshot().metrics.tasks_error, 6);
    world.check_books();
}

#[test]
fn one_senseless_amount_voids_the_whole_launch() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    for amount in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
        let offer = world.offer(&framework, &agent, "cpus:2;mem:64");
        let mut bad = task_info("bad", &agent);
        bad.resources[0].scalar = Some(v1::value::Scalar { value: amount });
        let tasks = launch(vec![task_info("good", &agent), bad]);
        let effects = world.accept(&framework, &[&offer], vec![tasks]);
        assert_eq!(run(&effects).len(), 0, "{amount}");
        assert_eq!(statuses(&effects).len(), 2, "{amount}");
    }
    world.check_books();
}

#[test]
fn a_launch_has_no_operation_id() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:2;mem:64");
    let operation = v1::offer::Operation {
        id: Some(v1::OperationId {
            value: "op".to_owned(),
        }),
        ..launch(vec![task_info("t", &agent)])
    };
    let effects = world.accept(&framework, &[&offer], vec![operation]);
    assert_eq!(
        statuses(&effects)[0].message(),
        "The `id` field cannot be set on LAUNCH operations"
    );
}
