//! The kit for frameworks. A framework is an actor: it owns a [`SchedulerDriver`], and
//! implements [`SchedulerActor`], whose methods are called with what the master says.
//!
//! The driver keeps it subscribed with the leading master, by the v1 HTTP API (V7–V13) or
//! by libprocess (M1, M2) as [`SchedulerConfig::transport`] says, and makes its calls.
//! What it does by itself:
//!
//! - **Subscribing.** It asks a [`Detector`](crate::detector::Detector) who leads, follows
//!   redirects, and when the connection breaks subscribes again with the id that it was
//!   given: at a random time within [`Backoff`], which doubles from try to try. A master
//!   that falls silent is left after five heartbeats. Only a refusal ends it
//!   ([`SchedulerActor::refused`]).
//! - **Coming back.** A framework that was subscribed before, in this life or, by the id in
//!   [`SchedulerConfig::framework_info`], in a former one, may have missed updates. Each
//!   time it is subscribed again, the driver asks for the states of
//!   [`SchedulerActor::tasks`], again and again until each was answered, since a master
//!   does not answer for agents that have yet to come back (M41); and then once for all
//!   tasks that the master knows, so that forgotten ones turn up.
//! - **Acknowledging.** An update is acknowledged when [`SchedulerActor::update`] has
//!   returned, so what it means must be stored by then; or when the framework says so, with
//!   [`Acknowledgements::Explicit`].
//! - **Telling once.** An agent repeats an update until it is acknowledged, and an
//!   acknowledgement may get lost. With [`Acknowledgements::Automatic`] an update is told
//!   once in the driver's life: a repetition, known by its uuid, is acknowledged again and
//!   goes no further. A later life hears it again if the former one did not acknowledge it.
//!   Updates without uuid (answers to reconciliation, the master's own) are told each time;
//!   they may say what is known already.
//! - **Offers.** It knows which offers are held. An offer that was used, rescinded, or lost
//!   with the connection cannot be used any more: [`CallError::NoOffer`]. Should the master
//!   take one back while a launch is on its way, each task's update says so (`TASK_LOST` or
//!   `TASK_DROPPED`, with `REASON_INVALID_OFFERS`).
//!
//! A call is made at most once. While there is no master there is none to call
//! ([`CallError::NotSubscribed`]); what is still to be done is done when `subscribed` comes.
//!
//! ```
//! use actors::detector::FixedDetector;
//! use actors::scheduler_driver::{
//!     SchedulerActor, SchedulerConfig, SchedulerDriver, Transport,
//! };
//! use messages::v1::{FrameworkId, FrameworkInfo, Offer, TaskStatus};
//! use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement};
//! use tokio::sync::oneshot;
//!
//! /// Subscribes, tells its id, and wants nothing.
//! struct Idle {
//!     driver: SchedulerDriver,
//!     subscribed: Option<oneshot::Sender<String>>,
//! }
//!
//! impl Actor for Idle {
//!     const KIND: &'static str = "idle";
//!     fn declare(_: &mut Declaration<Self>) {}
//!     fn initialize(&mut self, context: &mut Context<'_, Self>) {
//!         self.driver.start(context);
//!     }
//! }
//!
//! impl SchedulerActor for Idle {
//!     fn driver(&mut self) -> &mut SchedulerDriver {
//!         &mut self.driver
//!     }
//!     fn subscribed(&mut self, id: &FrameworkId, _: &mut Context<'_, Self>) {
//!         self.subscribed.take().map(|told| told.send(id.value.clone()));
//!     }
//!     fn offers(&mut self, _: Vec<Offer>, _: &mut Context<'_, Self>) {
//!         let _ = self.driver.decline_held(None);
//!     }
//!     fn update(&mut self, _: TaskStatus, _: &mut Context<'_, Self>) {}
//! }
//!
//! let info = FrameworkInfo { user: "me".into(), name: "idle".into(), ..Default::default() };
//! # use messages::{internal, scheduler};
//! # /// Takes every framework.
//! # struct Master;
//! # impl Actor for Master {
//! #     const KIND: &'static str = "master";
//! #     fn declare(declaration: &mut Declaration<Self>) {
//! #         declaration.on("", |_, from, _: scheduler::Call, context| {
//! #             let framework_id = FrameworkId { value: "F".into() };
//! #             let master_info = Default::default();
//! #             context.send(from, internal::FrameworkRegisteredMessage { framework_id, master_info });
//! #         });
//! #     }
//! # }
//! runtime::run(async {
//!     let node = Node::start(NodeConfig::new(([127, 0, 0, 1], 0).into())).await?;
//! #   node.spawn("master", Master, Placement::Here)?;
//! #   let address = node.address().to_string();
//!     // `address` is the master's, such as "127.0.0.1:5050".
//!     let config = SchedulerConfig {
//!         transport: Transport::Libprocess,
//!         ..SchedulerConfig::new(FixedDetector::at(&address)?, info)
//!     };
//!     let (subscribed, id) = oneshot::channel();
//!     let idle = Idle { driver: SchedulerDriver::new(config), subscribed: Some(subscribed) };
//!     node.spawn("idle", idle, Placement::Here)?;
//!     println!("subscribed as {}", id.await?);
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! })
//! .unwrap();
//! ```

mod actor;
mod calls;
mod config;
mod core;
mod driver;
mod held;
mod reconciler;
mod room;
mod told;
mod transport;
mod wire;

pub use actor::{Refusal, SchedulerActor};
pub use calls::{CallError, CallId};
pub use config::{Acknowledgements, Backoff, SchedulerConfig, Transport};
pub use driver::SchedulerDriver;
pub use room::Room;
