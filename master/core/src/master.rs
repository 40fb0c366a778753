//! The master: its sub-states, and which file handles which input.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;
use messages::v1;
use model::Role;
use model::ids::{AgentId, FrameworkId, OfferId};

use crate::agents::Agents;
use crate::config::Config;
use crate::connection::Outcome;
use crate::effect::Effect;
use crate::env::{Env, Time};
use crate::frameworks::Frameworks;
use crate::input::{FromAgent, Input, Timer};
use crate::metrics::Metrics;
use crate::offers::Offers;
use crate::operators::Operators;
use crate::pings::Pings;
use crate::removals::Removals;
use crate::snapshot::Snapshot;
use crate::turn::Turn;
use crate::writes::Writes;

/// The master's decisions. A new one is made each time a master is elected; it lives as
/// long as it leads.
#[derive(Debug)]
pub struct Master {
    pub(crate) info: Arc<v1::MasterInfo>,
    pub(crate) config: Config,
    pub(crate) started: Time,
    pub(crate) elected: Option<Time>,
    /// How many agents the registry knew when this master began to lead.
    pub(crate) recovered_agents: usize,
    pub(crate) agents: Agents,
    pub(crate) frameworks: Frameworks,
    pub(crate) offers: Offers,
    pub(crate) weights: OrdMap<Role, f64>,
    pub(crate) allowed_roles: Option<Arc<BTreeSet<Role>>>,
    pub(crate) writes: Writes,
    pub(crate) pings: Pings,
    pub(crate) removals: Removals,
    pub(crate) operators: Operators,
    pub(crate) metrics: Arc<Metrics>,
    ids: Ids,
}

/// The numbers of the next ids (M8).
#[derive(Debug, Default)]
struct Ids {
    framework: u64,
    agent: u64,
    offer: u64,
}

impl Master {
    /// A master that has just been elected and waits for [`Input::Recovered`].
    /// `started` is when the process did.
    pub fn new(info: v1::MasterInfo, config: Config, started: Time) -> Self {
        Self {
            info: Arc::new(info),
            started,
            elected: None,
            recovered_agents: 0,
            agents: Agents::default(),
            frameworks: Frameworks::new(config.max_completed_frameworks),
            offers: Offers::default(),
            weights: OrdMap::new(),
            allowed_roles: config.roles.clone().map(Arc::new),
            writes: Writes::default(),
            pings: Pings::default(),
            removals: Removals::default(),
            operators: Operators::default(),
            metrics: Arc::default(),
            ids: Ids::default(),
            config,
        }
    }

    /// Handles one input: changes the state and appends what is to be done.
    pub fn handle(&mut self, input: Input, env: &mut Env<'_>, effects: &mut Vec<Effect>) {
        let before = effects.len();
        let turn = &mut Turn { env, effects };
        if let Input::Recovered(registry) = input {
            self.recovered(turn, *registry);
        } else if self.elected.is_some() {
            self.dispatch(turn, input);
        } else {
            self.refuse(turn, &input);
        }
        self.count_events(effects.get(before..).unwrap_or_default());
    }

    /// The state as others may read it. Cheap: take one after each batch of inputs.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            info: Arc::clone(&self.info),
            started: self.started,
            elected: self.elected,
            agents: self.agents.view().clone(),
            frameworks: self.frameworks.view().clone(),
            offers: self.offers.clone(),
            weights: self.weights.clone(),
            allowed_roles: self.allowed_roles.clone(),
            operator_streams: self.operators.len(),
            metrics: Arc::clone(&self.metrics),
            publish_per_framework_metrics: self.config.publish_per_framework_metrics,
        }
    }

    fn dispatch(&mut self, turn: &mut Turn<'_, '_>, input: Input) {
        match input {
            Input::Recovered(_) => {}
            Input::Written { ticket, result } => self.written(turn, ticket, result),
            Input::SchedulerCall {
                token,
                stream,
                principal,
                call,
            } => {
                self.scheduler_call(turn, token, stream, principal, *call);
            }
            Input::StreamClosed(stream) => self.stream_closed(turn, stream),
            Input::DriverCall { from, force, call } => {
                self.driver_call(turn, &from, force, *call);
            }
            Input::DriverDeactivate { from, framework } => {
                self.driver_deactivate(turn, &from, &framework);
            }
            Input::Agent { from, message } => self.agent_message(turn, &from, message),
            Input::Exited(pid) => self.exited(turn, &pid),
            Input::Offers(offers) => self.make_offers(turn, offers),
            Input::Timer(timer) => self.timer(turn, timer),
            Input::Teardown { token, framework } => {
                self.operator_teardown(turn, token, &framework);
            }
            Input::MarkAgentGone { token, agent } => self.mark_gone(turn, token, &agent),
            Input::OperatorSubscribe { token } => self.operator_subscribe(turn, token),
            Input::OperatorClosed(stream) => self.operators.remove(stream),
        }
    }

    fn agent_message(
        &mut self,
        turn: &mut Turn<'_, '_>,
        from: &runtime_core::Pid,
        message: FromAgent,
    ) {
        match message {
            FromAgent::Register(message) => self.register_agent(turn, from, *message),
            FromAgent::Reregister(message) => self.reregister_agent(turn, from, *message),
            FromAgent::Unregister(message) => self.unregister_agent(turn, from, &message),
            FromAgent::Update(message) => self.update_agent(turn, *message),
            FromAgent::StatusUpdate(message) => self.status_update(turn, *message),
            FromAgent::ExitedExecutor(message) => self.executor_exited(turn, &message),
            FromAgent::ExecutorToFramework(message) => {
                self.executor_message(turn, message);
            }
            FromAgent::Pong => self.pong(from),
        }
    }

    fn timer(&mut self, turn: &mut Turn<'_, '_>, timer: Timer) {
        match timer {
            Timer::Pings => self.send_pings(turn),
            Timer::AgentReturn { agent, epoch } => self.agent_stayed_away(turn, &agent, epoch),
            Timer::AgentRemoval { agent } => self.remove_in_turn(turn, &agent),
            Timer::RecoveredAgents => self.recovered_agents_stayed_away(turn),
            Timer::RegistryGc => self.clean_registry(turn),
            Timer::FrameworkFailover { framework, epoch } => {
                self.framework_stayed_away(turn, &framework, epoch);
            }
            Timer::Heartbeat { framework, stream } => self.heartbeat(turn, &framework, stream),
            Timer::OperatorHeartbeat { stream } => self.operator_heartbeat(turn, stream),
            Timer::Offer { offer } => self.rescind(turn, &offer),
        }
    }

    /// What comes before the registry is recovered: requests are told to come again,
    /// the rest is dropped (M11, V2).
    fn refuse(&mut self, turn: &mut Turn<'_, '_>, input: &Input) {
        let later = || Outcome::Unavailable("Master has not finished recovery".to_owned());
        match input {
            Input::SchedulerCall { token, .. }
            | Input::Teardown { token, .. }
            | Input::MarkAgentGone { token, .. }
            | Input::OperatorSubscribe { token } => turn.answer(*token, later()),
            Input::Agent { .. } | Input::DriverCall { .. } | Input::DriverDeactivate { .. } => {
                self.count().dropped_messages += 1;
            }
            Input::Recovered(_)
            | Input::Written { .. }
            | Input::StreamClosed(_)
            | Input::Exited(_)
            | Input::Offers(_)
            | Input::Timer(_)
            | Input::OperatorClosed(_) => {}
        }
    }

    fn count_events(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Framework(to) = effect
                && let Some(framework) = &to.framework
                && let Some(framework) = self.frameworks.get_mut(framework)
            {
                framework.metrics_mut().told(&to.event);
            }
        }
    }

    /// The counters, to change; copied first if a snapshot still shows them.
    pub(crate) fn count(&mut self) -> &mut Metrics {
        Arc::make_mut(&mut self.metrics)
    }

    pub(crate) fn next_framework_id(&mut self) -> FrameworkId {
        let number = next(&mut self.ids.framework);
        FrameworkId::from(format!("{}-{number:04}", self.info.id))
    }

    pub(crate) fn next_agent_id(&mut self) -> AgentId {
        let number = next(&mut self.ids.agent);
        AgentId::from(format!("{}-S{number}", self.info.id))
    }

    pub(crate) fn next_offer_id(&mut self) -> OfferId {
        let number = next(&mut self.ids.offer);
        OfferId::from(format!("{}-O{number}", self.info.id))
    }
}

fn next(number: &mut u64) -> u64 {
    let this = *number;
    *number += 1;
    this
}
