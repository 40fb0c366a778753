//! A node: the actors behind one `host:port`, and what they share.

mod config;
mod sending;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use runtime_core::{ActorId, Pid};
use thiserror::Error;

pub use self::config::{NodeConfig, NodeError};
use crate::actor::{Actor, ByTypeId, Declaration};
use crate::aside::Aside;
use crate::context::Handle;
use crate::directory::Directory;
use crate::drops::Drops;
use crate::hooks::Hooks;
use crate::host::Host;
use crate::http::{Bodies, Published, SentParts, Site, SlowClients, Streams};
use crate::limits::Limits;
use crate::mailbox::{Event, Mailbox, Queued};
use crate::metrics::{Counter, Metrics};
use crate::peer::Peers;
use crate::sync::{read, write};
use crate::threads::{self, Threads};
use crate::timers::Timers;
use crate::trace::Tracer;
use crate::world::World;

/// An actor could not be spawned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpawnError {
    /// Another actor of the node has the name (L20).
    #[error("an actor named '{0}' lives here already")]
    NameTaken(ActorId),
}

/// Which thread hosts an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// The current thread, beside the spawner.
    #[default]
    Here,
    /// A thread of its own, for busy actors. In a simulation, the current thread.
    OwnThread,
}

pub(crate) struct Inner {
    pub(crate) address: SocketAddr,
    pub(crate) delegate: Option<ActorId>,
    pub(crate) limits: Limits,
    pub(crate) world: World,
    pub(crate) require_peer_address_match: bool,
    force_codecs: bool,
    directory: Directory,
    declarations: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>, ByTypeId>>,
    names: RwLock<HashMap<String, AtomicU64>>,
    pub(crate) site: Site,
    pub(crate) hooks: Arc<Hooks>,
    pub(crate) drops: Drops,
    pub(crate) slow_handlers: Counter,
    pub(crate) peers: Peers,
    pub(crate) streams: Arc<Streams>,
    pub(crate) bodies: Arc<Bodies>,
    pub(crate) sent_parts: Arc<SentParts>,
    pub(crate) slow_clients: SlowClients,
    timers: Arc<Timers>,
    threads: Threads,
    aside: Aside,
    metrics: Metrics,
    home: tokio::runtime::Handle,
    home_thread: usize,
}

/// The actors behind one `host:port`. Cheap to clone; all clones are the same node.
#[derive(Clone)]
pub struct Node {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.inner.address)
    }
}

impl Node {
    /// Starts a node: listens, serves HTTP and the wire, runs timers. Must be called on
    /// the thread that shall be the node's home, inside [`crate::run`] or a
    /// simulated host.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let listener =
            config
                .world
                .listen(config.listen)
                .await
                .map_err(|source| NodeError::Listen {
                    address: config.listen,
                    source,
                })?;
        let bound = listener.local_addr().map_err(|source| NodeError::Listen {
            address: config.listen,
            source,
        })?;
        // Port 0 was asked for, or the simulator's any-address: say where we are.
        let mut address = config.advertise.unwrap_or(config.listen);
        if address.port() == 0 || config.advertise.is_none() {
            address.set_port(bound.port());
        }
        let http_threads = config.http_threads;
        let node = Self::make(config, address);
        crate::introspection::install(&node);
        crate::http::serve(&node, listener, http_threads);
        Ok(node)
    }

    /// Starts a node without a port: its actors take no messages from other nodes, and
    /// there is nothing to look into it by. For small processes that only call others,
    /// such as executors. Where to start it is as for [`Node::start`].
    pub fn offline(world: World) -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self::make(
            NodeConfig {
                world,
                ..NodeConfig::new(nowhere)
            },
            nowhere,
        )
    }

    fn make(config: NodeConfig, address: SocketAddr) -> Self {
        let metrics = Metrics::new();
        if config.world.has_threads() {
            // Figures of the machine have no place in a simulated world.
            crate::system::publish(&metrics);
            crate::logging::publish(&metrics);
        }
        let filter = config.filter.or_else(|| config.world.filter());
        let node = Self {
            inner: Arc::new(Inner {
                address,
                delegate: config.delegate,
                require_peer_address_match: config.require_peer_address_match,
                force_codecs: config.force_codecs,
                directory: Directory::new(),
                declarations: RwLock::default(),
                names: RwLock::default(),
                site: Site::default(),
                hooks: Hooks::new(Tracer::new(&metrics), filter),
                drops: Drops::new(&metrics),
                slow_handlers: metrics.counter("runtime/slow_handlers"),
                peers: Peers::new(&metrics),
                streams: Streams::new(&config.limits, &metrics),
                bodies: Bodies::new(&config.limits, &metrics),
                sent_parts: SentParts::new(&config.limits, &metrics),
                slow_clients: SlowClients::new(&metrics),
                timers: Timers::new(),
                threads: Threads::default(),
                aside: Aside::default(),
                metrics,
                home: tokio::runtime::Handle::current(),
                home_thread: threads::here(),
                limits: config.limits,
                world: config.world,
            }),
        };
        node.run_at_home(Arc::clone(&node.inner.timers).run());
        node
    }

    /// Where pids of this node say that it is.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The pid of an actor of this node, whether it lives or not.
    pub fn pid(&self, id: impl Into<ActorId>) -> Pid {
        Pid::new(id, self.inner.address)
    }

    /// A name that no actor of this node had before: `slave(1)`, `slave(2)` … (L2).
    pub fn next_id(&self, prefix: &str) -> ActorId {
        let known = read(&self.inner.names)
            .get(prefix)
            .map(|counter| counter.fetch_add(1, Ordering::Relaxed));
        let before = known.unwrap_or_else(|| {
            write(&self.inner.names)
                .entry(prefix.to_owned())
                .or_default()
                .fetch_add(1, Ordering::Relaxed)
        });
        // Room for any number, so that it is made at once.
        let mut id = String::with_capacity(prefix.len() + "(18446744073709551615)".len());
        let _ = write!(id, "{prefix}({})", before + 1);
        ActorId::new(id)
    }

    /// A random (version 4) UUID, for what is named before any actor lives.
    pub fn uuid(&self) -> uuid::Uuid {
        let mut bytes = [0_u8; 16];
        rand::Rng::fill_bytes(&mut self.inner.world.rng(), &mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// The node's metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The world that the node lives in; for adapters, never for actors.
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// The node's limits.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.inner.timers
    }

    /// Runs a task of the node itself on its home thread.
    pub(crate) fn run_at_home(&self, task: impl Future<Output = ()> + Send + 'static) {
        if self.world().has_threads() {
            self.inner.home.spawn(task);
        } else {
            // When a simulated host crashes, its tasks are dropped. Only those of a local
            // set are dropped in an order that a seed repeats.
            tokio::task::spawn_local(task);
        }
    }

    /// Does work that takes long or blocks on a thread aside; at once in a simulation,
    /// which has no threads. Such work gives way to all other threads. For HTTP threads and the
    /// threads of actors.
    pub fn aside(&self, work: impl FnOnce() + Send + 'static) {
        if self.world().has_threads() {
            match self.inner.aside.next() {
                Some(aside) => drop(aside.spawn_blocking(work)),
                None => drop(tokio::task::spawn_blocking(work)),
            }
        } else {
            work();
        }
    }

    /// An event loop of a thread that gives way to others, for what is large; none in a
    /// simulation.
    pub(crate) fn event_loop_aside(&self) -> Option<&tokio::runtime::Handle> {
        let has_threads = self.world().has_threads();
        has_threads.then(|| self.inner.aside.next()).flatten()
    }

    /// Spawns an actor (L20).
    pub fn spawn<A: Actor>(
        &self,
        id: impl Into<ActorId>,
        actor: A,
        placement: Placement,
    ) -> Result<Handle<A>, SpawnError> {
        let declaration = self.declaration::<A>();
        let has_thread = placement == Placement::OwnThread && self.inner.world.has_threads();
        let is_at_home = !has_thread && threads::here() == self.inner.home_thread;
        let mailbox = Mailbox::new(self.pid(id), declaration.clone(), is_at_home);
        if !self.inner.directory.insert(&mailbox) {
            return Err(SpawnError::NameTaken(mailbox.pid.id.clone()));
        }
        let handle = Handle::new(Arc::clone(&mailbox));
        let node = self.clone();
        let start = move || Host::start(actor, declaration, mailbox, node);
        if has_thread {
            self.inner.threads.spawn(start);
        } else {
            start();
        }
        Ok(handle)
    }

    /// What actors of a type receive, declared once.
    fn declaration<A: Actor>(&self) -> Arc<Declaration<A>> {
        let kind = TypeId::of::<A>();
        let known = read(&self.inner.declarations).get(&kind).cloned();
        if let Some(declaration) = known.and_then(|known| known.downcast().ok()) {
            return declaration;
        }
        let declaration = Declaration::<A>::of(Arc::clone(&self.inner.hooks));
        write(&self.inner.declarations).insert(kind, declaration.clone());
        declaration
    }

    /// Ends an actor before it handles anything more (L20). Unknown ones are ignored.
    pub fn terminate(&self, pid: &Pid) {
        if let Some(mailbox) = self.find(pid) {
            mailbox.terminate();
        }
    }

    /// Ends an actor behind what waits in its mailbox now (L20).
    pub fn terminate_after_queue(&self, pid: &Pid) {
        if let Some(mailbox) = self.find(pid) {
            mailbox.push(Event::Terminate);
        }
    }

    fn find(&self, pid: &Pid) -> Option<Arc<Mailbox>> {
        (pid.address == self.inner.address)
            .then(|| self.local(pid.id.as_str()))
            .flatten()
    }

    pub(crate) fn local(&self, id: &str) -> Option<Arc<Mailbox>> {
        self.inner.directory.find(id)
    }

    /// The mailboxes of all actors, ordered by name.
    pub(crate) fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        self.inner.directory.all()
    }

    /// The actor of those that live for which the most events ever waited at once, and how
    /// many; none if nothing did.
    pub fn busiest(&self) -> Option<(Pid, usize)> {
        self.inner.directory.busiest()
    }

    /// The peer for which the most bytes of messages wait, and how many.
    pub fn slowest_peer(&self) -> Option<(SocketAddr, usize)> {
        self.inner.peers.slowest()
    }

    /// What waits for one actor, by kind; nothing if there is no such actor.
    pub fn queued(&self, id: &ActorId) -> Queued {
        self.local(id.as_str())
            .map_or_else(Queued::default, |mailbox| mailbox.queued())
    }

    /// What it answers from, and what waits for its actors, keeps a node in memory: lets go of
    /// all that, once the node serves no more.
    pub(crate) fn let_go(&self) {
        self.inner.site.clear();
        self.inner.metrics.clear();
        for mailbox in self.mailboxes() {
            drop(mailbox.close());
            write(mailbox.published()).clear();
        }
    }

    /// The actor has ended: its name is free again.
    pub(crate) fn forget(&self, mailbox: &Arc<Mailbox>) {
        self.inner.directory.remove(mailbox);
    }

    pub(crate) fn link(&self, linker: &Arc<Mailbox>, peer: &Pid) {
        if peer.address == self.inner.address {
            let linked = self
                .local(peer.id.as_str())
                .is_some_and(|mailbox| mailbox.link(Arc::downgrade(linker)));
            if !linked {
                linker.push(Event::Exited(Box::new(peer.clone())));
            }
        } else {
            self.inner.peers.link(self, linker, peer);
        }
    }

    pub(crate) fn relink(&self, linker: &Arc<Mailbox>, peer: &Pid) {
        if peer.address != self.inner.address {
            self.inner.peers.reconnect(self, peer.address);
        }
        self.link(linker, peer);
    }

    pub(crate) fn publish(&self, mailbox: &Arc<Mailbox>, path: &str, published: Published) {
        let path = path.trim_matches('/').to_owned();
        let mut all = write(mailbox.published());
        all.retain(|(known, _)| *known != path);
        all.push((path, published));
    }
}
