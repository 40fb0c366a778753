//! Follows messages through actors and nodes, while someone asks for it.
//!
//! A message that is traced carries a *mark*: which trace it belongs to, and which event it
//! comes from. What an actor sends, calls, or sets a timer for while it handles a marked event
//! is marked in turn. Between nodes the mark travels as the header `traceparent`, in the form
//! of W3C Trace Context, which libprocess ignores.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng as _;
use serde::Serialize;

use crate::filter::Pattern;
use crate::hooks::Active;
use crate::metrics::{Counter, Metrics};
use crate::node::Node;
use crate::sync::lock;

/// Events that a node remembers; beyond, the oldest are forgotten.
pub(crate) const EVENTS_MAX: usize = 10_000;
/// The longest that a trace runs by itself.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(60 * 60);

/// Where in a trace something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    trace: u128,
    /// The event that it comes from.
    event: u64,
}

impl Mark {
    /// Reads the header; none if it is of another form.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, event) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = version == "00" && trace.len() == 32 && event.len() == 16;
        if !fits || !is_hex(trace) || !is_hex(event) {
            return None;
        }
        Some(Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            event: u64::from_str_radix(event, 16).ok()?,
        })
    }
}

/// As the header has it.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace, self.event)
    }
}

thread_local! {
    /// What the present thread does belongs to this.
    static CURRENT: Cell<Option<Mark>> = const { Cell::new(None) };
}

/// What the present thread does belongs to this.
pub(crate) fn current() -> Option<Mark> {
    CURRENT.get()
}

/// Does something that belongs to `mark`.
pub(crate) fn within<T>(mark: Option<Mark>, work: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(mark);
    let result = work();
    CURRENT.set(before);
    result
}

/// Something that happened to a traced message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TraceEvent {
    /// The trace it belongs to; the same on all nodes.
    pub(crate) trace: String,
    /// This event.
    pub(crate) event: String,
    /// The event it comes from.
    pub(crate) parent: Option<String>,
    /// When it began to wait or was sent: microseconds since 1970.
    pub(crate) at_us: u64,
    pub(crate) node: SocketAddr,
    /// The actor that it is for.
    pub(crate) actor: String,
    /// MESSAGE, HTTP, DISPATCH or EXITED.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) from: Option<String>,
    /// How long it waited in the mailbox.
    pub(crate) waited_us: f64,
    /// How long its handling took.
    pub(crate) took_us: f64,
    /// What became of it: handled, sent, or why it was not.
    pub(crate) outcome: String,
}

/// What is asked for, while a trace runs.
#[derive(Debug)]
struct Running {
    pattern: Pattern,
    generation: u64,
    _active: Active,
}

/// The traces of one node.
pub(crate) struct Tracer {
    is_on: AtomicBool,
    running: Mutex<Option<Running>>,
    generations: AtomicU64,
    /// The upper half of the ids of traces and events, drawn anew for each run.
    seed: AtomicU64,
    next: AtomicU64,
    events: Mutex<VecDeque<TraceEvent>>,
    recorded: Counter,
    forgotten: Counter,
}

impl Tracer {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            running: Mutex::default(),
            generations: AtomicU64::new(0),
            seed: AtomicU64::new(0),
            next: AtomicU64::new(0),
            events: Mutex::default(),
            recorded: metrics.counter("runtime/trace_events"),
            forgotten: metrics.counter("runtime/trace_events_forgotten"),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Traces what fits the pattern, and all that comes of it, for a time. What was recorded
    /// before is forgotten.
    pub(crate) fn start(&self, node: &Node, pattern: Pattern, duration: Duration) {
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let seed = node.world().rng().next_u64();
        self.seed.store(seed, Ordering::Relaxed);
        lock(&self.events).clear();
        *lock(&self.running) = Some(Running {
            pattern,
            generation,
            _active: Active::new(),
        });
        self.is_on.store(true, Ordering::Relaxed);
        let node_ends = node.clone();
        node.run_at_home(async move {
            tokio::time::sleep(duration.min(DURATION_MAX)).await;
            node_ends.inner.hooks.tracer.stop(Some(generation));
        });
    }

    /// Ends the trace; with a generation, only that one. What was recorded can still be read.
    pub(crate) fn stop(&self, generation: Option<u64>) {
        let mut running = lock(&self.running);
        let ends = running.as_ref().is_some_and(|running| {
            generation.is_none_or(|generation| running.generation == generation)
        });
        if ends {
            *running = None;
            self.is_on.store(false, Ordering::Relaxed);
        }
    }

    /// The mark of something new: what the present thread does belongs to one, or a trace
    /// begins here since it fits the pattern.
    pub(crate) fn mark(&self, name: &str, from: Option<&str>, to: &str) -> Option<Mark> {
        if !self.is_on() {
            return None;
        }
        current().or_else(|| {
            let running = lock(&self.running);
            let fits = |running: &Running| running.pattern.matches(name, from, to);
            running.as_ref().is_some_and(fits).then(|| Mark {
                trace: u128::from(self.seed.load(Ordering::Relaxed)) << 64
                    | u128::from(self.next.fetch_add(1, Ordering::Relaxed)),
                event: 0,
            })
        })
    }

    /// The mark of what comes of an event that belongs to `mark`.
    pub(crate) fn below(&self, mark: Mark) -> Mark {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        Mark {
            trace: mark.trace,
            // Never 0, which is nobody's parent.
            event: (self.seed.load(Ordering::Relaxed) ^ next).max(1),
        }
    }

    /// Remembers an event: `here`, which comes of `mark`.
    pub(crate) fn record(&self, mark: Mark, here: Mark, event: TraceEvent) {
        let event = TraceEvent {
            trace: format!("{:032x}", here.trace),
            event: format!("{:016x}", here.event),
            parent: (mark.event != 0).then(|| format!("{:016x}", mark.event)),
            ..event
        };
        self.recorded.increment();
        let mut events = lock(&self.events);
        if events.len() >= EVENTS_MAX {
            events.pop_front();
            self.forgotten.increment();
        }
        events.push_back(event);
    }

    /// What was recorded, the oldest first, of one trace or all.
    pub(crate) fn events(&self, trace: Option<&str>) -> Vec<TraceEvent> {
        lock(&self.events)
            .iter()
            .filter(|event| trace.is_none_or(|trace| event.trace == trace))
            .cloned()
            .collect()
    }
}

/// An event as far as it is known before it is handled; what is missing is filled in by
/// [`Tracer::record`].
pub(crate) fn event(node: &Node, kind: &'static str, actor: String, name: String) -> TraceEvent {
    let now = node.world().wall_time();
    TraceEvent {
        trace: String::new(),
        event: String::new(),
        parent: None,
        at_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
        node: node.address(),
        actor,
        kind,
        name,
        from: None,
        waited_us: 0.0,
        took_us: 0.0,
        outcome: "handled".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_written_as_trace_contexts_and_read_again() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(Mark::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        ] {
            assert_eq!(Mark::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_done_within_belongs_to_it_and_nothing_after() {
        let mark = Mark { trace: 1, event: 2 };
        within(Some(mark), || {
            assert_eq!(current(), Some(mark));
            within(None, || assert_eq!(current(), None));
            assert_eq!(current(), Some(mark));
        });
        assert_eq!(current(), None);
    }

    #[test]
    fn the_oldest_events_are_forgotten() {
        let metrics = Metrics::new();
        let tracer = Tracer::new(&metrics);
        let mark = Mark { trace: 1, event: 0 };
        let event = |number: usize| TraceEvent {
            trace: String::new(),
            event: String::new(),
            parent: None,
            at_us: 0,
            node: ([127, 0, 0, 1], 1).into(),
            actor: number.to_string(),
            kind: "MESSAGE",
            name: String::new(),
            from: None,
            waited_us: 0.0,
            took_us: 0.0,
            outcome: String::new(),
        };
        for number in 0..EVENTS_MAX + 5 {
            tracer.record(mark, tracer.below(mark), event(number));
        }
        let events = tracer.events(None);
        assert_eq!((events.len(), events[0].actor.as_str()), (EVENTS_MAX, "5"));
        assert_eq!(metrics.snapshot()["runtime/trace_events_forgotten"], 5.0);
        assert!(tracer.events(Some("other")).is_empty());
    }
}
