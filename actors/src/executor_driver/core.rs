//! What the driver decides, without a socket or a clock.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use messages::v1::executor::{Call, Event, call, event};
use messages::v1::{ExecutorId, FrameworkId, TaskInfo, TaskStatus};
use thiserror::Error;

use super::environment::Checkpointing;
use crate::http_client::Ended;

/// The most updates that are kept while the agent does not acknowledge them.
pub const UPDATES_MAX: usize = 10_000;

/// The pause before subscribing again when the agent is there but not ready (V16).
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why an executor is to shut down.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShutdownReason {
    /// The agent asks for it.
    #[error("the agent asks for it")]
    Asked,
    /// The agent is gone and the framework does not checkpoint.
    #[error("the agent is gone: {0}")]
    AgentLost(String),
    /// The agent did not come back in time.
    #[error("the agent did not come back in time: {0}")]
    RecoveryTimedOut(String),
}

impl ShutdownReason {
    /// Whether there is still an agent that takes updates.
    pub fn is_agent_there(&self) -> bool {
        matches!(self, Self::Asked)
    }
}

/// An update was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{UPDATES_MAX} updates wait for the agent's acknowledgement already")]
pub struct TooManyUpdates;

/// What the shell does for the core.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Subscribe with this call in a new session.
    Subscribe(u64, Box<Call>),
    /// Make a call in the present session.
    Send(Box<Call>),
    /// Drop the session.
    Leave,
    /// Call [`Core::retry`] after a random part of this.
    RetryWithin(Duration),
    /// Call [`Core::retry`] after this.
    RetryAfter(Duration),
    /// Call [`Core::recovery_timed_out`] with this number after this time.
    AwaitRecovery(u64, Duration),
    /// Tell the actor.
    Tell(News),
}

/// What the actor is told.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    Event(Box<Event>),
    Acknowledged(Box<TaskStatus>),
    Disconnected(String),
    Shutdown(ShutdownReason),
}

#[derive(Debug, PartialEq, Eq)]
enum Link {
    /// Not connected; perhaps about to try.
    Down,
    /// The session of this number was asked for; SUBSCRIBED has not come.
    Subscribing(u64),
    /// SUBSCRIBED came.
    Up(u64),
    /// Given up for good.
    Over,
}

/// The driver's state.
#[derive(Debug)]
pub(super) struct Core {
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    checkpointing: Option<Checkpointing>,
    link: Link,
    sessions: u64,
    /// Tasks of which no update has been acknowledged.
    tasks: BTreeMap<String, TaskInfo>,
    /// Updates that have not been acknowledged, in the order of their making.
    updates: Vec<TaskStatus>,
    /// How many of the updates the present session was opened with.
    subscribed_with: usize,
    /// Numbers the times that the agent was lost; odd while it is.
    losses: u64,
    last_failure: String,
}

impl Core {
    pub(super) fn new(
        framework_id: FrameworkId,
        executor_id: ExecutorId,
        checkpointing: Option<Checkpointing>,
    ) -> Self {
        Self {
            framework_id,
            executor_id,
            checkpointing,
            link: Link::Down,
            sessions: 0,
            tasks: BTreeMap::new(),
            updates: Vec::new(),
            subscribed_with: 0,
            losses: 0,
            last_failure: String::new(),
        }
    }

    /// Whether calls can be made.
    pub(super) fn is_subscribed(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// Whether all updates have been acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.updates.is_empty()
    }

    pub(super) fn executor_id(&self) -> &ExecutorId {
        &self.executor_id
    }

    fn call(&self, of: call::Type) -> Call {
        Call {
            executor_id: self.executor_id.clone(),
            framework_id: self.framework_id.clone(),
            r#type: Some(of.into()),
            ..Call::default()
        }
    }

    /// Subscribes, at the start and after a pause.
    pub(super) fn retry(&mut self) -> Vec<Action> {
        if self.link != Link::Down {
            return Vec::new();
        }
        self.sessions += 1;
        self.link = Link::Subscribing(self.sessions);
        self.subscribed_with = self.updates.len();
        let updates = self.updates.iter().cloned();
        let subscribe = call::Subscribe {
            unacknowledged_tasks: self.tasks.values().cloned().collect(),
            unacknowledged_updates: updates.map(|status| call::Update { status }).collect(),
        };
        let call = Call {
            subscribe: Some(subscribe),
            ..self.call(call::Type::Subscribe)
        };
        vec![Action::Subscribe(self.sessions, Box::new(call))]
    }

    /// Takes an update: it is kept until acknowledged, and sent now if that is possible.
    pub(super) fn update(&mut self, status: TaskStatus) -> Result<Vec<Action>, TooManyUpdates> {
        if self.updates.len() >= UPDATES_MAX {
            return Err(TooManyUpdates);
        }
        self.updates.push(status.clone());
        if !self.is_subscribed() {
            return Ok(Vec::new());
        }
        let update = Some(call::Update { status });
        Ok(vec![Action::Send(Box::new(Call {
            update,
            ..self.call(call::Type::Update)
        }))])
    }

    /// Makes the call MESSAGE, if subscribed: messages are sent at most once.
    pub(super) fn message(&self, data: Bytes) -> Vec<Action> {
        self.if_subscribed(Call {
            message: Some(call::Message { data }),
            ..self.call(call::Type::Message)
        })
    }

    pub(super) fn heartbeat(&self) -> Vec<Action> {
        self.if_subscribed(self.call(call::Type::Heartbeat))
    }

    fn if_subscribed(&self, call: Call) -> Vec<Action> {
        if self.is_subscribed() {
            vec![Action::Send(Box::new(call))]
        } else {
            Vec::new()
        }
    }

    /// An event came in session `session`.
    pub(super) fn event(&mut self, session: u64, event: Event) -> Vec<Action> {
        match self.link {
            Link::Subscribing(current) | Link::Up(current) if current == session => {}
            _ => return Vec::new(),
        }
        match event.r#type() {
            event::Type::Subscribed => {
                self.link = Link::Up(session);
                if self.losses % 2 == 1 {
                    self.losses += 1;
                }
                let mut actions = self.send_what_came_late();
                actions.push(Action::Tell(News::Event(Box::new(event))));
                return actions;
            }
            event::Type::Launch => {
                self.remember(event.launch.as_ref().map(|launch| &launch.task));
            }
            event::Type::LaunchGroup => {
                let group = event.launch_group.as_ref();
                self.remember(group.iter().flat_map(|group| &group.task_group.tasks));
            }
            event::Type::Acknowledged => return self.acknowledged(event),
            event::Type::Shutdown => {
                return vec![Action::Tell(News::Shutdown(ShutdownReason::Asked))];
            }
            event::Type::Heartbeat => return Vec::new(),
            event::Type::Unknown
            | event::Type::Kill
            | event::Type::Message
            | event::Type::Error => {}
        }
        vec![Action::Tell(News::Event(Box::new(event)))]
    }

    /// Updates that were made while the subscription was on its way.
    fn send_what_came_late(&mut self) -> Vec<Action> {
        let late = self.updates.iter().skip(self.subscribed_with);
        let update = |status: &TaskStatus| {
            let status = status.clone();
            Action::Send(Box::new(Call {
                update: Some(call::Update { status }),
                ..self.call(call::Type::Update)
            }))
        };
        late.map(update).collect()
    }

    fn remember<'a>(&mut self, tasks: impl IntoIterator<Item = &'a TaskInfo>) {
        for task in tasks {
            self.tasks.insert(task.task_id.value.clone(), task.clone());
        }
    }

    fn acknowledged(&mut self, event: Event) -> Vec<Action> {
        let Some(event::Acknowledged { task_id, uuid }) = event.acknowledged else {
            return Vec::new();
        };
        let place = self
            .updates
            .iter()
            .position(|status| status.task_id == task_id && status.uuid.as_ref() == Some(&uuid));
        let Some(place) = place else {
            return Vec::new();
        };
        self.tasks.remove(&task_id.value);
        vec![Action::Tell(News::Acknowledged(Box::new(
            self.updates.remove(place),
        )))]
    }

    /// A call was answered with something else than 202.
    pub(super) fn refused(&mut self, session: u64, status: u16, text: &str) -> Vec<Action> {
        // The agent is restarting (V16): what was refused is sent again when subscribing.
        if status == 503 || status == 404 {
            return self.ended(
                session,
                &Ended::Refused {
                    status,
                    text: text.to_owned(),
                },
            );
        }
        Vec::new()
    }

    /// Session `session` is over.
    pub(super) fn ended(&mut self, session: u64, why: &Ended) -> Vec<Action> {
        let was_up = match self.link {
            Link::Up(current) if current == session => true,
            Link::Subscribing(current) if current == session => false,
            _ => return Vec::new(),
        };
        self.link = Link::Down;
        self.last_failure = why.to_string();
        let mut actions = vec![Action::Leave];
        if was_up {
            actions.push(Action::Tell(News::Disconnected(self.last_failure.clone())));
        }
        // An agent that answers is there, only not ready; without checkpointing it is
        // worth the wait too, since it has just started this executor.
        if let Ended::Refused {
            status: 503 | 404, ..
        } = why
        {
            actions.push(Action::RetryAfter(RETRY_PAUSE));
            if let Some(times) = self.checkpointing {
                actions.extend(self.await_recovery(times));
            }
            return actions;
        }
        match self.checkpointing {
            Some(times) => {
                actions.extend(self.await_recovery(times));
                actions.push(Action::RetryWithin(times.backoff_max));
            }
            None => {
                self.link = Link::Over;
                let reason = ShutdownReason::AgentLost(self.last_failure.clone());
                actions.push(Action::Tell(News::Shutdown(reason)));
            }
        }
        actions
    }

    fn await_recovery(&mut self, times: Checkpointing) -> Option<Action> {
        if self.losses % 2 == 1 {
            return None;
        }
        self.losses += 1;
        Some(Action::AwaitRecovery(self.losses, times.recovery_timeout))
    }

    /// The time for the agent to come back is over.
    pub(super) fn recovery_timed_out(&mut self, loss: u64) -> Vec<Action> {
        if loss != self.losses || self.link == Link::Over {
            return Vec::new();
        }
        self.link = Link::Over;
        let reason = ShutdownReason::RecoveryTimedOut(self.last_failure.clone());
        vec![Action::Leave, Action::Tell(News::Shutdown(reason))]
    }
}

#[cfg(test)]
mod tests {
    use messages::v1::{AgentId, TaskId};

    use super::*;

    const TIMES: Checkpointing = Checkpointing {
        recovery_timeout: Duration::from_secs(900),
        backoff_max: Duration::from_secs(2),
    };

    fn core(checkpointing: Option<Checkpointing>) -> Core {
        Core::new(
            FrameworkId { value: "F".into() },
            ExecutorId { value: "E".into() },
            checkpointing,
        )
    }

    fn task_id() -> TaskId {
        TaskId { value: "T".into() }
    }

    fn status(uuid: &'static [u8]) -> TaskStatus {
        TaskStatus {
            task_id: task_id(),
            uuid: Some(Bytes::from_static(uuid)),
            ..TaskStatus::default()
        }
    }

    fn event(of: event::Type) -> Event {
        Event {
            r#type: Some(of.into()),
            ..Event::default()
        }
    }

    fn launch() -> Event {
        let task = TaskInfo {
            task_id: task_id(),
            agent_id: AgentId { value: "S".into() },
            ..TaskInfo::default()
        };
        Event {
            launch: Some(event::Launch { task }),
            ..event(event::Type::Launch)
        }
    }

    fn acknowledged(uuid: &'static [u8]) -> Event {
        let uuid = Bytes::from_static(uuid);
        Event {
            acknowledged: Some(event::Acknowledged {
                task_id: task_id(),
                uuid,
            }),
            ..event(event::Type::Acknowledged)
        }
    }

    fn subscribe_of(actions: Vec<Action>) -> (u64, call::Subscribe) {
        match actions.into_iter().next() {
            Some(Action::Subscribe(session, call)) => (session, call.subscribe.unwrap()),
            other => panic!("expected a subscription, not {other:?}"),
        }
    }

    #[test]
    fn an_update_made_while_subscribing_is_sent_then() {
        let mut core = core(None);
        let (session, subscribe) = subscribe_of(core.retry());
        assert!(subscribe.unacknowledged_updates.is_empty());
        assert_eq!(core.update(status(b"1")).unwrap(), []);
        let actions = core.event(session, event(event::Type::Subscribed));
        assert!(matches!(
            actions[..],
            [Action::Send(_), Action::Tell(News::Event(_))]
        ));
    }

    fn up(core: &mut Core) -> u64 {
        let (session, _) = subscribe_of(core.retry());
        core.event(session, event(event::Type::Subscribed));
        assert!(core.is_subscribed());
        session
    }

    fn broken() -> Ended {
        Ended::Broken("gone".to_owned())
    }

    #[test]
    fn updates_are_kept_until_acknowledged_and_sent_again_on_subscribing() {
        let mut core = core(Some(TIMES));
        let session = up(&mut core);
        core.event(session, launch());
        assert!(matches!(
            core.update(status(b"1")).unwrap()[..],
            [Action::Send(_)]
        ));
        core.ended(session, &broken());
        assert_eq!(core.update(status(b"2")).unwrap(), []);

        let (session, subscribe) = subscribe_of(core.retry());
        assert_eq!(subscribe.unacknowledged_tasks.len(), 1);
        assert_eq!(subscribe.unacknowledged_updates.len(), 2);

        core.event(session, event(event::Type::Subscribed));
        assert_eq!(
            core.event(session, acknowledged(b"1")),
            [Action::Tell(News::Acknowledged(Box::new(status(b"1"))))]
        );
        assert_eq!(core.event(session, acknowledged(b"1")), []);
        assert!(!core.is_settled());
        core.ended(session, &broken());
        let (_, subscribe) = subscribe_of(core.retry());
        assert_eq!(subscribe.unacknowledged_tasks, []);
        assert_eq!(
            subscribe.unacknowledged_updates,
            [call::Update {
                status: status(b"2")
            }]
        );
    }

    #[test]
    fn without_checkpointing_a_lost_agent_means_shutdown() {
        let mut core = core(None);
        let session = up(&mut core);
        assert_eq!(
            core.ended(session, &broken()),
            [
                Action::Leave,
                Action::Tell(News::Disconnected("gone".into())),
                Action::Tell(News::Shutdown(ShutdownReason::AgentLost("gone".into()))),
            ]
        );
        assert_eq!(core.retry(), []);
    }

    #[test]
    fn with_checkpointing_the_agent_has_one_recovery_timeout_per_loss() {
        let mut core = core(Some(TIMES));
        let session = up(&mut core);
        let actions = core.ended(session, &broken());
        assert!(actions.contains(&Action::AwaitRecovery(1, TIMES.recovery_timeout)));
        assert!(actions.contains(&Action::RetryWithin(TIMES.backoff_max)));

        // Another failed attempt does not start the time anew.
        let (session, _) = subscribe_of(core.retry());
        let again = core.ended(session, &broken());
        assert_eq!(
            again,
            [Action::Leave, Action::RetryWithin(TIMES.backoff_max)]
        );

        // Coming back in time makes the first timeout void; the next loss has its own.
        let session = up(&mut core);
        assert_eq!(core.recovery_timed_out(1), []);
        assert!(
            core.ended(session, &broken())
                .contains(&Action::AwaitRecovery(3, TIMES.recovery_timeout))
        );
        assert_eq!(
            core.recovery_timed_out(3),
            [
                Action::Leave,
                Action::Tell(News::Shutdown(ShutdownReason::RecoveryTimedOut(
                    "gone".into()
                ))),
            ]
        );
        assert_eq!(core.retry(), []);
    }

    #[test]
    fn an_agent_that_recovers_is_asked_again() {
        let mut core = core(None);
        let (session, _) = subscribe_of(core.retry());
        let refused = Ended::Refused {
            status: 503,
            text: "recovering".into(),
        };
        assert_eq!(
            core.ended(session, &refused),
            [Action::Leave, Action::RetryAfter(RETRY_PAUSE)]
        );
        let session = up(&mut core);
        assert_eq!(core.refused(session, 400, "no"), []);
        assert!(
            core.refused(session, 503, "recovering")
                .contains(&Action::RetryAfter(RETRY_PAUSE))
        );
    }

    #[test]
    fn what_a_former_session_reports_is_ignored() {
        let mut core = core(Some(TIMES));
        let former = up(&mut core);
        core.ended(former, &broken());
        up(&mut core);
        assert_eq!(core.ended(former, &broken()), []);
        assert_eq!(core.event(former, launch()), []);
        assert!(core.is_subscribed());
    }

    #[test]
    fn unacknowledged_updates_are_bounded() {
        let mut core = core(None);
        for _ in 0..UPDATES_MAX {
            core.update(status(b"1")).unwrap();
        }
        assert_eq!(core.update(status(b"1")), Err(TooManyUpdates));
    }
}
