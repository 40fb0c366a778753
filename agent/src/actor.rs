//! The agent as an actor: feeds the pure core, publishes its snapshots, and carries its
//! effects out, once for each batch of events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use actors::daemon::FileRoots;
use actors::v1_api::{Calls, Media};
use agent_core::{Agent as Core, CallId, Effect, Env, Input, Master, Snapshot};
use arc_swap::ArcSwap;
use messages::v1;
use runtime::http::Responder;
use runtime::{Actor, Context, Declaration, Instant, Pid};
use tokio::sync::oneshot;

use crate::api::About;
use crate::daemon::{Ended, Ports};
use crate::effects::Streams;

/// The latest snapshot, read by every thread that serves HTTP.
pub(crate) type Published = Arc<ArcSwap<Snapshot>>;

/// The actor `slave(1)`.
pub(crate) struct Agent {
    core: Core,
    pub(crate) work_dir: PathBuf,
    published: Published,
    effects: Vec<Effect>,
    pub(crate) ports: Ports,
    pub(crate) files: FileRoots,
    pub(crate) calls: Calls<Waiting>,
    pub(crate) streams: Streams,
    pub(crate) timers: BTreeMap<agent_core::Timer, runtime::Timer>,
    about: About,
    started: Option<Instant>,
    /// Counts detections begun: what an earlier one finds does not matter any more.
    detections: u64,
    /// Told how it came that the agent ended.
    pub(crate) ended: Option<oneshot::Sender<Ended>>,
}

/// An executor's call that waits for its answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) responder: Responder,
    /// What the executor reads, if the answer is a stream.
    pub(crate) media: Media,
}

impl Agent {
    /// An agent around `core`, which publishes what it knows in `published`. `ended` is told
    /// when it has ended its work.
    pub(crate) fn new(
        core: Core,
        published: Published,
        ports: Ports,
        files: FileRoots,
        about: About,
        ended: oneshot::Sender<Ended>,
    ) -> Self {
        Self {
            work_dir: core.snapshot().config.work_dir.clone(),
            core,
            published,
            effects: Vec::new(),
            ports,
            files,
            calls: Calls::default(),
            streams: Streams::default(),
            timers: BTreeMap::new(),
            about,
            started: None,
            detections: 0,
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
        let wall = context.wall_time();
        let mut random = || rand::Rng::next_u64(context.rng());
        let mut env = Env {
            now,
            wall,
            random: &mut random,
        };
        self.core.handle(input, &mut env, &mut self.effects);
    }

    /// An executor's call that came by HTTP.
    pub(crate) fn executor_call(
        &mut self,
        waiting: Waiting,
        call: Box<v1::executor::Call>,
        context: &mut Context<'_, Self>,
    ) {
        let call_id = CallId(self.calls.add(waiting));
        self.input(Input::ExecutorCall { call_id, call }, context);
    }

    /// Waits for another leading master than `previous`, now and from then on.
    pub(crate) fn detect(&mut self, previous: Option<Master>, context: &mut Context<'_, Self>) {
        self.detections += 1;
        let detection = self.detections;
        let detecting = self
            .ports
            .detector
            .detect(context.node(), previous.as_ref());
        context.run(detecting, move |agent, found, context| {
            if agent.detections != detection {
                return;
            }
            agent.detect(found.clone(), context);
            agent.input(
                found.map_or(Input::MasterLost, Input::MasterDetected),
                context,
            );
        });
    }

    /// What an effect causes may be a further input, and its effects belong to this batch.
    fn finish_batch(&mut self, context: &mut Context<'_, Self>) {
        while !self.effects.is_empty() {
            self.published.store(Arc::new(self.core.snapshot()));
            for effect in std::mem::take(&mut self.effects) {
                self.perform(effect, context);
            }
        }
    }
}

impl Actor for Agent {
    const KIND: &'static str = "agent";

    fn declare(declaration: &mut Declaration<Self>) {
        crate::inbox::declare(declaration);
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.started = Some(context.now());
        let containerizer = Arc::clone(&self.ports.containerizer);
        crate::api::publish(
            &self.published,
            &self.about,
            &self.files,
            &containerizer,
            context,
        );
        self.input(Input::Start, context);
        self.detect(None, context);
        self.finish_batch(context);
    }

    fn flush(&mut self, context: &mut Context<'_, Self>) {
        self.finish_batch(context);
    }

    fn exited(&mut self, peer: &Pid, context: &mut Context<'_, Self>) {
        self.input(Input::PeerExited(peer.clone()), context);
    }
}
