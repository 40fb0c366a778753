//! What a framework is to its driver.

use bytes::Bytes;
use messages::v1::scheduler::event;
use messages::v1::{
    AgentId, ExecutorId, FrameworkId, InverseOffer, Offer, OfferId, OperationStatus, TaskId,
    TaskStatus,
};
use runtime::{Actor, Context};
use thiserror::Error;
use tracing::{error, warn};

use super::calls::CallId;
use super::driver::SchedulerDriver;

/// An actor that is a framework: it owns a [`SchedulerDriver`], starts it when it is
/// initialized, and is called with what the master says.
pub trait SchedulerActor: Actor {
    /// The actor's driver.
    fn driver(&mut self) -> &mut SchedulerDriver;

    /// A master has taken the framework, for the first time or again. The id is to be
    /// stored: with it, a later life of the framework takes its tasks over.
    fn subscribed(&mut self, _framework_id: &FrameworkId, _context: &mut Context<'_, Self>) {}

    /// The tasks that the framework thinks are not over, and where they are: what the
    /// driver asks for after it was subscribed again.
    fn tasks(&self) -> Vec<(TaskId, Option<AgentId>)> {
        Vec::new()
    }

    /// The master is not reachable or does not lead; the driver looks for the leader.
    /// Offers held are void.
    fn disconnected(&mut self, _reason: &str, _context: &mut Context<'_, Self>) {}

    /// Resources are offered. What is neither used nor declined is held for this
    /// framework alone, until the master takes it back.
    fn offers(&mut self, offers: Vec<Offer>, context: &mut Context<'_, Self>);

    /// Agents are to be taken down; resources are asked back.
    fn inverse_offers(&mut self, _offers: Vec<InverseOffer>, _context: &mut Context<'_, Self>) {}

    /// An offer is void.
    fn rescinded(&mut self, _offer: OfferId, _context: &mut Context<'_, Self>) {}

    /// An inverse offer is void.
    fn inverse_rescinded(&mut self, _offer: OfferId, _context: &mut Context<'_, Self>) {}

    /// A task's state. It is acknowledged when this returns, unless the framework
    /// acknowledges [explicitly](super::Acknowledgements::Explicit).
    fn update(&mut self, status: TaskStatus, context: &mut Context<'_, Self>);

    /// An operation's state.
    fn operation_update(&mut self, _status: OperationStatus, _context: &mut Context<'_, Self>) {}

    /// An executor sends data of its own; [`Payload`](crate::payload::Payload) reads it if
    /// it was sent as a message.
    fn message(
        &mut self,
        _agent: AgentId,
        _executor: ExecutorId,
        _data: Bytes,
        _context: &mut Context<'_, Self>,
    ) {
    }

    /// An agent, or one executor on it, is gone.
    fn failure(&mut self, _failure: event::Failure, _context: &mut Context<'_, Self>) {}

    /// A call of the framework was answered: 202 when it was taken, else `text` says why
    /// not. By libprocess, 202 means that it was sent.
    fn answered(
        &mut self,
        _call: CallId,
        status: u16,
        text: &str,
        _context: &mut Context<'_, Self>,
    ) {
        if status != 202 {
            warn!(status, text, "the master refuses a call");
        }
    }

    /// The master does not want the framework (any more). The driver has given up, but
    /// may [begin anew](SchedulerDriver::start_anew).
    fn refused(&mut self, refusal: &Refusal, context: &mut Context<'_, Self>) {
        error!(%refusal, "the framework was refused");
        context.stop();
    }

    /// The driver has [left](SchedulerDriver::leave).
    fn left(&mut self, context: &mut Context<'_, Self>) {
        context.stop();
    }
}

/// Why a driver has given up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The subscription was answered with an error.
    #[error("the subscription was refused with status {status}: {text}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The reason given.
        text: String,
    },
    /// The master said so: the framework was removed, another scheduler took over …
    #[error("{0}")]
    Error(String),
    /// The framework cannot be described in the transport's form.
    #[error("the subscription cannot be written: {0}")]
    Unwritable(String),
    /// The master would have nowhere to answer to.
    #[error(
        "libprocess needs a node with a port: start it with Node::start, or use the HTTP transport"
    )]
    NoPort,
}

impl Refusal {
    /// Whether the framework's id is used up: its failover time has passed or it was torn
    /// down, and so its tasks are over. What it did can go on under a new id.
    pub fn is_removed(&self) -> bool {
        match self {
            Self::Status { text, .. } | Self::Error(text) => {
                text.contains("has been removed") || text.contains("completed framework")
            }
            Self::Unwritable(_) | Self::NoPort => false,
        }
    }
}
