//! The registry forgets agents that have been unreachable or gone for long (M20).

use std::time::Duration;

use imbl::OrdMap;
use model::ids::AgentId;

use crate::env::Time;
use crate::input::Timer;
use crate::master::Master;
use crate::registry::Operation;
use crate::turn::Turn;
use crate::writes::Stage;

impl Master {
    pub(crate) fn clean_registry(&mut self, turn: &mut Turn<'_, '_>) {
        turn.timer(self.config.registry_gc_interval, Timer::RegistryGc);
        let (age, count) = (
            self.config.registry_max_agent_age,
            self.config.registry_max_agent_count,
        );
        let view = self.agents.view();
        let unreachable = forgettable(view.unreachable(), age, count, turn.env.time);
        let gone = forgettable(view.gone(), age, count, turn.env.time);
        if unreachable.is_empty() && gone.is_empty() {
            return;
        }
        let operation = Operation::Prune {
            unreachable: unreachable.clone(),
            gone: gone.clone(),
        };
        self.writes
            .start(turn, operation, Stage::Prune { unreachable, gone });
    }

    /// The registry has forgotten these agents.
    pub(crate) fn pruned(&mut self, unreachable: &[AgentId], gone: &[AgentId]) {
        for agent in unreachable {
            for (framework, task) in self.agents.remove_unreachable(agent) {
                if let Some(framework) = self.frameworks.get_mut(&framework) {
                    framework.remove_unreachable(&task);
                }
            }
        }
        for agent in gone {
            self.agents.remove_gone(agent);
        }
    }
}

/// The agents older than `age`, and the oldest ones beyond `count`.
fn forgettable(
    agents: &OrdMap<AgentId, Time>,
    age: Duration,
    count: usize,
    now: Time,
) -> Vec<AgentId> {
    let mut oldest: Vec<_> = agents.iter().collect();
    oldest.sort_by_key(|(_, since)| **since);
    let excess = oldest.len().saturating_sub(count);
    oldest
        .into_iter()
        .enumerate()
        .filter(|(index, (_, since))| *index < excess || now.since(**since) > age)
        .map(|(_, (agent, _))| agent.clone())
        .collect()
}

#[cfg(test)]
mod tests;
