//! The master begins to lead: it learns from the registry which agents there are, and
//! waits for them (M19, M31).

use std::collections::{BTreeMap, BTreeSet};

use runtime_core::units::DurationText;

use crate::allocator::messages::UpdateWeights;
use crate::effect::Effect;
use crate::input::Timer;
use crate::master::Master;
use crate::registry::{Operation, Registry};
use crate::removals::Failure;
use crate::turn::Turn;
use crate::writes::Stage;

impl Master {
    pub(crate) fn recovered(&mut self, turn: &mut Turn<'_, '_>, registry: Registry) {
        if self.elected.is_some() {
            return;
        }
        let own = self
            .info
            .capabilities
            .iter()
            .map(|it| it.r#type().as_str_name());
        let own: BTreeSet<_> = own.collect();
        let missing: Vec<_> = registry
            .minimum_capabilities()
            .filter(|it| !own.contains(it))
            .collect();
        if !missing.is_empty() {
            turn.push(Effect::Exit(format!(
                "Master is missing the following minimum capabilities: {}. The registry was \
                 last written by a newer master: start that one, or see its notes on \
                 downgrades",
                missing.join(", ")
            )));
            return;
        }
        self.elected = Some(turn.env.time);
        for (id, admitted) in registry.admitted() {
            self.agents.recover(id.clone(), admitted.info());
        }
        for (id, unreachable) in registry.unreachable() {
            self.agents.add_unreachable(id.clone(), unreachable.since);
        }
        for (id, since) in registry.gone() {
            self.agents.add_gone(id.clone(), *since);
        }
        self.recovered_agents = registry.admitted().len();
        self.recover_weights(turn, &registry);
        turn.timer(self.config.registry_gc_interval, Timer::RegistryGc);
        turn.timer(self.config.agent_reregister_timeout, Timer::RecoveredAgents);
        tracing::info!(agents = self.recovered_agents, "recovered the registry");
    }

    /// Weights in the registry win; those given by flag are stored if it holds none.
    fn recover_weights(&mut self, turn: &mut Turn<'_, '_>, registry: &Registry) {
        let stored: BTreeMap<_, _> = registry
            .weights()
            .iter()
            .filter_map(|it| {
                let role = model::Role::parse(it.info.role()).ok()?;
                Some((role, it.info.weight))
            })
            .collect();
        let weights = if stored.is_empty() {
            if !self.config.weights.is_empty() {
                let weights = self.config.weights.clone();
                self.writes
                    .start(turn, Operation::SetWeights { weights }, Stage::Weights);
            }
            self.config.weights.iter().cloned().collect()
        } else {
            stored
        };
        if !weights.is_empty() {
            self.weights = weights
                .iter()
                .map(|(role, weight)| (role.clone(), *weight))
                .collect();
            turn.allocator(UpdateWeights { weights });
        }
    }

    /// The agents that have not returned by now are given up, unless they are
    /// suspiciously many.
    pub(crate) fn recovered_agents_stayed_away(&mut self, turn: &mut Turn<'_, '_>) {
        let away: Vec<_> = self.agents.view().recovered().keys().cloned().collect();
        if away.is_empty() {
            return;
        }
        let share = away.len() as f64 / self.recovered_agents.max(1) as f64;
        if share > self.config.recovery_agent_removal_limit {
            turn.push(Effect::Exit(format!(
                "Post-recovery agent removal limit exceeded! After {} there were {} \
                 ({:.0}%) agents recovered from the registry that did not reregister. The \
                 configured removal limit is {:.0}%. Please investigate or increase this \
                 limit to proceed further",
                DurationText(self.config.agent_reregister_timeout),
                away.len(),
                share * 100.0,
                self.config.recovery_agent_removal_limit * 100.0,
            )));
            return;
        }
        let why = format!(
            "did not reregister within {} after master failover",
            DurationText(self.config.agent_reregister_timeout)
        );
        for agent in away {
            self.schedule_removal(turn, &agent, Failure::Recovery, &why);
        }
    }
}

#[cfg(test)]
mod tests;
