//! An executor that speaks libprocess, with an agent that is the test.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use actors::executor_driver::{
    ExecutorActor, ExecutorDriver, ExecutorEnvironment, ShutdownReason, Transport,
};
use actors::payload::Payload;
use bytes::Bytes;
use messages::internal;
use messages::v1::executor::event;
use messages::v1::{
    AgentId, ExecutorId, FrameworkId, KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState,
    TaskStatus,
};
use runtime::{Actor, Context, Declaration, Handle, Message, Node, NodeConfig, Pid, Placement};
use tokio::sync::mpsc;

/// What an executor sends.
#[derive(Debug)]
enum Heard {
    Registered(Pid),
    Returned(Pid, Box<internal::ReregisterExecutorMessage>),
    Update(Box<internal::StatusUpdateMessage>),
    Message(Bytes),
}

struct Agent(mpsc::UnboundedSender<Heard>);

impl Actor for Agent {
    const KIND: &'static str = "fake-agent";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on(
                "",
                |agent, from, _: internal::RegisterExecutorMessage, _| {
                    agent.0.send(Heard::Registered(from.clone())).unwrap();
                },
            )
            .on(
                "",
                |agent, from, message: internal::ReregisterExecutorMessage, _| {
                    agent
                        .0
                        .send(Heard::Returned(from.clone(), Box::new(message)))
                        .unwrap();
                },
            )
            .on("", |agent, _, message: internal::StatusUpdateMessage, _| {
                agent.0.send(Heard::Update(Box::new(message))).unwrap();
            })
            .on(
                "",
                |agent, _, message: internal::ExecutorToFrameworkMessage, _| {
                    agent.0.send(Heard::Message(message.data)).unwrap();
                },
            );
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Hello {
    text: String,
}

runtime::message!(Hello = "test.Hello");

/// Says that its tasks run, or were killed, and echoes messages.
struct Executor {
    driver: ExecutorDriver,
    news: mpsc::UnboundedSender<String>,
}

impl Executor {
    fn tell(&self, text: &str) {
        self.news.send(text.to_owned()).unwrap();
    }

    fn say(&mut self, task_id: TaskId, state: TaskState, context: &mut Context<'_, Self>) {
        let status = TaskStatus {
            task_id,
            state: state.into(),
            ..TaskStatus::default()
        };
        self.driver.update(status, context).unwrap();
    }
}

impl Actor for Executor {
    const KIND: &'static str = "executor";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl ExecutorActor for Executor {
    fn driver(&mut self) -> &mut ExecutorDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, _: event::Subscribed, _: &mut Context<'_, Self>) {
        self.tell("subscribed");
    }

    fn disconnected(&mut self, _: &str, _: &mut Context<'_, Self>) {
        self.tell("disconnected");
    }

    fn launch(&mut self, task: TaskInfo, context: &mut Context<'_, Self>) {
        self.say(task.task_id, TaskState::TaskRunning, context);
    }

    fn launch_group(&mut self, _: TaskGroupInfo, _: &mut Context<'_, Self>) {}

    fn kill(&mut self, task: TaskId, _: Option<KillPolicy>, context: &mut Context<'_, Self>) {
        self.say(task, TaskState::TaskKilled, context);
    }

    fn acknowledged(&mut self, update: TaskStatus, _: &mut Context<'_, Self>) {
        self.tell(&format!("acknowledged {:?}", update.state()));
    }

    fn message(&mut self, data: Bytes, context: &mut Context<'_, Self>) {
        let hello: Hello = Payload::read(&data).unwrap().get().unwrap().unwrap();
        self.driver.send(&hello, context).unwrap();
    }

    fn shutdown(&mut self, reason: ShutdownReason, context: &mut Context<'_, Self>) {
        assert_eq!(reason, ShutdownReason::Asked);
        self.tell("shutdown");
        context.stop();
    }
}

fn environment(agent: &Pid) -> ExecutorEnvironment {
    ExecutorEnvironment::read(|name| {
        let value = match name {
            "MESOS_FRAMEWORK_ID" => "F".to_owned(),
            "MESOS_EXECUTOR_ID" => "E".to_owned(),
            "MESOS_SLAVE_PID" => agent.to_string(),
            "MESOS_CHECKPOINT" => "1".to_owned(),
            "MESOS_RECOVERY_TIMEOUT" => "15mins".to_owned(),
            "MESOS_SUBSCRIPTION_BACKOFF_MAX" => "1ms".to_owned(),
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD" => "5secs".to_owned(),
            _ => return None,
        };
        Some(value)
    })
    .unwrap()
}

fn framework_id() -> FrameworkId {
    FrameworkId { value: "F".into() }
}

fn task_id() -> TaskId {
    TaskId { value: "t".into() }
}

fn say<M: Message>(agent: &Handle<Agent>, to: &Pid, message: M) {
    let to = to.clone();
    agent.call(move |_, context| context.send(&to, message));
}

fn acknowledgement(
    update: &internal::StatusUpdate,
) -> internal::StatusUpdateAcknowledgementMessage {
    internal::StatusUpdateAcknowledgementMessage {
        slave_id: AgentId { value: "S".into() },
        framework_id: framework_id(),
        task_id: update.status.task_id.clone(),
        uuid: update.uuid.clone().unwrap(),
    }
}

#[test]
fn an_executor_by_libprocess_works_and_outlives_its_agent() {
    runtime::run(async {
        let node = || Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()));
        let (there, here) = (node().await.unwrap(), node().await.unwrap());
        let (heard, mut hears) = mpsc::unbounded_channel();
        let agent = there
            .spawn("slave(1)", Agent(heard), Placement::Here)
            .unwrap();
        let (news, mut told) = mpsc::unbounded_channel();
        let driver = ExecutorDriver::new(&environment(agent.pid()), Transport::Libprocess);
        let executor = Executor { driver, news };
        here.spawn("executor", executor, Placement::Here).unwrap();

        let Some(Heard::Registered(pid)) = hears.recv().await else {
            panic!()
        };
        assert!(pid.id.as_str().starts_with("executor-"), "{pid}");
        say(
            &agent,
            &pid,
            internal::ExecutorRegisteredMessage {
                executor_info: messages::v1::ExecutorInfo {
                    executor_id: ExecutorId { value: "E".into() },
                    ..Default::default()
                },
                framework_id: framework_id(),
                slave_id: AgentId { value: "S".into() },
                ..Default::default()
            },
        );
        assert_eq!(told.recv().await.unwrap(), "subscribed");
        let task = TaskInfo {
            task_id: task_id(),
            ..TaskInfo::default()
        };
        say(
            &agent,
            &pid,
            internal::RunTaskMessage {
                task,
                ..Default::default()
            },
        );
        let Some(Heard::Update(running)) = hears.recv().await else {
            panic!()
        };
        assert_eq!(running.pid, Some(pid.to_string()));
        assert_eq!(running.update.slave_id.as_ref().unwrap().value, "S");
        assert_eq!(running.update.status.state(), TaskState::TaskRunning);
        let text = "hello".to_owned();
        let data = Payload::write(&Hello { text }).unwrap();
        say(
            &agent,
            &pid,
            internal::FrameworkToExecutorMessage {
                data: data.clone(),
                ..Default::default()
            },
        );
        let Some(Heard::Message(echo)) = hears.recv().await else {
            panic!()
        };
        assert_eq!(echo, data);

        // The agent comes back, before the update was acknowledged.
        say(
            &agent,
            &pid,
            internal::ReconnectExecutorMessage {
                slave_id: AgentId { value: "S".into() },
            },
        );
        assert_eq!(told.recv().await.unwrap(), "disconnected");
        let Some(Heard::Returned(again, returned)) = hears.recv().await else {
            panic!()
        };
        assert_eq!(again, pid);
        let tasks: Vec<_> = returned.tasks.iter().map(|task| &task.task_id).collect();
        assert_eq!(tasks, [&task_id()]);
        let [update] = &returned.updates[..] else {
            panic!("{returned:?}")
        };
        assert_eq!(update.uuid, running.update.uuid);
        say(
            &agent,
            &pid,
            internal::ExecutorReregisteredMessage::default(),
        );
        assert_eq!(told.recv().await.unwrap(), "subscribed");
        say(&agent, &pid, acknowledgement(update));
        assert_eq!(told.recv().await.unwrap(), "acknowledged TaskRunning");

        say(
            &agent,
            &pid,
            internal::KillTaskMessage {
                framework_id: framework_id(),
                task_id: task_id(),
                kill_policy: None,
            },
        );
        let Some(Heard::Update(killed)) = hears.recv().await else {
            panic!()
        };
        assert_eq!(killed.update.status.state(), TaskState::TaskKilled);
        say(&agent, &pid, internal::ShutdownExecutorMessage::default());
        assert_eq!(told.recv().await.unwrap(), "shutdown");
        here.flush(Duration::from_secs(1)).await;
    });
}
