//! Everything that can happen to the master.

use messages::{internal, v1};
use model::ids::{AgentId, FrameworkId, OfferId};
use runtime_core::Pid;

use crate::allocator::messages::Offers;
use crate::connection::{StreamId, Token};
use crate::registry::{Registry, Ticket};
use crate::returning::Returning;

/// One thing that happened, decoded and typed. The shell feeds inputs one by one to
/// [`Master::handle`](crate::Master::handle).
#[derive(Debug)]
pub enum Input {
    /// The registrar has read what earlier masters wrote. Until then every other input
    /// is dropped or answered 503 (M11, V2).
    Recovered(Box<Registry>),
    /// The registrar has carried out [`Effect::Write`](crate::Effect::Write).
    Written {
        /// Which write.
        ticket: Ticket,
        /// Whether the registry took the operation (`false`: it did not fit, see
        /// [`Registry::apply`](crate::registry::Registry::apply)). An error says why
        /// nothing could be stored, after which the master must not go on.
        result: Result<bool, String>,
    },
    /// A call to `/api/v1/scheduler`, already decoded and found well formed (V8).
    SchedulerCall {
        /// Where the answer goes.
        token: Token,
        /// The `Mesos-Stream-Id` header, as it came.
        stream: Option<String>,
        /// The principal that the request authenticated as.
        principal: Option<String>,
        /// The call.
        call: Box<v1::scheduler::Call>,
    },
    /// A client closed its end of a scheduler's event stream, or the shell gave up on it.
    StreamClosed(StreamId),
    /// `mesos.scheduler.Call` from a libprocess driver.
    DriverCall {
        /// The driver.
        from: Pid,
        /// For SUBSCRIBE: take over even if another driver is connected (M28).
        force: bool,
        /// The call.
        call: Box<v1::scheduler::Call>,
    },
    /// `DeactivateFrameworkMessage` from a libprocess driver that aborts.
    DriverDeactivate {
        /// The driver.
        from: Pid,
        /// Its framework.
        framework: FrameworkId,
    },
    /// A message from an agent.
    Agent {
        /// The sender.
        from: Pid,
        /// The message.
        message: FromAgent,
    },
    /// A linked peer is gone, or the connection to it broke (L13).
    Exited(Pid),
    /// What the allocator found in one run (A6).
    Offers(Offers),
    /// A timer set by [`Effect::Timer`](crate::Effect::Timer) ran out.
    Timer(Timer),
    /// An operator asks for a framework's end: `/teardown` or TEARDOWN (V20).
    Teardown {
        /// Where the answer goes.
        token: Token,
        /// The framework.
        framework: FrameworkId,
    },
    /// An operator gives an agent up for good: MARK_AGENT_GONE (V20).
    MarkAgentGone {
        /// Where the answer goes.
        token: Token,
        /// The agent.
        agent: AgentId,
    },
    /// An operator wants the event stream of `/api/v1` (V21).
    OperatorSubscribe {
        /// Where the answer goes.
        token: Token,
    },
    /// An operator's event stream was closed from the other end.
    OperatorClosed(StreamId),
}

/// What agents send (M3).
#[derive(Debug)]
pub enum FromAgent {
    /// A new agent wants in (M12).
    Register(Box<internal::RegisterSlaveMessage>),
    /// A known agent returns (M13).
    Reregister(Box<Returning>),
    /// An agent leaves in an orderly way.
    Unregister(internal::UnregisterSlaveMessage),
    /// The agent's oversubscribed or total resources changed.
    Update(Box<internal::UpdateSlaveMessage>),
    /// A task's state changed (M34).
    StatusUpdate(Box<internal::StatusUpdateMessage>),
    /// An executor ended.
    ExitedExecutor(internal::ExitedExecutorMessage),
    /// An executor's message to its framework (M54).
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    /// The answer to a ping (M16).
    Pong,
}

/// What a timer was set for. Timers are never cancelled: one that is out of date finds
/// its subject changed and does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timer {
    /// Time to look whether the agents whose turn it is answered, and to ping them again (M16).
    Pings,
    /// A disconnected agent has had its time to return (M18).
    AgentReturn {
        /// The agent.
        agent: AgentId,
        /// Which of its registrations the timer belongs to.
        epoch: u64,
    },
    /// It is this agent's turn to be marked unreachable under the removal rate limit.
    AgentRemoval {
        /// The agent.
        agent: AgentId,
    },
    /// Agents known from the registry have had their time to return (M19).
    RecoveredAgents,
    /// Time to clean the registry (M20).
    RegistryGc,
    /// A disconnected framework has had its `failover_timeout` (M29).
    FrameworkFailover {
        /// The framework.
        framework: FrameworkId,
        /// Which of its connections the timer belongs to.
        epoch: u64,
    },
    /// Time for the next HEARTBEAT on a scheduler's stream (V10).
    Heartbeat {
        /// The framework.
        framework: FrameworkId,
        /// The stream.
        stream: StreamId,
    },
    /// Time for the next HEARTBEAT on an operator's stream (V21).
    OperatorHeartbeat {
        /// The stream.
        stream: StreamId,
    },
    /// The offer was not answered within `--offer_timeout`.
    Offer {
        /// The offer.
        offer: OfferId,
    },
}
