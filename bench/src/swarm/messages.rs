//! What agents say.

use std::convert::Infallible;

use messages::internal::{
    PongSlaveMessage, RegisterSlaveMessage, ReregisterSlaveMessage, StatusUpdateMessage,
    UnregisterSlaveMessage,
};
use messages::v1::{self, TaskState};
use messages::wire::{put_bytes, put_fixed64, put_message, put_varint};
use runtime_core::{ActorId, Message, Pid};

pub const STATUS_UPDATE: &str = StatusUpdateMessage::NAME;
pub const PONG: &str = PongSlaveMessage::NAME;

/// What runs on each agent that comes back.
#[derive(Debug, Clone)]
pub struct Load {
    /// Begins all ids: agents that came before have others.
    pub name: String,
    /// How many frameworks the tasks are of.
    pub frameworks: usize,
    /// Running tasks on each agent.
    pub tasks: usize,
    /// Labels of each task.
    pub labels: usize,
}

impl Load {
    fn agent(&self, agent: usize) -> v1::AgentId {
        v1::AgentId {
            value: format!("{}-S{agent}", self.name),
        }
    }

    fn framework(&self, framework: usize) -> v1::FrameworkId {
        v1::FrameworkId {
            value: format!("{}-{framework:04}", self.name),
        }
    }
}

fn scalar(name: &str, value: f64, allocated: bool) -> v1::Resource {
    let allocation = || v1::resource::AllocationInfo {
        role: Some("*".to_owned()),
    };
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        allocation_info: allocated.then(allocation),
        ..Default::default()
    }
}

fn info(port: u16) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: "localhost".to_owned(),
        port: Some(i32::from(port)),
        resources: vec![
            scalar("cpus", 16.0, false),
            scalar("mem", 16384.0, false),
            scalar("disk", 10000.0, false),
        ],
        checkpoint: Some(true),
        ..Default::default()
    }
}

fn capabilities() -> Vec<v1::agent_info::Capability> {
    use v1::agent_info::capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
    ]
    .into_iter()
    .map(|of| v1::agent_info::Capability {
        r#type: Some(of.into()),
    })
    .collect()
}

fn named<M: Message + prost::Message>(message: &M) -> (&'static str, Vec<u8>) {
    (M::NAME, message.encode_to_vec())
}

/// A new agent.
pub fn register(port: u16) -> (&'static str, Vec<u8>) {
    named(&RegisterSlaveMessage {
        slave: info(port),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: capabilities(),
        ..Default::default()
    })
}

/// An agent that comes back with what runs on it.
pub fn reregister(port: u16, agent: usize, load: &Load) -> (&'static str, Vec<u8>) {
    let frameworks = (0..load.frameworks).map(|number| v1::FrameworkInfo {
        user: "root".to_owned(),
        name: format!("framework {number}"),
        id: Some(load.framework(number)),
        failover_timeout: Some(3600.0),
        ..Default::default()
    });
    named(&ReregisterSlaveMessage {
        slave: v1::AgentInfo {
            id: Some(load.agent(agent)),
            ..info(port)
        },
        tasks: (0..load.tasks)
            .map(|task| running(agent, task, load))
            .collect(),
        frameworks: frameworks.collect(),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: capabilities(),
        ..Default::default()
    })
}

fn running(agent: usize, task: usize, load: &Load) -> v1::Task {
    let id = v1::TaskId {
        value: format!("{}-task-{agent}-{task}", load.name),
    };
    let labels = (0..load.labels).map(|number| v1::Label {
        key: format!("label-{number}"),
        value: Some(format!("value-{number}-of-a-label")),
    });
    let status = v1::TaskStatus {
        task_id: id.clone(),
        state: TaskState::TaskRunning.into(),
        agent_id: Some(load.agent(agent)),
        source: Some(v1::task_status::Source::Executor.into()),
        timestamp: Some(1.7e9),
        uuid: Some(vec![7; 16].into()),
        ..Default::default()
    };
    v1::Task {
        name: id.value.clone(),
        task_id: id,
        framework_id: load.framework(task % load.frameworks.max(1)),
        agent_id: load.agent(agent),
        state: TaskState::TaskRunning.into(),
        resources: vec![scalar("cpus", 0.1, true), scalar("mem", 32.0, true)],
        statuses: vec![status],
        status_update_state: Some(TaskState::TaskRunning.into()),
        status_update_uuid: Some(vec![7; 16].into()),
        labels: Some(v1::Labels {
            labels: labels.collect(),
        }),
        ..Default::default()
    }
}

/// An agent that leaves.
pub fn unregister(agent: usize, load: &Load) -> (&'static str, Vec<u8>) {
    named(&UnregisterSlaveMessage {
        slave_id: load.agent(agent),
    })
}

/// A task's new state; ids are encoded messages.
pub struct Status<'a> {
    pub framework: &'a [u8],
    pub agent: &'a [u8],
    pub task: &'a [u8],
    pub state: TaskState,
}

/// The text of an agent's pid.
pub fn pid_text(agent: &ActorId, node: &Pid) -> String {
    format!("{agent}@{}", node.address)
}

/// A `StatusUpdateMessage`, put together field by field.
pub fn status_update(status: &Status<'_>, now: f64, uuid: &[u8], pid: &str) -> Vec<u8> {
    let state = status.state as u64;
    let time = now.to_bits();
    let mut out = Vec::with_capacity(512);
    let Ok(()) = put_message::<Infallible>(&mut out, 1, |update| {
        put_bytes(update, 1, status.framework);
        // A command task's executor has the task's id.
        put_bytes(update, 2, status.task);
        put_bytes(update, 3, status.agent);
        put_message::<Infallible>(update, 4, |out| {
            put_bytes(out, 1, status.task);
            put_varint(out, 2, state);
            put_bytes(out, 5, status.agent);
            put_fixed64(out, 6, time);
            put_bytes(out, 7, status.task);
            put_varint(out, 9, v1::task_status::Source::Executor as u64);
            put_bytes(out, 11, uuid);
            Ok(())
        })?;
        put_fixed64(update, 5, time);
        put_bytes(update, 6, uuid);
        put_varint(update, 7, state);
        Ok(())
    });
    put_bytes(&mut out, 2, pid.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_status_update_is_what_its_fields_say() {
        let id = |value: &str| {
            v1::TaskId {
                value: value.to_owned(),
            }
            .encode_to_vec()
        };
        let (framework, agent, task) = (id("f"), id("a"), id("t"));
        let status = Status {
            framework: &framework,
            agent: &agent,
            task: &task,
            state: TaskState::TaskFinished,
        };
        let bytes = status_update(&status, 1.5, &[3; 16], "slave(1)@127.0.0.1:1");
        let message: StatusUpdateMessage = messages::binary::decode(&bytes).unwrap();
        let update = message.update;
        assert_eq!(message.pid.as_deref(), Some("slave(1)@127.0.0.1:1"));
        assert_eq!(update.framework_id.value, "f");
        assert_eq!(update.slave_id.unwrap().value, "a");
        assert_eq!(update.status.task_id.value, "t");
        assert_eq!(update.status.state(), TaskState::TaskFinished);
        assert_eq!(update.status.uuid, update.uuid);
        assert_eq!(update.timestamp, 1.5);
    }
}
