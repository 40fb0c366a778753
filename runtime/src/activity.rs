//! What an actor is doing and waits for, and who talks to it: kept while it works, at a cost
//! that does not show, for introspection.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use runtime_core::Pid;
use serde::Serialize;

use crate::sync::lock;

/// Senders that are told apart for one actor; others are counted together.
const TALKERS_MAX: usize = 32;

/// What times of this module count from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What kind of event an actor handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Request,
    Exited,
    Timer,
    Call,
    /// What is done once for a batch.
    Flush,
    /// A message, by its index in the declaration.
    Message(usize),
}

impl Work {
    const KINDS: [Self; 5] = [
        Self::Request,
        Self::Exited,
        Self::Timer,
        Self::Call,
        Self::Flush,
    ];

    /// Never 0, which is idleness. 16 bits.
    fn code(self) -> u64 {
        let kinds = Self::KINDS.len() as u64;
        match self {
            Self::Message(index) => (kinds + 1 + index as u64).min(0xffff),
            other => Self::KINDS
                .iter()
                .position(|kind| *kind == other)
                .map_or(0, |at| at as u64 + 1),
        }
    }

    fn of(code: u64) -> Option<Self> {
        let at = usize::try_from(code).ok()?.checked_sub(1)?;
        Some(match Self::KINDS.get(at) {
            Some(kind) => *kind,
            None => Self::Message(at - Self::KINDS.len()),
        })
    }
}

/// The handling of an event that took longest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slowest {
    pub(crate) name: String,
    pub(crate) from: Option<Pid>,
    pub(crate) took: Duration,
    pub(crate) ended: Instant,
}

/// Messages from one sender; a sampled count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Talker {
    pub(crate) from: Pid,
    pub(crate) name: &'static str,
    pub(crate) about: u64,
}

#[derive(Debug, Default)]
struct Talkers {
    known: Vec<Talker>,
    others: u64,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// Since when it handles what: microseconds since [`START`], 0 if unknown, and the code
    /// of [`Work`].
    now: AtomicU64,
    /// How long the slowest took: nanoseconds.
    slowest_nanos: AtomicU64,
    slowest: Mutex<Option<Box<Slowest>>>,
    slow: AtomicU64,
    talkers: Mutex<Talkers>,
    calls: Mutex<BTreeMap<u64, (&'static str, Instant)>>,
}

impl Activity {
    /// Notes that it works on this since `started`, if that is known.
    pub(crate) fn begin(&self, work: Work, started: Option<Instant>) {
        let micros = started.map_or(0, |started| {
            // At least 1, since 0 is unknown.
            let micros = started.saturating_duration_since(*START).as_micros() + 1;
            u64::try_from(micros).unwrap_or(u64::MAX) & (u64::MAX >> 16)
        });
        self.now
            .store(micros << 16 | work.code(), Ordering::Relaxed);
    }

    /// Notes that it waits for the next event.
    pub(crate) fn rest(&self) {
        self.now.store(0, Ordering::Relaxed);
    }

    /// What it handles now, and for how long, if that is known.
    pub(crate) fn now(&self) -> Option<(Work, Option<Duration>)> {
        let now = self.now.load(Ordering::Relaxed);
        let work = Work::of(now & 0xffff)?;
        let since = (now >> 16 != 0).then(|| Duration::from_micros(now >> 16));
        Some((
            work,
            since.map(|since| START.elapsed().saturating_sub(since)),
        ))
    }

    /// Whether this took longer than anything before it.
    pub(crate) fn is_slowest(&self, took: Duration) -> bool {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        nanos > self.slowest_nanos.load(Ordering::Relaxed)
    }

    /// Notes the slowest.
    pub(crate) fn note_slowest(&self, slowest: Slowest) {
        let nanos = u64::try_from(slowest.took.as_nanos()).unwrap_or(u64::MAX);
        self.slowest_nanos.store(nanos, Ordering::Relaxed);
        *lock(&self.slowest) = Some(Box::new(slowest));
    }

    pub(crate) fn slowest(&self) -> Option<Slowest> {
        lock(&self.slowest).as_deref().cloned()
    }

    /// Counts an event whose handling was slow. How many there were before.
    pub(crate) fn count_slow(&self) -> u64 {
        self.slow.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed)
    }

    /// Counts `about` so many messages of one sender.
    pub(crate) fn talks(&self, from: &Pid, name: &'static str, about: u64) {
        let mut talkers = lock(&self.talkers);
        let same = |talker: &&mut Talker| {
            std::ptr::eq(talker.name, name) && (talker.from.is_same(from) || talker.from == *from)
        };
        if let Some(known) = talkers.known.iter_mut().find(same) {
            known.about += about;
            return;
        }
        if talkers.known.len() >= TALKERS_MAX {
            // The one with the least to say makes room.
            let least = (0..)
                .zip(&talkers.known)
                .min_by_key(|(_, talker)| talker.about);
            if let Some(at) = least.map(|(at, _)| at) {
                let gone = talkers.known.swap_remove(at);
                talkers.others += gone.about;
            }
        }
        talkers.known.push(Talker {
            from: from.clone(),
            name,
            about,
        });
    }

    /// Who talks most first, and how many messages came from others.
    pub(crate) fn talkers(&self) -> (Vec<Talker>, u64) {
        let talkers = lock(&self.talkers);
        let mut known = talkers.known.clone();
        known.sort_by(|a, b| b.about.cmp(&a.about).then_with(|| a.from.cmp(&b.from)));
        (known, talkers.others)
    }

    /// Notes a call of a port that is waited for.
    pub(crate) fn call_begins(&self, key: u64, name: &'static str) {
        lock(&self.calls).insert(key, (name, Instant::now()));
    }

    pub(crate) fn call_ends(&self, key: u64) {
        lock(&self.calls).remove(&key);
    }

    /// Calls of ports that are waited for, the longest first.
    pub(crate) fn calls(&self) -> Vec<(&'static str, Duration)> {
        lock(&self.calls)
            .values()
            .map(|(name, since)| (short(name), since.elapsed()))
            .collect()
    }
}

/// The name of a type without the paths of modules: `store::{{closure}}` of
/// `master::registrar::Registrar::store::{{closure}}` and the like.
pub(crate) fn short(name: &str) -> &str {
    let plain = name.split('<').next().unwrap_or(name);
    let parts: Vec<_> = plain.rmatch_indices("::").map(|(at, _)| at + 2).collect();
    let from = parts
        .iter()
        .copied()
        .find(|&at| plain.get(at..).is_some_and(|rest| !rest.starts_with("{{")))
        .unwrap_or(0);
    name.get(from..).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handled_now_is_told() {
        let activity = Activity::default();
        assert_eq!(activity.now(), None);
        for work in Work::KINDS
            .into_iter()
            .chain([Work::Message(0), Work::Message(77)])
        {
            activity.begin(work, Some(Instant::now()));
            let (now, since) = activity.now().unwrap();
            assert_eq!(now, work);
            assert!(since.unwrap() < Duration::from_secs(60), "{since:?}");
            activity.begin(work, None);
            assert_eq!(activity.now(), Some((work, None)));
        }
        activity.rest();
        assert_eq!(activity.now(), None);
    }

    #[test]
    fn those_who_talk_most_are_told_apart() {
        let activity = Activity::default();
        let pid = |number: usize| Pid::new(number.to_string().as_str(), ([127, 0, 0, 1], 1).into());
        for number in 0..TALKERS_MAX {
            activity.talks(&pid(number), "x", 2);
        }
        activity.talks(&pid(3), "x", 5);
        activity.talks(&pid(1000), "x", 1);
        activity.talks(&pid(1001), "x", 1);
        let (talkers, others) = activity.talkers();
        assert_eq!(talkers.len(), TALKERS_MAX);
        assert_eq!((&talkers[0].from, talkers[0].about), (&pid(3), 7));
        assert_eq!(others, 3);
    }

    #[test]
    fn names_of_types_are_short() {
        let name = "master::registrar::Registrar::store::{{closure}}";
        assert_eq!(short(name), "store::{{closure}}");
        assert_eq!(
            short("a::b::{{closure}}::{{closure}}"),
            "b::{{closure}}::{{closure}}"
        );
        assert_eq!(short("plain"), "plain");
    }
}
