//! Allocation runs: the marked agents in random order, each offered to roles and
//! frameworks in the sorters' order until nothing is left that anybody takes (A2, A3).

use std::time::Duration;

use rand::Rng;
use rand::seq::SliceRandom;
use smallvec::SmallVec;

use super::Allocator;
use super::agents::Agent;
use super::marks::{Clients, Look};
use super::messages::Offered;
use super::offering::{Grant, Grants, Left};
use super::roles::ClientKey;
use super::slots::Slot;
use super::sorter::{NodeId, SorterKind};

impl Allocator {
    /// Looks where events since the last run may have made a difference, filters that
    /// expired by `now` among them.
    pub fn run(&mut self, now: Duration, rng: &mut impl Rng) -> Vec<Offered> {
        self.expire_filters(now);
        self.runs += 1;
        let mut looks = self.marks.take();
        looks.shuffle(rng);
        let mut offers = Vec::with_capacity(looks.len());
        for (agent, look) in looks {
            for grant in self.grants(agent, look, rng) {
                offers.extend(self.offer(agent, grant));
            }
        }
        offers
    }

    /// Looks at every agent that has anything free, marked or not: the batch of each
    /// allocation interval (A1). It finds no more than [`Allocator::run`] does, and costs
    /// as much as there are agents, frameworks and filters.
    pub fn run_all(&mut self, now: Duration, rng: &mut impl Rng) -> Vec<Offered> {
        self.marks.everything();
        self.run(now, rng)
    }

    /// Who gets what of one agent. Shares do not change before all of it is decided: the
    /// order is made once for each agent (A2).
    fn grants(&mut self, slot: Slot, look: Look, rng: &mut impl Rng) -> Grants {
        let Some(agent) = self.agents.get(slot) else {
            return Grants::new();
        };
        if !agent.active || !agent.listed || agent.available().is_empty() {
            return Grants::new();
        }
        match look {
            Look::Only(clients) if self.can_order(&clients) => self.grants_to(agent, &clients),
            _ => self.grants_to_anyone(slot, rng),
        }
    }

    fn grants_to_anyone(&mut self, slot: Slot, rng: &mut impl Rng) -> Grants {
        let Some(agent) = self.agents.get(slot) else {
            return Grants::new();
        };
        let mut left = Left::new(agent);
        let roles = &mut self.roles;
        let mut role_walk = roles.sorter.walk();
        while !left.is_empty()
            && let Some(role) = roles.sorter.next(&mut role_walk, &roles.fairness, rng)
        {
            let Some(entry) = roles.entries.get_mut(role) else {
                continue;
            };
            let Some(mut offering) = left.offering(&entry.role) else {
                continue;
            };
            let mut walk = entry.frameworks.walk();
            while !offering.is_empty()
                && let Some(framework) = entry.frameworks.next(&mut walk, &roles.fairness, rng)
            {
                let key = ClientKey { role, framework };
                let Some(framework) = self.frameworks.get(framework) else {
                    continue;
                };
                if let Some(portion) = offering.portion(&self.config, agent, framework, key) {
                    left.grant(key, offering.take(portion));
                }
            }
        }
        left.into_grants()
    }

    /// As [`Allocator::grants_to_anyone`], when nobody but these clients can want anything.
    fn grants_to(&self, agent: &Agent, clients: &Clients) -> Grants {
        let leaf = |key: ClientKey| {
            let framework = self.frameworks.get(key.framework)?;
            let client = framework.clients.get(&key.role)?;
            framework
                .may_be_offered(key.role)
                .then_some((key, client.leaf))
        };
        let mut clients: SmallVec<[(ClientKey, NodeId); 2]> =
            clients.iter().filter_map(|&key| leaf(key)).collect();
        clients.sort_unstable_by(|&a, &b| self.roles.compare(a, b));

        let mut left = Left::new(agent);
        for (key, _) in clients {
            let Some(entry) = self.roles.entries.get(key.role) else {
                continue;
            };
            let Some(framework) = self.frameworks.get(key.framework) else {
                continue;
            };
            let Some(mut offering) = left.offering(&entry.role) else {
                continue;
            };
            if let Some(portion) = offering.portion(&self.config, agent, framework, key) {
                left.grant(key, offering.take(portion));
            }
        }
        left.into_grants()
    }

    /// Whether some clients can be put in order by themselves.
    fn can_order(&self, clients: &Clients) -> bool {
        clients.len() <= 1
            || (self.config.role_sorter == SorterKind::Drf
                && self.config.framework_sorter == SorterKind::Drf)
    }

    fn offer(&mut self, agent: Slot, grant: Grant) -> Option<Offered> {
        let Grant { key, resources } = grant;
        let role = self.roles.entries.get(key.role)?.role.clone();
        let offered = Offered {
            framework_id: self.frameworks.get(key.framework)?.id.clone(),
            agent_id: self.agents.get(agent)?.id.clone(),
            resources: resources.allocated(&role),
            role,
        };
        self.take(agent, key, resources);
        Some(offered)
    }
}
