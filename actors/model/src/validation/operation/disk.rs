//! Operations on the disks of resource providers.

use messages::v1::{
    self,
    offer::operation::{CreateDisk, DestroyDisk},
    resource::disk_info::source::Type as SourceType,
};

use super::OperationError;
use crate::{Resource, validation::resources};

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
