//! Allocation runs: candidates in random order, each offered to roles and frameworks in
//! the sorters' order until nothing is left that anybody takes (A2, A3).

use std::borrow::Cow;
use std::time::Duration;

use model::{Quantities, Resource, Resources};
use rand::Rng;
use rand::seq::SliceRandom;
use smallvec::SmallVec;

use super::Allocator;
use super::agents::Agent;
use super::config::{Config, MinAllocatable};
use super::frameworks::Framework;
use super::messages::Offered;
use super::roles::ClientKey;
use super::slots::Slot;

impl Allocator {
    /// Looks at the agents that events marked since the last run, and at those where a
    /// filter expired.
    pub fn run(&mut self, now: Duration, rng: &mut impl Rng) -> Vec<Offered> {
        self.expire_filters(now);
        self.runs += 1;
        let mut agents = self.candidates.drain();
        agents.shuffle(rng);
        let mut offers = Vec::new();
        for agent in agents {
            for grant in self.grants(agent, rng) {
                offers.extend(self.offer(agent, grant));
            }
        }
        offers
    }

    /// Looks at every agent that has anything free, marked or not: the batch of each
    /// allocation interval (A1).
    pub fn run_all(&mut self, now: Duration, rng: &mut impl Rng) -> Vec<Offered> {
        self.mark_leftover();
        self.run(now, rng)
    }

    /// Who gets what of one agent. Shares do not change before it is decided: an order
    /// is made once for each agent (A2).
    fn grants(&mut self, slot: Slot, rng: &mut impl Rng) -> SmallVec<[Grant; 1]> {
        let mut grants = SmallVec::new();
        let Some(agent) = self.agents.get(slot) else {
            return grants;
        };
        if !agent.active || !agent.listed || agent.available().is_empty() {
            return grants;
        }
        let mut left = Cow::Borrowed(agent.available());
        let plain = left.iter().all(is_plain);
        let roles = &mut self.roles;
        let mut role_walk = roles.sorter.walk();
        while !left.is_empty()
            && let Some(role) = roles.sorter.next(&mut role_walk, &roles.fairness, rng)
        {
            let Some(entry) = roles.entries.get_mut(role) else {
                continue;
            };
            if entry.role.is_nested() && !agent.facts.capabilities.hierarchical_role {
                continue;
            }
            let mut offering = if plain {
                Offering::new(Cow::Borrowed(left.as_ref()))
            } else {
                Offering::new(Cow::Owned(left.allocatable_to(&entry.role)))
            };
            let mut granted: SmallVec<[Grant; 1]> = SmallVec::new();
            let mut walk = entry.frameworks.walk();
            while !offering.is_empty()
                && let Some(framework) = entry.frameworks.next(&mut walk, &roles.fairness, rng)
            {
                let key = ClientKey { role, framework };
                let Some(framework) = self.frameworks.get(framework) else {
                    continue;
                };
                if let Some(resources) = offering.for_framework(&self.config, agent, framework, key)
                {
                    offering.subtract(&resources);
                    granted.push(Grant { key, resources });
                }
            }
            for grant in granted {
                *left.to_mut() -= &grant.resources;
                grants.push(grant);
            }
        }
        grants
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

/// Resources, without allocation, that are about to be offered.
struct Grant {
    key: ClientKey,
    resources: Resources,
}

/// Whether every framework may have this, whatever its role and capabilities.
fn is_plain(resource: &Resource) -> bool {
    resource.is_unreserved() && !resource.is_revocable() && !resource.is_shared()
}

/// What one agent has for one role.
struct Offering<'a> {
    resources: Cow<'a, Resources>,
    quantities: Quantities,
    /// Whether there is anything that not every framework can handle.
    special: bool,
}

impl<'a> Offering<'a> {
    fn new(resources: Cow<'a, Resources>) -> Self {
        let special = resources.iter().any(|resource| {
            resource.is_revocable() || resource.is_shared() || resource.has_refined_reservations()
        });
        Self {
            quantities: resources.quantities(),
            special,
            resources,
        }
    }

    fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    fn subtract(&mut self, taken: &Resources) {
        let mut rest = std::mem::take(&mut self.resources).into_owned();
        rest -= taken;
        *self = Self::new(Cow::Owned(rest));
    }

    /// What a framework is offered: all it can handle, if that is worth an offer and it
    /// did not refuse as much before (A7, A10, A13).
    fn for_framework(
        &self,
        config: &Config,
        agent: &Agent,
        framework: &Framework,
        key: ClientKey,
    ) -> Option<Resources> {
        if !is_capable(config, agent, framework) {
            return None;
        }
        let own_minimum = framework.clients.get(&key.role)?.min_allocatable.as_ref();
        let minimum = own_minimum.unwrap_or(&config.min_allocatable);
        if !self.special {
            let worth = is_worth(&self.quantities, minimum)
                && !agent.filters.withhold(key, &self.resources);
            return worth.then(|| self.resources.clone().into_owned());
        }
        let able = framework.capabilities;
        let resources = self.resources.filter(|resource| {
            (able.shared_resources || !resource.is_shared())
                && (able.revocable_resources || !resource.is_revocable())
                && (able.reservation_refinement || !resource.has_refined_reservations())
        });
        let worth = !resources.is_empty()
            && is_worth(&resources.quantities(), minimum)
            && !agent.filters.withhold(key, &resources);
        worth.then_some(resources)
    }
}

/// Whether a framework may be offered an agent at all (A13).
fn is_capable(config: &Config, agent: &Agent, framework: &Framework) -> bool {
    let able = framework.capabilities;
    (able.gpu_resources || !config.filter_gpu || !agent.has_gpus())
        && (able.region_aware || !is_remote(config, agent))
        && (!able.multi_role || agent.facts.capabilities.multi_role)
}

fn is_remote(config: &Config, agent: &Agent) -> bool {
    agent.facts.region.is_some() && agent.facts.region != config.region
}

/// Whether an allocation is not too small for an offer (A7).
fn is_worth(quantities: &Quantities, minimum: &MinAllocatable) -> bool {
    minimum.is_empty() || minimum.iter().any(|least| quantities.contains(least))
}
