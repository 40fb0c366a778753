//! Messages to say to a master, made of little.

use messages::internal::ReregisterSlaveMessage;
use messages::v1;
use messages::v1::TaskState;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::Call;
use messages::v1::scheduler::call::Type;
use model::ids::{AgentId, FrameworkId};
use model::{Resources, Role};
use runtime_core::Pid;

/// The resources that `text` names.
pub(crate) fn resources_of(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

pub(crate) fn agent_pid(number: u16) -> Pid {
    format!("slave(1)@10.0.0.{number}:5051").parse().unwrap()
}

pub(crate) fn agent_info(number: u16, resources: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: format!("host{number}"),
        port: Some(5051),
        resources: resources_of(resources).to_proto(),
        ..Default::default()
    }
}

pub(crate) fn agent_capabilities() -> Vec<v1::agent_info::Capability> {
    use v1::agent_info::capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::TaskResourceLimits,
    ]
    .map(|it| v1::agent_info::Capability {
        r#type: Some(it.into()),
    })
    .to_vec()
}

/// A report of an agent that runs nothing.
pub(crate) fn report(number: u16, id: &AgentId, resources: &str) -> ReregisterSlaveMessage {
    ReregisterSlaveMessage {
        slave: v1::AgentInfo {
            id: Some(id.to_proto()),
            ..agent_info(number, resources)
        },
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        ..Default::default()
    }
}

/// A task in an agent's report.
pub(crate) fn reported_task(
    id: &str,
    agent: &AgentId,
    framework: &FrameworkId,
    state: TaskState,
) -> v1::Task {
    v1::Task {
        name: id.to_owned(),
        task_id: v1::TaskId {
            value: id.to_owned(),
        },
        framework_id: framework.to_proto(),
        agent_id: agent.to_proto(),
        state: state.into(),
        resources: resources_of("cpus:1;mem:32")
            .allocated(&Role::any())
            .to_proto(),
        ..Default::default()
    }
}

pub(crate) fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "user".to_owned(),
        name: "test".to_owned(),
        checkpoint: Some(true),
        ..Default::default()
    }
}

pub(crate) fn with_capability(
    mut info: v1::FrameworkInfo,
    capability: Capability,
) -> v1::FrameworkInfo {
    let capability = v1::framework_info::Capability {
        r#type: Some(capability.into()),
    };
    info.capabilities.push(capability);
    info
}

pub(crate) fn call(kind: Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

/// A command task of `cpus:1;mem:32`.
pub(crate) fn task_info(id: &str, agent: &AgentId) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.to_owned(),
        task_id: v1::TaskId {
            value: id.to_owned(),
        },
        agent_id: agent.to_proto(),
        resources: resources_of("cpus:1;mem:32").to_proto(),
        command: Some(v1::CommandInfo {
            value: Some("true".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An executor of these resources.
pub(crate) fn executor_info(id: &str, resources: &str) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId {
            value: id.to_owned(),
        },
        command: Some(v1::CommandInfo {
            value: Some("run".to_owned()),
            ..Default::default()
        }),
        resources: resources_of(resources).to_proto(),
        ..Default::default()
    }
}

/// The task, with an executor of its own.
pub(crate) fn by_executor(task: v1::TaskInfo, executor: v1::ExecutorInfo) -> v1::TaskInfo {
    v1::TaskInfo {
        command: None,
        executor: Some(executor),
        ..task
    }
}

pub(crate) fn launch(tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
        ..Default::default()
    }
}

pub(crate) fn uuid_bytes(byte: u8) -> prost::bytes::Bytes {
    let mut bytes = [byte; 16];
    bytes[6] = 0x40 | (byte & 0x0f);
    bytes[8] = 0x80 | (byte & 0x3f);
    bytes.to_vec().into()
}
