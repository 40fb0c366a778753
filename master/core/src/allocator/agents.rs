//! Agents: what they have, who holds what of it, and what is free.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::{AgentId, Resource, Resources};

use super::facts::AgentFacts;
use super::filters::AgentFilters;
use super::messages::{
    ActivateAgent, AddAgent, DeactivateAgent, RemoveAgent, UpdateAgent, UpdateWhitelist,
};
use super::roles::ClientKey;
use super::slots::{HasId, Slot};
use super::{Allocator, AllocatorError};

/// What one framework holds for one role.
#[derive(Debug, Clone)]
struct Holding {
    key: ClientKey,
    /// Without allocation: the key tells it.
    resources: Resources,
}

/// An agent. There are many of which nobody holds anything, so that what these need not is
/// not part of it.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    pub(super) facts: AgentFacts,
    /// Whether it may be offered, as far as the master says.
    pub(super) active: bool,
    /// Whether the whitelist lets it be offered.
    pub(super) listed: bool,
    /// Shared with the master.
    total: Arc<Resources>,
    has_gpus: bool,
    /// Shared with `total` as long as nobody holds anything.
    available: Arc<Resources>,
    /// Most agents are held by one framework, or few.
    holdings: Vec<Holding>,
    /// Whether more is held than there is, since the total shrank.
    overcommitted: bool,
    pub(super) filters: AgentFilters,
}

impl HasId for Box<Agent> {
    type Id = AgentId;

    fn id(&self) -> &AgentId {
        &self.id
    }
}

impl Agent {
    fn new(id: AgentId, facts: AgentFacts, total: Arc<Resources>, listed: bool) -> Self {
        Self {
            id,
            facts,
            active: true,
            listed,
            has_gpus: !total.gpus().is_zero(),
            available: Arc::clone(&total),
            total,
            holdings: Vec::new(),
            overcommitted: false,
            filters: AgentFilters::default(),
        }
    }

    pub(super) fn total(&self) -> &Resources {
        &self.total
    }

    pub(super) fn has_gpus(&self) -> bool {
        self.has_gpus
    }

    /// What nobody holds. Shared resources are always here.
    pub(super) fn available(&self) -> &Resources {
        &self.available
    }

    /// What the holder has, without allocation.
    pub(super) fn held(&self, key: ClientKey) -> Option<&Resources> {
        self.holdings
            .iter()
            .find(|holding| holding.key == key)
            .map(|holding| &holding.resources)
    }

    pub(super) fn holders(&self) -> impl Iterator<Item = ClientKey> + '_ {
        self.holdings.iter().map(|holding| holding.key)
    }

    /// Gives resources to a holder; true if it held nothing here before.
    pub(super) fn take(&mut self, key: ClientKey, resources: Resources) -> bool {
        {
            let alone = alone(&resources);
            if self.available.contains(&alone) {
                *Arc::make_mut(&mut self.available) -= alone.as_ref();
            } else {
                self.overcommitted = true;
            }
        }
        let new = match self.holdings.iter_mut().find(|holding| holding.key == key) {
            Some(holding) => {
                holding.resources += resources;
                false
            }
            None => {
                // Little more than needed: there are many agents, and a holding is large.
                if self.holdings.len() == self.holdings.capacity() {
                    self.holdings.reserve_exact(1 + self.holdings.len() / 8);
                }
                self.holdings.push(Holding { key, resources });
                true
            }
        };
        if self.overcommitted {
            self.recount();
        }
        new
    }

    /// Takes resources back from a holder; true if it holds nothing here any more, and
    /// `None`, without a change, if it does not hold as much.
    pub(super) fn release(&mut self, key: ClientKey, resources: &Resources) -> Option<bool> {
        let index = self
            .holdings
            .iter()
            .position(|holding| holding.key == key)?;
        let holding = self.holdings.get_mut(index)?;
        if !holding.resources.contains(resources) {
            return None;
        }
        holding.resources -= resources;
        let gone = holding.resources.is_empty();
        if gone {
            self.holdings.swap_remove(index);
        }
        if self.overcommitted || self.holdings.is_empty() {
            self.recount();
        } else {
            *Arc::make_mut(&mut self.available) += alone(resources).as_ref();
        }
        Some(gone)
    }

    /// Replaces a part of what a holder has; `None`, without a change, if it does not
    /// hold as much. What is free is counted anew with the total that goes with it.
    pub(super) fn convert(
        &mut self,
        key: ClientKey,
        old: &Resources,
        new: Resources,
    ) -> Option<()> {
        let holding = self
            .holdings
            .iter_mut()
            .find(|holding| holding.key == key)?;
        if !holding.resources.contains(old) {
            return None;
        }
        holding.resources -= old;
        holding.resources += new;
        self.recount();
        Some(())
    }

    /// Replaces what the agent has.
    pub(super) fn set_total(&mut self, total: Arc<Resources>) {
        self.has_gpus = !total.gpus().is_zero();
        self.total = total;
        self.recount();
    }

    /// Counts anew what is free, from the total and the holdings.
    fn recount(&mut self) {
        if self.holdings.is_empty() {
            self.holdings = Vec::new();
            self.overcommitted = false;
            self.available = Arc::clone(&self.total);
            return;
        }
        let mut held = Resources::new();
        for holding in &self.holdings {
            held += alone(&holding.resources).as_ref();
        }
        self.overcommitted = !self.total.contains(&held);
        self.available = Arc::new(&*self.total - &held);
    }
}

/// What is used by one holder alone: all but shared resources, which stay free however
/// often they are given.
fn alone(resources: &Resources) -> Cow<'_, Resources> {
    if resources.iter().any(Resource::is_shared) {
        Cow::Owned(resources.non_shared())
    } else {
        Cow::Borrowed(resources)
    }
}

impl Allocator {
    pub(super) fn add_agent(&mut self, message: AddAgent) -> Result<(), AllocatorError> {
        let AddAgent {
            agent_id,
            facts,
            total,
            used,
        } = message;
        if self.agents.slot(&agent_id).is_some() {
            return Err(AllocatorError::AgentExists(agent_id));
        }
        self.roles.fairness.add(&total.scalar_quantities());
        let listed = is_listed(self.whitelist.as_ref(), &facts);
        let agent = Agent::new(agent_id, facts, total, listed);
        let slot = self.agents.insert(Box::new(agent));
        for (framework_id, resources) in used {
            let framework = self.ensure_framework(&framework_id);
            for (role, resources) in resources.allocations() {
                let role = self.roles.ensure(&role);
                self.take(slot, ClientKey { role, framework }, resources.unallocated());
            }
            self.drop_framework_if_unused(framework);
        }
        self.refresh_leftover(slot);
        self.marks.agent(slot);
        Ok(())
    }

    pub(super) fn remove_agent(&mut self, message: RemoveAgent) -> Result<(), AllocatorError> {
        let slot = self.agent_slot(&message.agent_id)?;
        self.drop_agent_filters(slot);
        let Some(agent) = self.agents.get(slot) else {
            return Ok(());
        };
        let total = agent.total().scalar_quantities();
        for key in agent.holders().collect::<Vec<_>>() {
            self.release_all(slot, key);
        }
        self.roles.fairness.subtract(&total);
        self.marks.forget(slot);
        self.agents.remove(&message.agent_id);
        Ok(())
    }

    pub(super) fn update_agent(&mut self, message: UpdateAgent) -> Result<(), AllocatorError> {
        let slot = self.agent_slot(&message.agent_id)?;
        let Some(agent) = self.agents.get_mut(slot) else {
            return Ok(());
        };
        let mut changed = false;
        if let Some(facts) = message.facts
            && facts != agent.facts
        {
            changed = true;
            agent.listed = is_listed(self.whitelist.as_ref(), &facts);
            let attributes_changed = facts.attributes() != agent.facts.attributes();
            agent.facts = facts;
            if attributes_changed {
                self.drop_agent_filters(slot);
            }
        }
        if let Some(total) = message.total {
            changed |= self.set_agent_total(slot, total);
        }
        if changed {
            self.marks.agent(slot);
        }
        Ok(())
    }

    /// Replaces what an agent has; true if that is a change.
    pub(super) fn set_agent_total(&mut self, slot: Slot, total: Arc<Resources>) -> bool {
        let Some(agent) = self.agents.get_mut(slot) else {
            return false;
        };
        if *agent.total() == *total {
            return false;
        }
        let (old, new) = (agent.total().scalar_quantities(), total.scalar_quantities());
        agent.set_total(total);
        if old != new {
            self.roles.fairness.replace(&old, &new);
        }
        self.refresh_leftover(slot);
        true
    }

    pub(super) fn activate_agent(&mut self, message: ActivateAgent) -> Result<(), AllocatorError> {
        let slot = self.agent_slot(&message.agent_id)?;
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.active = true;
        }
        self.marks.agent(slot);
        Ok(())
    }

    pub(super) fn deactivate_agent(
        &mut self,
        message: DeactivateAgent,
    ) -> Result<(), AllocatorError> {
        let slot = self.agent_slot(&message.agent_id)?;
        if let Some(agent) = self.agents.get_mut(slot) {
            agent.active = false;
        }
        Ok(())
    }

    pub(super) fn update_whitelist(&mut self, message: UpdateWhitelist) {
        self.whitelist = message.hosts;
        for (slot, agent) in self.agents.iter_mut() {
            let listed = is_listed(self.whitelist.as_ref(), &agent.facts);
            if listed && !agent.listed {
                self.marks.agent(slot);
            }
            agent.listed = listed;
        }
    }

    pub(super) fn agent_slot(&self, id: &AgentId) -> Result<Slot, AllocatorError> {
        self.agents
            .slot(id)
            .ok_or_else(|| AllocatorError::UnknownAgent(id.clone()))
    }

    /// Notes whether an agent has anything free.
    pub(super) fn refresh_leftover(&mut self, slot: Slot) {
        let leftover = self
            .agents
            .get(slot)
            .is_some_and(|agent| !agent.available().is_empty());
        self.marks.set_leftover(slot, leftover);
    }
}

fn is_listed(whitelist: Option<&BTreeSet<String>>, facts: &AgentFacts) -> bool {
    whitelist.is_none_or(|hosts| hosts.contains(facts.hostname()))
}
