//! Operations on persistent volumes.

use messages::v1::{
    self,
    agent_info::capability::Type as AgentCapability,
    framework_info::capability::Type as FrameworkCapability,
    offer::operation::{Create, Destroy, GrowVolume, ShrinkVolume},
    resource::disk_info::source::Type as SourceType,
};

use super::{Asker, OperationError, agent_understands, single_provider};
use crate::{
    Resource, Resources, Scalar,
    capabilities::{agent_has, framework_has},
    validation::resources,
};

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
