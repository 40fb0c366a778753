//! How a node is set up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use runtime_core::ActorId;
use thiserror::Error;

use crate::filter::MessageFilter;
use crate::limits::Limits;
use crate::world::World;

/// How a node is set up.
#[derive(Debug)]
pub struct NodeConfig {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What pids of this node say, when it differs from where it listens (L16, L42). Port 0
    /// is the port that it listens on.
    pub advertise: Option<SocketAddr>,
    /// The actor that unprefixed paths belong to (L28): `/state` is `/master/state`.
    pub delegate: Option<ActorId>,
    /// Threads that serve HTTP and the wire; none in a simulation.
    pub http_threads: usize,
    /// Refuse messages whose sender's address is not the connection's (L10).
    pub require_peer_address_match: bool,
    /// Encode and decode messages even between actors of this node: tests of codecs.
    pub force_codecs: bool,
    /// Limits on what others may make this node hold.
    pub limits: Limits,
    /// Stands between the actors and those they send to: for tests (L25).
    pub filter: Option<Arc<dyn MessageFilter>>,
    /// The machine, or a simulation.
    pub world: World,
}

impl NodeConfig {
    /// A node of this machine that listens at `listen`, with the usual limits.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            advertise: None,
            delegate: None,
            http_threads: 2,
            require_peer_address_match: false,
            force_codecs: false,
            limits: Limits::default(),
            filter: None,
            world: World::Real,
        }
    }
}

/// A node could not start.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}{}", hint(source))]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// What to do about an address that cannot be listened at.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; choose another port, or 0 for one that is free",
        io::ErrorKind::AddrNotAvailable => "; the IP address must be one of this machine's",
        _ => "",
    }
}
