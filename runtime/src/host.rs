//! The actix actor that hosts one of ours: woken once for a batch of events.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use actix::{ActorContext, ActorState, Running};
use runtime_core::Pid;
use tracing::{debug, warn};

use crate::activity::{self, Slowest, Work};
use crate::actor::{Actor, Declaration};
use crate::context::{Context, Core, Parts};
use crate::drops::Reason;
use crate::hooks;
use crate::mailbox::{Batch, Event, Incoming, Mailbox, Marked};
use crate::node::Node;
use crate::peer::Outbox;
use crate::trace::{self, Mark};

/// One in this many messages of a long batch is timed; all are in a short one.
const SAMPLE_EVERY: usize = 16;
/// An actor with no more events at once writes what it sends to other nodes by itself.
const SHORT: usize = 4;
/// What so many timers need is fetched at once: it fits into the fastest cache.
const FETCHED: usize = 16;
/// Room for events that a batch keeps between bursts.
const KEPT_EVENTS: usize = 512;
/// So many messages of a kind are each counted for their sender, before samples will do.
const COUNTED_EACH: u64 = 1024;
/// A handler that takes this long is slow: others wait for it.
const SLOW: Duration = Duration::from_millis(100);

/// Hosts actor `A` on actix.
pub(crate) struct Host<A: Actor> {
    parts: Parts<A>,
    declaration: Arc<Declaration<A>>,
    /// An empty batch, to be changed for the mailbox' full one.
    batch: Option<Box<Batch>>,
    /// Counts what [`Self::is_sample`] was asked for.
    tick: u32,
    /// How many messages of the batch each timed one stands for.
    weight: u64,
    /// The last event of the batch that a trace follows: what the flush does comes of it.
    mark: Option<Box<Mark>>,
    /// Why the present message is not handled, for a trace.
    refused: Option<Box<Reason>>,
}

impl<A: Actor> Host<A> {
    /// Starts hosting on the current thread.
    pub(crate) fn start(
        actor: A,
        declaration: Arc<Declaration<A>>,
        mailbox: Arc<Mailbox>,
        node: Node,
    ) {
        let host = Self {
            parts: Parts {
                actor,
                core: Core::new(mailbox, node),
            },
            declaration,
            batch: None,
            tick: 0,
            weight: 1,
            mark: None,
            refused: None,
        };
        actix_rt::spawn(Hosting {
            host,
            context: HostContext(ActorState::Started),
        });
    }

    /// Handles all that waits. What comes meanwhile wakes the host again: others on this
    /// thread get their turn before the next batch.
    fn drain(&mut self, waker: &Waker) {
        if !self.parts.core.mailbox.swap(&mut self.batch, waker) {
            self.parts.core.terminating = true;
            return;
        }
        let Some(mut batch) = self.batch.take_if(|batch| !batch.events.is_empty()) else {
            return;
        };
        self.parts.core.mailbox.figures().found(batch.events.len());
        let is_short = batch.events.len() <= SHORT && self.parts.core.node.world().has_threads();
        let _outbox = is_short.then(Outbox::open);
        let is_long = batch.events.len() > SAMPLE_EVERY;
        self.weight = if is_long { SAMPLE_EVERY as u64 } else { 1 };
        let mut from = None;
        let mut events = batch.events.drain(..);
        for position in 0_usize.. {
            if position.is_multiple_of(FETCHED) {
                self.fetch(events.as_slice());
            }
            let Some(event) = events.next() else {
                break;
            };
            let timed = !is_long || position.is_multiple_of(SAMPLE_EVERY);
            self.handle(event, &mut from, timed);
            if self.parts.core.terminating {
                return;
            }
        }
        drop(events);
        if batch.events.capacity() > KEPT_EVENTS {
            batch.events.shrink_to(KEPT_EVENTS);
        }
        self.batch = Some(batch);
        let Parts { actor, core } = &mut self.parts;
        match self.mark.take() {
            None => actor.flush(&mut Context::new(core)),
            mark => trace::within(mark.map(|mark| *mark), || {
                actor.flush(&mut Context::new(core))
            }),
        }
        core.mailbox.figures().activity.rest();
    }

    /// Has memory fetched that the next events need, if they are timers.
    fn fetch(&self, events: &[Event]) {
        if let [Event::Timer { .. }, Event::Timer { .. }, ..] = events {
            self.parts.core.fetch_timers(events.iter().take(FETCHED));
        }
    }

    fn handle(&mut self, event: Event, from: &mut Option<Box<Pid>>, timed: bool) {
        match event {
            Event::Message {
                from: sender,
                incoming,
            } => {
                if sender.is_some() {
                    *from = sender;
                }
                if let Some(from) = from {
                    self.message(from, incoming, timed);
                }
            }
            Event::Request(event) => {
                let name = event.request.path().to_owned();
                let timing = self.begin(Work::Request, timed);
                let Parts { actor, core } = &mut self.parts;
                core.mailbox
                    .figures()
                    .requests
                    .fetch_add(1, Ordering::Relaxed);
                if let Some(entry) = self.declaration.endpoints.get(event.endpoint) {
                    (entry.handle)(
                        actor,
                        event.request,
                        event.responder,
                        &mut Context::new(core),
                    );
                }
                self.end_of(timing, &name, None);
            }
            Event::Exited(pid) => {
                let timing = self.begin(Work::Exited, timed);
                let Parts { actor, core } = &mut self.parts;
                actor.exited(&pid, &mut Context::new(core));
                self.end_of(timing, "EXITED", Some(&pid));
            }
            Event::Timer { slot, sequence } => {
                let timed = timed && self.is_sample();
                let timing = self.begin(Work::Timer, timed);
                let Parts { actor, core } = &mut self.parts;
                if let Some(call) = core.take_timer(slot, sequence) {
                    call.run(actor, &mut Context::new(core));
                }
                self.end_of(timing, "timer", None);
            }
            Event::Call(call) => {
                let timed = timed && self.is_sample();
                let timing = self.begin(Work::Call, timed);
                let name = call.name();
                call.run(&mut self.parts);
                self.end_of(timing, name, None);
            }
            Event::Marked(marked) => self.marked(*marked, from),
            Event::Terminate => self.parts.core.terminating = true,
        }
    }

    /// Handles an event that a trace follows.
    fn marked(&mut self, marked: Marked, from: &mut Option<Box<Pid>>) {
        let Marked { mark, since, event } = marked;
        let node = self.parts.core.node.clone();
        let tracer = &node.inner.hooks.tracer;
        let here = tracer.below(mark);
        let id = self.parts.core.mailbox.pid.id.to_string();
        let (kind, name) = event.describe();
        let is_message = matches!(event, Event::Message { .. });
        let mut record = trace::event(&node, kind, id, name);
        let started = Instant::now();
        trace::within(Some(here), || self.handle(event, from, true));
        let took = started.elapsed();
        record.waited_us = started.saturating_duration_since(since).as_secs_f64() * 1e6;
        record.took_us = took.as_secs_f64() * 1e6;
        record.from = from
            .as_ref()
            .filter(|_| is_message)
            .map(|from| from.to_string());
        if let Some(reason) = self.refused.take() {
            record.outcome = reason.to_string();
        }
        tracer.record(mark, here, record);
        self.mark = Some(Box::new(here));
    }

    /// One in some: for what is so cheap that looking at each would show.
    fn is_sample(&mut self) -> bool {
        self.tick = self.tick.wrapping_add(1);
        (self.tick as usize).is_multiple_of(SAMPLE_EVERY)
    }

    /// Notes what is handled from now on.
    fn begin(&self, work: Work, timed: bool) -> Option<Instant> {
        let started = timed.then(Instant::now);
        let figures = self.parts.core.mailbox.figures();
        figures.activity.begin(work, started);
        started
    }

    /// Notes how long the handling of something took, if that is out of the ordinary.
    fn end_of(&self, started: Option<Instant>, name: &str, from: Option<&Pid>) -> Option<Duration> {
        let took = started?.elapsed();
        let core = &self.parts.core;
        let activity = &core.mailbox.figures().activity;
        if took >= SLOW {
            core.node.inner.slow_handlers.increment();
            // The first of them, and then ever fewer.
            let before = activity.count_slow();
            if before == 0 || before.is_power_of_two() {
                let name = activity::short(name);
                warn!(actor = %core.mailbox.pid, name, ?took, "a handler was slow");
            }
        }
        if activity.is_slowest(took) {
            activity.note_slowest(Slowest {
                name: activity::short(name).to_owned(),
                from: from.cloned(),
                took,
                ended: Instant::now(),
            });
        }
        Some(took)
    }

    fn message(&mut self, from: &Pid, incoming: Incoming, timed: bool) {
        let Some((index, entry)) = self.declaration.entry(&incoming) else {
            let figures = self.parts.core.mailbox.figures();
            figures.unknown.fetch_add(1, Ordering::Relaxed);
            self.refuse(from, incoming.name(), Reason::NobodyTakesIt);
            return;
        };
        let name = entry.name;
        let timing = self.begin(Work::Message(index), timed);
        let Parts { actor, core } = &mut self.parts;
        let result = (entry.handle)(actor, from, incoming, &mut Context::new(core));
        let figures = self.parts.core.mailbox.figures();
        if let Err(error) = result {
            figures.undecodable.fetch_add(1, Ordering::Relaxed);
            warn!(actor = %self.parts.core.mailbox.pid, %from, name, %error, "dropped a message that cannot be decoded");
            self.refuse(from, name, Reason::Undecodable(error.to_string()));
            return;
        }
        let message = figures.message(self.declaration.messages.len(), index);
        let before = message.map_or(0, |message| message.handled.fetch_add(1, Ordering::Relaxed));
        let Some(took) = self.end_of(timing, name, Some(from)) else {
            return;
        };
        if let Some(message) = message {
            message.sample(took);
        }
        let weight = if before < COUNTED_EACH {
            self.weight
        } else if self.is_sample() {
            self.weight * SAMPLE_EVERY as u64
        } else {
            return;
        };
        let activity = &self.parts.core.mailbox.figures().activity;
        activity.talks(from, name, weight);
    }

    /// Notes that a message is not handled.
    fn refuse(&mut self, from: &Pid, name: &str, reason: Reason) {
        let core = &self.parts.core;
        debug!(actor = %core.mailbox.pid, %from, name, %reason, "a message is not handled");
        let to = core.mailbox.pid.id.as_str();
        if hooks::any() {
            self.refused = Some(Box::new(reason.clone()));
        }
        core.node.dropped(to, name, from, reason);
    }

    fn end(&mut self) {
        let Parts { actor, core } = &mut self.parts;
        actor.finalize(&mut Context::new(core));
        let mailbox = Arc::clone(&core.mailbox);
        core.node.forget(&mailbox);
        drop(mailbox.close());
        core.end();
        for linker in mailbox.take_linkers() {
            if let Some(linker) = linker.upgrade() {
                linker.push(Event::Exited(Box::new(mailbox.pid.clone())));
            }
        }
    }
}

impl<A: Actor> Unpin for Host<A> {}

impl<A: Actor> actix::Actor for Host<A> {
    type Context = HostContext;

    fn started(&mut self, _: &mut Self::Context) {
        let Parts { actor, core } = &mut self.parts;
        actor.initialize(&mut Context::new(core));
        // Effects of the start belong to a batch of their own.
        actor.flush(&mut Context::new(core));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.end();
    }
}

/// The context that hosts have from actix. Its usual one has a mailbox and lists of futures,
/// 600 bytes in all, of which a host needs nothing: it is the one future of its actor.
pub(crate) struct HostContext(ActorState);

impl ActorContext for HostContext {
    fn stop(&mut self) {
        self.0 = ActorState::Stopping;
    }

    fn terminate(&mut self) {
        self.0 = ActorState::Stopped;
    }

    fn state(&self) -> ActorState {
        self.0
    }
}

/// The task of one actor: runs it through an actix actor's life.
struct Hosting<A: Actor> {
    host: Host<A>,
    context: HostContext,
}

impl<A: Actor> Future for Hosting<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut std::task::Context<'_>) -> Poll<()> {
        let Self { host, context } = self.get_mut();
        if context.0 == ActorState::Started {
            context.0 = ActorState::Running;
            actix::Actor::started(host, context);
        }
        if !host.parts.core.terminating {
            host.drain(task.waker());
        }
        if host.parts.core.terminating {
            context.stop();
            if actix::Actor::stopping(host, context) == Running::Stop {
                context.terminate();
                actix::Actor::stopped(host, context);
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}
