//! Messages that were not handled, and why: remembered for people who wonder.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use runtime_core::Pid;
use serde::Serialize;

use crate::metrics::{Counter, Metrics};
use crate::sync::lock;

/// Different drops that are remembered; beyond, the one that happened longest ago is
/// forgotten.
const REMEMBERED: usize = 256;
/// Bytes of a reason that are kept.
const REASON_BYTES: usize = 300;

/// Why a message was not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No actor of the node has the name.
    NoSuchActor,
    /// The actor has no handler for it.
    NobodyTakesIt,
    /// Its body cannot be read; the text says why.
    Undecodable(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchActor => f.write_str("no actor has this name"),
            Self::NobodyTakesIt => f.write_str("the actor does not take this message"),
            Self::Undecodable(why) => {
                let end = why.floor_char_boundary(REASON_BYTES);
                let why = why.get(..end).unwrap_or_default();
                write!(f, "it cannot be decoded: {why}")
            }
        }
    }
}

/// Messages of one kind that were not handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Dropped {
    to: String,
    name: String,
    from: Pid,
    reason: String,
    count: u64,
    /// When it happened last: milliseconds since 1970.
    last_ms: u128,
}

/// What a node knows of messages that were not handled.
pub(crate) struct Drops {
    recent: Mutex<VecDeque<Dropped>>,
    no_such_actor: Counter,
    nobody_takes_it: Counter,
    undecodable: Counter,
}

impl Drops {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            recent: Mutex::default(),
            no_such_actor: metrics.counter("runtime/messages_dropped_no_such_actor"),
            nobody_takes_it: metrics.counter("runtime/messages_dropped_nobody_takes"),
            undecodable: metrics.counter("runtime/messages_dropped_undecodable"),
        }
    }

    /// Notes a message that was not handled, at `now` since 1970.
    pub(crate) fn note(
        &self,
        now: std::time::Duration,
        to: &str,
        name: &str,
        from: &Pid,
        reason: Reason,
    ) {
        match reason {
            Reason::NoSuchActor => self.no_such_actor.increment(),
            Reason::NobodyTakesIt => self.nobody_takes_it.increment(),
            Reason::Undecodable(_) => self.undecodable.increment(),
        }
        let reason = reason.to_string();
        let mut recent = lock(&self.recent);
        let known = recent.iter().position(|known| {
            known.name == name && known.to == to && known.reason == reason && known.from == *from
        });
        let count = known
            .and_then(|at| recent.remove(at))
            .map_or(1, |known| known.count + 1);
        if recent.len() >= REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(Dropped {
            to: to.to_owned(),
            name: name.to_owned(),
            from: from.clone(),
            reason,
            count,
            last_ms: now.as_millis(),
        });
    }

    /// The latest first; of one actor, or all.
    pub(crate) fn list(&self, to: Option<&str>) -> Vec<Dropped> {
        lock(&self.recent)
            .iter()
            .rev()
            .filter(|drop| to.is_none_or(|to| drop.to == to))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn equal_drops_are_counted_together_and_the_oldest_forgotten() {
        let drops = Drops::new(&Metrics::new());
        let from = Pid::new("a", ([127, 0, 0, 1], 1).into());
        let note = |name: &str, reason| drops.note(Duration::ZERO, "b", name, &from, reason);
        note("first", Reason::NoSuchActor);
        for number in 0..REMEMBERED - 1 {
            note(&number.to_string(), Reason::NobodyTakesIt);
        }
        note("first", Reason::NoSuchActor);
        note("last", Reason::Undecodable("é".repeat(1000)));
        let list = drops.list(Some("b"));
        assert_eq!(list.len(), REMEMBERED);
        assert_eq!((list[0].name.as_str(), list[0].count), ("last", 1));
        assert!(list[0].reason.len() <= REASON_BYTES + 40);
        assert_eq!((list[1].name.as_str(), list[1].count), ("first", 2));
        assert_eq!(list[REMEMBERED - 1].name, "1");
        assert!(drops.list(Some("c")).is_empty());
    }
}
