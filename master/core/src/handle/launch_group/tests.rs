use messages::v1;
use messages::v1::TaskState;
use messages::v1::offer::operation;
use messages::v1::task_status::Reason;
use model::ids::AgentId;

use crate::effect::ToAgent;
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024;disk:1024";

fn group(executor: &str, tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(operation::Type::LaunchGroup.into()),
        launch_group: Some(operation::LaunchGroup {
            executor: v1::ExecutorInfo {
                r#type: Some(v1::executor_info::Type::Default.into()),
                executor_id: v1::ExecutorId {
                    value: "e".to_owned(),
                },
                resources: resources_of(executor).to_proto(),
                ..Default::default()
            },
            task_group: v1::TaskGroupInfo { tasks },
        }),
        ..Default::default()
    }
}

fn pair(agent: &AgentId) -> Vec<v1::TaskInfo> {
    vec![task_info("a", agent), task_info("b", agent)]
}

/// The executor belongs to the framework that launches it.
fn owned(mut operation: v1::offer::Operation, id: &model::FrameworkId) -> v1::offer::Operation {
    operation
        .launch_group
        .as_mut()
        .unwrap()
        .executor
        .framework_id = Some(id.to_proto());
    operation
}

#[test]
fn a_group_starts_together() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:3;mem:128;disk:32");
    let operation = owned(group("cpus:0.1;mem:32;disk:32", pair(&agent)), &framework);
    let effects = world.accept(&framework, &[&offer], vec![operation]);
    let [ToAgent::RunTaskGroup(message)] = to_agents(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(message.task_group.tasks.len(), 2);
    assert_eq!(message.launch_executor, Some(true));
    let named = message.task_group.tasks[0].executor.as_ref().unwrap();
    assert_eq!(named.executor_id.value, "e");
    assert_eq!(freed(&effects)[0].0, "cpus:0.9; mem:32");
    let snapshot = world.master.snapshot();
    let record = snapshot
        .frameworks
        .get(&framework)
        .unwrap()
        .task(&"b".into())
        .unwrap();
    assert_eq!(record.executor().unwrap().as_str(), "e");
    world.check_books();
}

#[test]
fn one_wrong_member_voids_the_group() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let mut large = task_info("large", &agent);
    large.resources = resources_of("cpus:100").to_proto();
    let operations = [
        group("cpus:0.1;mem:32", pair(&agent)),
        group(
            "cpus:0.1;mem:32;disk:32",
            vec![task_info("a", &agent), large],
        ),
    ];
    for operation in operations {
        let offer = world.offer(&framework, &agent, "cpus:3;mem:128;disk:32");
        let effects = world.accept(&framework, &[&offer], vec![owned(operation, &framework)]);
        assert_eq!(to_agents(&effects), [] as [&ToAgent; 0]);
        let told = statuses(&effects);
        assert_eq!(told.len(), 2);
        for status in told {
            assert_eq!(status.state(), TaskState::TaskError);
            assert_eq!(status.reason(), Reason::TaskGroupInvalid);
        }
        assert_eq!(freed(&effects)[0].0, "cpus:3; mem:128; disk:32");
    }
    assert!(
        world
            .master
            .snapshot()
            .frameworks
            .get(&framework)
            .unwrap()
            .executors()
            .is_empty()
    );
    world.check_books();
}

#[test]
fn an_executor_without_disk_is_refused_in_upstreams_words() {
    let mut world = World::new();
    let agent = world.agent(1, RESOURCES);
    let (framework, _) = world.framework();
    let offer = world.offer(&framework, &agent, "cpus:3;mem:128;disk:32");
    let operation = owned(group("cpus:0.1;mem:32", pair(&agent)), &framework);
    let effects = world.accept(&framework, &[&offer], vec![operation]);
    assert_eq!(statuses(&effects)[0].message(), "Executor 'e' uses no disk");
}
