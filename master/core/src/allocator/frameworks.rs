//! Frameworks: their roles, and whether they may be offered resources for them.

use std::collections::{BTreeMap, BTreeSet};

use model::offer_constraints::RoleConstraints;
use model::{FrameworkId, Quantities, Role};

use super::facts::{FrameworkCapabilities, FrameworkFacts};
use super::filters::FrameworkFilters;
use super::messages::{
    ActivateFramework, AddFramework, DeactivateFramework, RemoveFramework, ReviveOffers,
    SuppressOffers, UpdateFramework,
};
use super::roles::ClientKey;
use super::slots::{HasId, Slot};
use super::sorter::NodeId;
use super::{Allocator, AllocatorError};

/// A framework's part in one role.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// Its leaf among the role's frameworks.
    pub(super) leaf: NodeId,
    /// Whether the framework has the role. If not, it still holds resources for it.
    subscribed: bool,
    suppressed: bool,
    /// On how many agents it holds resources for the role.
    pub(super) holdings: usize,
    /// The framework's own minimum for the role (A7).
    pub(super) min_allocatable: Option<Vec<Quantities>>,
    /// Which agents it wants for the role (V14).
    pub(super) constraints: Option<RoleConstraints>,
}

/// A framework.
#[derive(Debug, Clone)]
pub(super) struct Framework {
    pub(super) id: FrameworkId,
    /// Whether the master added it. If not, agents said that it holds resources.
    added: bool,
    active: bool,
    pub(super) capabilities: FrameworkCapabilities,
    pub(super) clients: BTreeMap<Slot, Client>,
    /// The roles and agents it holds resources for and of.
    pub(super) holdings: BTreeSet<(Slot, Slot)>,
    pub(super) filters: FrameworkFilters,
}

impl HasId for Framework {
    type Id = FrameworkId;

    fn id(&self) -> &FrameworkId {
        &self.id
    }
}

impl Framework {
    fn new(id: FrameworkId) -> Self {
        Self {
            id,
            added: false,
            active: false,
            capabilities: FrameworkCapabilities::default(),
            clients: BTreeMap::new(),
            holdings: BTreeSet::new(),
            filters: FrameworkFilters::default(),
        }
    }

    /// Whether the framework takes offers for the role.
    pub(super) fn may_be_offered(&self, role: Slot) -> bool {
        self.active
            && self
                .clients
                .get(&role)
                .is_some_and(|client| client.subscribed && !client.suppressed)
    }

    pub(super) fn is_subscribed(&self, role: Slot) -> bool {
        self.clients
            .get(&role)
            .is_some_and(|client| client.subscribed)
    }

    fn subscribed(&self) -> impl Iterator<Item = Slot> + '_ {
        self.clients
            .iter()
            .filter(|(_, client)| client.subscribed)
            .map(|(&role, _)| role)
    }
}

impl Allocator {
    pub(super) fn add_framework(&mut self, message: AddFramework) -> Result<(), AllocatorError> {
        let AddFramework {
            framework_id,
            facts,
            active,
        } = message;
        let slot = self.ensure_framework(&framework_id);
        let Some(framework) = self.frameworks.get_mut(slot) else {
            return Ok(());
        };
        if framework.added {
            return Err(AllocatorError::FrameworkExists(framework_id));
        }
        framework.added = true;
        framework.active = active;
        self.set_facts(slot, facts);
        Ok(())
    }

    pub(super) fn remove_framework(
        &mut self,
        message: RemoveFramework,
    ) -> Result<(), AllocatorError> {
        let slot = self.framework_slot(&message.framework_id)?;
        let Some(framework) = self.frameworks.get_mut(slot) else {
            return Ok(());
        };
        framework.added = false;
        framework.active = false;
        let holdings: Vec<_> = framework.holdings.iter().copied().collect();
        let roles: Vec<_> = framework.subscribed().collect();
        for (role, agent) in holdings {
            self.release_all(
                agent,
                ClientKey {
                    role,
                    framework: slot,
                },
            );
        }
        for role in roles {
            self.unsubscribe(ClientKey {
                role,
                framework: slot,
            });
        }
        self.drop_framework_if_unused(slot);
        Ok(())
    }

    pub(super) fn update_framework(
        &mut self,
        message: UpdateFramework,
    ) -> Result<(), AllocatorError> {
        let slot = self.framework_slot(&message.framework_id)?;
        self.set_facts(slot, message.facts);
        Ok(())
    }

    pub(super) fn activate_framework(
        &mut self,
        message: ActivateFramework,
    ) -> Result<(), AllocatorError> {
        let slot = self.framework_slot(&message.framework_id)?;
        self.set_framework_active(slot, true);
        Ok(())
    }

    pub(super) fn deactivate_framework(
        &mut self,
        message: DeactivateFramework,
    ) -> Result<(), AllocatorError> {
        let slot = self.framework_slot(&message.framework_id)?;
        self.set_framework_active(slot, false);
        for role in self.subscribed_roles(slot) {
            self.drop_client_filters(ClientKey {
                role,
                framework: slot,
            });
        }
        Ok(())
    }

    pub(super) fn suppress_offers(
        &mut self,
        message: SuppressOffers,
    ) -> Result<(), AllocatorError> {
        let slot = self.framework_slot(&message.framework_id)?;
        for role in self.meant_roles(slot, &message.roles) {
            self.set_suppressed(
                ClientKey {
                    role,
                    framework: slot,
                },
                true,
            );
        }
        Ok(())
    }

    pub(super) fn revive_offers(&mut self, message: ReviveOffers) -> Result<(), AllocatorError> {
        let slot = self.framework_slot(&message.framework_id)?;
        for role in self.meant_roles(slot, &message.roles) {
            let key = ClientKey {
                role,
                framework: slot,
            };
            self.drop_client_filters(key);
            self.set_suppressed(key, false);
        }
        Ok(())
    }

    /// Takes over a framework's description. Roles that it wants offers for again lose
    /// their filters, as if revived.
    fn set_facts(&mut self, slot: Slot, facts: FrameworkFacts) {
        let FrameworkFacts {
            roles,
            suppressed,
            capabilities,
            mut min_allocatable,
            mut constraints,
        } = facts;
        let Some(framework) = self.frameworks.get_mut(slot) else {
            return;
        };
        framework.capabilities = capabilities;
        let wanted: BTreeSet<Slot> = roles.iter().map(|role| self.roles.ensure(role)).collect();
        for role in self.subscribed_roles(slot) {
            if !wanted.contains(&role) {
                self.unsubscribe(ClientKey {
                    role,
                    framework: slot,
                });
            }
        }
        for role in roles {
            let key = ClientKey {
                role: self.roles.ensure(&role),
                framework: slot,
            };
            self.ensure_client(key);
            let suppress = suppressed.contains(&role);
            if self.client(key).is_some_and(|client| client.suppressed) && !suppress {
                self.drop_client_filters(key);
            }
            let Some(client) = self.client_mut(key) else {
                continue;
            };
            client.subscribed = true;
            client.min_allocatable = min_allocatable.remove(&role);
            client.constraints = constraints.remove(&role);
            self.set_suppressed(key, suppress);
        }
    }

    fn set_suppressed(&mut self, key: ClientKey, suppressed: bool) {
        if let Some(client) = self.client_mut(key) {
            client.suppressed = suppressed;
        }
        self.refresh_active(key);
    }

    fn set_framework_active(&mut self, slot: Slot, active: bool) {
        if let Some(framework) = self.frameworks.get_mut(slot) {
            framework.active = active;
        }
        for role in self.subscribed_roles(slot) {
            self.refresh_active(ClientKey {
                role,
                framework: slot,
            });
        }
    }

    /// Puts a framework into a role's order, or takes it out. Every change by which a
    /// framework may take more offers for a role ends here.
    fn refresh_active(&mut self, key: ClientKey) {
        let Some(framework) = self.frameworks.get(key.framework) else {
            return;
        };
        let Some(client) = framework.clients.get(&key.role) else {
            return;
        };
        let active = framework.may_be_offered(key.role);
        self.roles.set_active(key.role, client.leaf, active);
        if active {
            self.marks.client(key);
        }
    }

    /// Ends a framework's subscription to a role. What it holds for the role stays.
    fn unsubscribe(&mut self, key: ClientKey) {
        self.drop_client_filters(key);
        if let Some(client) = self.client_mut(key) {
            client.subscribed = false;
            client.suppressed = false;
            client.min_allocatable = None;
            client.constraints = None;
        }
        self.refresh_active(key);
        self.drop_client_if_unused(key);
    }

    fn subscribed_roles(&self, slot: Slot) -> Vec<Slot> {
        self.frameworks
            .get(slot)
            .map(|framework| framework.subscribed().collect())
            .unwrap_or_default()
    }

    /// The roles that a call means: the named ones that the framework has, or all.
    fn meant_roles(&self, slot: Slot, roles: &BTreeSet<Role>) -> Vec<Slot> {
        if roles.is_empty() {
            return self.subscribed_roles(slot);
        }
        let Some(framework) = self.frameworks.get(slot) else {
            return Vec::new();
        };
        roles
            .iter()
            .filter_map(|role| self.roles.entries.slot(role))
            .filter(|&role| framework.is_subscribed(role))
            .collect()
    }

    /// The place of a framework that the master added.
    pub(super) fn framework_slot(&self, id: &FrameworkId) -> Result<Slot, AllocatorError> {
        self.frameworks
            .slot(id)
            .filter(|&slot| {
                self.frameworks
                    .get(slot)
                    .is_some_and(|framework| framework.added)
            })
            .ok_or_else(|| AllocatorError::UnknownFramework(id.clone()))
    }

    /// The place of a framework, added or not.
    pub(super) fn ensure_framework(&mut self, id: &FrameworkId) -> Slot {
        match self.frameworks.slot(id) {
            Some(slot) => slot,
            None => self.frameworks.insert(Framework::new(id.clone())),
        }
    }

    /// The leaf of a framework in a role, which is made, inactive, if it is not there.
    pub(super) fn ensure_client(&mut self, key: ClientKey) -> Option<NodeId> {
        let framework = self.frameworks.get_mut(key.framework)?;
        if let Some(client) = framework.clients.get(&key.role) {
            return Some(client.leaf);
        }
        let leaf = self.roles.add_framework(key, framework.id.as_str())?;
        framework.clients.insert(
            key.role,
            Client {
                leaf,
                subscribed: false,
                suppressed: false,
                holdings: 0,
                min_allocatable: None,
                constraints: None,
            },
        );
        Some(leaf)
    }

    pub(super) fn client(&self, key: ClientKey) -> Option<&Client> {
        self.frameworks.get(key.framework)?.clients.get(&key.role)
    }

    pub(super) fn client_mut(&mut self, key: ClientKey) -> Option<&mut Client> {
        self.frameworks
            .get_mut(key.framework)?
            .clients
            .get_mut(&key.role)
    }

    /// Forgets a framework in a role that it neither has nor holds anything for.
    pub(super) fn drop_client_if_unused(&mut self, key: ClientKey) {
        let Some(framework) = self.frameworks.get_mut(key.framework) else {
            return;
        };
        let Some(client) = framework.clients.get(&key.role) else {
            return;
        };
        if client.subscribed || client.holdings > 0 {
            return;
        }
        let leaf = client.leaf;
        framework.clients.remove(&key.role);
        self.roles.remove_framework(key.role, leaf);
    }

    /// Forgets a framework that the master did not add and that holds nothing.
    pub(super) fn drop_framework_if_unused(&mut self, slot: Slot) {
        let Some(framework) = self.frameworks.get(slot) else {
            return;
        };
        if !framework.added && framework.clients.is_empty() {
            let id = framework.id.clone();
            self.frameworks.remove(&id);
        }
    }
}
