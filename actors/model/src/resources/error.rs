//! Why something is no resource, or cannot be read as one.

use crate::{role::RoleError, text::ValueError};

/// Why resources are refused. The texts are upstream's wherever it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    // --- An amount ---
    /// An amount that is not a number.
    #[error("NaN not supported")]
    NotANumber,
    /// An endless amount.
    #[error("Infinite values not supported")]
    Infinite,
    /// An amount too small to be told from zero.
    #[error("Subnormal values not supported")]
    Subnormal,
    /// Less than nothing.
    #[error("Negative values not supported")]
    Negative,
    /// An amount too large to keep three decimals.
    #[error("Values above 2000000000000 not supported")]
    TooLarge,

    // --- One resource ---
    /// The name is missing.
    #[error("Empty resource name")]
    EmptyName,
    /// The type has a number nobody knows.
    #[error("Invalid resource type")]
    InvalidType,
    /// The type is one that resources cannot have.
    #[error("Unsupported resource type")]
    UnsupportedType,
    /// The value is not the one of the type, or there is more than one.
    #[error("Invalid {0} resource")]
    WrongValue(&'static str),
    /// Negative, or not zero but rounded to zero.
    #[error("Invalid scalar resource: value <= 0")]
    NotPositive,
    /// The amount is none.
    #[error("Invalid scalar resource: {0}")]
    Amount(Box<ResourceError>),
    /// A range the wrong way round.
    #[error("Invalid ranges resource: begin > end")]
    InvertedRange,
    /// Two ranges share a number.
    #[error("Invalid ranges resource: overlapping ranges")]
    OverlappingRanges,
    /// A name appears twice in a set.
    #[error("Invalid set resource: duplicated elements")]
    DuplicatedElements,
    /// DiskInfo on something that is no disk.
    #[error("DiskInfo should not be set for {0} resource")]
    DiskInfoMisplaced(String),
    /// `mount` or `path` on a disk source of another type.
    #[error("{field} should not be set for {kind} disk source")]
    DiskSourceField {
        /// `Mount` or `Path`.
        field: &'static str,
        /// The type of the source.
        kind: &'static str,
    },
    /// The disk source has no known type.
    #[error("Unsupported 'DiskInfo.Source.Type' in '{0}'")]
    DiskSourceType(String),
    /// A role in it is no role.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// `type` inside the old `reservation` field.
    #[error("'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field")]
    ReservationHasType,
    /// `role` inside the old `reservation` field.
    #[error("'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field")]
    ReservationHasRole,
    /// The old `reservation` field on what is nobody's.
    #[error("Invalid reservation: role \"*\" cannot be dynamically reserved")]
    AnyDynamicallyReserved,
    /// A reservation without its type.
    #[error("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")]
    ReservationWithoutType,
    /// A reservation without its role.
    #[error("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")]
    ReservationWithoutRole,
    /// A reservation to `*`.
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    AnyReserved,
    /// A reservation made by an operator's flag on top of another.
    #[error("Invalid refined reservation: A refined reservation cannot be STATIC")]
    StaticRefinement,
    /// A reservation on top of another that is not for a role below it.
    #[error("Invalid refined reservation: role '{descendant}' is not a refinement of '{ancestor}'")]
    NotARefinement {
        /// The role of the upper reservation.
        descendant: String,
        /// The role of the reservation below it.
        ancestor: String,
    },
    /// Old and new form say different roles.
    #[error(
        "Invalid resource format: 'Resource.role' field with '{role}' does not match the role \
         '{reserved}' in 'Resource.reservations'"
    )]
    RoleMismatch {
        /// The role in the old form.
        role: String,
        /// The role in the new form.
        reserved: String,
    },
    /// Old form is dynamic, new form is static.
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if the single \
         reservation in 'Resource.reservations' is STATIC"
    )]
    StaticWithReservation,
    /// Half of the old form beside a dynamic reservation in the new form.
    #[error(
        "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both \
         set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC"
    )]
    HalfOldForm,
    /// Old and new form say different principals.
    #[error(
        "Invalid resource format: 'Resource.reservation.principal' field with '{old}' does not \
         match the principal '{new}' in 'Resource.reservations'"
    )]
    PrincipalMismatch {
        /// The principal in the old form.
        old: String,
        /// The principal in the new form.
        new: String,
    },
    /// Old and new form say different labels.
    #[error(
        "Invalid resource format: 'Resource.reservation.labels' field with '{old}' does not match \
         the labels '{new}' in 'Resource.reservations'"
    )]
    LabelsMismatch {
        /// The labels in the old form.
        old: String,
        /// The labels in the new form.
        new: String,
    },
    /// A reservation of no known type.
    #[error("Unsupported 'Resource.ReservationInfo.Type'")]
    UnsupportedReservation,
    /// The old form cannot say more than one reservation.
    #[error(
        "Invalid resource format: '{0}' must not be set if there is more than one reservation in \
         'Resource.reservations'"
    )]
    OldFormOfMany(&'static str),
    /// Something else than a disk is shared.
    #[error("Resource {0} cannot be shared")]
    CannotBeShared(String),
    /// A disk without persistence is shared.
    #[error("Only persistent volumes can be shared")]
    OnlyVolumesShared,

    // --- A list ---
    /// One of a list is wrong.
    #[error("Resource '{resource}' is invalid: {reason}")]
    Invalid {
        /// The resource as text.
        resource: String,
        /// What is wrong with it.
        reason: Box<ResourceError>,
    },
    /// The old form is asked for, but cannot say it.
    #[error("Cannot downgrade resources containing refined reservations")]
    CannotDowngrade,

    // --- Text ---
    /// Not `name:value`.
    #[error("Bad value for resources, missing or extra ':' in {0}")]
    Pair(String),
    /// Not `name(role)`.
    #[error("Bad value for resources, mismatched parentheses in {0}")]
    Parentheses(String),
    /// The value cannot be read.
    #[error("Failed to parse resource {name} value {value} error {reason}")]
    Value {
        /// Name of the resource.
        name: String,
        /// Its value as written.
        value: String,
        /// What is wrong with it.
        reason: ValueError,
    },
    /// The value is plain text.
    #[error("Bad type for resource {name} value {value} type TEXT")]
    TextValue {
        /// Name of the resource.
        name: String,
        /// Its value as written.
        value: String,
    },
    /// The JSON array does not hold resources.
    #[error("Some JSON resources were not formatted properly: {0}")]
    Json(String),
    /// The operator wrote a persistent volume.
    #[error("Persistent volumes cannot be specified at the command line")]
    CommandLineVolume,
    /// The operator wrote a revocable resource.
    #[error(
        "Revocable resources cannot be specified at the command line; do not include a \
         'revocable' key in the resources JSON"
    )]
    CommandLineRevocable,
    /// The operator wrote a dynamic reservation.
    #[error(
        "Dynamic reservations cannot be specified at the command line; do not include a \
         reservation with DYNAMIC type in the resources JSON"
    )]
    CommandLineDynamic,
    /// The operator gave one name two types.
    #[error("Resources with the same name ('{0}') but different types are not allowed")]
    MixedTypes(String),

    // --- Quantities ---
    /// Not `name:amount`.
    #[error("Failed to parse '{0}': missing or extra ':'")]
    QuantityPair(String),
    /// The amount is none.
    #[error("Failed to parse '{text}' to quantity: {reason}")]
    Quantity {
        /// The amount as written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    // --- Operations ---
    /// An operation consumes what is not there.
    #[error("{resources} does not contain {consumed}")]
    NotContained {
        /// What there is.
        resources: String,
        /// What is missing.
        consumed: String,
    },
    /// A reservation is taken off what has none.
    #[error("Resource {0} has no reservation")]
    NotReserved(String),
    /// A shared volume still has other users.
    #[error("Persistent volume {0} cannot be removed due to additional shared copies")]
    SharedCopies(String),
    /// The operation has no known type.
    #[error("Cannot get conversions: Unknown operation")]
    UnknownOperation,
    /// The operation changes no resources, or only a provider can do it.
    #[error("Cannot get conversions: Operation not supported")]
    OperationNotSupported,
    /// Resource providers resize their volumes themselves.
    #[error("Cannot get conversions: Operation not supported for resource provider")]
    ProviderNotSupported,
    /// The operation's type and its content do not fit.
    #[error("A {0} operation must have the Offer.Operation.{1} field set.")]
    OperationWithoutBody(&'static str, &'static str),
    /// Checkpointed resources hold what is never checkpointed.
    #[error("Unexpected checkpointed resources {0}")]
    UnexpectedCheckpoint(String),
    /// Checkpointed resources do not fit what the agent has now.
    #[error("Incompatible agent resources: {resources} does not contain {missing}")]
    IncompatibleCheckpoint {
        /// What the agent has.
        resources: String,
        /// What is missing.
        missing: String,
    },
}
