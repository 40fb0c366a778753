//! The libprocess transport: an actor beside the executor's, which the agent talks to as it
//! does to a native executor driver (M5), and which says what it hears as v1 events.

use messages::internal;
use messages::v1::executor::{Call, Event, call, event};
use messages::v1::{AgentId, AgentInfo, ExecutorId, FrameworkId};
use runtime::{Actor, Context, Declaration, Handle, Pid, Placement};

use super::actor::{self, ExecutorActor};
use super::environment::ExecutorEnvironment;
use super::transport::NotSent;
use crate::http_client::{Ended, Notice};

/// What the executor's driver is told, of which session.
pub(super) enum Said {
    Event(Box<Event>),
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
    pub(super) fn open(id: u64, wire: Handle<Wire>, subscribe: Call) -> Self {
        wire.call(move |wire, context| wire.open(id, subscribe, context));
        Self { id, wire }
    }

    pub(super) fn call(&self, call: Call) {
        let id = self.id;
        self.wire
            .call(move |wire, context| wire.make(id, call, context));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let id = self.id;
        self.wire.call(move |wire, _| {
            wire.session.take_if(|(current, _)| *current == id);
        });
    }
}

/// The actor that speaks libprocess for this executor.
pub(super) fn spawn<A: ExecutorActor>(
    environment: &ExecutorEnvironment,
    context: &mut Context<'_, A>,
) -> Result<Handle<Wire>, NotSent> {
    if context.node().address().port() == 0 {
        return Err(NotSent::NoPort);
    }
    let handle = context.handle();
    let ear: Ear = Box::new(move |session, said| {
        handle.call(move |actor: &mut A, context| match said {
            Said::Event(event) => {
                actor::notice(actor, session, Notice::Events(vec![*event]), context);
            }
            Said::Ended(why) => actor::ended(actor, session, why, context),
        });
    });
    let wire = Wire {
        executor: context.me().clone(),
        agent: environment.agent_pid.clone(),
        framework_id: environment.framework_id.to_proto(),
        executor_id: environment.executor_id.to_proto(),
        ear,
        session: None,
        registered: None,
        is_taken: false,
        is_wanted: false,
    };
    // As upstream's drivers call themselves; a random UUID is never taken.
    let name = format!("executor-{}", context.uuid());
    context
        .spawn(name.as_str(), wire, Placement::Here)
        .map_err(|_| NotSent::NoPort)
}

/// The actor. It keeps its name, and so its pid, for all of the executor's life: an agent
/// that comes back knows it by that.
pub(super) struct Wire {
    executor: Pid,
    agent: Pid,
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    ear: Ear,
    /// The present session, and its subscription.
    session: Option<(u64, Call)>,
    /// What the agent said of itself and the executor when it took it.
    registered: Option<internal::ExecutorRegisteredMessage>,
    /// Whether the agent has taken the executor in the present session.
    is_taken: bool,
    /// Whether an agent that came back has asked for the executor.
    is_wanted: bool,
}

impl Wire {
    /// Registers a new executor at once. One that has lost its agent makes a connection, and
    /// waits until the agent asks for it: an agent ends those that come unasked.
    fn open(&mut self, id: u64, subscribe: Call, context: &mut Context<'_, Self>) {
        self.session = Some((id, subscribe));
        self.is_taken = false;
        context.relink(&self.agent);
        if self.registered.is_none() {
            let message = internal::RegisterExecutorMessage {
                framework_id: self.framework_id.clone(),
                executor_id: self.executor_id.clone(),
            };
            context.send(&self.agent, message);
        } else {
            self.return_if_wanted(context);
        }
    }

    /// An agent came back, of which this side may not have noticed that it was gone: then
    /// the session with the former one is over.
    fn wanted(&mut self, agent: &Pid, context: &mut Context<'_, Self>) {
        self.agent = agent.clone();
        self.is_wanted = true;
        context.link(agent);
        if std::mem::take(&mut self.is_taken)
            && let Some((id, _)) = self.session.take()
        {
            let why = format!("{agent} came back");
            (self.ear)(id, Said::Ended(Ended::Broken(why)));
            return;
        }
        self.return_if_wanted(context);
    }

    fn return_if_wanted(&mut self, context: &mut Context<'_, Self>) {
        let Some((_, call)) = self.session.as_ref().filter(|_| self.is_wanted) else {
            return;
        };
        let subscribe = call.subscribe.clone().unwrap_or_default();
        let updates = subscribe.unacknowledged_updates.into_iter();
        let message = internal::ReregisterExecutorMessage {
            executor_id: self.executor_id.clone(),
            framework_id: self.framework_id.clone(),
            tasks: subscribe.unacknowledged_tasks,
            updates: updates.map(|update| self.update(update)).collect(),
        };
        self.is_wanted = false;
        context.send(&self.agent, message);
    }

    fn agent_id(&self) -> Option<AgentId> {
        let registered = self.registered.as_ref()?;
        Some(registered.slave_id.clone())
    }

    fn update(&self, update: call::Update) -> internal::StatusUpdate {
        let status = update.status;
        internal::StatusUpdate {
            framework_id: self.framework_id.clone(),
            executor_id: Some(self.executor_id.clone()),
            slave_id: self.agent_id(),
            timestamp: status.timestamp.unwrap_or_default(),
            uuid: status.uuid.clone(),
            latest_state: None,
            status,
        }
    }

    fn make(&self, id: u64, call: Call, context: &Context<'_, Self>) {
        if self
            .session
            .as_ref()
            .is_none_or(|(current, _)| *current != id)
        {
            return;
        }
        if let Some(update) = call.update {
            let message = internal::StatusUpdateMessage {
                update: self.update(update),
                pid: Some(context.me().to_string()),
            };
            context.send(&self.agent, message);
        } else if let (Some(message), Some(slave_id)) = (call.message, self.agent_id()) {
            let message = internal::ExecutorToFrameworkMessage {
                slave_id,
                framework_id: self.framework_id.clone(),
                executor_id: self.executor_id.clone(),
                data: message.data,
            };
            context.send(&self.agent, message);
        }
        // There are no heartbeats here.
    }

    fn say(&self, event: Event) {
        if let Some((id, _)) = &self.session {
            (self.ear)(*id, Said::Event(Box::new(event)));
        }
    }

    /// Says what the agent has sent; others may not.
    fn told_by_agent(&self, from: &Pid, event: Event) {
        if *from == self.agent {
            self.say(event);
        }
    }

    /// The agent has taken the executor, perhaps again.
    fn taken(&mut self, agent_info: AgentInfo) {
        let Some(registered) = &self.registered else {
            return;
        };
        self.is_taken = true;
        let subscribed = event::Subscribed {
            executor_info: registered.executor_info.clone(),
            framework_info: registered.framework_info.clone(),
            agent_info,
            container_id: None,
        };
        self.say(Event {
            subscribed: Some(subscribed),
            ..of(event::Type::Subscribed)
        });
    }
}

fn of(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind.into()),
        ..Event::default()
    }
}

impl Actor for Wire {
    const KIND: &'static str = "executor-driver";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration
            .on(
                "The agent has taken the executor.",
                |wire, from, message: internal::ExecutorRegisteredMessage, _| {
                    if *from == wire.agent {
                        let agent_info = message.slave_info.clone();
                        wire.registered = Some(message);
                        wire.taken(agent_info);
                    }
                },
            )
            .on(
                "The agent has taken the executor again.",
                |wire, from, message: internal::ExecutorReregisteredMessage, _| {
                    if *from == wire.agent {
                        wire.taken(message.slave_info);
                    }
                },
            )
            .on(
                "An agent that came back asks for the executor.",
                |wire, from, _: internal::ReconnectExecutorMessage, context| {
                    wire.wanted(from, context);
                },
            )
            .on(
                "A task to run.",
                |wire, from, message: internal::RunTaskMessage, _| {
                    let task = message.task;
                    let event = Event {
                        launch: Some(event::Launch { task }),
                        ..of(event::Type::Launch)
                    };
                    wire.told_by_agent(from, event);
                },
            )
            .on(
                "A task to kill.",
                |wire, from, message: internal::KillTaskMessage, _| {
                    let kill = event::Kill {
                        task_id: message.task_id,
                        kill_policy: message.kill_policy,
                    };
                    let event = Event {
                        kill: Some(kill),
                        ..of(event::Type::Kill)
                    };
                    wire.told_by_agent(from, event);
                },
            )
            .on(
                "The agent has stored an update.",
                |wire, from, message: internal::StatusUpdateAcknowledgementMessage, _| {
                    let acknowledged = event::Acknowledged {
                        task_id: message.task_id,
                        uuid: message.uuid,
                    };
                    let event = Event {
                        acknowledged: Some(acknowledged),
                        ..of(event::Type::Acknowledged)
                    };
                    wire.told_by_agent(from, event);
                },
            )
            .on(
                "The scheduler's message, which it may send itself.",
                |wire, _, message: internal::FrameworkToExecutorMessage, _| {
                    let data = message.data;
                    wire.say(Event {
                        message: Some(event::Message { data }),
                        ..of(event::Type::Message)
                    });
                },
            )
            .on(
                "The executor has to end.",
                |wire, from, _: internal::ShutdownExecutorMessage, _| {
                    wire.told_by_agent(from, of(event::Type::Shutdown));
                },
            );
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        context.link(&self.executor);
    }

    fn exited(&mut self, peer: &Pid, context: &mut Context<'_, Self>) {
        if *peer == self.executor {
            context.stop();
        } else if *peer == self.agent
            && let Some((id, _)) = self.session.take()
        {
            let why = format!("the connection with {peer} broke");
            (self.ear)(id, Said::Ended(Ended::Broken(why)));
        }
    }
}
