//! Why operations are refused.

use super::super::resources::{MixError, ResourcesError, VolumeError};
use crate::resources::ResourceError;

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
