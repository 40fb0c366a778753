//! I1: what an agent has is given away once. Offers and use fit into it, and the master's
//! sums are those of its parts.

use std::collections::BTreeMap;
use std::time::Duration;

use master_core::Snapshot;
use model::ids::{AgentId, FrameworkId};

use super::{Findings, Invariant};

pub struct Resources;

type Sums<K> = BTreeMap<K, model::Resources>;

impl Invariant for Resources {
    const NAME: &'static str = "resources";

    fn snapshot(&mut self, _: Duration, snapshot: &Snapshot, found: &mut Findings) {
        let mut offered: Sums<AgentId> = Sums::new();
        for offer in snapshot.offers.all().values() {
            *offered.entry(offer.agent().clone()).or_default() += offer.resources();
            if snapshot.frameworks.get(offer.framework()).is_none() {
                found.say(format!(
                    "offer {} is of a framework that is not there",
                    offer.id()
                ));
            }
            if snapshot.agents.get(offer.agent()).is_none() {
                found.say(format!(
                    "offer {} is of an agent that is not there",
                    offer.id()
                ));
            }
        }
        let used = used(snapshot, found);
        for (id, agent) in snapshot.agents.registered() {
            let mut all = agent.total_used() + agent.offered();
            all.unallocate();
            if !agent.total().contains(&all) {
                found.say(format!(
                    "agent {id} has {} and gives away {all}",
                    agent.total()
                ));
            }
            let sum = offered.remove(id).unwrap_or_default();
            if sum != *agent.offered() {
                found.say(format!(
                    "of agent {id} {} are counted as offered; its offers hold {sum}",
                    agent.offered()
                ));
            }
            let mine = used.get(id).into_iter().flatten();
            let mine = mine.filter(|(_, sum)| !sum.is_empty());
            let counted = agent.used().iter().map(|(id, sum)| (id, &**sum));
            if !mine.eq(counted) {
                let counted: Vec<_> = agent.used().iter().collect();
                let mine = used.get(id);
                found.say(format!(
                    "of agent {id} is counted as used {counted:?}; tasks and executors hold {mine:?}"
                ));
            }
        }
    }
}

/// What live tasks and executors hold, by agent and framework.
fn used(snapshot: &Snapshot, found: &mut Findings) -> BTreeMap<AgentId, Sums<FrameworkId>> {
    let mut used: BTreeMap<AgentId, Sums<FrameworkId>> = BTreeMap::new();
    for (id, framework) in snapshot.frameworks.registered() {
        let tasks = framework.tasks().values().filter(|task| task.is_live());
        let tasks = tasks.map(|task| (task.agent(), task.resources()));
        let executors = framework.executors().values();
        let executors = executors.map(|executor| (executor.agent(), executor.resources()));
        for (agent, resources) in tasks.chain(executors) {
            if snapshot.agents.get(agent).is_none() {
                found.say(format!(
                    "{id} uses {resources} of agent {agent}, which is not there"
                ));
            }
            let of_agent = used.entry(agent.clone()).or_default();
            *of_agent.entry(id.clone()).or_default() += resources;
        }
    }
    used
}
