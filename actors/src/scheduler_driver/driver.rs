//! The driver's shell: carries out what the core decides, and calls the actor.

use std::sync::Arc;
use std::time::Duration;

use messages::v1::FrameworkInfo;
use messages::v1::scheduler::{Call, Event, call, event};
use rand::RngExt;
use runtime::{Context, Handle, Placement};
use tracing::{debug, info, warn};

use super::actor::{Refusal, SchedulerActor};
use super::calls::{CallError, CallId};
use super::config::{Acknowledgements, SchedulerConfig, Transport};
use super::core::{Action, Attempt, Core, News};
use super::held::Held;
use super::reconciler::{Question, Reconciler};
use super::told::Told;
use super::transport::Link;
use super::wire::{Said, Wire};
use crate::detector::Detector;
use crate::http_client::{Answer, Ended, Notice};

/// How long the answers to the last calls are waited for.
const FAREWELL: Duration = Duration::from_secs(5);

/// Keeps a framework subscribed with the leading master, and makes its calls.
#[derive(Debug)]
pub struct SchedulerDriver {
    detector: Arc<dyn Detector>,
    transport: Transport,
    acknowledgements: Acknowledgements,
    core: Core,
    pub(super) held: Held,
    told: Told,
    reconciler: Reconciler,
    wire: Option<Handle<Wire>>,
    link: Option<Link>,
    calls: u64,
    unanswered: usize,
    is_leaving: bool,
}

impl SchedulerDriver {
    /// A driver of this framework.
    pub fn new(config: SchedulerConfig) -> Self {
        let SchedulerConfig {
            detector,
            framework_info,
            suppressed_roles,
            transport,
            acknowledgements,
            backoff,
        } = config;
        let subscribe = call::Subscribe {
            framework_info,
            suppressed_roles,
            ..call::Subscribe::default()
        };
        Self {
            detector,
            transport,
            acknowledgements,
            core: Core::new(subscribe, backoff),
            held: Held::default(),
            told: Told::default(),
            reconciler: Reconciler::default(),
            wire: None,
            link: None,
            calls: 0,
            unanswered: 0,
            is_leaving: false,
        }
    }

    /// Looks for the leader and subscribes: to be called once, from the actor's
    /// `initialize`.
    pub fn start<A: SchedulerActor>(&mut self, context: &mut Context<'_, A>) {
        if matches!(self.transport, Transport::Libprocess) {
            match wire(context) {
                Ok(wire) => self.wire = Some(wire),
                Err(refusal) => {
                    // The actor is told as an event of its own, not inside its initialize.
                    context.after(Duration::ZERO, move |actor: &mut A, context| {
                        actor.driver().core.stop();
                        actor.refused(&refusal, context);
                    });
                    return;
                }
            }
        }
        let actions = self.core.start();
        self.carry_out(actions, context);
    }

    /// Subscribes as a new framework, without an id: for one that was
    /// [removed](Refusal::is_removed).
    pub fn start_anew<A: SchedulerActor>(&mut self, context: &mut Context<'_, A>) {
        let actions = self.core.renew();
        self.carry_out(actions, context);
    }

    /// Leaves the master: waits a moment for the answers to the calls that were made, so
    /// that the last acknowledgements or a TEARDOWN are not lost with the connection, then
    /// [stops](Self::stop) and calls [`SchedulerActor::left`]. No more offers come.
    pub fn leave<A: SchedulerActor>(&mut self, context: &mut Context<'_, A>) {
        self.is_leaving = true;
        let most = match self.is_idle() {
            true => Duration::ZERO,
            false => FAREWELL,
        };
        context.after(most, farewell);
    }

    /// Leaves the master for good, at once. Without a TEARDOWN before, the framework lives
    /// on for its failover timeout.
    pub fn stop(&mut self) {
        self.core.stop();
        if let (Some(wire), Some(id)) = (self.wire.take(), self.core.framework_id().cloned()) {
            wire.call(move |wire, context| wire.deactivate(id, context));
        }
        self.disconnect();
    }

    /// The framework as it subscribes; with its id once it has one.
    pub fn framework_info(&self) -> &FrameworkInfo {
        self.core.framework_info()
    }

    /// Whether a master takes calls now.
    pub fn is_subscribed(&self) -> bool {
        self.core.is_subscribed()
    }

    /// Whether every call has been answered, or can be no more.
    pub fn is_idle(&self) -> bool {
        self.unanswered == 0
    }

    /// Makes any call of the framework; its id is filled in.
    pub(super) fn make(&mut self, by: By, call: Call) -> Result<CallId, CallError> {
        let link = match &self.link {
            Some(link) if self.core.is_subscribed() => link,
            _ => return Err(CallError::NotSubscribed),
        };
        let call = Call {
            framework_id: self.core.framework_id().cloned(),
            ..call
        };
        self.calls += 1;
        let id = CallId::new(self.calls, by);
        link.call(id.tag(), call)?;
        self.unanswered += 1;
        Ok(id)
    }

    pub(super) fn suppressed_roles(&self) -> &[String] {
        self.core.suppressed_roles()
    }

    /// The framework subscribes with this from now on.
    pub(super) fn describe(&mut self, framework_info: FrameworkInfo) {
        self.core.describe(framework_info);
    }

    /// The session is over: nothing of it is good any more.
    fn disconnect(&mut self) {
        self.link = None;
        self.unanswered = 0;
        self.held.clear();
        self.reconciler.end();
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
                Action::Detect(previous) => {
                    let detection = self.detector.detect(context.node(), previous.as_ref());
                    context.run(detection, |actor: &mut A, leader, context| {
                        let actions = actor.driver().core.detected(leader);
                        act(actor, actions, context);
                    });
                }
                Action::Subscribe(attempt) => news.extend(self.subscribe(*attempt, context)),
                Action::Leave => self.disconnect(),
                Action::RetryWithin(number, most) => {
                    let pause = most.mul_f64(context.rng().random());
                    context.after(pause, move |actor: &mut A, context| {
                        let actions = actor.driver().core.retry(number);
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

    fn subscribe<A: SchedulerActor>(
        &mut self,
        attempt: Attempt,
        context: &mut Context<'_, A>,
    ) -> Option<News> {
        match Link::open(attempt, &self.transport, self.wire.as_ref(), context) {
            Ok(link) => {
                self.link = Some(link);
                None
            }
            Err(error) => {
                self.core.stop();
                Some(News::Refused(Refusal::Unwritable(error.to_string())))
            }
        }
    }

    /// Asks for the states of tasks; says when to ask again.
    fn ask(&mut self, question: Question) -> Option<(u64, Duration)> {
        let Question { tasks, again } = question;
        debug!(tasks = tasks.len(), "asking for the states of tasks");
        if let Err(error) = self.reconcile_by(By::Driver, tasks) {
            debug!(%error, "cannot ask for the states of tasks");
        }
        again
    }
}

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The framework: it is told of the answer.
    Framework,
    /// The driver by itself.
    Driver,
}

/// The actor that speaks libprocess for this one.
fn wire<A: SchedulerActor>(context: &mut Context<'_, A>) -> Result<Handle<Wire>, Refusal> {
    if context.node().address().port() == 0 {
        return Err(Refusal::NoPort);
    }
    let handle = context.handle();
    let ear = move |session, said| {
        handle.call(move |actor: &mut A, context| match said {
            Said::Notice(one) => notice(actor, session, one, context),
            Said::Ended(why) => ended(actor, session, why, context),
        });
    };
    let wire = Wire::new(context.me().clone(), Box::new(ear));
    // As upstream's drivers call themselves; a random UUID is never taken.
    let name = format!("scheduler-{}", context.uuid());
    context
        .spawn(name.as_str(), wire, Placement::Here)
        .map_err(|error| Refusal::Unwritable(error.to_string()))
}

fn farewell<A: SchedulerActor>(actor: &mut A, context: &mut Context<'_, A>) {
    let driver = actor.driver();
    if std::mem::take(&mut driver.is_leaving) {
        driver.stop();
        actor.left(context);
    }
}

pub(super) fn ended<A: SchedulerActor>(
    actor: &mut A,
    id: u64,
    why: Ended,
    context: &mut Context<'_, A>,
) {
    let actions = actor.driver().core.ended(id, why);
    act(actor, actions, context);
}

pub(super) fn notice<A: SchedulerActor>(
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
        Notice::Answered(answer) => answered(actor, id, &answer, context),
    }
}

fn answered<A: SchedulerActor>(
    actor: &mut A,
    session: u64,
    answer: &Answer,
    context: &mut Context<'_, A>,
) {
    let Answer { tag, status, text } = answer;
    let (call, by) = CallId::of(*tag);
    let driver = actor.driver();
    // What a former session has still to say does not count for this one.
    if driver.core.is_current(session) {
        driver.unanswered = driver.unanswered.saturating_sub(1);
    }
    match by {
        By::Framework => actor.answered(call, *status, text, context),
        By::Driver if *status != 202 => warn!(status, text, "the master refuses a call"),
        By::Driver => {}
    }
    if let Some(why) = Core::over(*status, text) {
        ended(actor, session, Ended::Broken(why), context);
    }
    let driver = actor.driver();
    if driver.is_leaving && driver.is_idle() {
        farewell(actor, context);
    }
}

fn act<A: SchedulerActor>(actor: &mut A, actions: Vec<Action>, context: &mut Context<'_, A>) {
    for news in actor.driver().carry_out(actions, context) {
        // A master that was asked for a TEARDOWN ends the stream, or says an error.
        if actor.driver().is_leaving && matches!(news, News::Disconnected(_) | News::Refused(_)) {
            farewell(actor, context);
            continue;
        }
        match news {
            News::Subscribed { id, again } => {
                info!(id = id.value, again, "subscribed");
                // A master that takes the framework anew has taken its offers back.
                actor.driver().held.clear();
                actor.subscribed(&id, context);
                if again {
                    let tasks = actor.tasks();
                    let question = actor.driver().reconciler.begin(tasks);
                    ask(actor, question, context);
                }
            }
            News::Event(event) => tell(actor, *event, context),
            News::Disconnected(reason) => actor.disconnected(&reason, context),
            News::Refused(refusal) => actor.refused(&refusal, context),
        }
    }
}

fn ask<A: SchedulerActor>(actor: &mut A, question: Option<Question>, context: &mut Context<'_, A>) {
    let again = question.and_then(|question| actor.driver().ask(question));
    if let Some((round, pause)) = again {
        context.after(pause, move |actor: &mut A, context| {
            let question = actor.driver().reconciler.due(round);
            ask(actor, question, context);
        });
    }
}

/// Tells the actor of an event; one without the part that its type promises is dropped.
fn tell<A: SchedulerActor>(actor: &mut A, event: Event, context: &mut Context<'_, A>) {
    if let Some(event::Offers { offers }) = event.offers {
        let driver = actor.driver();
        if !driver.is_leaving {
            driver.held.add(&offers);
            actor.offers(offers, context);
        }
    } else if let Some(event) = event.inverse_offers {
        actor.inverse_offers(event.inverse_offers, context);
    } else if let Some(event) = event.rescind {
        actor.driver().held.remove(&event.offer_id);
        actor.rescinded(event.offer_id, context);
    } else if let Some(event) = event.rescind_inverse_offer {
        actor.inverse_rescinded(event.inverse_offer_id, context);
    } else if let Some(event) = event.update {
        update(actor, event, context);
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

fn update<A: SchedulerActor>(actor: &mut A, event: event::Update, context: &mut Context<'_, A>) {
    let status = event.status;
    let driver = actor.driver();
    let last = driver.reconciler.answered(&status.task_id);
    if driver.acknowledgements == Acknowledgements::Explicit {
        actor.update(status, context);
    } else {
        let acknowledgement = super::calls::acknowledgement(&status);
        let is_new = match &status.uuid {
            Some(uuid) => driver.told.add(uuid),
            None => true,
        };
        if is_new {
            actor.update(status, context);
        }
        // If it cannot be acknowledged now, the agent repeats the update.
        if let Ok(call) = acknowledgement
            && let Err(error) = actor.driver().make(By::Driver, call)
        {
            debug!(%error, "an update is not acknowledged yet");
        }
    }
    ask(actor, last, context);
}
