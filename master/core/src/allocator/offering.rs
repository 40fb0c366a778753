//! What an agent has left in a run, and how much of it a framework may be offered.

use std::borrow::Cow;

use model::{Quantities, Resource, Resources, Role};
use smallvec::SmallVec;

use super::agents::Agent;
use super::config::{Config, MinAllocatable};
use super::filters::Contained;
use super::frameworks::Framework;
use super::roles::ClientKey;

/// Resources, without allocation, that are about to be offered.
pub(super) struct Grant {
    pub(super) key: ClientKey,
    pub(super) resources: Resources,
}

pub(super) type Grants = SmallVec<[Grant; 1]>;

/// What one agent has left, and what was granted of it.
pub(super) struct Left<'a> {
    agent: &'a Agent,
    resources: Cow<'a, Resources>,
    /// Whether every role may have all of it.
    plain: bool,
    grants: Grants,
}

impl<'a> Left<'a> {
    pub(super) fn new(agent: &'a Agent) -> Self {
        let resources = Cow::Borrowed(agent.available());
        let plain = resources.iter().all(Resource::is_unreserved);
        Self {
            agent,
            resources,
            plain,
            grants: Grants::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// What a role may have; `None` if that is nothing (A13, A16).
    pub(super) fn offering(&self, role: &Role) -> Option<Offering<'a>> {
        if role.is_nested() && !self.agent.facts.capabilities.hierarchical_role {
            return None;
        }
        let resources = if self.plain {
            self.resources.clone()
        } else {
            Cow::Owned(self.resources.allocatable_to(role))
        };
        (!resources.is_empty()).then(|| Offering::new(resources))
    }

    pub(super) fn grant(&mut self, key: ClientKey, resources: Resources) {
        *self.resources.to_mut() -= &resources;
        self.grants.push(Grant { key, resources });
    }

    pub(super) fn into_grants(self) -> Grants {
        self.grants
    }
}

/// What one agent has for one role.
pub(super) struct Offering<'a> {
    resources: Cow<'a, Resources>,
    quantities: Quantities,
    /// Whether there is anything that not every framework can handle.
    special: bool,
    contained: Contained,
}

/// How much of an offering a framework may be offered.
pub(super) enum Portion {
    All,
    Part(Resources),
}

impl<'a> Offering<'a> {
    fn new(resources: Cow<'a, Resources>) -> Self {
        let special = resources.iter().any(|resource| {
            resource.is_revocable() || resource.is_shared() || resource.has_refined_reservations()
        });
        Self {
            quantities: resources.quantities(),
            special,
            contained: Contained::default(),
            resources,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// Takes a portion out.
    pub(super) fn take(&mut self, portion: Portion) -> Resources {
        let all = std::mem::take(&mut self.resources).into_owned();
        match portion {
            Portion::All => all,
            Portion::Part(part) => {
                *self = Self::new(Cow::Owned(all - &part));
                part
            }
        }
    }

    /// What a framework is offered: all it can handle, if that is worth an offer and it
    /// did not refuse as much before (A7, A10, A13, V14).
    pub(super) fn portion(
        &mut self,
        config: &Config,
        agent: &Agent,
        framework: &Framework,
        key: ClientKey,
    ) -> Option<Portion> {
        let client = framework.clients.get(&key.role)?;
        let is_wanted = || {
            let constraints = client.constraints.as_ref();
            constraints.is_none_or(|constraints| constraints.allow(agent.facts.traits()))
        };
        if !is_capable(config, agent, framework) || !is_wanted() {
            return None;
        }
        let own_minimum = client.min_allocatable.as_ref();
        let minimum = own_minimum.unwrap_or(&config.min_allocatable);
        if !self.special {
            let worth = is_worth(&self.quantities, minimum)
                && !agent
                    .filters
                    .withhold(key, &self.resources, &mut self.contained);
            return worth.then_some(Portion::All);
        }
        let able = framework.capabilities;
        let resources = self.resources.filter(|resource| {
            (able.shared_resources || !resource.is_shared())
                && (able.revocable_resources || !resource.is_revocable())
                && (able.reservation_refinement || !resource.has_refined_reservations())
        });
        let worth = !resources.is_empty()
            && is_worth(&resources.quantities(), minimum)
            && !agent
                .filters
                .withhold(key, &resources, &mut Contained::default());
        worth.then_some(Portion::Part(resources))
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
    let region = agent.facts.region();
    region.is_some() && region != config.region.as_deref()
}

/// Whether an allocation is not too small for an offer (A7).
fn is_worth(quantities: &Quantities, minimum: &MinAllocatable) -> bool {
    minimum.is_empty() || minimum.iter().any(|least| quantities.contains(least))
}
