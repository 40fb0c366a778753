//! Starting a master: its node, its actors and what they share.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use actors::daemon::{Build, FileRoots, Files, VERSION, publish_flags};
use arc_swap::ArcSwap;
use master_core::{Master as Core, Snapshot};
use messages::v1;
use runtime::{Limits, Node, NodeConfig, NodeError, Placement, SpawnError, World};
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::info;

use crate::actor::{Master, Peers, Published, time};
use crate::allocator::Allocator;
use crate::flags::{Options, RegistryKind};
use crate::registrar::{Log, LogError, MemoryLog, RedbLog, Registrar};

/// A master could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its port cannot be had.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Its registry cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its node has such actors already.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// A master that runs.
#[derive(Debug)]
pub struct Running {
    /// Its node.
    pub node: Node,
    published: Published,
    /// Resolves when it cannot go on, with the reason.
    pub ended: oneshot::Receiver<String>,
}

impl Running {
    /// All that the master knows, as it published it last.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    /// How many agents are registered now.
    pub fn registered_agents(&self) -> usize {
        self.published.load().agents.registered().len()
    }
}

/// What the daemon gives a master beside its flags.
#[derive(Debug)]
pub struct Surroundings {
    /// The machine, or a simulation.
    pub world: World,
    /// All flags as they are shown.
    pub shown: BTreeMap<String, String>,
    /// Limits on what others may make it hold.
    pub limits: Limits,
}

/// Opens the registry's log as the options say. Blocks; for start-up.
pub fn open_log(options: &Options) -> Result<Arc<dyn Log>, LogError> {
    Ok(match options.registry {
        RegistryKind::File => Arc::new(RedbLog::open(&options.work_dir)?),
        RegistryKind::Memory => Arc::new(MemoryLog::default()),
    })
}

/// Starts a master over `log`. It leads at once: without other masters it is its own
/// quorum of one (S2).
pub async fn start(
    options: Options,
    log: Arc<dyn Log>,
    surroundings: Surroundings,
) -> Result<Running, StartError> {
    let mut config = NodeConfig::new(options.address.listen);
    config.advertise = options.address.advertise;
    config.require_peer_address_match = options.address.require_peer_address_match;
    config.delegate = Some("master".into());
    config.world = surroundings.world;
    config.limits = surroundings.limits;
    let node = Node::start(config).await?;
    runtime::publish_version(&node, Build::current());
    runtime::system::publish(node.metrics());

    let info = master_info(&options, &node);
    info!(
        id = info.id,
        pid = info.pid(),
        hostname = info.hostname(),
        "the master starts"
    );
    let started = time(node.world().wall_time());
    let core = Core::new(info.clone(), options.core, started);
    let published: Published = Arc::new(ArcSwap::from_pointee(core.snapshot()));
    crate::metrics::publish(&published, &node);

    let registrar = node.spawn(
        node.next_id("registrar"),
        Registrar::new(log, options.timeouts),
        Placement::Here,
    )?;
    let allocator = node.spawn(
        node.next_id("hierarchical-allocator"),
        Allocator::new(options.allocator, node.pid("master")),
        Placement::OwnThread,
    )?;
    let roots = FileRoots::default();
    if let Some(log) = runtime::logging::file(runtime::logging::Severity::Info) {
        roots.attach(log, "/master/log");
    }
    node.spawn("files", Files::new(roots.clone()), Placement::Here)?;
    let (failed, ended) = oneshot::channel();
    let peers = Peers {
        allocator: allocator.pid().clone(),
        registrar: registrar.pid().clone(),
    };
    let about = crate::api::About {
        cluster: options.cluster,
        flags: surroundings.shown.clone(),
        files: roots,
    };
    let master = Master::new(core, info, Arc::clone(&published), peers, about, failed);
    let master = node.spawn("master", master, Placement::OwnThread)?;
    crate::metrics::publish_queues(master.pid().id.clone(), allocator.pid().id.clone(), &node);
    let flags = publish_flags(surroundings.shown);
    master.call(move |_, context| context.publish("flags", flags));
    Ok(Running {
        node,
        published,
        ended,
    })
}

/// What this master says of itself (M22, M27). Its id is new each time it starts (M8).
fn master_info(options: &Options, node: &Node) -> v1::MasterInfo {
    let address = node.address();
    let hostname = options.address.hostname.clone();
    v1::MasterInfo {
        id: node.uuid().to_string(),
        ip: ip_number(address),
        port: u32::from(address.port()),
        pid: Some(node.pid("master").to_string()),
        hostname: Some(hostname.clone()),
        version: Some(VERSION.to_owned()),
        address: Some(v1::Address {
            hostname: Some(hostname),
            ip: Some(address.ip().to_string()),
            port: i32::from(address.port()),
        }),
        domain: None,
        capabilities: capabilities(),
    }
}

/// The address' bytes in network order, read as a number of this machine (M27).
fn ip_number(address: SocketAddr) -> u32 {
    match address.ip() {
        IpAddr::V4(ip) => u32::from_ne_bytes(ip.octets()),
        IpAddr::V6(_) => 0,
    }
}

/// What this master can do: agents may change their description when they return.
fn capabilities() -> Vec<v1::master_info::Capability> {
    use v1::master_info::capability::Type;
    [Type::AgentUpdate]
        .into_iter()
        .map(|capability| v1::master_info::Capability {
            r#type: Some(capability.into()),
        })
        .collect()
}
