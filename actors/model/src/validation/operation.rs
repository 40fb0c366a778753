//! Operations on resources, asked for by frameworks or operators (A22).

use std::collections::BTreeSet;

use messages::v1::{
    self,
    agent_info::capability::Type as AgentCapability,
    offer::operation::{Reserve, Unreserve},
};

use super::{braces, resources};
use crate::{
    Resource, Resources, Role,
    capabilities::{agent_has, framework_roles},
};

mod disk;
mod error;
mod volume;

pub use disk::{create_disk, destroy_disk};
pub use error::{OperationError, StackError};
pub use volume::{create, destroy, grow_volume, shrink_volume};

/// Who asks for an operation, and whom he asks.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Who proved to be asking, if anybody had to.
    pub principal: Option<&'a str>,
    /// The framework; `None` if an operator asks.
    pub framework: Option<&'a v1::FrameworkInfo>,
    /// What the agent can do.
    pub agent: &'a [v1::agent_info::Capability],
}

/// Checks a reservation.
pub fn reserve(reserve: &Reserve, asker: Asker<'_>) -> Result<(), OperationError> {
    let target = resources::validate(&reserve.resources)?;
    let source = resources::validate(&reserve.source).map_err(OperationError::Source)?;
    if !reserve.source.is_empty() {
        same_stack(&source).map_err(OperationError::SourceStack)?;
        same_stack(&target).map_err(OperationError::TargetStack)?;
        let (source, target) = (source.to_unreserved(), target.to_unreserved());
        if source != target {
            return Err(OperationError::Quantities {
                source_: source.to_string(),
                target: target.to_string(),
            });
        }
    }
    single_provider(&target)?;
    let roles = asker
        .framework
        .map(|info| framework_roles(info).unwrap_or_default());
    for resource in &target {
        if !resource.is_dynamically_reserved() {
            return Err(OperationError::NotDynamic(resource.to_string()));
        }
        agent_understands(resource, asker, "Resource", "reserved")?;
        check_reserve_principal(resource, asker.principal)?;
        check_reserve_role(resource, roles.as_ref())?;
    }
    if asker.framework.is_some() {
        resources::allocated_to_single_role(&target).map_err(OperationError::ReserveAllocation)?;
    }
    Ok(())
}

fn same_stack(resources: &Resources) -> Result<(), StackError> {
    let mut stacks = resources.iter().map(Resource::reservations);
    let first = stacks.next().ok_or(StackError::Empty)?;
    if stacks.all(|stack| stack == first) {
        return Ok(());
    }
    Err(StackError::Mixed(resources.to_string()))
}

fn single_provider(resources: &Resources) -> Result<(), OperationError> {
    // An empty list has no provider at all, which is not one.
    resources::single_provider(resources).map_err(OperationError::Mix)
}

fn agent_understands(
    resource: &Resource,
    asker: Asker<'_>,
    what: &'static str,
    done: &'static str,
) -> Result<(), OperationError> {
    if let Some(role) = resource.reservation_role()
        && role.is_nested()
        && !agent_has(asker.agent, AgentCapability::HierarchicalRole)
    {
        return Err(OperationError::Hierarchical {
            what,
            resource: resource.to_string(),
            role: role.to_string(),
            done,
        });
    }
    if resource.has_refined_reservations()
        && !agent_has(asker.agent, AgentCapability::ReservationRefinement)
    {
        return Err(OperationError::Refined {
            what,
            resource: resource.to_string(),
            done,
        });
    }
    Ok(())
}

fn check_reserve_principal(
    resource: &Resource,
    principal: Option<&str>,
) -> Result<(), OperationError> {
    let (Some(principal), Some(last)) = (principal, resource.reservations().last()) else {
        return Ok(());
    };
    match last.principal.as_deref() {
        None => Err(OperationError::ReservePrincipalMissing(
            principal.to_owned(),
        )),
        Some(named) if named != principal => Err(OperationError::ReservePrincipal {
            principal: principal.to_owned(),
            named: named.to_owned(),
        }),
        Some(_) => Ok(()),
    }
}

/// A framework reserves what it was offered, for the role it was offered for; an
/// operator what nobody was offered.
fn check_reserve_role(
    resource: &Resource,
    roles: Option<&BTreeSet<Role>>,
) -> Result<(), OperationError> {
    let Some(roles) = roles else {
        return match resource.allocation() {
            Some(_) => Err(OperationError::ReserveAllocated),
            None => Ok(()),
        };
    };
    let Some(allocated) = resource.allocation() else {
        return Err(OperationError::ReserveUnallocated(resource.to_string()));
    };
    if let Some(reserved) = resource.reservation_role()
        && reserved != allocated
    {
        return Err(OperationError::ReserveRole {
            reserved: reserved.to_string(),
            allocated: allocated.to_string(),
        });
    }
    if !roles.contains(allocated) {
        return Err(OperationError::ReserveForeignRole {
            allocated: allocated.to_string(),
            roles: braces(roles.iter().map(Role::as_str)),
        });
    }
    Ok(())
}

/// Checks the end of a reservation.
pub fn unreserve(unreserve: &Unreserve) -> Result<(), OperationError> {
    let reserved = resources::validate(&unreserve.resources)?;
    single_provider(&reserved)?;
    for resource in &reserved {
        if !resource.is_dynamically_reserved() {
            return Err(OperationError::NotDynamic(resource.to_string()));
        }
        if resource.is_persistent_volume() {
            return Err(OperationError::UnreserveVolume(resource.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
