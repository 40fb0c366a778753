//! An actor's mailbox: a queue in front of its host that can be counted, listed and
//! jumped, with the figures that introspection shows.

mod event;
mod figures;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, RwLock, Weak};
use std::task::Waker;

use runtime_core::Pid;

pub(crate) use self::event::{Call, Event, HttpEvent, Incoming, Marked};
pub(crate) use self::figures::Figures;
use crate::actor::Declared;
use crate::coarse::Coarse;
use crate::hooks;
use crate::http::Published;
use crate::sync::lock;
use crate::timers::Timer;
use crate::trace::{self, Mark};
use crate::wakes;

/// How many events wait for an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queued {
    /// Messages, from other nodes and this one.
    pub messages: usize,
    /// HTTP requests.
    pub requests: usize,
    /// Everything else: timers, results of calls, ends of peers.
    pub dispatches: usize,
}

impl Queued {
    /// All of them.
    pub fn all(&self) -> usize {
        self.messages + self.requests + self.dispatches
    }
}

/// One waiting event, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) from: Option<Pid>,
}

/// Events that came while the host was busy or at rest.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    /// Who sent the last message of `events`.
    last_from: Option<Pid>,
    /// When the oldest event came; kept per batch, not per event.
    since: Option<Coarse>,
}

impl Batch {
    fn push_message(&mut self, from: &Pid, incoming: Incoming) {
        let is_same = self
            .last_from
            .as_ref()
            .is_some_and(|last| last.is_same(from));
        let from = (!is_same).then(|| {
            self.last_from = Some(from.clone());
            Box::new(from.clone())
        });
        self.events.push(Event::Message { from, incoming });
    }
}

/// Small, since a million idle actors have one each.
#[derive(Default)]
struct Queue {
    /// Made for the first event.
    batch: Option<Box<Batch>>,
    /// Wakes the host; made when it first looks.
    host: Option<Waker>,
    /// The host has taken what came, and is to be woken for more.
    is_resting: bool,
    /// The actor shall end before it handles what waits.
    is_ending: bool,
    /// See [`Mailbox::is_at_home`].
    is_at_home: bool,
    closed: bool,
}

impl Queue {
    /// False when the actor has ended.
    fn put(&mut self, put: impl FnOnce(&mut Batch)) -> bool {
        if self.closed {
            return false;
        }
        let batch = self.batch.get_or_insert_default();
        if batch.events.is_empty() {
            batch.since = Some(Coarse::now());
        }
        put(batch);
        self.wake();
        true
    }

    fn wake(&mut self) {
        if self.is_resting {
            self.is_resting = false;
            if let Some(host) = &self.host {
                wakes::wake(host);
            }
        }
    }
}

/// A place where events for one actor wait. Shared by everyone who sends to it.
pub(crate) struct Mailbox {
    pub(crate) pid: Pid,
    pub(crate) declared: Arc<dyn Declared>,
    queue: Mutex<Queue>,
    /// What only some actors need: made at first use, since a million idle ones do not.
    extras: OnceLock<Box<Extras>>,
}

/// The rarer belongings of a mailbox.
#[derive(Default)]
struct Extras {
    figures: Figures,
    /// Endpoints served from shared data without asking the actor.
    published: RwLock<Vec<(String, Published)>>,
    /// Who gets an `exited` when this actor ends.
    linkers: Mutex<Linkers>,
}

impl Mailbox {
    pub(crate) fn new(pid: Pid, declared: Arc<dyn Declared>, is_at_home: bool) -> Arc<Self> {
        Arc::new(Self {
            pid,
            declared,
            queue: Mutex::new(Queue {
                is_at_home,
                ..Queue::default()
            }),
            extras: OnceLock::new(),
        })
    }

    /// Whether the actor lives on the node's home thread.
    pub(crate) fn is_at_home(&self) -> bool {
        lock(&self.queue).is_at_home
    }

    fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    /// The actor's figures.
    pub(crate) fn figures(&self) -> &Figures {
        &self.extras().figures
    }

    /// The endpoints that were published for the actor.
    pub(crate) fn published(&self) -> &RwLock<Vec<(String, Published)>> {
        &self.extras().published
    }

    /// Puts a message at the end of the queue. False when the actor has ended.
    pub(crate) fn push_message(&self, from: &Pid, incoming: Incoming) -> bool {
        if hooks::any() {
            return self.push_hooked(from, incoming);
        }
        self.put_message(from, incoming)
    }

    /// As [`Mailbox::push_message`], by way of the node's trace.
    fn push_hooked(&self, from: &Pid, incoming: Incoming) -> bool {
        let tracer = &self.declared.hooks().tracer;
        let (sender, to) = (from.id.as_str(), self.pid.id.as_str());
        match tracer.mark(incoming.name(), Some(sender), to) {
            None => self.put_message(from, incoming),
            Some(mark) => self.put_marked(mark, from, incoming),
        }
    }

    fn put_marked(&self, mark: Mark, from: &Pid, incoming: Incoming) -> bool {
        let event = Event::Message {
            from: Some(Box::new(from.clone())),
            incoming,
        };
        lock(&self.queue).put(|batch| {
            batch.last_from = Some(from.clone());
            batch.events.push(Event::marked(mark, event));
        })
    }

    fn put_message(&self, from: &Pid, incoming: Incoming) -> bool {
        lock(&self.queue).put(|batch| batch.push_message(from, incoming))
    }

    /// As [`Mailbox::push_message`], for some at once that no trace follows.
    pub(crate) fn push_messages(
        &self,
        messages: impl ExactSizeIterator<Item = (Pid, Incoming)>,
    ) -> bool {
        lock(&self.queue).put(|batch| {
            batch.events.reserve(messages.len());
            for (from, incoming) in messages {
                batch.push_message(&from, incoming);
            }
        })
    }

    /// Puts timers that are due at the end of the queue. No trace follows them.
    pub(crate) fn push_timers(&self, timers: impl Iterator<Item = Timer>) -> bool {
        let events = timers.map(|Timer { slot, sequence, .. }| Event::Timer { slot, sequence });
        lock(&self.queue).put(|batch| batch.events.extend(events))
    }

    /// Puts an event at the end of the queue. False when the actor has ended.
    pub(crate) fn push(&self, mut event: Event) -> bool {
        if hooks::any() {
            event = self.followed(event);
        }
        lock(&self.queue).put(|batch| batch.events.push(event))
    }

    /// The event with a mark, if a trace follows it or begins with it.
    fn followed(&self, event: Event) -> Event {
        let mark = match &event {
            Event::Request(request) => {
                let name = request.request.path();
                let tracer = &self.declared.hooks().tracer;
                tracer.mark(name, None, self.pid.id.as_str())
            }
            Event::Call(_) | Event::Exited(_) => trace::current(),
            Event::Message { .. } | Event::Timer { .. } | Event::Marked(_) | Event::Terminate => {
                None
            }
        };
        match mark {
            Some(mark) => Event::marked(mark, event),
            None => event,
        }
    }

    /// Has the actor end before it handles what waits (L20: terminate jumps the queue).
    pub(crate) fn terminate(&self) {
        let mut queue = lock(&self.queue);
        queue.is_ending = true;
        queue.wake();
    }

    /// Takes all that waits, leaving `empty` in its place. What comes from then on wakes the
    /// host by `waker`. False when the actor shall end before it handles what waits.
    pub(crate) fn swap(&self, empty: &mut Option<Box<Batch>>, waker: &Waker) -> bool {
        if let Some(empty) = empty {
            empty.last_from = None;
        }
        let mut queue = lock(&self.queue);
        std::mem::swap(&mut queue.batch, empty);
        let is_known = queue
            .host
            .as_ref()
            .is_some_and(|host| host.will_wake(waker));
        if !is_known {
            queue.host = Some(waker.clone());
        }
        queue.is_resting = true;
        !queue.is_ending
    }

    /// The actor has ended: refuses further events and hands back those that waited.
    pub(crate) fn close(&self) -> Option<Box<Batch>> {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.host = None;
        queue.batch.take()
    }

    /// How many events wait.
    pub(crate) fn depth(&self) -> usize {
        let queue = lock(&self.queue);
        queue.batch.as_ref().map_or(0, |batch| batch.events.len())
    }

    /// The most events that ever waited at once, as far as the actor has looked.
    pub(crate) fn deepest(&self) -> usize {
        let found = self
            .extras
            .get()
            .map_or(0, |extras| extras.figures.deepest.load(Ordering::Relaxed));
        found.max(self.depth())
    }

    /// How many events wait, and since when the oldest does.
    pub(crate) fn depth_and_since(&self) -> (usize, Option<Coarse>) {
        let queue = lock(&self.queue);
        match &queue.batch {
            Some(batch) if !batch.events.is_empty() => (batch.events.len(), batch.since),
            _ => (0, None),
        }
    }

    /// How many events wait, by kind.
    pub(crate) fn queued(&self) -> Queued {
        let mut queued = Queued::default();
        let queue = lock(&self.queue);
        for event in queue.batch.iter().flat_map(|batch| &batch.events) {
            match event.unmarked() {
                Event::Message { .. } => queued.messages += 1,
                Event::Request(_) => queued.requests += 1,
                Event::Exited(_)
                | Event::Timer { .. }
                | Event::Call(_)
                | Event::Marked(_)
                | Event::Terminate => {
                    queued.dispatches += 1;
                }
            }
        }
        queued
    }

    /// The first `limit` waiting events, for `/__processes__`.
    pub(crate) fn waiting(&self, limit: usize) -> Vec<Waiting> {
        let queue = lock(&self.queue);
        let mut sender: Option<&Pid> = None;
        queue
            .batch
            .iter()
            .flat_map(|batch| &batch.events)
            .take(limit)
            .map(|event| {
                let (kind, name) = event.describe();
                let from = match event.unmarked() {
                    Event::Message { from, .. } => {
                        sender = from.as_deref().or(sender);
                        sender.cloned()
                    }
                    _ => None,
                };
                Waiting { kind, name, from }
            })
            .collect()
    }

    /// Has `linker` told when this actor ends. False when it has ended already.
    pub(crate) fn link(&self, linker: Weak<Mailbox>) -> bool {
        let mut linkers = lock(&self.extras().linkers);
        if lock(&self.queue).closed {
            return false;
        }
        linkers.add(linker);
        true
    }

    pub(crate) fn take_linkers(&self) -> Vec<Weak<Mailbox>> {
        std::mem::take(&mut *lock(&self.extras().linkers)).all
    }
}

/// Who gets an `exited`: each once, in the order in which they linked.
#[derive(Default)]
struct Linkers {
    all: Vec<Weak<Mailbox>>,
    /// Where those of `all` are in memory.
    known: HashSet<usize>,
    /// How many there may be before those that have ended are looked for.
    enough: usize,
}

impl Linkers {
    fn add(&mut self, linker: Weak<Mailbox>) {
        if !self.known.insert(linker.as_ptr().addr()) {
            return;
        }
        if self.all.len() >= self.enough {
            let known = &mut self.known;
            self.all.retain(|linker| {
                let lives = linker.strong_count() > 0;
                if !lives {
                    known.remove(&linker.as_ptr().addr());
                }
                lives
            });
            self.enough = 2 * self.all.len() + 8;
        }
        self.all.push(linker);
    }
}
