//! The master as an actor: feeds the pure core, publishes its snapshots, and carries
//! its effects out, once for each batch of events.

use std::sync::Arc;
use std::time::Duration;

use actors::v1_api::SharedEvent;
use arc_swap::ArcSwap;
use master_core::allocator::messages as allocator;
use master_core::registry::Registry;
use master_core::{
    Effect, Env, FromAgent, Input, Master as Core, Moment, Returning, Snapshot, Time, Token,
};
use messages::{internal, v1};
use runtime::{Actor, Context, Declaration, Instant, Pid};
use tracing::{error, info};

use crate::api::About;
use crate::calls::Calls;
use crate::registrar::messages::{Applied, Failed, Recover, Recovered};
use crate::streams::Streams;

/// Effects that are carried out before those are woken whom they concern.
const EFFECTS_AT_ONCE: usize = 256;
/// A batch ends when it has so many effects: what they hold should be gone before there is much
/// of it, and not lie between what stays.
const EFFECTS_MAX: usize = 256;

/// Room for so many effects is kept from batch to batch.
const KEPT_EFFECTS: usize = EFFECTS_MAX + 64;

/// The latest snapshot, read by every thread that serves HTTP.
pub(crate) type Published = Arc<ArcSwap<Snapshot>>;

/// The actor `master`.
pub(crate) struct Master {
    core: Core,
    published: Published,
    pub(crate) effects: Vec<Effect>,
    /// Effects are being carried out: those that come of it follow them.
    is_finishing: bool,
    pub(crate) calls: Calls,
    pub(crate) streams: Streams,
    /// What operators were told last, in this batch.
    pub(crate) told: Option<SharedEvent<v1::master::Event>>,
    pub(crate) allocator: Pid,
    pub(crate) registrar: Pid,
    info: v1::MasterInfo,
    about: About,
    started: Option<Instant>,
    /// Told why when the master cannot go on.
    pub(crate) ended: Option<tokio::sync::oneshot::Sender<String>>,
}

/// The actors that a master works with.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    /// Decides who is offered what.
    pub(crate) allocator: Pid,
    /// Keeps the registry.
    pub(crate) registrar: Pid,
}

impl Master {
    /// A master around `core`, which publishes what it knows in `published`. `ended` is
    /// told why when it cannot go on.
    pub(crate) fn new(
        core: Core,
        info: v1::MasterInfo,
        published: Published,
        peers: Peers,
        about: About,
        ended: tokio::sync::oneshot::Sender<String>,
    ) -> Self {
        Self {
            core,
            published,
            effects: Vec::new(),
            is_finishing: false,
            calls: Calls::default(),
            streams: Streams::default(),
            told: None,
            allocator: peers.allocator,
            registrar: peers.registrar,
            info,
            about,
            started: None,
            ended: Some(ended),
        }
    }

    /// Feeds the core one input. Effects wait for the end of the batch, so that whoever
    /// hears of a change finds it published.
    pub(crate) fn input(&mut self, input: Input, context: &mut Context<'_, Self>) {
        let now = self
            .started
            .map(|started| context.now() - started)
            .unwrap_or_default();
        let time = time(context.wall_time());
        let before = self.effects.len();
        let mut random = || rand::Rng::next_u64(context.rng());
        let mut env = Env::new(Moment::new(now), time, &mut random);
        self.core.handle(input, &mut env, &mut self.effects);
        let is_subscription = |effect: &Effect| matches!(effect, Effect::OperatorSubscribed { .. });
        let added = self.effects.get(before..).unwrap_or_default();
        // Such a stream starts with the state as it is at this very point.
        let must_end = added.iter().any(is_subscription);
        if must_end || (self.effects.len() >= EFFECTS_MAX && !self.is_finishing) {
            self.finish_batch(context);
        }
    }

    /// Carries out the effects of the batch so far. What comes of that belongs to the next one.
    fn finish_batch(&mut self, context: &mut Context<'_, Self>) {
        let was_finishing = std::mem::replace(&mut self.is_finishing, true);
        let snapshot = Arc::new(self.core.snapshot());
        self.published.store(Arc::clone(&snapshot));
        let mut effects = std::mem::take(&mut self.effects);
        let mut left = effects.drain(..);
        while left.len() > 0 {
            context.gathered(|context| {
                for effect in left.by_ref().take(EFFECTS_AT_ONCE) {
                    self.perform(effect, &snapshot, context);
                }
            });
        }
        drop(left);
        if self.effects.is_empty() && effects.capacity() <= KEPT_EFFECTS {
            self.effects = effects;
        }
        self.told = None;
        self.is_finishing = was_finishing;
    }

    /// A call that came by HTTP: remembers who owes the answer.
    pub(crate) fn call(
        &mut self,
        call: crate::calls::Call,
        input: impl FnOnce(Token) -> Input,
        context: &mut Context<'_, Self>,
    ) {
        let token = self.calls.add(call);
        self.input(input(token), context);
    }

    fn agent<M>(wrap: fn(M) -> FromAgent) -> impl Fn(&mut Self, &Pid, M, &mut Context<'_, Self>) {
        move |master, from, message, context| {
            master.input(
                Input::Agent {
                    from: from.clone(),
                    message: wrap(message),
                },
                context,
            );
        }
    }
}

/// The wall clock as the core counts it.
pub(crate) fn time(since_epoch: Duration) -> Time {
    Time::from_nanoseconds(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
}

macro_rules! from_agent {
    ($declaration:ident, $($message:ty => $variant:expr, $help:literal);+ $(;)?) => {$(
        $declaration.on($help, |master: &mut Master, from, message: $message, context| {
            Master::agent($variant)(master, from, message, context);
        });
    )+};
}

impl Actor for Master {
    const KIND: &'static str = "master";

    fn declare(declaration: &mut Declaration<Self>) {
        from_agent!(declaration,
            internal::RegisterSlaveMessage => |m| FromAgent::Register(Box::new(m)),
                "A new agent wants in (M12).";
            Returning => |m| FromAgent::Reregister(Box::new(m)),
                "A known agent returns (M13).";
            internal::UnregisterSlaveMessage => FromAgent::Unregister, "An agent leaves.";
            internal::UpdateSlaveMessage => |m| FromAgent::Update(Box::new(m)),
                "An agent's resources changed.";
            internal::StatusUpdateMessage => |m| FromAgent::StatusUpdate(Box::new(m)),
                "A task's state changed (M34).";
            internal::ExitedExecutorMessage => FromAgent::ExitedExecutor, "An executor ended.";
            internal::ExecutorToFrameworkMessage => FromAgent::ExecutorToFramework,
                "An executor's message to its framework.";
            internal::PongSlaveMessage => |_| FromAgent::Pong, "An agent answers a ping (M16).";
        );
        declaration
            .on(
                "The registry was read.",
                |master: &mut Self, _, recovered: Recovered, context| {
                    let registry = Registry::from_proto(*recovered.registry);
                    master.input(Input::Recovered(Box::new(registry)), context);
                    master.finish_batch(context);
                    info!(id = master.info.id, "elected: the registry is recovered");
                },
            )
            .on(
                "A change of the registry is durable.",
                |master, _, applied: Applied, context| {
                    let result = Ok(applied.changed);
                    master.input(
                        Input::Written {
                            ticket: applied.ticket(),
                            result,
                        },
                        context,
                    );
                },
            )
            .on(
                "The registrar gave up.",
                |master, _, failed: Failed, context| {
                    master.exit(failed.reason, context);
                },
            )
            .on(
                "The allocator found offers.",
                |master, _, offers: allocator::Offers, context| {
                    master.input(Input::Offers(offers), context);
                },
            );
        crate::driver::declare(declaration);
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.started = Some(context.now());
        crate::api::publish(&self.published, &self.about, context);
        let master = Box::new(self.info.clone());
        context.send(&self.registrar, Recover { master });
    }

    fn flush(&mut self, context: &mut Context<'_, Self>) {
        while !self.effects.is_empty() {
            self.finish_batch(context);
        }
    }

    fn exited(&mut self, peer: &Pid, context: &mut Context<'_, Self>) {
        self.input(Input::Exited(peer.clone()), context);
    }
}

impl Master {
    /// The master cannot go on: its daemon ends, and says why (R4, S10).
    pub(crate) fn exit(&mut self, reason: String, context: &mut Context<'_, Self>) {
        error!(reason, "the master cannot go on");
        if let Some(ended) = self.ended.take() {
            let _ = ended.send(reason);
        }
        context.stop();
    }
}
