//! An agent as far as an executor can see.

use std::path::Path;
use std::process::{Child, Command, ExitStatus};

use actors::http_client::ContentType;
use bytes::Bytes;
use messages::v1::executor::{Call, Event, call, event};
use messages::v1::{
    AgentInfo, CommandInfo, ExecutorId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo,
    TaskStatus, framework_info::Capability, framework_info::capability,
};
use runtime::http::{Help, Request, Responder, Response, StreamHead, StreamWriter};
use runtime::{Actor, Context, Declaration, Handle, Node, NodeConfig, Placement, recordio};
use tokio::sync::mpsc;

const PROTOBUF: ContentType = ContentType::Protobuf;

/// What the executor said.
#[derive(Debug)]
pub(crate) enum Heard {
    Subscribed(call::Subscribe),
    Update(Box<TaskStatus>),
}

struct FakeAgent {
    stream: Option<StreamWriter>,
    task: Option<TaskInfo>,
    acknowledges: bool,
    heard: mpsc::UnboundedSender<Heard>,
}

impl Actor for FakeAgent {
    const KIND: &'static str = "fake-agent";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.endpoint("api/v1/executor", Help::new("", ""), Self::call);
    }
}

impl FakeAgent {
    fn call(&mut self, request: Request, responder: Responder, context: &mut Context<'_, Self>) {
        let call: Call = PROTOBUF.decode(request.body().clone()).unwrap();
        match call.r#type() {
            call::Type::Subscribe => {
                let headers = vec![("Content-Type", PROTOBUF.media_type().to_owned())];
                let head = StreamHead {
                    status: 200,
                    headers,
                };
                self.stream = Some(context.stream(responder, head, |agent, _| agent.stream = None));
                self.heard
                    .send(Heard::Subscribed(call.subscribe.unwrap()))
                    .unwrap();
                self.send(subscribed());
                if let Some(task) = self.task.take() {
                    let launch = Some(event::Launch { task });
                    self.send(Event {
                        launch,
                        ..of(event::Type::Launch)
                    });
                }
            }
            call::Type::Update => {
                responder.answer(Response::empty(202));
                let status = call.update.unwrap().status;
                if self.acknowledges {
                    self.acknowledge(&status);
                }
                self.heard.send(Heard::Update(Box::new(status))).unwrap();
            }
            _ => responder.answer(Response::empty(202)),
        }
    }

    fn acknowledge(&self, status: &TaskStatus) {
        let acknowledged = Some(event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap(),
        });
        self.send(Event {
            acknowledged,
            ..of(event::Type::Acknowledged)
        });
    }

    fn send(&self, event: Event) {
        let record = recordio::encode(&PROTOBUF.encode(&event).unwrap());
        self.stream.as_ref().unwrap().send(record).unwrap();
    }
}

fn of(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

fn subscribed() -> Event {
    let knows_killing = Capability {
        r#type: Some(capability::Type::TaskKillingState.into()),
    };
    let subscribed = event::Subscribed {
        executor_info: ExecutorInfo {
            executor_id: ExecutorId {
                value: "t".to_owned(),
            },
            ..ExecutorInfo::default()
        },
        framework_info: FrameworkInfo {
            capabilities: vec![knows_killing],
            ..FrameworkInfo::default()
        },
        agent_info: AgentInfo {
            hostname: "here".to_owned(),
            ..AgentInfo::default()
        },
        container_id: None,
    };
    Event {
        subscribed: Some(subscribed),
        ..of(event::Type::Subscribed)
    }
}

/// A task that runs this in a shell.
pub(crate) fn task(command: &str) -> TaskInfo {
    TaskInfo {
        name: "t".to_owned(),
        task_id: TaskId {
            value: "t".to_owned(),
        },
        command: Some(CommandInfo {
            value: Some(command.to_owned()),
            ..CommandInfo::default()
        }),
        ..TaskInfo::default()
    }
}

/// The test's agent, with one executor.
pub(crate) struct Agent {
    agent: Handle<FakeAgent>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Agent {
    /// An agent that launches this task.
    pub(crate) async fn start(task: TaskInfo, acknowledges: bool) -> Self {
        let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into()))
            .await
            .unwrap();
        let (sender, heard) = mpsc::unbounded_channel();
        let agent = FakeAgent {
            stream: None,
            task: Some(task),
            acknowledges,
            heard: sender,
        };
        let agent = node.spawn("slave(1)", agent, Placement::Here).unwrap();
        Self { agent, heard }
    }

    /// Starts the executor, its sandbox being `directory`.
    pub(crate) fn executor(&self, directory: &Path, is_checkpointing: bool) -> Child {
        let file = |name| std::fs::File::create(directory.join(name)).unwrap();
        Command::new(env!("CARGO_BIN_EXE_mesos-executor"))
            .current_dir(directory)
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("MESOS_FRAMEWORK_ID", "F"),
                ("MESOS_EXECUTOR_ID", "t"),
                ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs"),
                ("MESOS_RECOVERY_TIMEOUT", "15mins"),
                ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "10ms"),
                ("MESOS_CHECKPOINT", if is_checkpointing { "1" } else { "0" }),
                ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "secret"),
                ("MESOS_SLAVE_PID", &self.agent.pid().to_string()),
            ])
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap()
    }

    /// What the executor says next.
    pub(crate) async fn heard(&mut self) -> Heard {
        self.heard.recv().await.unwrap()
    }

    /// The subscription that comes next.
    pub(crate) async fn subscription(&mut self) -> call::Subscribe {
        match self.heard().await {
            Heard::Subscribed(subscribe) => subscribe,
            other => panic!("expected a subscription, not {other:?}"),
        }
    }

    /// The update that comes next.
    pub(crate) async fn update(&mut self) -> TaskStatus {
        match self.heard().await {
            Heard::Update(status) => *status,
            other => panic!("expected an update, not {other:?}"),
        }
    }

    pub(crate) fn acknowledge(&self, status: TaskStatus) {
        self.agent.call(move |agent, _| agent.acknowledge(&status));
    }

    pub(crate) fn kill(&self, kill_policy: Option<KillPolicy>) {
        let task_id = TaskId {
            value: "t".to_owned(),
        };
        let kill = Some(event::Kill {
            task_id,
            kill_policy,
        });
        self.send(Event {
            kill,
            ..of(event::Type::Kill)
        });
    }

    pub(crate) fn shut_down(&self) {
        self.send(of(event::Type::Shutdown));
    }

    fn send(&self, event: Event) {
        self.agent.call(move |agent, _| agent.send(event));
    }

    /// Ends the stream of events, as a restarting agent does.
    pub(crate) fn hang_up(&self) {
        self.agent.call(|agent, _| agent.stream = None);
    }

    /// Sends bytes that are no events.
    pub(crate) fn babble(&self) {
        self.agent.call(|agent, _| {
            let noise = Bytes::from_static(b"no record\n");
            agent.stream.as_ref().unwrap().send(noise).unwrap();
        });
    }
}

/// Waits for a process.
pub(crate) async fn ended(mut child: Child) -> ExitStatus {
    tokio::task::spawn_blocking(move || child.wait())
        .await
        .unwrap()
        .unwrap()
}
