//! The actix actor that hosts one of ours: woken once for a batch of events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix::{ActorContext, AsyncContext};
use tracing::{debug, warn};

use crate::actor::{Actor, Declaration};
use crate::context::{Call, Context, Core};
use crate::mailbox::{Event, Mailbox, Wake};
use crate::node::Node;

/// One in this many messages of a long batch is timed; all are in a short one.
const SAMPLE_EVERY: usize = 16;

struct Awake;

impl actix::Message for Awake {
    type Result = ();
}

struct Waker<A: Actor>(actix::Addr<Host<A>>);

impl<A: Actor> Wake for Waker<A> {
    fn wake(&self) {
        self.0.do_send(Awake);
    }
}

/// Hosts actor `A` on actix.
pub(crate) struct Host<A: Actor> {
    actor: A,
    core: Core<A>,
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
        let host = Self {
            actor,
            core: Core::new(mailbox, node),
            declaration,
            batch: VecDeque::new(),
        };
        actix::Actor::start(host);
    }

    fn drain(&mut self) {
        let mailbox = Arc::clone(&self.core.mailbox);
        mailbox.swap(&mut self.batch);
        let is_long = self.batch.len() > SAMPLE_EVERY;
        let mut position = 0_usize;
        while let Some(event) = self.batch.pop_front() {
            let timed = !is_long || position.is_multiple_of(SAMPLE_EVERY);
            position += 1;
            self.handle(event, timed);
            if self.core.terminating {
                return;
            }
        }
        self.actor.flush(&mut Context::new(&mut self.core));
    }

    fn handle(&mut self, event: Event, timed: bool) {
        let Self {
            actor,
            core,
            declaration,
            ..
        } = self;
        match event {
            Event::Message { from, incoming } => {
                let figures = Arc::clone(&core.mailbox);
                let figures = &figures.figures;
                let Some((index, entry)) = declaration.entry(&incoming) else {
                    figures.unknown.fetch_add(1, Ordering::Relaxed);
                    debug!(actor = %core.mailbox.pid, %from, name = incoming.name(), "nobody takes this message");
                    return;
                };
                let started = timed.then(Instant::now);
                match (entry.handle)(actor, &from, incoming, &mut Context::new(core)) {
                    Ok(()) => {
                        if let Some(message) = figures.message(declaration.messages.len(), index) {
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
            Event::Request {
                endpoint,
                request,
                responder,
            } => {
                core.mailbox
                    .figures
                    .requests
                    .fetch_add(1, Ordering::Relaxed);
                if let Some(entry) = declaration.endpoints.get(endpoint) {
                    (entry.handle)(actor, *request, responder, &mut Context::new(core));
                }
            }
            Event::Exited(pid) => actor.exited(&pid, &mut Context::new(core)),
            Event::Timer(sequence) => {
                if let Some(call) = core.take_timer(sequence) {
                    call(actor, &mut Context::new(core));
                }
            }
            Event::Call(call) => {
                if let Ok(call) = call.downcast::<Call<A>>() {
                    (*call)(actor, &mut Context::new(core));
                }
            }
            Event::Terminate => core.terminating = true,
        }
    }

    fn end(&mut self) {
        self.actor.finalize(&mut Context::new(&mut self.core));
        let mailbox = Arc::clone(&self.core.mailbox);
        self.core.node.forget(&mailbox.pid.id, &mailbox);
        drop(mailbox.close());
        self.batch.clear();
        self.core.end();
        for linker in mailbox.take_linkers() {
            if let Some(linker) = linker.upgrade() {
                linker.push(Event::Exited(mailbox.pid.clone()));
            }
        }
    }
}

impl<A: Actor> Unpin for Host<A> {}

impl<A: Actor> actix::Actor for Host<A> {
    type Context = actix::Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.core.mailbox.attach(Box::new(Waker(context.address())));
        self.actor.initialize(&mut Context::new(&mut self.core));
        context.notify(Awake);
    }
}

impl<A: Actor> actix::Handler<Awake> for Host<A> {
    type Result = ();

    fn handle(&mut self, _: Awake, context: &mut Self::Context) {
        if !self.core.terminating {
            self.drain();
        }
        if self.core.terminating {
            self.end();
            context.stop();
        } else if !self.core.mailbox.rest() {
            // Others on this thread get their turn before the next batch.
            context.notify(Awake);
        }
    }
}
