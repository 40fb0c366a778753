//! The context: an actor's only window on the world.

use std::any::Any;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use runtime_core::{ActorId, Message, Pid};
use slab::Slab;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::actor::Actor;
use crate::hooks;
use crate::http::{Published, Responder, StreamHead, StreamWriter};
use crate::mailbox::{Call, Event, Incoming, Mailbox};
use crate::metrics::Metrics;
use crate::node::{Node, Placement, SpawnError};
use crate::timers::Timer;
use crate::trace;
use crate::wakes::Gathering;

/// Room for so many timers is kept when none is pending.
const KEPT_TIMERS: usize = 1024;

/// Something to do with the actor at a timer.
pub(crate) trait Later<A: Actor>: Send {
    fn timer(&self) -> &Timer;
    fn run(self: Box<Self>, actor: &mut A, context: &mut Context<'_, A>);
}

/// The one kind of it.
struct At<F> {
    timer: Timer,
    then: F,
}

impl<A, F> Later<A> for At<F>
where
    A: Actor,
    F: FnOnce(&mut A, &mut Context<'_, A>) + Send,
{
    fn timer(&self) -> &Timer {
        &self.timer
    }

    fn run(self: Box<Self>, actor: &mut A, context: &mut Context<'_, A>) {
        (self.then)(actor, context);
    }
}

/// An actor and what the host keeps for it: what a [`Call`] runs on.
pub(crate) struct Parts<A: Actor> {
    pub(crate) actor: A,
    pub(crate) core: Core<A>,
}

/// A closure made for actors of type `A`.
struct CallOf<A, F> {
    call: F,
    actor: std::marker::PhantomData<fn(A)>,
}

impl<A, F> Call for CallOf<A, F>
where
    A: Actor,
    F: FnOnce(&mut A, &mut Context<'_, A>) + Send,
{
    fn name(&self) -> &'static str {
        std::any::type_name::<F>()
    }

    fn run(self: Box<Self>, parts: &mut dyn Any) {
        if let Some(Parts { actor, core }) = parts.downcast_mut::<Parts<A>>() {
            (self.call)(actor, &mut Context::new(core));
        }
    }
}

fn call<A: Actor>(call: impl FnOnce(&mut A, &mut Context<'_, A>) + Send + 'static) -> Event {
    Event::Call(Box::new(CallOf {
        call,
        actor: std::marker::PhantomData,
    }))
}

/// What the host keeps for its actor between events.
pub(crate) struct Core<A: Actor> {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) node: Node,
    pub(crate) terminating: bool,
    /// Made at first use: a million idle actors need none of it.
    rare: Option<Box<Rare<A>>>,
}

/// What an actor has that waits for something or draws randomness.
struct Rare<A: Actor> {
    /// What to do at each timer: kept in slots, which timers know, since a table in which
    /// each is to be found costs more than all the rest of a timer.
    timers: Slab<Box<dyn Later<A>>>,
    running: BTreeMap<u64, AbortHandle>,
    next_run: u64,
    rng: Option<Box<StdRng>>,
}

impl<A: Actor> Default for Rare<A> {
    fn default() -> Self {
        Self {
            timers: Slab::new(),
            running: BTreeMap::new(),
            next_run: 0,
            rng: None,
        }
    }
}

impl<A: Actor> Core<A> {
    pub(crate) fn new(mailbox: Arc<Mailbox>, node: Node) -> Self {
        Self {
            mailbox,
            node,
            terminating: false,
            rare: None,
        }
    }

    fn rare(&mut self) -> &mut Rare<A> {
        self.rare.get_or_insert_default()
    }

    /// Takes what was to be done at a timer, unless it has been cancelled.
    pub(crate) fn take_timer(&mut self, slot: usize, sequence: u64) -> Option<Box<dyn Later<A>>> {
        let timers = &mut self.rare().timers;
        let then = timers
            .get(slot)
            .is_some_and(|then| then.timer().sequence == sequence)
            .then(|| timers.try_remove(slot))
            .flatten()?;
        if timers.is_empty() && timers.capacity() > KEPT_TIMERS {
            *timers = Slab::new();
        }
        self.count_timers();
        Some(then)
    }

    /// Memory is slow, and what is to be done at timers is all over it: of a million, each would
    /// be waited for twice. So what is next is fetched together.
    pub(crate) fn fetch_timers<'e>(&self, events: impl Iterator<Item = &'e Event> + Clone) {
        let Some(rare) = &self.rare else {
            return;
        };
        let next = events.filter_map(|event| match event {
            Event::Timer { slot, .. } => rare.timers.get(*slot),
            _ => None,
        });
        let places = next.clone().map(|then| std::ptr::from_ref(&**then).addr());
        black_box(places.fold(0, |sum, place| sum ^ place));
        let sequences = next.map(|then| then.timer().sequence);
        black_box(sequences.fold(0, |sum, sequence| sum ^ sequence));
    }

    fn count_timers(&self) {
        let count = self.rare.as_ref().map_or(0, |rare| rare.timers.len());
        self.mailbox
            .figures()
            .timers_pending
            .store(count as u64, Ordering::Relaxed);
    }

    /// The actor has ended: nothing of it goes on.
    pub(crate) fn end(&mut self) {
        let Some(rare) = self.rare.take() else {
            return;
        };
        for (_, then) in rare.timers {
            self.node.timers().cancel(*then.timer());
        }
        for task in rare.running.into_values() {
            task.abort();
        }
    }
}

/// What an actor may do: read the clock, draw randomness, send, link, set timers, spawn
/// and terminate actors, answer streams, and run calls of its ports.
pub struct Context<'a, A: Actor> {
    core: &'a mut Core<A>,
}

impl<'a, A: Actor> Context<'a, A> {
    pub(crate) fn new(core: &'a mut Core<A>) -> Self {
        Self { core }
    }

    /// This actor's own pid.
    pub fn me(&self) -> &Pid {
        &self.core.mailbox.pid
    }

    /// The node that the actor lives on.
    pub fn node(&self) -> &Node {
        &self.core.node
    }

    /// The monotonic clock.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The wall clock, as time since 1970.
    pub fn wall_time(&self) -> Duration {
        self.core.node.world().wall_time()
    }

    /// Randomness: seeded by the simulator, by the operating system otherwise.
    pub fn rng(&mut self) -> &mut StdRng {
        let Core { node, rare, .. } = &mut *self.core;
        rare.get_or_insert_default()
            .rng
            .get_or_insert_with(|| Box::new(node.world().rng()))
    }

    /// A random (version 4) UUID.
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0_u8; 16];
        rand::Rng::fill_bytes(self.rng(), &mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// The node's metrics.
    pub fn metrics(&self) -> &Metrics {
        self.core.node.metrics()
    }

    /// Sends a message: at most once, in order per pair while one connection lasts (L11).
    pub fn send<M: Message>(&self, to: &Pid, message: M) {
        self.core.node.send(self.me(), to, message);
    }

    /// Sends bytes that are encoded already, under any name.
    pub fn send_encoded(&self, to: &Pid, name: &str, codec: runtime_core::Codec, body: &[u8]) {
        self.core
            .node
            .send_encoded(self.me(), to, name, codec, body);
    }

    /// Has `much` sent, to which the receivers are woken at the end, not by the first message:
    /// on other threads, they would take the others one by one, and sleep in between.
    pub fn gathered<T>(&mut self, much: impl FnOnce(&mut Self) -> T) -> T {
        let _gathering = Gathering::begin();
        much(self)
    }

    /// Asks for [`Actor::exited`] once when `peer` ends or its node's connection breaks
    /// (L13, L14). Linking twice is linking once.
    pub fn link(&mut self, peer: &Pid) {
        self.core
            .mailbox
            .figures()
            .links
            .fetch_add(1, Ordering::Relaxed);
        self.core.node.link(&self.core.mailbox, peer);
    }

    /// Links over a fresh connection, for when the present one is suspected to be half
    /// open (L15); the old connection's end is not reported.
    pub fn relink(&mut self, peer: &Pid) {
        self.core
            .mailbox
            .figures()
            .links
            .fetch_add(1, Ordering::Relaxed);
        self.core.node.relink(&self.core.mailbox, peer);
    }

    /// Calls `then` after `delay`, unless cancelled or the actor ends first.
    pub fn after(
        &mut self,
        delay: Duration,
        then: impl FnOnce(&mut A, &mut Context<'_, A>) + Send + 'static,
    ) -> Timer {
        match trace::current() {
            Some(mark) if hooks::any() => self.set_timer(delay, move |actor, context| {
                trace::within(Some(mark), || then(actor, context));
            }),
            _ => self.set_timer(delay, then),
        }
    }

    fn set_timer(
        &mut self,
        delay: Duration,
        then: impl FnOnce(&mut A, &mut Context<'_, A>) + Send + 'static,
    ) -> Timer {
        let Core {
            node,
            mailbox,
            rare,
            ..
        } = &mut *self.core;
        let slot = rare.get_or_insert_default().timers.vacant_entry();
        let (at, mailbox) = (Instant::now() + delay, Arc::downgrade(mailbox));
        let timer = node.timers().set(at, mailbox, slot.key());
        slot.insert(Box::new(At { timer, then }));
        self.core.count_timers();
        timer
    }

    /// Cancels a timer; nothing happens when it has fired.
    pub fn cancel(&mut self, timer: Timer) {
        self.core.node.timers().cancel(timer);
        self.core.take_timer(timer.slot, timer.sequence);
    }

    /// Runs an asynchronous call of a port on this actor's thread. Its result comes back
    /// as an event; it is dropped when the actor ends first.
    pub fn run<F>(
        &mut self,
        call: F,
        then: impl FnOnce(&mut A, F::Output, &mut Context<'_, A>) + Send + 'static,
    ) where
        F: Future + 'static,
        F::Output: Send,
    {
        let rare = self.core.rare();
        let key = rare.next_run;
        rare.next_run += 1;
        let mailbox = Arc::clone(&self.core.mailbox);
        let name = std::any::type_name::<F>();
        mailbox.figures().activity.call_begins(key, name);
        let mark = trace::current();
        let task = tokio::task::spawn_local(async move {
            let result = call.await;
            mailbox.figures().activity.call_ends(key);
            let then = crate::context::call(move |actor, context: &mut Context<'_, A>| {
                context.core.rare().running.remove(&key);
                then(actor, result, context);
            });
            trace::within(mark, || mailbox.push(then));
        });
        self.core.rare().running.insert(key, task.abort_handle());
    }

    /// A handle by which ports and streams call this actor from outside.
    pub fn handle(&self) -> Handle<A> {
        Handle {
            mailbox: Arc::clone(&self.core.mailbox),
            actor: std::marker::PhantomData,
        }
    }

    /// Spawns an actor on this node (L20).
    pub fn spawn<B: Actor>(
        &self,
        id: impl Into<ActorId>,
        actor: B,
        placement: Placement,
    ) -> Result<Handle<B>, SpawnError> {
        self.core.node.spawn(id, actor, placement)
    }

    /// Ends an actor of this node before it handles anything more (L20).
    pub fn terminate(&self, pid: &Pid) {
        self.core.node.terminate(pid);
    }

    /// Ends this actor after the current event.
    pub fn stop(&mut self) {
        self.core.terminating = true;
    }

    /// Serves `path` below this actor's id from shared data: on an HTTP thread, without
    /// an event for the actor.
    pub fn publish(&self, path: &str, published: Published) {
        self.core.node.publish(&self.core.mailbox, path, published);
    }

    /// Answers a request with a stream of records. `closed` is called once if the client
    /// goes before the stream is finished.
    pub fn stream(
        &mut self,
        responder: Responder,
        head: StreamHead,
        closed: impl FnOnce(&mut A, &mut Context<'_, A>) + Send + 'static,
    ) -> StreamWriter {
        let handle = self.handle();
        responder.stream(head, Box::new(move || handle.call(closed)))
    }
}

/// Calls a known actor from outside: from ports, streams, daemons and tests.
pub struct Handle<A: Actor> {
    mailbox: Arc<Mailbox>,
    actor: std::marker::PhantomData<fn(A)>,
}

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self {
            mailbox: Arc::clone(&self.mailbox),
            actor: std::marker::PhantomData,
        }
    }
}

impl<A: Actor> std::fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.mailbox.pid)
    }
}

impl<A: Actor> Handle<A> {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self {
            mailbox,
            actor: std::marker::PhantomData,
        }
    }

    /// The actor's pid.
    pub fn pid(&self) -> &Pid {
        &self.mailbox.pid
    }

    /// Has `call` run by the actor as an event of its own; dropped when it has ended.
    pub fn call(&self, call: impl FnOnce(&mut A, &mut Context<'_, A>) + Send + 'static) {
        self.mailbox.push(crate::context::call(call));
    }

    /// Sends a message without looking the actor up: the fastest way inside a process.
    pub fn tell<M: Message>(&self, from: &Pid, message: M) {
        self.mailbox.push_message(from, Incoming::local(message));
    }

    /// Asks the actor and waits for its answer; none when it has ended.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut A, &mut Context<'_, A>) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.call(move |actor, context| {
            let _ = answer.send(question(actor, context));
        });
        answered.await.ok()
    }
}
