//! An agent between a master that is a test and a containerizer that only remembers.

use std::net::SocketAddr;
use std::sync::Arc;

use agent::{FixedDetector, Machine, NoDisk, Options, PROGRAM, Ports, Running, Surroundings};
use containerizer::fake::FakeContainerizer;
use messages::{internal, v1};
use model::{Resources, Role};
use runtime::flags::Loaded;
use runtime::{
    Actor, Context, Declaration, Limits, Message, Node, NodeConfig, Pid, Placement, Rules, World,
};
use runtime_core::libprocess::Peer;
use tokio::sync::mpsc;

/// What the agent tells its master.
#[derive(Debug)]
pub(crate) enum Told {
    Register(Box<internal::RegisterSlaveMessage>),
    Unregister(internal::UnregisterSlaveMessage),
    Status(Box<internal::StatusUpdateMessage>),
    Pong,
}

struct TestMaster(mpsc::UnboundedSender<Told>);

impl TestMaster {
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Actor for TestMaster {
    const KIND: &'static str = "test-master";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on(
                "",
                |master: &mut Self, _, message: internal::RegisterSlaveMessage, _| {
                    master.tell(Told::Register(Box::new(message)));
                },
            )
            .on(
                "",
                |master, _, message: internal::UnregisterSlaveMessage, _| {
                    master.tell(Told::Unregister(message));
                },
            )
            .on(
                "",
                |master, _, message: internal::StatusUpdateMessage, _| {
                    master.tell(Told::Status(Box::new(message)));
                },
            )
            .on(
                "",
                |master, _, _: internal::PongSlaveMessage, _: &mut Context<'_, Self>| {
                    master.tell(Told::Pong);
                },
            );
    }
}

pub(crate) struct Cluster {
    pub(crate) agent: Running,
    pub(crate) containers: FakeContainerizer,
    node: Node,
    told: mpsc::UnboundedReceiver<Told>,
    _work: tempfile::TempDir,
}

impl Cluster {
    /// A master and an agent that has not registered yet.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::filtered(Rules::new(), flags).await
    }

    /// As [`Cluster::start`], with rules about what the master sends.
    pub(crate) async fn filtered(rules: Rules, flags: &[&str]) -> Self {
        let mut config = NodeConfig::new(([127, 0, 0, 1], 0).into());
        config.filter = Some(Arc::new(rules));
        let node = Node::start(config).await.unwrap();
        let (tell, told) = mpsc::unbounded_channel();
        node.spawn("master", TestMaster(tell), Placement::Here)
            .unwrap();
        let work = tempfile::tempdir().unwrap();
        let args = [
            format!("--master={}", node.address()),
            format!("--work_dir={}", work.path().display()),
            "--ip=127.0.0.1".to_owned(),
            "--port=0".to_owned(),
            "--registration_backoff_factor=1ms".to_owned(),
            "--resources=cpus:4;mem:1024;disk:100".to_owned(),
            "--attributes=rack:r1".to_owned(),
            "--no-switch_user".to_owned(),
        ];
        let args = args
            .into_iter()
            .chain(flags.iter().map(|&flag| flag.to_owned()));
        let none: [(String, String); 0] = [];
        let Loaded::Run(flags) = PROGRAM.load(args, none, |_| unreachable!()).unwrap() else {
            panic!("help was not asked for")
        };
        let options = Options::read(&flags, |_| None, &Machine::default()).unwrap();
        let containers = FakeContainerizer::default();
        let ports = Ports {
            containerizer: Arc::new(containers.clone()),
            detector: Arc::new(FixedDetector::new(Peer::Resolved(node.pid("master")))),
            disk: Arc::new(NoDisk),
        };
        let surroundings = Surroundings {
            world: World::Real,
            limits: Limits::default(),
        };
        let agent = agent::start(options, ports, surroundings).await.unwrap();
        Self {
            agent,
            containers,
            node,
            told,
            _work: work,
        }
    }

    /// As [`Cluster::start`], with the agent registered as `S0`.
    pub(crate) async fn registered(flags: &[&str]) -> Self {
        Self::start(flags).await.register().await
    }

    /// Registers the agent as `S0`.
    pub(crate) async fn register(self) -> Self {
        let mut cluster = self;
        let Told::Register(_) = cluster.told().await else {
            panic!("it registers first")
        };
        cluster.send(internal::SlaveRegisteredMessage {
            slave_id: v1::AgentId { value: "S0".into() },
            connection: None,
        });
        cluster.settle().await;
        cluster
    }

    /// Waits until the agent has done what it was told so far.
    pub(crate) async fn settle(&mut self) {
        self.send(internal::PingSlaveMessage { connected: true });
        while !matches!(self.told().await, Told::Pong) {}
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.agent.node.address()
    }

    /// What the agent tells the master next.
    pub(crate) async fn told(&mut self) -> Told {
        self.told.recv().await.unwrap()
    }

    /// The next status update, whatever else is told.
    pub(crate) async fn status(&mut self) -> internal::StatusUpdate {
        loop {
            if let Told::Status(message) = self.told().await {
                return message.update;
            }
        }
    }

    /// Sends the agent a message as its master.
    pub(crate) fn send<M: Message>(&self, message: M) {
        let agent = Pid::new("slave(1)", self.address());
        self.node.send(&self.node.pid("master"), &agent, message);
    }

    /// Sends a status update's acknowledgement, as its framework's.
    pub(crate) fn acknowledge(&self, update: &internal::StatusUpdate) {
        self.send(internal::StatusUpdateAcknowledgementMessage {
            slave_id: v1::AgentId { value: "S0".into() },
            framework_id: update.framework_id.clone(),
            task_id: update.status.task_id.clone(),
            uuid: update.uuid.clone().unwrap_or_default(),
        });
    }

    /// Has the agent run a command task.
    pub(crate) fn run(&self, task: &str) {
        let mut resources = Resources::parse("cpus:1;mem:64", &Role::any()).unwrap();
        resources.allocate(&Role::any());
        self.send(internal::RunTaskMessage {
            framework: v1::FrameworkInfo {
                id: Some(v1::FrameworkId { value: "F0".into() }),
                user: "root".into(),
                name: "test".into(),
                roles: vec!["*".into()],
                ..Default::default()
            },
            task: v1::TaskInfo {
                name: task.into(),
                task_id: v1::TaskId { value: task.into() },
                agent_id: v1::AgentId { value: "S0".into() },
                resources: resources.to_proto(),
                command: Some(v1::CommandInfo {
                    value: Some("sleep 1".into()),
                    ..Default::default()
                }),
                ..Default::default()
            },
            launch_executor: Some(true),
            pid: Some(String::new()),
            ..Default::default()
        });
    }
}
