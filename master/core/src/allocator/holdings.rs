//! Who holds what: every change of it passes here, so that agents, shares and totals
//! always agree.

use std::sync::Arc;
use std::time::Duration;

use model::{AgentId, FrameworkId, Resources, Role};
use smallvec::SmallVec;

use super::messages::{Conversion, RecoverResources, UpdateAllocation};
use super::roles::ClientKey;
use super::slots::Slot;
use super::{Allocator, AllocatorError};

impl Allocator {
    /// Gives resources, without allocation, of an agent to a framework for a role.
    pub(super) fn take(&mut self, agent_slot: Slot, key: ClientKey, resources: Resources) {
        if resources.is_empty() {
            return;
        }
        let Some(leaf) = self.ensure_client(key) else {
            return;
        };
        let Some(agent) = self.agents.get_mut(agent_slot) else {
            return;
        };
        let amounts = resources.scalar_quantities();
        let new = agent.take(key, resources);
        self.roles.allocated(key.role, leaf, &amounts);
        self.held += &amounts;
        if new
            && let Some(framework) = self.frameworks.get_mut(key.framework)
            && framework.holdings.insert((key.role, agent_slot))
            && let Some(client) = framework.clients.get_mut(&key.role)
        {
            client.holdings += 1;
        }
        self.refresh_leftover(agent_slot);
    }

    /// Takes resources back and marks their agent; false, without a change, if they are
    /// not held.
    fn release(&mut self, agent_slot: Slot, key: ClientKey, resources: &Resources) -> bool {
        let Some(leaf) = self.client(key).map(|client| client.leaf) else {
            return false;
        };
        let Some(agent) = self.agents.get_mut(agent_slot) else {
            return false;
        };
        let Some(gone) = agent.release(key, resources) else {
            return false;
        };
        let amounts = resources.scalar_quantities();
        self.roles.unallocated(key.role, leaf, &amounts);
        self.held -= &amounts;
        if gone
            && let Some(framework) = self.frameworks.get_mut(key.framework)
            && framework.holdings.remove(&(key.role, agent_slot))
            && let Some(client) = framework.clients.get_mut(&key.role)
        {
            client.holdings = client.holdings.saturating_sub(1);
            self.drop_client_if_unused(key);
            self.drop_framework_if_unused(key.framework);
        }
        self.refresh_leftover(agent_slot);
        self.marks.agent(agent_slot);
        true
    }

    /// Takes back all that a framework holds of an agent for a role.
    pub(super) fn release_all(&mut self, agent: Slot, key: ClientKey) {
        if let Some(all) = self
            .agents
            .get(agent)
            .and_then(|agent| agent.held(key))
            .cloned()
        {
            self.release(agent, key, &all);
        }
    }

    pub(super) fn recover_resources(
        &mut self,
        message: RecoverResources,
        now: Duration,
    ) -> Result<(), AllocatorError> {
        let RecoverResources {
            framework_id,
            agent_id,
            resources,
            refuse,
        } = message;
        let agent = self.agent_slot(&agent_id)?;
        let refuse = refuse.filter(|refuse| !refuse.is_zero());
        for (key, _, resources) in self.parts(&framework_id, agent, resources)? {
            self.release(agent, key, &resources);
            if let Some(refuse) = refuse
                && self
                    .frameworks
                    .get(key.framework)
                    .is_some_and(|f| f.is_subscribed(key.role))
            {
                let lasts = refuse.max(self.config.allocation_interval);
                self.add_filter(agent, key, resources, now.saturating_add(lasts));
            }
        }
        Ok(())
    }

    pub(super) fn update_allocation(
        &mut self,
        message: UpdateAllocation,
    ) -> Result<(), AllocatorError> {
        let UpdateAllocation {
            framework_id,
            agent_id,
            offered,
            conversions,
        } = message;
        let agent_slot = self.agent_slot(&agent_id)?;
        let Some(agent) = self.agents.get(agent_slot) else {
            return Ok(());
        };
        let converted = apply(offered.clone(), &conversions)?;
        let unallocated: Vec<_> = conversions
            .iter()
            .filter(|conversion| !conversion.consumed.is_empty())
            .map(|conversion| Conversion {
                consumed: conversion.consumed.unallocated(),
                converted: conversion.converted.unallocated(),
            })
            .collect();
        let total = apply(agent.total().clone(), &unallocated)?;

        let new = converted.allocations();
        for (key, role, old) in self.parts(&framework_id, agent_slot, offered)? {
            let new = new
                .get(&role)
                .map(Resources::unallocated)
                .unwrap_or_default();
            self.convert(agent_slot, key, &old, new);
        }
        if self.set_agent_total(agent_slot, Arc::new(total)) {
            self.marks.agent(agent_slot);
        }
        self.refresh_leftover(agent_slot);
        Ok(())
    }

    /// Replaces a part of what a framework holds. That is no new turn for the framework,
    /// so that only the amounts of its share change.
    fn convert(&mut self, agent_slot: Slot, key: ClientKey, old: &Resources, new: Resources) {
        if new.is_empty() {
            self.release(agent_slot, key, old);
            return;
        }
        let Some(leaf) = self.client(key).map(|client| client.leaf) else {
            return;
        };
        let Some(agent) = self.agents.get_mut(agent_slot) else {
            return;
        };
        let (old_amounts, new_amounts) = (old.scalar_quantities(), new.scalar_quantities());
        if agent.convert(key, old, new).is_some() {
            self.roles
                .updated(key.role, leaf, &old_amounts, &new_amounts);
            self.held -= &old_amounts;
            self.held += &new_amounts;
        }
    }

    /// What a framework holds of an agent, by role and without allocation. Refuses all if
    /// any part is not held.
    fn parts(
        &self,
        framework_id: &FrameworkId,
        agent_slot: Slot,
        resources: Resources,
    ) -> Result<Parts, AllocatorError> {
        let mut parts = Parts::new();
        for (role, resources) in by_role(resources) {
            let key = self.key(framework_id, &role)?;
            let resources = resources.unallocated();
            let agent = self.agents.get(agent_slot);
            let held = agent.and_then(|agent| agent.held(key));
            if !held.is_some_and(|held| held.contains(&resources)) {
                return Err(AllocatorError::NotHeld(Box::new(NotHeld {
                    framework_id: framework_id.clone(),
                    agent_id: agent.map_or_else(|| "".into(), |agent| agent.id.clone()),
                    role,
                    resources,
                })));
            }
            parts.push((key, role, resources));
        }
        Ok(parts)
    }

    /// The framework in the role, if it is known there.
    fn key(&self, framework_id: &FrameworkId, role: &Role) -> Result<ClientKey, AllocatorError> {
        let framework = self
            .frameworks
            .slot(framework_id)
            .ok_or_else(|| AllocatorError::UnknownFramework(framework_id.clone()))?;
        let role = self
            .roles
            .entries
            .slot(role)
            .ok_or_else(|| AllocatorError::UnknownRole(role.clone()))?;
        Ok(ClientKey { role, framework })
    }
}

type Parts = SmallVec<[(ClientKey, Role, Resources); 1]>;

/// Resources that a framework was said to hold, and does not.
#[derive(Debug, Clone, PartialEq)]
pub struct NotHeld {
    /// The framework.
    pub framework_id: FrameworkId,
    /// Whose resources.
    pub agent_id: AgentId,
    /// For which role.
    pub role: Role,
    /// The resources.
    pub resources: Resources,
}

/// Resources by the role they are allocated to; nearly always all to one.
fn by_role(resources: Resources) -> impl Iterator<Item = (Role, Resources)> {
    let mut allocations = resources.iter().map(|resource| resource.allocation());
    let only = allocations.next().flatten().cloned();
    let only = only.filter(|role| allocations.all(|other| other == Some(role)));
    let several = if only.is_some() {
        None
    } else {
        Some(resources.allocations())
    };
    let one = only.map(|role| (role, resources));
    one.into_iter().chain(several.into_iter().flatten())
}

fn apply(
    mut resources: Resources,
    conversions: &[Conversion],
) -> Result<Resources, AllocatorError> {
    for conversion in conversions {
        if !resources.contains(&conversion.consumed) {
            return Err(AllocatorError::NotThere(Box::new(
                conversion.consumed.clone(),
            )));
        }
        resources -= &conversion.consumed;
        resources += &conversion.converted;
    }
    Ok(resources)
}
