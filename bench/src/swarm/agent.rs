//! One simulated agent.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;

use messages::internal::{
    PingSlaveMessage, PongSlaveMessage, RegisterSlaveMessage, RunTaskMessage,
    SlaveRegisteredMessage, StatusUpdate, StatusUpdateAcknowledgementMessage, StatusUpdateMessage,
};
use messages::v1;
use runtime::{Actor, Context, Declaration, Pid};

/// See the module's text.
pub struct Agent {
    master: Pid,
    id: Option<v1::AgentId>,
    registered: Sender<()>,
    /// Tasks whose RUNNING is not acknowledged yet.
    running: BTreeMap<String, v1::FrameworkId>,
}

impl Agent {
    pub fn new(master: Pid, registered: Sender<()>) -> Self {
        Self {
            master,
            id: None,
            registered,
            running: BTreeMap::new(),
        }
    }

    fn update(
        &self,
        framework: &v1::FrameworkId,
        task: &str,
        state: v1::TaskState,
        context: &mut Context<'_, Self>,
    ) {
        let uuid = bytes(context);
        let now = context.wall_time().as_secs_f64();
        let executor_id = Some(v1::ExecutorId {
            value: task.to_owned(),
        });
        let status = v1::TaskStatus {
            task_id: v1::TaskId {
                value: task.to_owned(),
            },
            state: state.into(),
            agent_id: self.id.clone(),
            executor_id: executor_id.clone(),
            timestamp: Some(now),
            uuid: Some(uuid.clone().into()),
            source: Some(v1::task_status::Source::Executor.into()),
            ..Default::default()
        };
        let update = StatusUpdate {
            framework_id: framework.clone(),
            executor_id,
            slave_id: self.id.clone(),
            status,
            timestamp: now,
            uuid: Some(uuid.into()),
            latest_state: Some(state.into()),
        };
        let pid = Some(context.me().to_string());
        context.send(&self.master, StatusUpdateMessage { update, pid });
    }
}

fn bytes(context: &mut Context<'_, Agent>) -> Vec<u8> {
    context.uuid().as_bytes().to_vec()
}

impl Actor for Agent {
    const KIND: &'static str = "simulated agent";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on(
                "In.",
                |agent: &mut Self, _: &Pid, message: SlaveRegisteredMessage, _| {
                    agent.id = Some(message.slave_id);
                    let _ = agent.registered.send(());
                },
            )
            .on("Still there?", |_, from, _: PingSlaveMessage, context| {
                context.send(from, PongSlaveMessage {});
            })
            .on("A task.", |agent, _, message: RunTaskMessage, context| {
                let task = message.task.task_id.value;
                let Some(framework) = message.framework.id.or(message.framework_id) else {
                    return;
                };
                agent.update(&framework, &task, v1::TaskState::TaskRunning, context);
                agent.running.insert(task, framework);
            })
            .on(
                "Acknowledged.",
                |agent, _, message: StatusUpdateAcknowledgementMessage, context| {
                    let task = message.task_id.value;
                    if let Some(framework) = agent.running.remove(&task) {
                        agent.update(&framework, &task, v1::TaskState::TaskFinished, context);
                    }
                },
            );
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        let scalar = |name: &str, value: f64| v1::Resource {
            name: name.to_owned(),
            r#type: v1::value::Type::Scalar.into(),
            scalar: Some(v1::value::Scalar { value }),
            role: Some("*".to_owned()),
            ..Default::default()
        };
        let capability = |of: v1::agent_info::capability::Type| v1::agent_info::Capability {
            r#type: Some(of.into()),
        };
        use v1::agent_info::capability::Type;
        let message = RegisterSlaveMessage {
            slave: v1::AgentInfo {
                hostname: "localhost".to_owned(),
                port: Some(i32::from(context.me().address.port())),
                resources: vec![
                    scalar("cpus", 16.0),
                    scalar("mem", 16384.0),
                    scalar("disk", 10000.0),
                ],
                checkpoint: Some(true),
                ..Default::default()
            },
            version: Some("1.11.0".to_owned()),
            agent_capabilities: [
                Type::MultiRole,
                Type::HierarchicalRole,
                Type::ReservationRefinement,
            ]
            .into_iter()
            .map(capability)
            .collect(),
            ..Default::default()
        };
        context.send(&self.master, message);
    }
}
