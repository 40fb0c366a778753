//! What the driver decides, without a socket or a clock.

use std::time::Duration;

use messages::v1::scheduler::{Call, Event, call, event};
use messages::v1::{FrameworkId, FrameworkInfo};

use crate::http_client::{Ended, Endpoint};

/// The pause before subscribing again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// After so many redirects in a row the next attempt waits and starts where it began:
/// masters that point at each other have no leader yet.
const REDIRECTS_MAX: u32 = 5;

/// A master that has sent nothing for this many heartbeats is taken for gone: a broken
/// network ends no connection by itself.
const SILENT_HEARTBEATS_MAX: u32 = 5;

/// Bounds of what a master may ask for as heartbeat.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What the shell does for the core.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Subscribe at this endpoint with this call in a new session.
    Subscribe(u64, Endpoint, Box<Call>),
    /// Drop the session.
    Leave,
    /// Call [`Core::retry`] after this.
    RetryAfter(Duration),
    /// Call [`Core::heartbeat_due`] for this session after this.
    AwaitHeartbeat(u64, Duration),
    /// Tell the actor.
    Tell(News),
}

/// What the actor is told.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    Event(Box<Event>),
    Disconnected(String),
    /// The last there is: the driver has given up.
    Refused(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Link {
    Down,
    Subscribing(u64),
    Up(u64),
    Over,
}

/// The driver's state.
#[derive(Debug)]
pub(super) struct Core {
    subscribe: call::Subscribe,
    /// Where to start looking for the leader.
    home: Endpoint,
    endpoint: Endpoint,
    redirects: u32,
    link: Link,
    sessions: u64,
    heartbeat: Duration,
    silent_heartbeats: u32,
}

impl Core {
    pub(super) fn new(home: Endpoint, subscribe: call::Subscribe) -> Self {
        Self {
            subscribe,
            endpoint: home.clone(),
            home,
            redirects: 0,
            link: Link::Down,
            sessions: 0,
            heartbeat: Duration::ZERO,
            silent_heartbeats: 0,
        }
    }

    pub(super) fn framework_info(&self) -> &FrameworkInfo {
        &self.subscribe.framework_info
    }

    pub(super) fn framework_id(&self) -> Option<&FrameworkId> {
        self.subscribe.framework_info.id.as_ref()
    }

    pub(super) fn is_subscribed(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// Stops for good.
    pub(super) fn stop(&mut self) -> Vec<Action> {
        self.link = Link::Over;
        vec![Action::Leave]
    }

    /// Subscribes, at the start and after a pause.
    pub(super) fn retry(&mut self) -> Vec<Action> {
        if self.link != Link::Down {
            return Vec::new();
        }
        self.sessions += 1;
        self.link = Link::Subscribing(self.sessions);
        let call = Call {
            framework_id: self.framework_id().cloned(),
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(self.subscribe.clone()),
            ..Call::default()
        };
        vec![Action::Subscribe(
            self.sessions,
            self.endpoint.clone(),
            Box::new(call),
        )]
    }

    fn is_current(&self, session: u64) -> bool {
        matches!(self.link, Link::Subscribing(current) | Link::Up(current) if current == session)
    }

    /// An event came in session `session`.
    pub(super) fn event(&mut self, session: u64, event: Event) -> Vec<Action> {
        if !self.is_current(session) {
            return Vec::new();
        }
        self.silent_heartbeats = 0;
        let mut actions = Vec::new();
        match event.r#type() {
            event::Type::Heartbeat => return Vec::new(),
            event::Type::Subscribed => {
                if let Some(subscribed) = &event.subscribed {
                    self.subscribe.framework_info.id = Some(subscribed.framework_id.clone());
                    self.link = Link::Up(session);
                    self.redirects = 0;
                    actions.extend(self.expect_heartbeats(subscribed, session));
                }
            }
            // The master ends the subscription with this (V10): it is of no use to
            // subscribe again with what it has just refused.
            event::Type::Error => {
                let message = event.error.map(|error| error.message).unwrap_or_default();
                self.link = Link::Over;
                return vec![Action::Leave, Action::Tell(News::Refused(message))];
            }
            _ => {}
        }
        actions.push(Action::Tell(News::Event(Box::new(event))));
        actions
    }

    fn expect_heartbeats(
        &mut self,
        subscribed: &event::Subscribed,
        session: u64,
    ) -> Option<Action> {
        let seconds = subscribed.heartbeat_interval_seconds?;
        let interval = Duration::try_from_secs_f64(seconds).ok()?;
        self.heartbeat = interval.clamp(HEARTBEAT_MIN, HEARTBEAT_MAX);
        Some(Action::AwaitHeartbeat(session, self.heartbeat))
    }

    /// A heartbeat's time has passed.
    pub(super) fn heartbeat_due(&mut self, session: u64) -> Vec<Action> {
        if !self.is_current(session) {
            return Vec::new();
        }
        self.silent_heartbeats += 1;
        if self.silent_heartbeats > SILENT_HEARTBEATS_MAX {
            let silence = format!("nothing heard for {SILENT_HEARTBEATS_MAX} heartbeats");
            return self.ended(session, Ended::Broken(silence));
        }
        vec![Action::AwaitHeartbeat(session, self.heartbeat)]
    }

    /// Session `session` is over.
    pub(super) fn ended(&mut self, session: u64, why: Ended) -> Vec<Action> {
        if !self.is_current(session) {
            return Vec::new();
        }
        let was_up = self.is_subscribed();
        self.link = Link::Down;
        let mut actions = vec![Action::Leave];
        if was_up {
            actions.push(Action::Tell(News::Disconnected(why.to_string())));
        }
        match why {
            Ended::Redirected(endpoint) if self.redirects < REDIRECTS_MAX => {
                self.redirects += 1;
                self.endpoint = endpoint;
                actions.extend(self.retry());
                return actions;
            }
            Ended::Refused {
                status: 400 | 401 | 403 | 405 | 406 | 415 | 501,
                ..
            } => {
                self.link = Link::Over;
                actions.push(Action::Tell(News::Refused(why.to_string())));
                return actions;
            }
            _ if !was_up => actions.push(Action::Tell(News::Disconnected(why.to_string()))),
            _ => {}
        }
        self.redirects = 0;
        self.endpoint = self.home.clone();
        actions.push(Action::RetryAfter(RETRY_PAUSE));
        actions
    }

    /// A call was answered with something else than 202. True when that means that this
    /// master does not lead any more.
    pub(super) fn is_leader_lost(status: u16) -> bool {
        matches!(status, 307 | 503)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Endpoint {
        Endpoint::new("a", 5050, "/api/v1/scheduler")
    }

    fn core() -> Core {
        let framework_info = FrameworkInfo {
            user: "u".into(),
            ..FrameworkInfo::default()
        };
        Core::new(
            home(),
            call::Subscribe {
                framework_info,
                ..call::Subscribe::default()
            },
        )
    }

    fn subscribed() -> Event {
        Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                framework_id: FrameworkId { value: "F".into() },
                heartbeat_interval_seconds: Some(15.0),
                ..event::Subscribed::default()
            }),
            ..Event::default()
        }
    }

    fn session_of(actions: &[Action]) -> (u64, &Endpoint, &Call) {
        match actions.last() {
            Some(Action::Subscribe(session, endpoint, call)) => (*session, endpoint, call),
            other => panic!("expected a subscription, not {other:?}"),
        }
    }

    fn up(core: &mut Core) -> u64 {
        let actions = core.retry();
        let (session, ..) = session_of(&actions);
        core.event(session, subscribed());
        session
    }

    #[test]
    fn the_id_once_given_is_kept() {
        let mut core = core();
        let session = up(&mut core);
        let actions = core.ended(session, Ended::Closed);
        assert!(matches!(
            actions[..],
            [
                Action::Leave,
                Action::Tell(News::Disconnected(_)),
                Action::RetryAfter(RETRY_PAUSE)
            ]
        ));
        let actions = core.retry();
        let (_, _, call) = session_of(&actions);
        assert_eq!(call.framework_id, Some(FrameworkId { value: "F".into() }));
        let info = &call.subscribe.as_ref().unwrap().framework_info;
        assert_eq!(info.id, call.framework_id);
    }

    #[test]
    fn redirects_are_followed_but_not_for_ever() {
        let mut core = core();
        let there = Endpoint::new("b", 5050, "/api/v1/scheduler");
        let mut actions = core.retry();
        for _ in 0..REDIRECTS_MAX {
            let (session, ..) = session_of(&actions);
            actions = core.ended(session, Ended::Redirected(there.clone()));
            assert_eq!(session_of(&actions).1, &there);
        }
        let (session, ..) = session_of(&actions);
        let actions = core.ended(session, Ended::Redirected(there));
        assert!(matches!(actions.last(), Some(Action::RetryAfter(_))));
        assert_eq!(session_of(&core.retry()).1, &home());
    }

    #[test]
    fn a_refused_framework_gives_up() {
        let mut core = core();
        let actions = core.retry();
        let (session, ..) = session_of(&actions);
        let refused = Ended::Refused {
            status: 400,
            text: "no".into(),
        };
        let actions = core.ended(session, refused);
        assert!(matches!(
            actions[..],
            [Action::Leave, Action::Tell(News::Refused(_))]
        ));
        assert_eq!(core.retry(), []);
    }

    #[test]
    fn a_master_that_is_not_ready_is_asked_again() {
        let mut core = core();
        let actions = core.retry();
        let (session, ..) = session_of(&actions);
        let actions = core.ended(
            session,
            Ended::Refused {
                status: 503,
                text: "no leader".into(),
            },
        );
        assert!(matches!(actions.last(), Some(Action::RetryAfter(_))));
    }

    #[test]
    fn a_silent_master_is_left() {
        let mut core = core();
        let session = up(&mut core);
        for _ in 0..SILENT_HEARTBEATS_MAX {
            assert!(matches!(
                core.heartbeat_due(session)[..],
                [Action::AwaitHeartbeat(..)]
            ));
        }
        let heartbeat = Event {
            r#type: Some(event::Type::Heartbeat.into()),
            ..Event::default()
        };
        assert_eq!(core.event(session, heartbeat), []);
        for _ in 0..SILENT_HEARTBEATS_MAX {
            core.heartbeat_due(session);
        }
        assert_eq!(core.heartbeat_due(session)[0], Action::Leave);
        assert_eq!(core.heartbeat_due(session), []);
    }

    #[test]
    fn an_error_event_is_the_end() {
        let mut core = core();
        let session = up(&mut core);
        let error = Event {
            r#type: Some(event::Type::Error.into()),
            error: Some(event::Error {
                message: "Framework failed over".into(),
            }),
            ..Event::default()
        };
        assert_eq!(
            core.event(session, error),
            [
                Action::Leave,
                Action::Tell(News::Refused("Framework failed over".into()))
            ]
        );
        assert_eq!(core.ended(session, Ended::Closed), []);
    }
}
