//! Starting an agent: its node, its actors and what they share.

use std::sync::Arc;
use std::time::Duration;

use actors::daemon::{Build, FileRoots, Files};
use agent_core::{Agent as Core, Env, Input, Snapshot};
use arc_swap::ArcSwap;
use containerizer::{Containerizer, CreateError, MesosContainerizer};
use runtime::logging::{self, Severity};
use runtime::{Handle, Limits, Node, NodeConfig, NodeError, Placement, SpawnError, World};
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::info;

use crate::actor::Agent;
use crate::api::About;
use crate::detector::{Detector, FixedDetector};
use crate::disk::{Disk, DiskError, RealDisk};
use crate::options::Options;

/// How long the agent's last messages may take to leave.
const FAREWELL: Duration = Duration::from_secs(2);

/// What an agent needs of the machine.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Runs its containers.
    pub containerizer: Arc<dyn Containerizer>,
    /// Finds its master.
    pub detector: Arc<dyn Detector>,
    /// Holds its sandboxes.
    pub disk: Arc<dyn Disk>,
}

/// The machine does not have what an agent needs.
#[derive(Debug, Error)]
pub enum PortsError {
    /// Containers cannot be run.
    #[error(transparent)]
    Containerizer(#[from] CreateError),
    /// The work directory cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Ports {
    /// This machine, used as the options say.
    ///
    /// # Errors
    ///
    /// Helper programs are missing, or another agent has the work directory.
    pub fn real(options: &Options) -> Result<Self, PortsError> {
        Ok(Self {
            containerizer: Arc::new(MesosContainerizer::new(options.containers.clone())?),
            detector: Arc::new(FixedDetector::new(options.master.clone())),
            disk: Arc::new(RealDisk::open(&options.core.work_dir)?),
        })
    }
}

/// What the process gives an agent beside its flags.
#[derive(Debug)]
pub struct Surroundings {
    /// The machine, or a simulation.
    pub world: World,
    /// Limits on what others may make it hold.
    pub limits: Limits,
}

/// An agent could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its port cannot be had.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Its node has such actors already.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// How an agent came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Why, for people.
    pub reason: String,
    /// The exit code of a process that was there for it alone.
    pub exit_code: i32,
}

/// An agent that runs.
#[derive(Debug)]
pub struct Running {
    /// Its node.
    pub node: Node,
    agent: Handle<Agent>,
    ending: oneshot::Receiver<Ended>,
    ended: Option<Ended>,
}

impl Running {
    /// Asks the agent to end its executors and to leave the cluster (G19); [`ended`](Self::ended)
    /// tells when it has.
    pub fn leave(&self) {
        self.agent
            .call(|agent, context| agent.input(Input::Unregister, context));
    }

    /// Waits for the agent's end, and until its last messages have left. May be dropped and
    /// asked anew.
    pub async fn ended(&mut self) -> Ended {
        let ended = match &self.ended {
            Some(ended) => ended.clone(),
            None => (&mut self.ending).await.unwrap_or_else(|_| Ended {
                reason: "The agent ended".to_owned(),
                exit_code: 1,
            }),
        };
        self.ended = Some(ended.clone());
        self.node.flush(FAREWELL).await;
        ended
    }
}

/// Starts an agent on a node of its own.
///
/// # Errors
///
/// Its port cannot be had.
pub async fn start(
    mut options: Options,
    ports: Ports,
    surroundings: Surroundings,
) -> Result<Running, StartError> {
    let mut config = NodeConfig::new(options.address.listen);
    config.advertise = options.address.advertise;
    config.require_peer_address_match = options.address.require_peer_address_match;
    config.delegate = Some("slave(1)".into());
    config.world = surroundings.world;
    config.limits = surroundings.limits;
    let node = Node::start(config).await?;
    let build = Build::current();
    runtime::publish_version(&node, &build);

    let id = node.next_id("slave");
    options.core.pid = node.pid(id.clone());
    info!(
        pid = %options.core.pid,
        hostname = options.core.hostname,
        resources = %options.core.resources,
        master = %options.master,
        "the agent starts"
    );
    let about = About {
        build,
        flags: options.core.flags.clone(),
    };
    let core = core(options, &node);
    let published: Arc<ArcSwap<Snapshot>> = Arc::new(ArcSwap::from_pointee(core.snapshot()));
    crate::metrics::publish(&published, &ports.containerizer, &node);
    let files = FileRoots::default();
    if let Some(log) = logging::file(Severity::Info) {
        files.attach(log, "/slave/log");
    }
    node.spawn("files", Files::new(files.clone()), Placement::Here)?;
    let (tell, ending) = oneshot::channel();
    let agent = Agent::new(core, published, ports, files, about, tell);
    let agent = node.spawn(id, agent, Placement::OwnThread)?;
    // Only when it has begun does it answer requests.
    agent.ask(|_, _| ()).await;
    Ok(Running {
        node,
        agent,
        ending,
        ended: None,
    })
}

fn core(options: Options, node: &Node) -> Core {
    let mut random = || {
        let (high, low) = node.uuid().as_u64_pair();
        // The fixed bits of one half fall together with random bits of the other.
        high ^ low
    };
    let mut env = Env {
        now: Duration::ZERO,
        wall: node.world().wall_time(),
        random: &mut random,
    };
    Core::new(options.core, &mut env)
}
