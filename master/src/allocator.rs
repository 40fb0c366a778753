//! The allocator as an actor: events go to the pure core, offers come back in batches
//! (A1).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use master_core::allocator::messages::{
    ActivateAgent, ActivateFramework, AddAgent, AddFramework, DeactivateAgent, DeactivateFramework,
    Input, Offers, RecoverResources, RemoveAgent, RemoveFramework, ReviveOffers, SuppressOffers,
    UpdateAgent, UpdateAllocation, UpdateFramework, UpdateWeights, UpdateWhitelist,
};
use master_core::allocator::{Allocator as Core, Config, Figures};
use runtime::metrics::{Counter, Timer as Timing};
use runtime::{Actor, Context, Declaration, Instant, Pid, Timer};
use tracing::debug;

use crate::metrics::publish_figures;

/// The least time between two runs that events ask for: freed resources are offered
/// together, and not task by task.
const PACE: Duration = Duration::from_millis(4);

/// The least time between two looks at the figures by runs that events ask for.
const FIGURES_PACE: Duration = Duration::from_millis(100);

/// Hosts the allocator's core.
pub(crate) struct Allocator {
    core: Core,
    interval: Duration,
    master: Pid,
    started: Option<Instant>,
    /// When the first event since the last run came: what runs wait for.
    since: Option<Instant>,
    /// Whether something happened that is worth a run at once. Resources refused for no
    /// time at all wait for the batch, or their framework would be asked without end.
    is_prompt: bool,
    last_run: Option<Instant>,
    paced: bool,
    wake: Option<Timer>,
    timings: Option<Timings>,
    /// What the metrics show. To gather it costs as much as there are roles, so it is renewed
    /// at most every [`FIGURES_PACE`] by runs, and by each batch.
    figures: Arc<ArcSwap<Figures>>,
    figures_at: Option<Instant>,
}

struct Timings {
    runs: Counter,
    run: Timing,
    latency: Timing,
}

impl Allocator {
    /// An allocator that tells `master` of its offers.
    pub(crate) fn new(config: Config, master: Pid) -> Self {
        Self {
            interval: config.allocation_interval,
            core: Core::new(config),
            master,
            started: None,
            since: None,
            is_prompt: false,
            last_run: None,
            paced: false,
            wake: None,
            timings: None,
            figures: Arc::default(),
            figures_at: None,
        }
    }

    fn elapsed(&self, context: &Context<'_, Self>) -> Duration {
        self.started
            .map(|started| context.now() - started)
            .unwrap_or_default()
    }

    fn input(&mut self, input: Input, context: &mut Context<'_, Self>) {
        self.since.get_or_insert_with(|| context.now());
        let now = self.elapsed(context);
        self.is_prompt |= !matches!(&input, Input::RecoverResources(it) if it.refuse.is_some());
        if let Err(error) = self.core.handle(input, now) {
            // Messages cross: an agent's resources come back after it was removed, say.
            debug!(%error, "an event does not fit what is known");
        }
    }

    fn batch(&mut self, context: &mut Context<'_, Self>) {
        context.after(self.interval, Self::batch);
        self.figures_at = None;
        self.run(context);
    }

    fn renew_figures(&mut self, now: Instant) {
        if self
            .figures_at
            .is_none_or(|last| now - last >= FIGURES_PACE)
        {
            self.figures_at = Some(now);
            self.figures.store(Arc::new(self.core.figures()));
        }
    }

    /// Looks at what changed since the last run: a look at everything finds no more.
    fn run(&mut self, context: &mut Context<'_, Self>) {
        let started = context.now();
        let now = self.elapsed(context);
        let offers = self.core.run(now, context.rng());
        if let Some(timings) = &self.timings {
            timings.runs.increment();
            timings.run.record(context.now() - started);
            if let Some(since) = self.since {
                timings.latency.record(started - since);
            }
        }
        self.since = None;
        self.is_prompt = false;
        self.last_run = Some(started);
        if !offers.is_empty() {
            context.send(&self.master, Offers { offers });
        }
        self.renew_figures(started);
        self.wake_at_deadline(context);
    }

    /// A filter that expires makes its agent worth a look before the next batch.
    fn wake_at_deadline(&mut self, context: &mut Context<'_, Self>) {
        if let Some(wake) = self.wake.take() {
            context.cancel(wake);
        }
        let now = self.elapsed(context);
        if let Some(deadline) = self.core.deadline() {
            let wait = deadline.saturating_sub(now);
            self.wake = Some(context.after(wait, |allocator, context| {
                allocator.wake = None;
                allocator.run(context);
            }));
        }
    }
}

macro_rules! takes {
    ($declaration:ident, $($message:ty => $help:literal),+ $(,)?) => {$(
        $declaration.on($help, |allocator, _, message: $message, context| {
            allocator.input(message.into(), context);
        });
    )+};
}

impl Actor for Allocator {
    const KIND: &'static str = "allocator";

    fn declare(declaration: &mut Declaration<Self>) {
        takes!(declaration,
            AddAgent => "An agent registered.",
            RemoveAgent => "An agent is gone.",
            UpdateAgent => "An agent changed.",
            ActivateAgent => "An agent may be offered.",
            DeactivateAgent => "An agent may not be offered.",
            AddFramework => "A framework subscribed.",
            RemoveFramework => "A framework is gone.",
            UpdateFramework => "A framework changed.",
            ActivateFramework => "A framework may be offered resources.",
            DeactivateFramework => "A framework may not be offered resources.",
            RecoverResources => "Resources are free again.",
            UpdateAllocation => "Operations converted offered resources.",
            SuppressOffers => "A framework wants no offers for some roles.",
            ReviveOffers => "A framework wants offers for some roles again.",
            UpdateWeights => "Weights of roles changed.",
            UpdateWhitelist => "The hosts that may be offered changed.",
        );
    }

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.started = Some(context.now());
        let metrics = context.metrics();
        self.timings = Some(Timings {
            runs: metrics.counter("allocator/mesos/allocation_runs"),
            run: metrics.timer("allocator/mesos/allocation_run"),
            latency: metrics.timer("allocator/mesos/allocation_run_latency"),
        });
        publish_figures(&self.figures, metrics);
        context.after(self.interval, Self::batch);
    }

    fn flush(&mut self, context: &mut Context<'_, Self>) {
        if !self.is_prompt || self.paced || !self.core.has_candidates() {
            return;
        }
        let rested = self.last_run.map_or(PACE, |last| context.now() - last);
        if rested >= PACE {
            self.run(context);
        } else {
            self.paced = true;
            context.after(PACE - rested, |allocator, context| {
                allocator.paced = false;
                allocator.run(context);
            });
        }
    }
}
