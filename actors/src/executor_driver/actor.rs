//! The driver's shell, and what an executor is to it.

use std::time::Duration;

use bytes::Bytes;
use messages::v1::executor::{Event, event};
use messages::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskStatus, task_status::Source};
use rand::RngExt;
use runtime::{Actor, Context, EncodeError, Handle, Message};
use tracing::{debug, warn};

use super::core::{Action, Core, News, ShutdownReason, TooManyUpdates};
use super::environment::ExecutorEnvironment;
use super::transport::{Link, Transport};
use super::wire::Wire;
use crate::http_client::{Answer, Ended, Notice};
use crate::payload::Payload;

/// How often an executor tells its agent that it lives, so that nothing on the way
/// takes the connection for idle (V16).
const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

/// An actor that is an executor: it owns an [`ExecutorDriver`] and is called with what
/// the agent says.
pub trait ExecutorActor: Actor {
    /// The actor's driver.
    fn driver(&mut self) -> &mut ExecutorDriver;

    /// The agent has accepted the executor, for the first time or again.
    fn subscribed(&mut self, _subscribed: event::Subscribed, _context: &mut Context<'_, Self>) {}

    /// The agent is not reachable; with checkpointing, the driver tries to reach it again.
    fn disconnected(&mut self, _reason: &str, _context: &mut Context<'_, Self>) {}

    /// A task is to be run.
    fn launch(&mut self, task: TaskInfo, context: &mut Context<'_, Self>);

    /// A group of tasks is to be run, all or none.
    fn launch_group(&mut self, group: TaskGroupInfo, context: &mut Context<'_, Self>);

    /// A task is to be killed.
    fn kill(&mut self, task: TaskId, policy: Option<KillPolicy>, context: &mut Context<'_, Self>);

    /// The agent has stored an update: it will not be sent again.
    fn acknowledged(&mut self, _update: TaskStatus, _context: &mut Context<'_, Self>) {}

    /// The framework's scheduler sends data of its own; [`Payload`] reads it if it was sent
    /// as a message.
    fn message(&mut self, _data: Bytes, _context: &mut Context<'_, Self>) {}

    /// The executor has to end itself and its tasks.
    fn shutdown(&mut self, reason: ShutdownReason, context: &mut Context<'_, Self>);

    /// The agent reports an error.
    fn error(&mut self, message: &str, _context: &mut Context<'_, Self>) {
        warn!(message, "the agent reports an error");
    }
}

/// Keeps an executor subscribed with its agent.
#[derive(Debug)]
pub struct ExecutorDriver {
    environment: ExecutorEnvironment,
    transport: Transport,
    core: Core,
    wire: Option<Handle<Wire>>,
    link: Option<Link>,
    calls: u64,
}

impl ExecutorDriver {
    /// A driver of the executor that `environment` describes. A content type alone stands
    /// for HTTP.
    pub fn new(environment: &ExecutorEnvironment, transport: impl Into<Transport>) -> Self {
        let core = Core::new(
            environment.framework_id.to_proto(),
            environment.executor_id.to_proto(),
            environment.checkpointing,
        );
        Self {
            environment: environment.clone(),
            transport: transport.into(),
            core,
            wire: None,
            link: None,
            calls: 0,
        }
    }

    /// Subscribes: to be called once, from the actor's `initialize`.
    pub fn start<A: ExecutorActor>(&mut self, context: &mut Context<'_, A>) {
        let actions = self.core.retry();
        self.carry_out(actions, context);
        context.after(HEARTBEAT, beat);
    }

    /// Whether the agent takes calls now.
    pub fn is_subscribed(&self) -> bool {
        self.core.is_subscribed()
    }

    /// Whether every update so far has been acknowledged.
    pub fn is_settled(&self) -> bool {
        self.core.is_settled()
    }

    /// Sends an update of a task's state. It is kept, and sent again when the agent comes
    /// back, until the agent has acknowledged it. Filled in here: uuid, timestamp, source
    /// and executor.
    ///
    /// # Errors
    ///
    /// When too many updates wait to be acknowledged.
    pub fn update<A: ExecutorActor>(
        &mut self,
        status: TaskStatus,
        context: &mut Context<'_, A>,
    ) -> Result<(), TooManyUpdates> {
        let status = TaskStatus {
            uuid: Some(Bytes::copy_from_slice(context.uuid().as_bytes())),
            timestamp: Some(context.wall_time().as_secs_f64()),
            source: Some(Source::Executor.into()),
            executor_id: Some(self.core.executor_id().clone()),
            ..status
        };
        let actions = self.core.update(status)?;
        self.carry_out(actions, context);
        Ok(())
    }

    /// Sends a message to the framework's scheduler: as [`Self::send_message`], and a
    /// framework of this kit reads it with [`Payload`].
    ///
    /// # Errors
    ///
    /// When the message has no written form.
    pub fn send<M: Message, A: ExecutorActor>(
        &mut self,
        message: &M,
        context: &mut Context<'_, A>,
    ) -> Result<(), EncodeError> {
        let data = Payload::write(message)?;
        self.send_message(data, context);
        Ok(())
    }

    /// Sends data to the framework's scheduler: at most once, and not at all while the
    /// agent is not reachable.
    pub fn send_message<A: ExecutorActor>(&mut self, data: Bytes, context: &mut Context<'_, A>) {
        let actions = self.core.message(data);
        self.carry_out(actions, context);
    }

    /// Carries out what does not concern the actor; returns what does.
    fn carry_out<A: ExecutorActor>(
        &mut self,
        actions: Vec<Action>,
        context: &mut Context<'_, A>,
    ) -> Vec<News> {
        let mut news = Vec::new();
        for action in actions {
            match action {
                Action::Subscribe(id, call) => {
                    let link = Link::open(
                        id,
                        *call,
                        self.transport,
                        &self.environment,
                        &mut self.wire,
                        context,
                    );
                    match link {
                        Ok(link) => self.link = Some(link),
                        // No later try would go better.
                        Err(error) => {
                            let reason = ShutdownReason::AgentLost(error.to_string());
                            context.after(Duration::ZERO, move |actor: &mut A, context| {
                                actor.shutdown(reason, context);
                            });
                        }
                    }
                }
                Action::Send(call) => self.make(*call),
                Action::Leave => self.link = None,
                Action::RetryWithin(most) => {
                    let pause = most.mul_f64(context.rng().random());
                    context.after(pause, retry);
                }
                Action::RetryAfter(pause) => {
                    context.after(pause, retry);
                }
                Action::AwaitRecovery(loss, timeout) => {
                    context.after(timeout, move |actor: &mut A, context| {
                        let actions = actor.driver().core.recovery_timed_out(loss);
                        act(actor, actions, context);
                    });
                }
                Action::Tell(one) => news.push(one),
            }
        }
        news
    }

    fn make(&mut self, call: messages::v1::executor::Call) {
        let Some(link) = &self.link else { return };
        let kind = call.r#type().as_str_name();
        self.calls += 1;
        if let Err(error) = link.call(self.calls, call) {
            // An update is sent again when subscribing.
            warn!(kind, %error, "a call was not made");
        }
    }
}

fn beat<A: ExecutorActor>(actor: &mut A, context: &mut Context<'_, A>) {
    let actions = actor.driver().core.heartbeat();
    act(actor, actions, context);
    context.after(HEARTBEAT, beat);
}

fn retry<A: ExecutorActor>(actor: &mut A, context: &mut Context<'_, A>) {
    let actions = actor.driver().core.retry();
    act(actor, actions, context);
}

pub(super) fn ended<A: ExecutorActor>(
    actor: &mut A,
    id: u64,
    why: Ended,
    context: &mut Context<'_, A>,
) {
    let actions = actor.driver().core.ended(id, &why);
    if !actions.is_empty() {
        warn!(%why, "not connected with the agent");
    }
    act(actor, actions, context);
}

pub(super) fn notice<A: ExecutorActor>(
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
        Notice::Answered(Answer { status: 202, .. }) => {}
        Notice::Answered(Answer { status, text, .. }) => {
            warn!(status, text, "the agent refuses a call");
            let actions = actor.driver().core.refused(id, status, &text);
            act(actor, actions, context);
        }
    }
}

fn act<A: ExecutorActor>(actor: &mut A, actions: Vec<Action>, context: &mut Context<'_, A>) {
    for news in actor.driver().carry_out(actions, context) {
        match news {
            News::Event(event) => tell(actor, *event, context),
            News::Acknowledged(update) => actor.acknowledged(*update, context),
            News::Disconnected(reason) => actor.disconnected(&reason, context),
            News::Shutdown(reason) => actor.shutdown(reason, context),
        }
    }
}

/// Tells the actor of an event; one without the part that its type promises is dropped.
fn tell<A: ExecutorActor>(actor: &mut A, event: Event, context: &mut Context<'_, A>) {
    let Event {
        subscribed,
        launch,
        launch_group,
        kill,
        message,
        error,
        ..
    } = event;
    if let Some(subscribed) = subscribed {
        actor.subscribed(subscribed, context);
    } else if let Some(event::Launch { task }) = launch {
        actor.launch(task, context);
    } else if let Some(event::LaunchGroup { task_group }) = launch_group {
        actor.launch_group(task_group, context);
    } else if let Some(event::Kill {
        task_id,
        kill_policy,
    }) = kill
    {
        actor.kill(task_id, kill_policy, context);
    } else if let Some(event::Message { data }) = message {
        actor.message(data, context);
    } else if let Some(event::Error { message }) = error {
        actor.error(&message, context);
    } else {
        debug!("ignored an event of an unknown kind");
    }
}
