//! Agents that wait their turn to be marked unreachable under a rate limit (M16).

use std::collections::BTreeMap;
use std::time::Duration;

use model::ids::AgentId;

use crate::env::Moment;

/// The queue of agents that failed to answer or to return.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    waiting: BTreeMap<AgentId, Waiting>,
    /// No removal before this moment.
    next: Moment,
}

/// What an agent failed to do, so that what makes it good is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// For people.
    pub(crate) why: String,
    /// What would save it.
    pub(crate) failure: Failure,
}

/// What an agent failed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It did not answer pings; a pong saves it.
    Pings,
    /// It did not return after it was disconnected.
    Return,
    /// It did not return after a master failover.
    Recovery,
}

impl Removals {
    /// Puts an agent in and says how long it must wait; `None` if it is in already.
    pub(crate) fn add(
        &mut self,
        agent: AgentId,
        waiting: Waiting,
        interval: Option<Duration>,
        now: Moment,
    ) -> Option<Duration> {
        if self.waiting.contains_key(&agent) {
            return None;
        }
        self.waiting.insert(agent, waiting);
        let turn = self.next.max(now);
        if let Some(interval) = interval {
            self.next = Moment::new(turn.since_start().saturating_add(interval));
        }
        Some(turn.since_start().saturating_sub(now.since_start()))
    }

    /// Takes an agent out whose turn it is, unless it was saved.
    pub(crate) fn take(&mut self, agent: &AgentId) -> Option<Waiting> {
        self.waiting.remove(agent)
    }

    /// Takes an agent out that answered a ping; says whether that saved it.
    pub(crate) fn answered(&mut self, agent: &AgentId) -> bool {
        let saved = self
            .waiting
            .get(agent)
            .is_some_and(|it| it.failure == Failure::Pings);
        if saved {
            self.waiting.remove(agent);
        }
        saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(failure: Failure) -> Waiting {
        Waiting {
            why: String::new(),
            failure,
        }
    }

    #[test]
    fn removals_keep_their_distance() {
        let mut removals = Removals::default();
        let now = Moment::new(Duration::from_secs(100));
        let every = Some(Duration::from_secs(10));
        let mut add =
            |id: &str| removals.add(AgentId::from(id), waiting(Failure::Pings), every, now);
        assert_eq!(add("a"), Some(Duration::ZERO));
        assert_eq!(add("b"), Some(Duration::from_secs(10)));
        assert_eq!(add("a"), None);
        assert_eq!(add("c"), Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_pong_saves_only_those_that_did_not_answer() {
        let mut removals = Removals::default();
        let now = Moment::default();
        removals.add(AgentId::from("a"), waiting(Failure::Pings), None, now);
        removals.add(AgentId::from("b"), waiting(Failure::Return), None, now);
        assert!(removals.answered(&AgentId::from("a")));
        assert!(!removals.answered(&AgentId::from("a")));
        assert!(!removals.answered(&AgentId::from("b")));
        assert!(removals.take(&AgentId::from("b")).is_some());
    }
}
