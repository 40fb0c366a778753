//! Everything that the master can ask of the world.

use std::sync::Arc;
use std::time::Duration;

use messages::{internal, v1};
use model::ids::FrameworkId;
use runtime_core::Pid;

use crate::allocator::messages::Input as AllocatorInput;
use crate::connection::{Connection, Outcome, StreamId, Token};
use crate::input::Timer;
use crate::registry::{Operation, Ticket};

/// One thing to do. The shell carries effects out in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answer a request.
    Answer {
        /// Which.
        token: Token,
        /// With what.
        outcome: Outcome,
    },
    /// Answer a SUBSCRIBE with 200 and an event stream that bears this id (V7).
    OpenStream {
        /// Which request.
        token: Token,
        /// The stream's id.
        stream: StreamId,
    },
    /// End a scheduler's or an operator's event stream after what was sent so far.
    CloseStream(StreamId),
    /// Send an event to a framework.
    Framework(Box<ToFramework>),
    /// Send a message to an agent.
    Agent {
        /// The agent.
        to: Pid,
        /// The message.
        message: ToAgent,
    },
    /// Watch a peer: an [`Input::Exited`](crate::Input::Exited) follows when it is gone.
    Link {
        /// The peer.
        to: Pid,
        /// Whether to replace an existing connection, which may be half open (L15).
        reconnect: bool,
    },
    /// Tell the allocator.
    Allocator(AllocatorInput),
    /// Change the registry; [`Input::Written`](crate::Input::Written) follows.
    Write {
        /// Comes back with the result.
        ticket: Ticket,
        /// What to change.
        operation: Operation,
    },
    /// Feed [`Input::Timer`](crate::Input::Timer) back after a while.
    Timer {
        /// How long from now.
        after: Duration,
        /// What comes back.
        timer: Timer,
    },
    /// Send an event to one operator's stream.
    Operator {
        /// The stream.
        to: StreamId,
        /// The event.
        event: Arc<v1::master::Event>,
    },
    /// Send SUBSCRIBED with the whole state to a new operator's stream. Its state is the
    /// snapshot that the shell takes at this very effect (V21).
    OperatorSubscribed {
        /// The stream.
        to: StreamId,
    },
    /// The master cannot go on; the text says why (S10, M19).
    Exit(String),
}

/// An event on its way to a framework.
#[derive(Debug, Clone, PartialEq)]
pub struct ToFramework {
    /// The framework; absent for a subscriber that was refused.
    pub framework: Option<FrameworkId>,
    /// Where it is.
    pub to: Connection,
    /// The event, as an HTTP stream shows it.
    pub event: v1::scheduler::Event,
    /// What a libprocess driver must be told besides.
    pub driver: DriverDetail,
}

/// What the libprocess form of an event holds that the v1 event does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DriverDetail {
    /// Nothing.
    #[default]
    None,
    /// SUBSCRIBED: the framework was known before, so it is
    /// `FrameworkReregisteredMessage`.
    Reregistered,
    /// OFFERS: the agents' pids, one for each offer.
    Agents(Vec<Pid>),
    /// UPDATE: the agent that waits for the acknowledgement, if any.
    Update(Option<Pid>),
}

/// What the master sends to agents (M4).
#[derive(Debug, Clone, PartialEq)]
pub enum ToAgent {
    /// The agent is in.
    Registered(internal::SlaveRegisteredMessage),
    /// The agent is in again.
    Reregistered(Box<internal::SlaveReregisteredMessage>),
    /// Are you there (M16)?
    Ping(internal::PingSlaveMessage),
    /// Run a task.
    RunTask(Box<internal::RunTaskMessage>),
    /// Run a task group.
    RunTaskGroup(Box<internal::RunTaskGroupMessage>),
    /// Kill a task.
    KillTask(Box<internal::KillTaskMessage>),
    /// Acknowledge a status update.
    Acknowledge(internal::StatusUpdateAcknowledgementMessage),
    /// A framework's message to its executor.
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    /// End an executor.
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    /// End all that a framework runs there.
    ShutdownFramework(internal::ShutdownFrameworkMessage),
    /// A framework's description or pid changed.
    UpdateFramework(Arc<internal::UpdateFrameworkMessage>),
    /// Leave, ending all that runs.
    Shutdown(internal::ShutdownMessage),
}
