//! Operations on resources, asked for by frameworks or operators (A22).

use std::collections::BTreeSet;

use messages::v1::{
    self,
    agent_info::capability::Type as AgentCapability,
    framework_info::capability::Type as FrameworkCapability,
    offer::operation::{
        Create, CreateDisk, Destroy, DestroyDisk, GrowVolume, Reserve, ShrinkVolume, Unreserve,
    },
    resource::disk_info::source::Type as SourceType,
};

use super::{
    braces,
    resources::{self, MixError, ResourcesError, VolumeError},
};
use crate::{
    Resource, Resources, Role, Scalar,
    capabilities::{agent_has, framework_has, framework_roles},
    resources::ResourceError,
};

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

/// Why an operation is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The resources are wrong.
    #[error("Invalid resources: {0}")]
    Resources(#[from] ResourcesError),
    /// The resources do not go together.
    #[error("Invalid resources: {0}")]
    Mix(MixError),
    /// The resources to start from are wrong.
    #[error("Invalid source: {0}")]
    Source(ResourcesError),
    /// The reservations of the source differ.
    #[error("Invalid source: {0}")]
    SourceStack(StackError),
    /// The reservations of the resources differ.
    #[error("Invalid resources: {0}")]
    TargetStack(StackError),
    /// Source and resources are not the same amounts.
    #[error(
        "Source and target resources should refer to identical resource quantities: {source_} vs. \
         {target}"
    )]
    Quantities {
        /// What to start from, without reservations.
        source_: String,
        /// What to come to, without reservations.
        target: String,
    },
    /// Nothing an operation could have reserved.
    #[error("Resource {0} is not dynamically reserved")]
    NotDynamic(String),
    /// The agent does not know of hierarchies.
    #[error(
        "{what} {resource} with reservation for hierarchical role '{role}' cannot be {done} on an \
         agent without HIERARCHICAL_ROLE capability"
    )]
    Hierarchical {
        /// `Resource` or `Volume`.
        what: &'static str,
        /// The resource.
        resource: String,
        /// Whom it would be reserved to.
        role: String,
        /// `reserved` or `created`.
        done: &'static str,
    },
    /// The agent does not know of stacks of reservations.
    #[error(
        "{what} {resource} with reservation refinement cannot be {done} on an agent without \
         RESERVATION_REFINEMENT capability"
    )]
    Refined {
        /// `Resource` or `Volume`.
        what: &'static str,
        /// The resource.
        resource: String,
        /// `reserved` or `created`.
        done: &'static str,
    },
    /// A reservation that does not say who made it.
    #[error(
        "A reserve operation was attempted by principal '{0}', but there is a reserved resource in \
         the request with no principal set"
    )]
    ReservePrincipalMissing(String),
    /// A reservation in another's name.
    #[error(
        "A reserve operation was attempted by authenticated principal '{principal}', which does \
         not match a reserved resource in the request with principal '{named}'"
    )]
    ReservePrincipal {
        /// Who asks.
        principal: String,
        /// Who is named.
        named: String,
    },
    /// A framework reserves what it was not offered.
    #[error(
        "A reserve operation was attempted on unallocated resource {0}, but frameworks can only \
         perform reservations on allocated resources"
    )]
    ReserveUnallocated(String),
    /// A framework reserves for another role than it was offered for.
    #[error(
        "A reserve operation was attempted for a resource with role '{reserved}', but the resource \
         was allocated to role '{allocated}'"
    )]
    ReserveRole {
        /// Whom it would be reserved to.
        reserved: String,
        /// Whom it was offered to.
        allocated: String,
    },
    /// A framework reserves for a role that it does not have.
    #[error(
        "A reserve operation was attempted for a resource allocated to role '{allocated}', but the \
         framework only has roles '{roles}'"
    )]
    ReserveForeignRole {
        /// Whom it was offered to.
        allocated: String,
        /// The roles that the framework has.
        roles: String,
    },
    /// An operator reserves what a framework was offered.
    #[error(
        "A reserve operation was attempted with an allocated resource, but the operator API only \
         allows reservations to be made to unallocated resources"
    )]
    ReserveAllocated,
    /// The resources are not allocated to one role.
    #[error("Invalid reservation resources: {0}")]
    ReserveAllocation(MixError),
    /// A volume would lose its reservation.
    #[error(
        "A dynamically reserved persistent volume {0} cannot be unreserved directly. Please \
         destroy the persistent volume first then unreserve the resource"
    )]
    UnreserveVolume(String),
    /// Something that is no persistent volume.
    #[error("Not a persistent volume: {0}")]
    NotAVolume(VolumeError),
    /// A volume with this id exists.
    #[error(transparent)]
    PersistenceId(MixError),
    /// A shared volume for a framework that does not know of them.
    #[error(
        "Create volume operation for '{volume}' has been attempted by framework '{framework}' with \
         no SHARED_RESOURCES capability"
    )]
    CreateShared {
        /// The volume.
        volume: String,
        /// The framework's id.
        framework: String,
    },
    /// A volume that does not say who made it.
    #[error(
        "Create volume operation attempted by principal '{0}', but there is a volume in the \
         operation with no principal set in 'disk.persistence'"
    )]
    CreatePrincipalMissing(String),
    /// A volume in another's name.
    #[error(
        "Create volume operation attempted by authenticated principal '{principal}', which does \
         not match a volume in the operation with principal '{named}' set in 'disk.persistence'"
    )]
    CreatePrincipal {
        /// Who asks.
        principal: String,
        /// Who is named.
        named: String,
    },
    /// The volumes are not allocated to one role.
    #[error("Invalid volume resources: {0}")]
    CreateAllocation(MixError),
    /// A volume that does not exist is destroyed.
    #[error("Persistent volumes not found")]
    VolumeNotFound,
    /// A volume that tasks use is destroyed.
    #[error("Persistent volumes in use")]
    VolumeInUse,
    /// A resource of a volume that changes its size is wrong.
    #[error("Invalid resource in the '{field}' field: {reason}")]
    Resize {
        /// `GrowVolume.volume`, `GrowVolume.addition` or `ShrinkVolume.volume`.
        field: &'static str,
        /// What is wrong.
        reason: ResourceError,
    },
    /// A volume that changes its size is none.
    #[error("Invalid persistent volume in the '{field}' field: {reason}")]
    ResizeVolume {
        /// `GrowVolume.volume` or `ShrinkVolume.volume`.
        field: &'static str,
        /// What is wrong.
        reason: VolumeError,
    },
    /// Nothing is added.
    #[error("The size of 'GrowVolume.addition' field must be greater than zero")]
    AdditionEmpty,
    /// Nothing is taken off.
    #[error("Value of 'ShrinkVolume.subtract' must be greater than zero")]
    SubtractEmpty,
    /// Everything is taken off.
    #[error(
        "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'"
    )]
    SubtractTooLarge,
    /// Resource providers resize their volumes themselves.
    #[error("{0} a volume from a resource provider is not supported")]
    ResizeProvider(&'static str),
    /// The whole disk is mounted.
    #[error("Shrinking a volume on a MOUNT disk is not supported")]
    ShrinkMount,
    /// Others would notice.
    #[error("{0} a shared persistent volume is not supported")]
    ResizeShared(&'static str),
    /// Volume and addition are not of the same disk.
    #[error("Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields")]
    GrowIncompatible,
    /// The agent cannot do it.
    #[error("Volume {volume} cannot be {done} on an agent without RESIZE_VOLUME capability")]
    CannotResize {
        /// The volume.
        volume: String,
        /// `grown` or `shrunk`.
        done: &'static str,
    },
    /// The disk is wrong.
    #[error("Invalid resource: {0}")]
    Disk(ResourcesError),
    /// The disk is the agent's own.
    #[error("'source' is not managed by a resource provider")]
    DiskWithoutProvider,
    /// The disk is not raw.
    #[error("'source' is not a RAW disk resource")]
    DiskNotRaw,
    /// No such disk can be made.
    #[error("'target_type' is neither MOUNT or BLOCK")]
    DiskTarget,
    /// Two profiles.
    #[error("'target_profile' must not be set when 'source' has a profile")]
    ProfileTwice,
    /// No profile.
    #[error("'target_profile' must be set when 'source' has no profile")]
    ProfileMissing,
    /// Something that is no such disk.
    #[error("'source' is neither a MOUNT, BLOCK or RAW disk resource")]
    DiskType,
    /// Nothing stands behind the disk.
    #[error("'source' is not backed by a CSI volume")]
    DiskWithoutId,
    /// A volume would lose its disk.
    #[error(
        "A disk resource containing a persistent volume {0} cannot be destroyed directly. Please \
         destroy the persistent volume first then destroy the disk resource"
    )]
    DiskInUse(String),
}

/// Why the reservations of a list do not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// Nothing there.
    #[error("Resource cannot be empty")]
    Empty,
    /// They differ.
    #[error("Mixed reservations are not supported{0}")]
    Mixed(String),
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

/// Checks the creation of volumes on an agent that has `checkpointed` already.
pub fn create(
    create: &Create,
    checkpointed: &Resources,
    asker: Asker<'_>,
) -> Result<(), OperationError> {
    let volumes = resources::validate(&create.volumes)?;
    single_provider(&volumes)?;
    resources::persistent_volumes(&volumes).map_err(OperationError::NotAVolume)?;
    resources::unique_persistence_ids(&(checkpointed + &volumes))
        .map_err(OperationError::PersistenceId)?;
    for volume in &volumes {
        if let Some(framework) = asker.framework
            && volume.is_shared()
            && !framework_has(framework, FrameworkCapability::SharedResources)
        {
            return Err(OperationError::CreateShared {
                volume: volume.to_string(),
                framework: framework
                    .id
                    .as_ref()
                    .map(|id| id.value.clone())
                    .unwrap_or_default(),
            });
        }
        agent_understands(volume, asker, "Volume", "created")?;
        check_create_principal(volume, asker.principal)?;
    }
    if asker.framework.is_some() {
        resources::allocated_to_single_role(&volumes).map_err(OperationError::CreateAllocation)?;
    }
    Ok(())
}

fn check_create_principal(
    volume: &Resource,
    principal: Option<&str>,
) -> Result<(), OperationError> {
    let Some(principal) = principal else {
        return Ok(());
    };
    let persistence = volume.disk().and_then(|disk| disk.persistence.as_ref());
    match persistence.and_then(|persistence| persistence.principal.as_deref()) {
        None => Err(OperationError::CreatePrincipalMissing(principal.to_owned())),
        Some(named) if named != principal => Err(OperationError::CreatePrincipal {
            principal: principal.to_owned(),
            named: named.to_owned(),
        }),
        Some(_) => Ok(()),
    }
}

/// Checks the end of volumes on an agent that has `checkpointed`, while
/// frameworks use `used`.
pub fn destroy<'a>(
    destroy: &Destroy,
    checkpointed: &Resources,
    used: impl IntoIterator<Item = &'a Resources>,
) -> Result<(), OperationError> {
    let volumes = resources::validate(&destroy.volumes)?.unallocated();
    single_provider(&volumes)?;
    resources::persistent_volumes(&volumes).map_err(OperationError::NotAVolume)?;
    let mut own = volumes
        .iter()
        .filter(|volume| volume.provider_id().is_none());
    if own.any(|volume| !checkpointed.contains_one(volume)) {
        return Err(OperationError::VolumeNotFound);
    }
    for used in used {
        let used = used.unallocated();
        if volumes.iter().any(|volume| used.contains_one(volume)) {
            return Err(OperationError::VolumeInUse);
        }
    }
    Ok(())
}

/// Checks that a volume may become larger.
pub fn grow_volume(
    grow: &GrowVolume,
    agent: &[v1::agent_info::Capability],
) -> Result<(), OperationError> {
    const VOLUME: &str = "GrowVolume.volume";
    let take = |proto, field| {
        Resource::from_proto(proto).map_err(|reason| OperationError::Resize { field, reason })
    };
    let volume = take(&grow.volume, VOLUME)?;
    let addition = take(&grow.addition, "GrowVolume.addition")?;
    if addition
        .amount()
        .is_none_or(|amount| amount <= Scalar::ZERO)
    {
        return Err(OperationError::AdditionEmpty);
    }
    if volume.provider_id().is_some() {
        return Err(OperationError::ResizeProvider("Growing"));
    }
    is_volume(&volume, VOLUME)?;
    if volume.is_shared() {
        return Err(OperationError::ResizeShared("Growing"));
    }
    let together: Resources = [volume.without_volume(), addition].into_iter().collect();
    if together.len() != 1 {
        return Err(OperationError::GrowIncompatible);
    }
    can_resize(&volume, agent, "grown")
}

/// Checks that a volume may become smaller.
pub fn shrink_volume(
    shrink: &ShrinkVolume,
    agent: &[v1::agent_info::Capability],
) -> Result<(), OperationError> {
    const VOLUME: &str = "ShrinkVolume.volume";
    let volume = Resource::from_proto(&shrink.volume).map_err(|reason| OperationError::Resize {
        field: VOLUME,
        reason,
    })?;
    let subtract = Scalar::round(shrink.subtract.value);
    if subtract <= Scalar::ZERO {
        return Err(OperationError::SubtractEmpty);
    }
    if volume.amount().is_none_or(|amount| amount <= subtract) {
        return Err(OperationError::SubtractTooLarge);
    }
    if volume.provider_id().is_some() {
        return Err(OperationError::ResizeProvider("Shrinking"));
    }
    if volume.is_disk(SourceType::Mount) {
        return Err(OperationError::ShrinkMount);
    }
    is_volume(&volume, VOLUME)?;
    if volume.is_shared() {
        return Err(OperationError::ResizeShared("Shrinking"));
    }
    can_resize(&volume, agent, "shrunk")
}

fn is_volume(volume: &Resource, field: &'static str) -> Result<(), OperationError> {
    resources::persistent_volumes(&Resources::from(volume.clone()))
        .map_err(|reason| OperationError::ResizeVolume { field, reason })
}

fn can_resize(
    volume: &Resource,
    agent: &[v1::agent_info::Capability],
    done: &'static str,
) -> Result<(), OperationError> {
    if agent_has(agent, AgentCapability::ResizeVolume) {
        return Ok(());
    }
    Err(OperationError::CannotResize {
        volume: volume.to_string(),
        done,
    })
}

/// Checks the making of a disk out of a raw one.
pub fn create_disk(create: &CreateDisk) -> Result<(), OperationError> {
    let disk = provided_disk(&create.source)?;
    if !disk.is_disk(SourceType::Raw) {
        return Err(OperationError::DiskNotRaw);
    }
    if !matches!(create.target_type(), SourceType::Mount | SourceType::Block) {
        return Err(OperationError::DiskTarget);
    }
    let source = disk.disk().and_then(|disk| disk.source.as_ref());
    let has_profile = source.is_some_and(|source| source.profile.is_some());
    match (has_profile, &create.target_profile) {
        (true, Some(_)) => Err(OperationError::ProfileTwice),
        (false, None) => Err(OperationError::ProfileMissing),
        _ => Ok(()),
    }
}

/// Checks that a disk may become a raw one again.
pub fn destroy_disk(destroy: &DestroyDisk) -> Result<(), OperationError> {
    let disk = provided_disk(&destroy.source)?;
    let kinds = [SourceType::Mount, SourceType::Block, SourceType::Raw];
    if !kinds.into_iter().any(|kind| disk.is_disk(kind)) {
        return Err(OperationError::DiskType);
    }
    let source = disk.disk().and_then(|disk| disk.source.as_ref());
    if source.is_none_or(|source| source.id.is_none()) {
        return Err(OperationError::DiskWithoutId);
    }
    if disk.is_persistent_volume() {
        return Err(OperationError::DiskInUse(disk.to_string()));
    }
    Ok(())
}

fn provided_disk(proto: &v1::Resource) -> Result<Resource, OperationError> {
    let one = resources::validate(std::slice::from_ref(proto)).map_err(OperationError::Disk)?;
    let disk = one
        .into_iter()
        .next()
        .ok_or(OperationError::DiskWithoutProvider)?;
    if disk.provider_id().is_none() {
        return Err(OperationError::DiskWithoutProvider);
    }
    Ok(disk)
}

#[cfg(test)]
mod tests;
