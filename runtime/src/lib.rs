//! The actor runtime: libprocess in Rust. Knows nothing of Mesos.
//!
//! An [`Actor`] is a deterministic state machine that lives on a [`Node`], is addressed
//! as `id@host:port`, and meets the world only through its [`Context`]. Nodes talk over
//! libprocess' wire form, so Apache Mesos' own processes are peers like any other.
//!
//! ```
//! use runtime::{Actor, Context, Declaration, Node, NodeConfig, Pid, Placement};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Add(u64);
//! runtime::message!(Add = "example.Add");
//!
//! struct Sum(u64);
//!
//! impl Actor for Sum {
//!     const KIND: &'static str = "sum";
//!     fn declare(declaration: &mut Declaration<Self>) {
//!         declaration.on("Adds a number.", Self::add);
//!     }
//! }
//!
//! impl Sum {
//!     fn add(&mut self, _from: &Pid, Add(number): Add, _context: &mut Context<'_, Self>) {
//!         self.0 += number;
//!     }
//! }
//!
//! runtime::run(async {
//!     let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into())).await.unwrap();
//!     let sum = node.spawn("sum", Sum(0), Placement::Here).unwrap();
//!     node.send(&node.pid("nobody"), sum.pid(), Add(2));
//!     assert_eq!(sum.ask(|sum, _| sum.0).await, Some(2));
//! });
//! ```

mod activity;
mod actor;
mod aside;
mod chores;
mod coarse;
mod context;
mod directory;
mod drops;
mod filter;
pub mod flags;
mod hooks;
mod host;
pub mod http;
mod introspection;
pub mod limits;
pub mod logging;
mod mailbox;
pub mod metrics;
mod node;
mod peer;
mod run;
mod sync;
pub mod system;
mod threads;
mod timers;
mod trace;
mod wakes;
mod world;

pub use actor::{Actor, Declaration};
pub use chores::have_each_thread;
pub use context::{Context, Handle};
pub use filter::{Mail, MessageFilter, Pattern, Rule, Rules};
pub use introspection::publish_version;
pub use limits::Limits;
pub use mailbox::Queued;
pub use node::{Node, NodeConfig, NodeError, Placement, SpawnError};
pub use run::run;
pub use runtime_core::{
    ActorId, Codec, DecodeError, EncodeError, Message, ParsePidError, Pid, message, recordio, units,
};
pub use timers::Timer;
pub use tokio::time::Instant;
pub use uuid::Uuid;
pub use world::{Socket, World, probe_processor};
