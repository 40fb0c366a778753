//! Offers that frameworks may answer.

use std::sync::Arc;

use imbl::OrdMap;
use model::ids::{AgentId, FrameworkId, OfferId};
use model::{Resources, Role};

/// Resources of one agent, promised to one framework in one role until it answers or
/// the offer is rescinded.
#[derive(Debug, Clone)]
pub struct Offer {
    pub(crate) id: OfferId,
    pub(crate) framework: FrameworkId,
    pub(crate) agent: AgentId,
    pub(crate) role: Role,
    pub(crate) resources: Resources,
}

impl Offer {
    /// The offer's id (M8).
    pub const fn id(&self) -> &OfferId {
        &self.id
    }

    /// Who it was made to.
    pub const fn framework(&self) -> &FrameworkId {
        &self.framework
    }

    /// Whose resources they are.
    pub const fn agent(&self) -> &AgentId {
        &self.agent
    }

    /// The role that the resources are allocated to.
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// What is offered, allocated to the role.
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }
}

/// All outstanding offers.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    map: OrdMap<OfferId, Arc<Offer>>,
}

impl Offers {
    /// The offer of this id.
    pub fn get(&self, id: &str) -> Option<&Arc<Offer>> {
        self.map.get(id)
    }

    /// All offers by id.
    pub const fn all(&self) -> &OrdMap<OfferId, Arc<Offer>> {
        &self.map
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(crate) fn insert(&mut self, offer: Arc<Offer>) {
        self.map.insert(offer.id.clone(), offer);
    }

    pub(crate) fn remove(&mut self, id: &OfferId) -> Option<Arc<Offer>> {
        self.map.remove(id)
    }
}
