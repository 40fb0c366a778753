//! The actix actor that hosts one of ours: woken once for a batch of events.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use actix::fut::ActorFuture;
use actix::{ActorContext, AsyncContext};
use runtime_core::Pid;
use tracing::{debug, warn};

use crate::actor::{Actor, Declaration};
use crate::context::{Context, Core, Parts};
use crate::mailbox::{Event, Incoming, Mailbox};
use crate::node::Node;

/// One in this many messages of a long batch is timed; all are in a short one.
const SAMPLE_EVERY: usize = 16;

/// Hosts actor `A` on actix.
pub(crate) struct Host<A: Actor> {
    parts: Parts<A>,
    declaration: Arc<Declaration<A>>,
    batch: VecDeque<Event>,
}

impl<A: Actor> Host<A> {
    /// Starts hosting on the current thread.
    pub(crate) fn start(
        actor: A,
        declaration: Arc<Declaration<A>>,
        mailbox: Arc<Mailbox>,
        node: Node,
    ) {
        let parts = Parts {
            actor,
            core: Core::new(mailbox, node),
        };
        actix::Actor::start(Self {
            parts,
            declaration,
            batch: VecDeque::new(),
        });
    }

    /// Handles all that waits.
    fn drain(&mut self) {
        self.parts.core.mailbox.swap(&mut self.batch);
        if self.batch.is_empty() {
            return;
        }
        let is_long = self.batch.len() > SAMPLE_EVERY;
        let mut position = 0_usize;
        let mut from = None;
        while let Some(event) = self.batch.pop_front() {
            let timed = !is_long || position.is_multiple_of(SAMPLE_EVERY);
            position += 1;
            self.handle(event, &mut from, timed);
            if self.parts.core.terminating {
                return;
            }
        }
        let Parts { actor, core } = &mut self.parts;
        actor.flush(&mut Context::new(core));
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
            }
            Event::Exited(pid) => {
                let Parts { actor, core } = &mut self.parts;
                actor.exited(&pid, &mut Context::new(core));
            }
            Event::Timer(sequence) => {
                let Parts { actor, core } = &mut self.parts;
                if let Some(call) = core.take_timer(sequence) {
                    call(actor, &mut Context::new(core));
                }
            }
            Event::Call(call) => call.run(&mut self.parts),
            Event::Terminate => self.parts.core.terminating = true,
        }
    }

    fn message(&mut self, from: &Pid, incoming: Incoming, timed: bool) {
        let Parts { actor, core } = &mut self.parts;
        let Some((index, entry)) = self.declaration.entry(&incoming) else {
            core.mailbox
                .figures()
                .unknown
                .fetch_add(1, Ordering::Relaxed);
            debug!(actor = %core.mailbox.pid, %from, name = incoming.name(), "nobody takes this message");
            return;
        };
        let started = timed.then(Instant::now);
        let result = (entry.handle)(actor, from, incoming, &mut Context::new(core));
        let figures = core.mailbox.figures();
        match result {
            Ok(()) => {
                if let Some(message) = figures.message(self.declaration.messages.len(), index) {
                    message.handled.fetch_add(1, Ordering::Relaxed);
                    if let Some(started) = started {
                        message.sample(started.elapsed());
                    }
                }
            }
            Err(error) => {
                figures.undecodable.fetch_add(1, Ordering::Relaxed);
                warn!(actor = %core.mailbox.pid, %from, name = entry.name, %error, "dropped a message that cannot be decoded");
            }
        }
    }

    fn end(&mut self) {
        let Parts { actor, core } = &mut self.parts;
        actor.finalize(&mut Context::new(core));
        let mailbox = Arc::clone(&core.mailbox);
        core.node.forget(&mailbox.pid.id, &mailbox);
        drop(mailbox.close());
        self.batch.clear();
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
    type Context = actix::Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let Parts { actor, core } = &mut self.parts;
        actor.initialize(&mut Context::new(core));
        // Effects of the start belong to a batch of their own.
        actor.flush(&mut Context::new(core));
        context.spawn(Drain);
    }
}

/// Drains the mailbox whenever it wakes; part of the actor's own task, so that waking it
/// costs no message.
struct Drain;

impl<A: Actor> ActorFuture<Host<A>> for Drain {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        host: &mut Host<A>,
        context: &mut actix::Context<Host<A>>,
        task: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        if !host.parts.core.terminating {
            host.drain();
        }
        if host.parts.core.terminating {
            host.end();
            context.stop();
            return Poll::Ready(());
        }
        if !host.parts.core.mailbox.rest(task.waker()) {
            // Others on this thread get their turn before the next batch.
            task.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
