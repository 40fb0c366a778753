//! The libprocess transport: an actor beside the framework's, which the master talks to as
//! it does to a native scheduler driver (M1, M2), and which says what it hears as v1 events.

use std::time::Duration;

use messages::v1::scheduler::{Call, Event, event};
use messages::v1::{FrameworkId, MasterInfo, OfferId, TaskStatus};
use messages::{internal, scheduler};
use runtime::{Actor, Context, Declaration, Handle, Instant, Pid};
use runtime_core::libprocess::Peer;

use crate::http_client::{Answer, Ended, Notice};

/// How long a master may take to take the framework. One that does not lead says nothing
/// (M11); one that does may have much to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the master may be silent before it is asked whether it still has the framework.
/// There are no heartbeats here, and master and framework each see only the breaking of the
/// connection that they made themselves: the master may have lost the framework without the
/// framework's knowing.
const SILENCE: Duration = Duration::from_secs(2 * 60);

/// What a master says that saw its connection to the framework break.
const DISCONNECTED: &str = "Framework disconnected";

/// What the framework's driver is told, of which session.
pub(super) enum Said {
    Notice(Notice<Event>),
    Ended(Ended),
}

/// The driver's ear.
pub(super) type Ear = Box<dyn Fn(u64, Said) + Send>;

/// The driver's end of a session. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Session {
    id: u64,
    wire: Handle<Wire>,
}

impl Session {
    pub(super) fn open(
        id: u64,
        wire: Handle<Wire>,
        master: Peer,
        subscribe: Call,
        force: bool,
    ) -> Self {
        wire.call(move |wire, context| wire.open(id, master, subscribe, force, context));
        Self { id, wire }
    }

    pub(super) fn call(&self, tag: u64, call: Call) {
        let id = self.id;
        self.wire
            .call(move |wire, context| wire.make(id, tag, call, context));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let id = self.id;
        self.wire.call(move |wire, _| wire.close(id));
    }
}

/// The actor. It keeps its name, and so its pid, for all of the framework's life: a master
/// that knows the pid takes it again without force (M28).
pub(super) struct Wire {
    framework: Pid,
    ear: Ear,
    session: Option<Current>,
}

struct Current {
    id: u64,
    subscribe: Call,
    /// Whether an answer to the subscription is awaited.
    is_asking: bool,
    /// When the master was heard last.
    heard: Instant,
    /// Where calls go; none while its host's name is looked up.
    dialled: Option<Pid>,
    /// What the master calls itself, once it has taken the framework.
    master: Option<Pid>,
}

impl Wire {
    /// The wire of this actor; `ear` is told what is heard.
    pub(super) fn new(framework: Pid, ear: Ear) -> Self {
        Self {
            framework,
            ear,
            session: None,
        }
    }

    fn open(
        &mut self,
        id: u64,
        master: Peer,
        subscribe: Call,
        force: bool,
        context: &mut Context<'_, Self>,
    ) {
        self.session = Some(Current {
            id,
            subscribe,
            is_asking: false,
            heard: context.now(),
            dialled: None,
            master: None,
        });
        match master {
            Peer::Resolved(pid) => self.ask(id, pid, force, context),
            Peer::Named {
                id: name,
                host,
                port,
            } => {
                let node = context.node().clone();
                let authority = format!("{host}:{port}");
                context.run(
                    async move { node.world().resolve(&host, port).await },
                    move |wire, found, context| match found {
                        Ok(address) => {
                            wire.ask(id, Pid::new(name, address), force, context);
                        }
                        Err(error) => {
                            let reason = error.to_string();
                            wire.end(id, Ended::Unreachable { authority, reason });
                        }
                    },
                );
            }
        }
    }

    /// Subscribes, over a fresh connection: the former one may be half open (L15).
    fn ask(&mut self, id: u64, pid: Pid, force: bool, context: &mut Context<'_, Self>) {
        let Some(current) = self.session.as_mut().filter(|current| current.id == id) else {
            return;
        };
        context.relink(&pid);
        context.send(
            &pid,
            scheduler::Call::from_v1(current.subscribe.clone(), force),
        );
        current.dialled = Some(pid);
        current.is_asking = true;
        context.after(PATIENCE, move |wire, _| {
            let is_asking = |current: &Current| current.id == id && current.is_asking;
            if wire.session.as_ref().is_some_and(is_asking) {
                let seconds = PATIENCE.as_secs();
                let why = format!("no answer within {seconds} seconds: it may not lead");
                wire.end(id, Ended::Broken(why));
            }
        });
    }

    /// Asks again when the master has been silent for too long.
    fn watch(&mut self, id: u64, context: &mut Context<'_, Self>) {
        let Some(current) = self.session.as_ref().filter(|current| current.id == id) else {
            return;
        };
        let silence = context.now().saturating_duration_since(current.heard);
        let next = match (SILENCE.checked_sub(silence), &current.dialled) {
            (None | Some(Duration::ZERO), Some(pid)) => {
                let pid = pid.clone();
                self.ask(id, pid, false, context);
                SILENCE
            }
            (left, _) => left.unwrap_or(SILENCE),
        };
        context.after(next, move |wire, context| wire.watch(id, context));
    }

    /// A call that was given to the connection counts as answered: a master that takes
    /// messages does not say so.
    fn make(&mut self, id: u64, tag: u64, call: Call, context: &mut Context<'_, Self>) {
        let current = self.session.as_ref().filter(|current| current.id == id);
        let Some(pid) = current.and_then(|current| current.dialled.as_ref()) else {
            return;
        };
        context.send(pid, scheduler::Call::from_v1(call, false));
        let answer = Answer {
            tag,
            status: 202,
            text: String::new(),
        };
        (self.ear)(id, Said::Notice(Notice::Answered(answer)));
    }

    fn close(&mut self, id: u64) {
        if self
            .session
            .as_ref()
            .is_some_and(|current| current.id == id)
        {
            self.session = None;
        }
    }

    /// The framework ends without being torn down: offers need not be sent to it.
    pub(super) fn deactivate(
        &mut self,
        framework_id: FrameworkId,
        context: &mut Context<'_, Self>,
    ) {
        let current = self.session.take();
        if let Some(pid) = current.and_then(|current| current.dialled) {
            context.send(&pid, internal::DeactivateFrameworkMessage { framework_id });
        }
    }

    fn end(&mut self, id: u64, why: Ended) {
        if self
            .session
            .as_ref()
            .is_some_and(|current| current.id == id)
        {
            self.session = None;
            (self.ear)(id, Said::Ended(why));
        }
    }

    /// The framework cannot go on as it is.
    fn failed(&mut self, message: String) {
        let Some(current) = &self.session else {
            return;
        };
        if message != DISCONNECTED {
            let event = Event {
                error: Some(event::Error { message }),
                ..of(event::Type::Error)
            };
            (self.ear)(current.id, Said::Notice(Notice::Events(vec![event])));
        } else if !current.is_asking {
            // As by HTTP (V8): it subscribes again.
            let why = format!("the master has lost the framework: {message}");
            self.end(current.id, Ended::Broken(why));
        }
        // Else it is subscribing again already, whatever became of the connection before.
    }

    /// The framework was taken: from now on its sender is the master.
    fn registered(
        &mut self,
        from: &Pid,
        framework_id: FrameworkId,
        master_info: MasterInfo,
        context: &mut Context<'_, Self>,
    ) {
        let Some(current) = &mut self.session else {
            return;
        };
        let is_dialled = |pid: &Pid| pid.id == from.id;
        if !current.dialled.as_ref().is_some_and(is_dialled) {
            return;
        }
        let id = current.id;
        let is_first = current.master.replace(from.clone()).is_none();
        current.is_asking = false;
        current.heard = context.now();
        current.subscribe.framework_id = Some(framework_id.clone());
        if let Some(subscribe) = &mut current.subscribe.subscribe {
            subscribe.framework_info.id = Some(framework_id.clone());
        }
        let subscribed = Some(event::Subscribed {
            framework_id,
            master_info: Some(master_info),
            heartbeat_interval_seconds: None,
        });
        let event = Event {
            subscribed,
            ..of(event::Type::Subscribed)
        };
        (self.ear)(id, Said::Notice(Notice::Events(vec![event])));
        if is_first {
            self.watch(id, context);
        }
    }

    /// Something that only the master may say.
    fn told_by_master(&mut self, from: &Pid, event: Event, context: &Context<'_, Self>) {
        if let Some(current) = &mut self.session
            && current.master.as_ref() == Some(from)
        {
            current.heard = context.now();
            (self.ear)(current.id, Said::Notice(Notice::Events(vec![event])));
        }
    }

    /// Something that agents say themselves (M53).
    fn told_by_anyone(&self, event: Event) {
        if let Some(current) = &self.session
            && current.master.is_some()
        {
            (self.ear)(current.id, Said::Notice(Notice::Events(vec![event])));
        }
    }
}

fn of(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

fn rescind(offer_id: OfferId) -> Event {
    Event {
        rescind: Some(event::Rescind { offer_id }),
        ..of(event::Type::Rescind)
    }
}

/// The status of an update as a v1 framework sees it: with a uuid only if somebody waits
/// for it to be acknowledged, which is whom `pid` names (M37).
fn status(message: internal::StatusUpdateMessage) -> TaskStatus {
    let internal::StatusUpdateMessage { update, pid } = message;
    let is_awaited = pid.is_some_and(|pid| !pid.is_empty());
    let uuid = update.uuid.filter(|uuid| is_awaited && !uuid.is_empty());
    let status = update.status;
    TaskStatus {
        uuid,
        agent_id: status.agent_id.or(update.slave_id),
        executor_id: status.executor_id.or(update.executor_id),
        timestamp: status.timestamp.or(Some(update.timestamp)),
        ..status
    }
}

impl Actor for Wire {
    const KIND: &'static str = "scheduler-driver";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on(
                "The framework is taken.",
                |wire, from, message: internal::FrameworkRegisteredMessage, context| {
                    wire.registered(from, message.framework_id, message.master_info, context);
                },
            )
            .on(
                "The framework is taken again.",
                |wire, from, message: internal::FrameworkReregisteredMessage, context| {
                    wire.registered(from, message.framework_id, message.master_info, context);
                },
            )
            .on(
                "Resources are offered.",
                |wire, from, message: internal::ResourceOffersMessage, context| {
                    let offers = message.offers;
                    let event = Event {
                        offers: Some(event::Offers { offers }),
                        ..of(event::Type::Offers)
                    };
                    wire.told_by_master(from, event, context);
                },
            )
            .on(
                "An offer is void.",
                |wire, from, message: internal::RescindResourceOfferMessage, context| {
                    wire.told_by_master(from, rescind(message.offer_id), context);
                },
            )
            .on(
                "A task's state.",
                |wire, from, message: internal::StatusUpdateMessage, context| {
                    let update = event::Update {
                        status: status(message),
                    };
                    let event = Event {
                        update: Some(update),
                        ..of(event::Type::Update)
                    };
                    wire.told_by_master(from, event, context);
                },
            )
            .on(
                "An operation's state.",
                |wire, from, message: internal::UpdateOperationStatusMessage, context| {
                    let status = message.status;
                    let event = Event {
                        update_operation_status: Some(event::UpdateOperationStatus { status }),
                        ..of(event::Type::UpdateOperationStatus)
                    };
                    wire.told_by_master(from, event, context);
                },
            )
            .on(
                "An agent is gone.",
                |wire, from, message: internal::LostSlaveMessage, context| {
                    let failure = event::Failure {
                        agent_id: Some(message.slave_id),
                        ..event::Failure::default()
                    };
                    let event = Event {
                        failure: Some(failure),
                        ..of(event::Type::Failure)
                    };
                    wire.told_by_master(from, event, context);
                },
            )
            .on(
                "An executor has ended.",
                |wire, from, message: internal::ExitedExecutorMessage, context| {
                    let failure = event::Failure {
                        agent_id: Some(message.slave_id),
                        executor_id: Some(message.executor_id),
                        status: Some(message.status),
                    };
                    let event = Event {
                        failure: Some(failure),
                        ..of(event::Type::Failure)
                    };
                    wire.told_by_master(from, event, context);
                },
            )
            .on(
                "An executor's message.",
                |wire, _, message: internal::ExecutorToFrameworkMessage, _| {
                    let message = event::Message {
                        agent_id: message.slave_id,
                        executor_id: message.executor_id,
                        data: message.data,
                    };
                    wire.told_by_anyone(Event {
                        message: Some(message),
                        ..of(event::Type::Message)
                    });
                },
            )
            .on(
                "The framework cannot go on.",
                |wire, _, message: internal::FrameworkErrorMessage, _| wire.failed(message.message),
            );
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        context.link(&self.framework);
    }

    fn exited(&mut self, peer: &Pid, context: &mut Context<'_, Self>) {
        if *peer == self.framework {
            context.stop();
            return;
        }
        if let Some(current) = &self.session
            && current.dialled.as_ref() == Some(peer)
        {
            let why = format!("the connection with {peer} broke");
            self.end(current.id, Ended::Broken(why));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use messages::v1::{AgentId, ExecutorId};

    use super::*;

    fn update(pid: &str, uuid: &'static [u8]) -> internal::StatusUpdateMessage {
        internal::StatusUpdateMessage {
            update: internal::StatusUpdate {
                uuid: Some(Bytes::from_static(uuid)),
                timestamp: 5.0,
                slave_id: Some(AgentId { value: "S".into() }),
                executor_id: Some(ExecutorId { value: "E".into() }),
                ..internal::StatusUpdate::default()
            },
            pid: Some(pid.to_owned()),
        }
    }

    #[test]
    fn only_updates_that_somebody_awaits_have_a_uuid() {
        let from_agent = status(update("slave(1)@127.0.0.1:5051", b"u"));
        assert_eq!(from_agent.uuid.as_deref(), Some(&b"u"[..]));
        assert_eq!(from_agent.agent_id.unwrap().value, "S");
        assert_eq!(from_agent.timestamp, Some(5.0));
        assert_eq!(status(update("", b"u")).uuid, None);
        assert_eq!(status(update("slave(1)@127.0.0.1:5051", b"")).uuid, None);
    }
}
