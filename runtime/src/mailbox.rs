//! An actor's mailbox: a queue in front of its host that can be counted, listed and
//! jumped, with the figures that introspection shows.

use std::any::{Any, TypeId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use runtime_core::{Codec, DecodeError, Message, Pid};

use crate::actor::Declared;
use crate::http::{Published, Request, Responder};
use crate::sync::lock;

/// A message on its way into an actor.
pub(crate) enum Incoming {
    /// From an actor of this process: the value itself, moved.
    Local {
        name: &'static str,
        type_id: TypeId,
        value: Box<dyn Any + Send>,
    },
    /// From the wire, not decoded yet.
    Wire {
        name: Arc<str>,
        codec: Codec,
        body: Bytes,
    },
}

impl Incoming {
    pub(crate) fn local<M: Message>(message: M) -> Self {
        Self::Local {
            name: M::NAME,
            type_id: TypeId::of::<M>(),
            value: Box::new(message),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Local { name, .. } => name,
            Self::Wire { name, .. } => name,
        }
    }

    pub(crate) fn take<M: Message>(self) -> Result<M, DecodeError> {
        match self {
            Self::Local { value, name, .. } => match value.downcast::<M>() {
                Ok(message) => Ok(*message),
                Err(_) => Err(DecodeError::Malformed(format!("{name} is of another type"))),
            },
            Self::Wire { codec, body, .. } => M::decode(codec, &body),
        }
    }
}

/// What can happen to an actor (L19).
pub(crate) enum Event {
    Message {
        from: Pid,
        incoming: Incoming,
    },
    Request {
        endpoint: usize,
        request: Box<Request>,
        responder: Responder,
    },
    Exited(Pid),
    Timer(u64),
    /// A closure over the actor, boxed twice so that the mailbox knows no actor type.
    Call(Box<dyn Any + Send>),
    Terminate,
}

impl Event {
    fn describe(&self) -> (&'static str, String) {
        match self {
            Self::Message { incoming, .. } => ("MESSAGE", incoming.name().to_owned()),
            Self::Request { request, .. } => ("HTTP", request.path().to_owned()),
            Self::Exited(pid) => ("EXITED", pid.to_string()),
            Self::Timer(_) => ("DISPATCH", "timer".to_owned()),
            Self::Call(_) => ("DISPATCH", "call".to_owned()),
            Self::Terminate => ("TERMINATE", String::new()),
        }
    }
}

/// One waiting event, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) from: Option<Pid>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    /// When the oldest waiting event came; kept per batch, not per event.
    since: Option<Instant>,
    closed: bool,
}

/// Counts and times of one declared message.
#[derive(Debug, Default)]
pub(crate) struct MessageFigures {
    pub(crate) handled: AtomicU64,
    pub(crate) sampled: AtomicU64,
    pub(crate) sampled_nanos: AtomicU64,
    pub(crate) slowest_nanos: AtomicU64,
}

impl MessageFigures {
    pub(crate) fn sample(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sampled.fetch_add(1, Ordering::Relaxed);
        self.sampled_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.slowest_nanos.fetch_max(nanos, Ordering::Relaxed);
    }
}

/// What introspection knows of an actor's work.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// By index of the declared message; made when the first message is handled, since
    /// most of a million idle actors never handle one.
    messages: OnceLock<Box<[MessageFigures]>>,
    pub(crate) undecodable: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) timers_pending: AtomicU64,
    pub(crate) links: AtomicU64,
}

impl Figures {
    pub(crate) fn message(&self, declared: usize, index: usize) -> Option<&MessageFigures> {
        self.messages
            .get_or_init(|| (0..declared).map(|_| MessageFigures::default()).collect())
            .get(index)
    }

    pub(crate) fn messages(&self) -> &[MessageFigures] {
        self.messages.get().map_or(&[], |figures| figures)
    }
}

/// Wakes the host of a mailbox. Implemented over actix by the host.
pub(crate) trait Wake: Send + Sync {
    fn wake(&self);
}

/// A place where events for one actor wait. Shared by everyone who sends to it.
pub(crate) struct Mailbox {
    pub(crate) pid: Pid,
    pub(crate) declared: Arc<dyn Declared>,
    pub(crate) figures: Figures,
    /// Endpoints served from shared data without asking the actor.
    pub(crate) published: RwLock<Vec<(String, Published)>>,
    queue: Mutex<Queue>,
    /// True while the host is awake or has been told to wake.
    scheduled: AtomicBool,
    host: OnceLock<Box<dyn Wake>>,
    /// Who gets an `exited` when this actor ends.
    linkers: Mutex<Vec<Weak<Mailbox>>>,
}

impl Mailbox {
    pub(crate) fn new(pid: Pid, declared: Arc<dyn Declared>) -> Arc<Self> {
        Arc::new(Self {
            pid,
            declared,
            figures: Figures::default(),
            published: RwLock::default(),
            queue: Mutex::default(),
            scheduled: AtomicBool::new(true),
            host: OnceLock::new(),
            linkers: Mutex::default(),
        })
    }

    /// The host is up: from now on it is woken through `host`.
    pub(crate) fn attach(&self, host: Box<dyn Wake>) {
        let _ = self.host.set(host);
    }

    /// Puts an event at the end of the queue. False when the actor has ended.
    pub(crate) fn push(&self, event: Event) -> bool {
        self.put(|events| events.push_back(event))
    }

    /// Puts an event before all that wait (L20: terminate jumps the queue).
    pub(crate) fn inject(&self, event: Event) -> bool {
        self.put(|events| events.push_front(event))
    }

    fn put(&self, put: impl FnOnce(&mut VecDeque<Event>)) -> bool {
        {
            let mut queue = lock(&self.queue);
            if queue.closed {
                return false;
            }
            if queue.events.is_empty() {
                queue.since = Some(Instant::now());
            }
            put(&mut queue.events);
        }
        if !self.scheduled.swap(true, Ordering::AcqRel)
            && let Some(host) = self.host.get()
        {
            host.wake();
        }
        true
    }

    /// Takes all that waits, leaving `empty` in its place.
    pub(crate) fn swap(&self, empty: &mut VecDeque<Event>) {
        let mut queue = lock(&self.queue);
        std::mem::swap(&mut queue.events, empty);
        queue.since = None;
    }

    /// The host is about to rest. True when it may; false when something came meanwhile.
    pub(crate) fn rest(&self) -> bool {
        let queue = lock(&self.queue);
        if queue.events.is_empty() {
            self.scheduled.store(false, Ordering::Release);
            true
        } else {
            false
        }
    }

    /// The actor has ended: refuses further events and hands back those that waited.
    pub(crate) fn close(&self) -> VecDeque<Event> {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        std::mem::take(&mut queue.events)
    }

    /// How many events wait, and how long the oldest has.
    pub(crate) fn depth_and_age(&self) -> (usize, Duration) {
        let queue = lock(&self.queue);
        (
            queue.events.len(),
            queue.since.map(|since| since.elapsed()).unwrap_or_default(),
        )
    }

    /// The first `limit` waiting events, for `/__processes__`.
    pub(crate) fn waiting(&self, limit: usize) -> Vec<Waiting> {
        let queue = lock(&self.queue);
        queue
            .events
            .iter()
            .take(limit)
            .map(|event| {
                let (kind, name) = event.describe();
                let from = match event {
                    Event::Message { from, .. } => Some(from.clone()),
                    _ => None,
                };
                Waiting { kind, name, from }
            })
            .collect()
    }

    /// Has `linker` told when this actor ends. False when it has ended already.
    pub(crate) fn link(&self, linker: Weak<Mailbox>) -> bool {
        let mut linkers = lock(&self.linkers);
        if lock(&self.queue).closed {
            return false;
        }
        if !linkers.iter().any(|known| known.ptr_eq(&linker)) {
            linkers.retain(|known| known.strong_count() > 0);
            linkers.push(linker);
        }
        true
    }

    pub(crate) fn take_linkers(&self) -> Vec<Weak<Mailbox>> {
        std::mem::take(&mut *lock(&self.linkers))
    }
}
