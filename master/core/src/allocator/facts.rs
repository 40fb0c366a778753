//! What matters to the allocator of agents' and frameworks' descriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use messages::v1;
use model::offer_constraints::{AgentTraits, RoleConstraints};
use model::role::RoleError;
use model::{Quantities, ResourceError, Role, Scalar};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::description::Description;

/// What an agent knows to handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentCapabilities {
    /// MULTI_ROLE: the role is taken from the resources.
    pub multi_role: bool,
    /// HIERARCHICAL_ROLE: roles may have parents.
    pub hierarchical_role: bool,
}

impl AgentCapabilities {
    /// What every agent of today has.
    pub const ALL: Self = Self {
        multi_role: true,
        hierarchical_role: true,
    };

    /// Picks what matters.
    pub fn new(capabilities: &[v1::agent_info::Capability]) -> Self {
        use v1::agent_info::capability::Type;
        let has = |wanted| {
            capabilities
                .iter()
                .any(|capability| capability.r#type() == wanted)
        };
        Self {
            multi_role: has(Type::MultiRole),
            hierarchical_role: has(Type::HierarchicalRole),
        }
    }
}

/// An agent, for the allocator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentFacts {
    /// What it said of itself; shared with the master.
    pub info: Arc<Description>,
    /// What it knows to handle.
    pub capabilities: AgentCapabilities,
}

impl AgentFacts {
    /// The name that a whitelist may hold (A14).
    pub(super) fn hostname(&self) -> &str {
        self.info.hostname()
    }

    /// Frameworks choose by them, so that a change drops filters.
    pub(super) fn attributes(&self) -> &[v1::Attribute] {
        self.info.attributes()
    }

    /// The region of the agent's domain (A13).
    pub(super) fn region(&self) -> Option<&str> {
        self.fault_domain().map(|it| it.region.name.as_str())
    }

    /// What constraints on offers look at (V14).
    pub(super) fn traits(&self) -> AgentTraits<'_> {
        AgentTraits {
            hostname: self.hostname(),
            region: self.region(),
            zone: self.fault_domain().map(|it| it.zone.name.as_str()),
            attributes: self.attributes(),
        }
    }

    fn fault_domain(&self) -> Option<&v1::domain_info::FaultDomain> {
        self.info.domain()?.fault_domain.as_ref()
    }
}

/// What a framework knows to handle (A13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrameworkCapabilities {
    /// MULTI_ROLE: it takes offers for several roles, of agents that tell them apart.
    pub multi_role: bool,
    /// GPU_RESOURCES: it may be offered agents with GPUs.
    pub gpu_resources: bool,
    /// REVOCABLE_RESOURCES: it may be offered what can be taken back.
    pub revocable_resources: bool,
    /// SHARED_RESOURCES: it may be offered what others use too.
    pub shared_resources: bool,
    /// RESERVATION_REFINEMENT: it may be offered reservations within reservations.
    pub reservation_refinement: bool,
    /// REGION_AWARE: it may be offered agents of other regions.
    pub region_aware: bool,
}

impl FrameworkCapabilities {
    /// Picks what matters.
    pub fn new(capabilities: &[v1::framework_info::Capability]) -> Self {
        use v1::framework_info::capability::Type;
        let has = |wanted| {
            capabilities
                .iter()
                .any(|capability| capability.r#type() == wanted)
        };
        Self {
            multi_role: has(Type::MultiRole),
            gpu_resources: has(Type::GpuResources),
            revocable_resources: has(Type::RevocableResources),
            shared_resources: has(Type::SharedResources),
            reservation_refinement: has(Type::ReservationRefinement),
            region_aware: has(Type::RegionAware),
        }
    }
}

/// A framework, for the allocator.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FrameworkFacts {
    /// The roles it is subscribed to.
    pub roles: BTreeSet<Role>,
    /// Those it wants no offers for (A11).
    pub suppressed: BTreeSet<Role>,
    /// What it knows to handle.
    pub capabilities: FrameworkCapabilities,
    /// Its own minimums, by role (A7).
    pub min_allocatable: BTreeMap<Role, Vec<Quantities>>,
    /// Which agents it wants to be offered, by role (V14).
    pub constraints: BTreeMap<Role, RoleConstraints>,
}

impl FrameworkFacts {
    /// Picks what matters. Without MULTI_ROLE a framework has one role, `*` if none is
    /// given (A15).
    pub fn new(info: &v1::FrameworkInfo, suppressed: BTreeSet<Role>) -> Result<Self, FactsError> {
        let capabilities = FrameworkCapabilities::new(&info.capabilities);
        let roles = if capabilities.multi_role {
            info.roles
                .iter()
                .map(|role| Role::parse(role))
                .collect::<Result<_, _>>()?
        } else {
            BTreeSet::from([Role::parse(info.role())?])
        };
        let mut min_allocatable = BTreeMap::new();
        for (role, filters) in &info.offer_filters {
            if let Some(minimum) = &filters.min_allocatable_resources {
                let alternatives = minimum.quantities.iter().map(quantities);
                min_allocatable.insert(Role::parse(role)?, alternatives.collect::<Result<_, _>>()?);
            }
        }
        Ok(Self {
            roles,
            suppressed,
            capabilities,
            min_allocatable,
            constraints: BTreeMap::new(),
        })
    }
}

fn quantities(
    amounts: &v1::offer_filters::ResourceQuantities,
) -> Result<Quantities, ResourceError> {
    let mut quantities = Quantities::new();
    for (name, amount) in &amounts.quantities {
        quantities.add_amount(name, Scalar::from_f64(amount.value)?);
    }
    Ok(quantities)
}

/// A framework's description holds something the allocator cannot read.
#[derive(Debug, Error, PartialEq)]
pub enum FactsError {
    /// A role.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// An amount in `offer_filters`.
    #[error(transparent)]
    Amount(#[from] ResourceError),
}
