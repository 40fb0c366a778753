//! Whether an offer will do, and what is launched on it.

use actors::scheduler_driver::Room;
use messages::v1::executor_info::Type as ExecutorType;
use messages::v1::offer::operation::{Launch, LaunchGroup, Type};
use messages::v1::{ExecutorId, ExecutorInfo, FrameworkId, Offer, TaskGroupInfo, TaskInfo, offer};
use model::{Resources, Role};

use crate::work::Work;

/// What the executor of a group takes, and what it is called.
const GROUP_EXECUTOR: &str = "default-executor";
const GROUP_EXECUTOR_RESOURCES: &str = "cpus:0.1;mem:32;disk:32";

/// The operation that launches the work on an offer; none if the offer is too small.
pub(crate) fn launch(
    work: &Work,
    offer: &Offer,
    framework_id: Option<&FrameworkId>,
) -> Option<offer::Operation> {
    let mut room = Room::of(offer, &work.role);
    let mut tasks = Vec::new();
    for (task, needs) in work.tasks.iter().zip(&work.needs) {
        tasks.push(TaskInfo {
            agent_id: offer.agent_id.clone(),
            resources: room.take(needs)?,
            ..task.clone()
        });
    }
    if !work.is_group {
        return Some(offer::Operation {
            r#type: Some(Type::Launch.into()),
            launch: Some(Launch { task_infos: tasks }),
            ..offer::Operation::default()
        });
    }
    let needs = Resources::parse(GROUP_EXECUTOR_RESOURCES, &Role::any()).ok()?;
    let executor = ExecutorInfo {
        r#type: Some(ExecutorType::Default.into()),
        executor_id: ExecutorId {
            value: GROUP_EXECUTOR.to_owned(),
        },
        framework_id: framework_id.cloned(),
        resources: room.take(&needs)?,
        ..ExecutorInfo::default()
    };
    Some(offer::Operation {
        r#type: Some(Type::LaunchGroup.into()),
        launch_group: Some(LaunchGroup {
            executor,
            task_group: TaskGroupInfo { tasks },
        }),
        ..offer::Operation::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::tests::read;

    fn offer(resources: &str) -> Offer {
        let mut resources = Resources::parse(resources, &Role::any()).unwrap();
        resources.allocate(&Role::any());
        Offer {
            agent_id: messages::v1::AgentId {
                value: "S0".to_owned(),
            },
            resources: resources.to_proto(),
            ..Offer::default()
        }
    }

    #[test]
    fn an_offer_that_is_large_enough_takes_the_task() {
        let work = read(&["--name=n", "--command=true"]).unwrap();
        assert_eq!(launch(&work, &offer("cpus:1;mem:127"), None), None);
        let operation = launch(&work, &offer("cpus:2;mem:256;disk:9"), None).unwrap();
        let task = &operation.launch.unwrap().task_infos[0];
        assert_eq!(task.agent_id.value, "S0");
        let taken = Resources::from_proto(&task.resources).unwrap();
        assert_eq!(
            taken,
            Resources::parse("cpus:1;mem:128", &Role::any()).unwrap()
        );
    }

    #[test]
    fn a_group_needs_room_for_all_its_tasks_and_its_executor() {
        let group = r#"--task_group={"tasks":[
            {"name":"a","task_id":{"value":"a"},
             "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]},
            {"name":"b","task_id":{"value":"b"},
             "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}]}"#;
        let work = read(&[group]).unwrap();
        assert_eq!(launch(&work, &offer("cpus:2;mem:64;disk:64"), None), None);
        let operation = launch(&work, &offer("cpus:2.1;mem:64;disk:64"), None).unwrap();
        let group = operation.launch_group.unwrap();
        assert_eq!(group.task_group.tasks.len(), 2);
        assert_eq!(group.executor.r#type(), ExecutorType::Default);
    }
}
