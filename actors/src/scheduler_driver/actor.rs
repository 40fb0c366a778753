//! The driver's shell, and what a framework is to it.

use std::time::Duration;

use bytes::Bytes;
use messages::v1::scheduler::{Call, Event, call, event};
use messages::v1::{
    AgentId, ExecutorId, FrameworkId, FrameworkInfo, InverseOffer, Offer, OfferId, OperationStatus,
    TaskStatus,
};
use runtime::{Actor, Context};
use tracing::{debug, warn};

use super::calls::{CallError, CallId};
use super::core::{Action, Core, News};
use crate::http_client::{
    Answer, Authorization, ContentType, Ended, Endpoint, Notice, Session, SessionConfig,
};

/// How long a master may take to answer a call. It answers as soon as it has read it.
const PATIENCE: Duration = Duration::from_secs(60);

/// An actor that is a framework: it owns a [`SchedulerDriver`] and is called with what
/// the master says.
pub trait SchedulerActor: Actor {
    /// The actor's driver.
    fn driver(&mut self) -> &mut SchedulerDriver;

    /// A master has accepted the framework, for the first time or again.
    fn subscribed(&mut self, framework_id: &FrameworkId, context: &mut Context<'_, Self>);

    /// The master is not reachable or does not lead; the driver looks for the leader.
    /// Offers held are void.
    fn disconnected(&mut self, _reason: &str, _context: &mut Context<'_, Self>) {}

    /// Resources are offered.
    fn offers(&mut self, offers: Vec<Offer>, context: &mut Context<'_, Self>);

    /// Agents are to be taken down; resources are asked back.
    fn inverse_offers(&mut self, _offers: Vec<InverseOffer>, _context: &mut Context<'_, Self>) {}

    /// An offer is void.
    fn rescinded(&mut self, _offer: OfferId, _context: &mut Context<'_, Self>) {}

    /// An inverse offer is void.
    fn inverse_rescinded(&mut self, _offer: OfferId, _context: &mut Context<'_, Self>) {}

    /// A task's state. The framework has to acknowledge it, by
    /// [`SchedulerDriver::acknowledge`], once it has dealt with it.
    fn update(&mut self, status: TaskStatus, context: &mut Context<'_, Self>);

    /// An operation's state.
    fn operation_update(&mut self, _status: OperationStatus, _context: &mut Context<'_, Self>) {}

    /// An executor sends data of its own.
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

    /// A call was answered: 202 when it was taken, else `text` says why not.
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

    /// The master does not want the framework (any more). The driver has given up.
    fn refused(&mut self, reason: &str, context: &mut Context<'_, Self>);
}

/// What a framework subscribes with.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    /// A master; if another one leads, that one is followed (V2).
    pub master: Endpoint,
    /// The framework. Its id is unset for a new one.
    pub framework_info: FrameworkInfo,
    /// How calls and events are written.
    pub content_type: ContentType,
    /// The framework's credentials, if it has any.
    pub authorization: Option<Authorization>,
}

/// Keeps a framework subscribed with the leading master.
#[derive(Debug)]
pub struct SchedulerDriver {
    content_type: ContentType,
    authorization: Option<Authorization>,
    core: Core,
    session: Option<Session>,
    calls: u64,
}

impl SchedulerDriver {
    /// A driver of this framework.
    pub fn new(config: SchedulerConfig) -> Self {
        let SchedulerConfig {
            master,
            framework_info,
            content_type,
            authorization,
        } = config;
        let subscribe = call::Subscribe {
            framework_info,
            ..call::Subscribe::default()
        };
        Self {
            content_type,
            authorization,
            core: Core::new(master, subscribe),
            session: None,
            calls: 0,
        }
    }

    /// Subscribes: to be called once, from the actor's `initialize`.
    pub fn start<A: SchedulerActor>(&mut self, context: &mut Context<'_, A>) {
        let actions = self.core.retry();
        self.carry_out(actions, context);
    }

    /// Leaves the master for good. Without a TEARDOWN before, the framework lives on
    /// for its failover timeout.
    pub fn stop(&mut self) {
        self.core.stop();
        self.session = None;
    }

    /// The framework as it subscribes; with its id once it has one.
    pub fn framework_info(&self) -> &FrameworkInfo {
        self.core.framework_info()
    }

    /// Whether a master takes calls now.
    pub fn is_subscribed(&self) -> bool {
        self.core.is_subscribed()
    }

    /// Makes any call; the framework's id is filled in.
    ///
    /// # Errors
    ///
    /// When there is no master to call, or too many calls wait.
    pub fn call(&mut self, call: Call) -> Result<CallId, CallError> {
        let session = match &self.session {
            Some(session) if self.core.is_subscribed() => session,
            _ => return Err(CallError::NotSubscribed),
        };
        let call = Call {
            framework_id: self.core.framework_id().cloned(),
            ..call
        };
        let body = self.content_type.encode(&call)?;
        self.calls += 1;
        session.call(self.calls, body)?;
        Ok(CallId(self.calls))
    }

    /// Carries out what does not concern the actor; returns what does.
    fn carry_out<A: SchedulerActor>(
        &mut self,
        actions: Vec<Action>,
        context: &mut Context<'_, A>,
    ) -> Vec<News> {
        let mut news = Vec::new();
        for action in actions {
            match action {
                Action::Subscribe(id, endpoint, call) => match self.content_type.encode(&*call) {
                    Ok(body) => {
                        let config = SessionConfig {
                            endpoint,
                            content_type: self.content_type,
                            authorization: self.authorization.clone(),
                            patience: Some(PATIENCE),
                        };
                        let session = Session::open(id, config, body, context, notice, ended);
                        self.session = Some(session);
                    }
                    Err(error) => {
                        self.core.stop();
                        news.push(News::Refused(format!("it cannot be written: {error}")));
                    }
                },
                Action::Leave => self.session = None,
                Action::RetryAfter(pause) => {
                    context.after(pause, |actor: &mut A, context| {
                        let actions = actor.driver().core.retry();
                        act(actor, actions, context);
                    });
                }
                Action::AwaitHeartbeat(session, interval) => {
                    context.after(interval, move |actor: &mut A, context| {
                        let actions = actor.driver().core.heartbeat_due(session);
                        act(actor, actions, context);
                    });
                }
                Action::Tell(one) => news.push(one),
            }
        }
        news
    }
}

fn ended<A: SchedulerActor>(actor: &mut A, id: u64, why: Ended, context: &mut Context<'_, A>) {
    let actions = actor.driver().core.ended(id, why);
    act(actor, actions, context);
}

fn notice<A: SchedulerActor>(
    actor: &mut A,
    id: u64,
    notice: Notice<Event>,
    context: &mut Context<'_, A>,
) {
    match notice {
        Notice::Opened => {}
        Notice::Events(events) => {
            for event in events {
                let actions = actor.driver().core.event(id, event);
                act(actor, actions, context);
            }
        }
        Notice::Answered(Answer { tag, status, text }) => {
            actor.answered(CallId(tag), status, &text, context);
            if Core::is_leader_lost(status) {
                let why = format!("the master does not lead any more: {status} {text}");
                ended(actor, id, Ended::Broken(why), context);
            }
        }
    }
}

fn act<A: SchedulerActor>(actor: &mut A, actions: Vec<Action>, context: &mut Context<'_, A>) {
    for news in actor.driver().carry_out(actions, context) {
        match news {
            News::Event(event) => tell(actor, *event, context),
            News::Disconnected(reason) => actor.disconnected(&reason, context),
            News::Refused(reason) => actor.refused(&reason, context),
        }
    }
}

/// Tells the actor of an event; one without the part that its type promises is dropped.
fn tell<A: SchedulerActor>(actor: &mut A, event: Event, context: &mut Context<'_, A>) {
    if let Some(event) = event.subscribed {
        actor.subscribed(&event.framework_id, context);
    } else if let Some(event) = event.offers {
        actor.offers(event.offers, context);
    } else if let Some(event) = event.inverse_offers {
        actor.inverse_offers(event.inverse_offers, context);
    } else if let Some(event) = event.rescind {
        actor.rescinded(event.offer_id, context);
    } else if let Some(event) = event.rescind_inverse_offer {
        actor.inverse_rescinded(event.inverse_offer_id, context);
    } else if let Some(event) = event.update {
        actor.update(event.status, context);
    } else if let Some(event) = event.update_operation_status {
        actor.operation_update(event.status, context);
    } else if let Some(event) = event.message {
        actor.message(event.agent_id, event.executor_id, event.data, context);
    } else if let Some(event) = event.failure {
        actor.failure(event, context);
    } else {
        debug!("ignored an event of an unknown kind");
    }
}
