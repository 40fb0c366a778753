//! How the driver keeps subscribed: what it decides, without a socket or a clock.

use std::time::Duration;

use messages::v1::scheduler::{Call, Event, call, event};
use messages::v1::{FrameworkId, FrameworkInfo};
use runtime_core::libprocess::Peer;

use super::actor::Refusal;
use super::config::Backoff;
use crate::http_client::{Ended, Endpoint};

/// After so many redirects in a row the next attempt waits and starts where it began:
/// masters that point at each other have no leader yet.
const REDIRECTS_MAX: u32 = 5;

/// A master that has sent nothing for this many heartbeats is taken for gone: a broken
/// network ends no connection by itself.
const SILENT_HEARTBEATS_MAX: u32 = 5;

/// Bounds of what a master may ask for as heartbeat.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Where to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// With the master that was detected.
    Leader(Peer),
    /// Where a redirect led.
    Redirect(Endpoint),
}

/// A subscription to make.
#[derive(Debug, PartialEq)]
pub(super) struct Attempt {
    /// Numbers the session.
    pub(super) session: u64,
    pub(super) target: Target,
    pub(super) call: Call,
    /// Whether to take over from another scheduler of the framework: true for one that
    /// comes back from a former life, until it was subscribed (M28).
    pub(super) force: bool,
}

/// What the shell does for the core.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// Ask who leads other than this one; tell [`Core::detected`].
    Detect(Option<Peer>),
    Subscribe(Box<Attempt>),
    /// Drop the session.
    Leave,
    /// Call [`Core::retry`] with this number after a random part of this.
    RetryWithin(u64, Duration),
    /// Call [`Core::heartbeat_due`] for this session after this.
    AwaitHeartbeat(u64, Duration),
    /// Tell the actor.
    Tell(News),
}

/// What the actor is told.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Whether the framework was subscribed before, in whatever life.
    Subscribed {
        id: FrameworkId,
        again: bool,
    },
    Event(Box<Event>),
    Disconnected(String),
    /// The last there is: the driver has given up.
    Refused(Refusal),
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
    backoff: Backoff,
    leader: Option<Peer>,
    redirect: Option<Endpoint>,
    redirects: u32,
    link: Link,
    sessions: u64,
    /// Attempts that failed, since the framework was subscribed last.
    failures: u32,
    /// Numbers the retries that were asked for, so that overtaken ones mean nothing.
    retries: u64,
    /// Whether this life of the framework was subscribed.
    was_up: bool,
    heartbeat: Duration,
    silent_heartbeats: u32,
}

impl Core {
    pub(super) fn new(subscribe: call::Subscribe, backoff: Backoff) -> Self {
        Self {
            subscribe,
            backoff,
            leader: None,
            redirect: None,
            redirects: 0,
            link: Link::Down,
            sessions: 0,
            failures: 0,
            retries: 0,
            was_up: false,
            heartbeat: Duration::ZERO,
            silent_heartbeats: 0,
        }
    }

    pub(super) fn framework_info(&self) -> &FrameworkInfo {
        &self.subscribe.framework_info
    }

    pub(super) fn suppressed_roles(&self) -> &[String] {
        &self.subscribe.suppressed_roles
    }

    pub(super) fn describe(&mut self, framework_info: FrameworkInfo) {
        self.subscribe.framework_info = framework_info;
    }

    pub(super) fn framework_id(&self) -> Option<&FrameworkId> {
        self.subscribe.framework_info.id.as_ref()
    }

    pub(super) fn is_subscribed(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// Looks for the leader for the first time.
    pub(super) fn start(&self) -> Vec<Action> {
        vec![Action::Detect(None)]
    }

    /// Stops for good.
    pub(super) fn stop(&mut self) -> Vec<Action> {
        self.link = Link::Over;
        vec![Action::Leave]
    }

    /// Subscribes as another framework, without an id.
    pub(super) fn renew(&mut self) -> Vec<Action> {
        self.subscribe.framework_info.id = None;
        self.was_up = false;
        self.link = Link::Down;
        self.failures = 0;
        let mut actions = vec![Action::Leave];
        actions.extend(self.subscribe());
        actions
    }

    /// Another master leads, or none.
    pub(super) fn detected(&mut self, leader: Option<Peer>) -> Vec<Action> {
        let mut actions = vec![Action::Detect(leader.clone())];
        let was_active = matches!(self.link, Link::Subscribing(_) | Link::Up(_));
        let why = match (&self.leader, &leader) {
            (_, None) => "no master leads",
            _ => "another master leads",
        };
        self.leader = leader;
        if self.link == Link::Over {
            return actions;
        }
        self.link = Link::Down;
        self.redirect = None;
        self.failures = 0;
        if was_active {
            actions.push(Action::Leave);
            actions.push(Action::Tell(News::Disconnected(why.to_owned())));
        }
        actions.extend(self.subscribe());
        actions
    }

    /// The pause before a new attempt is over.
    pub(super) fn retry(&mut self, number: u64) -> Vec<Action> {
        if number != self.retries {
            return Vec::new();
        }
        self.subscribe()
    }

    fn subscribe(&mut self) -> Vec<Action> {
        let Some(leader) = self.leader.clone() else {
            return Vec::new();
        };
        if self.link != Link::Down {
            return Vec::new();
        }
        // A retry that was to come has come.
        self.retries += 1;
        self.sessions += 1;
        self.link = Link::Subscribing(self.sessions);
        let call = Call {
            framework_id: self.framework_id().cloned(),
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(self.subscribe.clone()),
            ..Call::default()
        };
        let redirect = self.redirect.clone().map(Target::Redirect);
        vec![Action::Subscribe(Box::new(Attempt {
            session: self.sessions,
            target: redirect.unwrap_or(Target::Leader(leader)),
            force: !self.was_up && call.framework_id.is_some(),
            call,
        }))]
    }

    /// Whether this is the session that there is now.
    pub(super) fn is_current(&self, session: u64) -> bool {
        matches!(self.link, Link::Subscribing(current) | Link::Up(current) if current == session)
    }

    /// An event came in session `session`.
    pub(super) fn event(&mut self, session: u64, event: Event) -> Vec<Action> {
        if !self.is_current(session) {
            return Vec::new();
        }
        self.silent_heartbeats = 0;
        match event.r#type() {
            event::Type::Heartbeat => Vec::new(),
            event::Type::Subscribed => event
                .subscribed
                .map_or_else(Vec::new, |subscribed| self.subscribed(session, subscribed)),
            // The master ends the subscription with this (V9): it is of no use to
            // subscribe again with what it has just refused.
            event::Type::Error => {
                let message = event.error.map(|error| error.message).unwrap_or_default();
                self.link = Link::Over;
                let refused = News::Refused(Refusal::Error(message));
                vec![Action::Leave, Action::Tell(refused)]
            }
            _ => vec![Action::Tell(News::Event(Box::new(event)))],
        }
    }

    fn subscribed(&mut self, session: u64, subscribed: event::Subscribed) -> Vec<Action> {
        let again = self.framework_id().is_some();
        let id = subscribed.framework_id;
        self.subscribe.framework_info.id = Some(id.clone());
        self.link = Link::Up(session);
        self.redirects = 0;
        self.failures = 0;
        self.was_up = true;
        let mut actions = Vec::new();
        let interval = subscribed.heartbeat_interval_seconds;
        if let Some(interval) =
            interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        {
            self.heartbeat = interval.clamp(HEARTBEAT_MIN, HEARTBEAT_MAX);
            actions.push(Action::AwaitHeartbeat(session, self.heartbeat));
        }
        actions.push(Action::Tell(News::Subscribed { id, again }));
        actions
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
                self.redirect = Some(endpoint);
                actions.extend(self.subscribe());
                return actions;
            }
            Ended::Refused {
                status: status @ (400 | 401 | 403 | 405 | 406 | 415 | 501),
                text,
            } => {
                self.link = Link::Over;
                let refused = News::Refused(Refusal::Status { status, text });
                actions.push(Action::Tell(refused));
                return actions;
            }
            why if !was_up => actions.push(Action::Tell(News::Disconnected(why.to_string()))),
            _ => {}
        }
        self.redirects = 0;
        self.redirect = None;
        self.failures = self.failures.saturating_add(1);
        self.retries += 1;
        actions.push(Action::RetryWithin(
            self.retries,
            self.backoff.after(self.failures),
        ));
        actions
    }

    /// Why the session is over, if this answer to a call says so: the master does not lead
    /// any more, or it knows of no stream of the framework (V8). The latter comes when only
    /// the master saw the connection break.
    pub(super) fn over(status: u16, text: &str) -> Option<String> {
        match (status, text) {
            (307 | 503, _) => Some(format!(
                "the master does not lead any more: {status} {text}"
            )),
            (403, "Framework is not subscribed") | (400, "Framework cannot be found") => {
                Some(format!("the master has lost the framework: {text}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(host: &str) -> Peer {
        Peer::at("master", &format!("{host}:5050")).unwrap()
    }

    fn core_of(id: Option<&str>) -> Core {
        let framework_info = FrameworkInfo {
            user: "u".into(),
            id: id.map(|id| FrameworkId { value: id.into() }),
            ..FrameworkInfo::default()
        };
        let subscribe = call::Subscribe {
            framework_info,
            ..call::Subscribe::default()
        };
        Core::new(subscribe, Backoff::default())
    }

    /// A core that is about to subscribe, and what it asks for.
    fn starting(id: Option<&str>) -> (Core, Vec<Action>) {
        let mut core = core_of(id);
        assert_eq!(core.start(), [Action::Detect(None)]);
        let actions = core.detected(Some(master("a")));
        (core, actions)
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

    fn attempt(actions: &[Action]) -> &Attempt {
        match actions.last() {
            Some(Action::Subscribe(attempt)) => attempt,
            other => panic!("expected a subscription, not {other:?}"),
        }
    }

    fn retry(actions: &[Action]) -> (u64, Duration) {
        match actions.last() {
            Some(Action::RetryWithin(number, most)) => (*number, *most),
            other => panic!("expected a pause, not {other:?}"),
        }
    }

    /// A core that is subscribed, and its session.
    fn up() -> (Core, u64) {
        let (mut core, actions) = starting(None);
        let session = attempt(&actions).session;
        core.event(session, subscribed());
        (core, session)
    }

    fn refused(status: u16) -> Ended {
        Ended::Refused {
            status,
            text: "no".into(),
        }
    }

    #[test]
    fn the_id_once_given_is_kept() {
        let (mut core, session) = up();
        let actions = core.ended(session, Ended::Closed);
        assert!(matches!(
            actions[..2],
            [Action::Leave, Action::Tell(News::Disconnected(_))]
        ));
        let (number, most) = retry(&actions);
        assert_eq!(most, Backoff::default().first);
        let actions = core.retry(number);
        let Attempt { call, force, .. } = attempt(&actions);
        assert_eq!(call.framework_id, Some(FrameworkId { value: "F".into() }));
        let info = &call.subscribe.as_ref().unwrap().framework_info;
        assert_eq!(info.id, call.framework_id);
        assert!(!force, "it would steal back from a successor");
    }

    #[test]
    fn a_new_life_takes_over_once() {
        let (mut core, actions) = starting(Some("F"));
        assert!(attempt(&actions).force);
        let session = attempt(&actions).session;
        let actions = core.event(session, subscribed());
        let id = FrameworkId { value: "F".into() };
        assert_eq!(
            actions.last(),
            Some(&Action::Tell(News::Subscribed { id, again: true }))
        );
        let actions = core.ended(session, Ended::Closed);
        let actions = core.retry(retry(&actions).0);
        assert!(!attempt(&actions).force);
    }

    #[test]
    fn waits_grow_until_it_is_subscribed() {
        let (mut core, mut actions) = starting(None);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let session = attempt(&actions).session;
            let (number, most) = retry(&core.ended(session, refused(503)));
            waits.push(most.as_secs());
            actions = core.retry(number);
        }
        assert_eq!(waits, [1, 2, 4]);
        let session = attempt(&actions).session;
        core.event(session, subscribed());
        let (_, most) = retry(&core.ended(session, Ended::Closed));
        assert_eq!(most.as_secs(), 1);
    }

    #[test]
    fn another_leader_is_followed_at_once() {
        let (mut core, session) = up();
        let actions = core.detected(Some(master("b")));
        assert!(matches!(
            actions[..3],
            [
                Action::Detect(Some(_)),
                Action::Leave,
                Action::Tell(News::Disconnected(_))
            ]
        ));
        assert_eq!(attempt(&actions).target, Target::Leader(master("b")));
        assert_eq!(core.ended(session, Ended::Dismissed), []);
    }

    #[test]
    fn without_a_leader_it_waits_for_one() {
        let (mut core, session) = up();
        let late = core.ended(session, Ended::Closed);
        let actions = core.detected(None);
        assert_eq!(actions, [Action::Detect(None)]);
        assert_eq!(core.retry(retry(&late).0), []);
        let actions = core.detected(Some(master("b")));
        attempt(&actions);
        assert_eq!(core.retry(retry(&late).0), [], "overtaken");
    }

    #[test]
    fn redirects_are_followed_but_not_for_ever() {
        let (mut core, mut actions) = starting(None);
        let there = Endpoint::new("b", 5050, "/api/v1/scheduler");
        for _ in 0..REDIRECTS_MAX {
            let session = attempt(&actions).session;
            actions = core.ended(session, Ended::Redirected(there.clone()));
            assert_eq!(attempt(&actions).target, Target::Redirect(there.clone()));
        }
        let session = attempt(&actions).session;
        let actions = core.ended(session, Ended::Redirected(there));
        let actions = core.retry(retry(&actions).0);
        assert_eq!(attempt(&actions).target, Target::Leader(master("a")));
    }

    #[test]
    fn a_refused_framework_gives_up_and_may_begin_anew() {
        let (mut core, actions) = starting(Some("F"));
        let actions = core.ended(attempt(&actions).session, refused(400));
        assert!(matches!(
            actions[..],
            [
                Action::Leave,
                Action::Tell(News::Refused(Refusal::Status { status: 400, .. }))
            ]
        ));
        assert_eq!(
            core.detected(Some(master("b"))),
            [Action::Detect(Some(master("b")))]
        );
        let actions = core.renew();
        assert_eq!(attempt(&actions).call.framework_id, None);
        assert_eq!(attempt(&actions).target, Target::Leader(master("b")));
    }

    #[test]
    fn a_silent_master_is_left() {
        let (mut core, session) = up();
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
    fn a_master_that_lost_the_framework_ends_the_session() {
        for (status, text, is_over) in [
            (403, "Framework is not subscribed", true),
            (400, "Framework cannot be found", true),
            (503, "", true),
            (307, "", true),
            (403, "Not authorized", false),
            (400, "Malformed Call: Expecting 'type' to be present", false),
            (202, "", false),
        ] {
            let over = Core::over(status, text);
            assert_eq!(over.is_some(), is_over, "{status} {text}: {over:?}");
        }
    }

    #[test]
    fn an_error_event_is_the_end() {
        let (mut core, session) = up();
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
                Action::Tell(News::Refused(Refusal::Error(
                    "Framework failed over".into()
                )))
            ]
        );
        assert_eq!(core.ended(session, Ended::Closed), []);
    }
}
