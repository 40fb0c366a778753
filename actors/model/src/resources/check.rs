//! Whether a resource in a message is a valid one.

use messages::v1::{
    self,
    resource::{ReservationInfo, disk_info::source::Type as SourceType, reservation_info},
};

use super::{
    ResourceError, Scalar,
    describe::{Described, describe_labels, describe_source, source_type_name},
    details::same_labels,
};
use crate::role;

/// Checks every resource of a list, and names the one that is wrong.
pub fn check_all(resources: &[v1::Resource]) -> Result<(), ResourceError> {
    resources.iter().try_for_each(|resource| {
        check(resource).map_err(|reason| ResourceError::Invalid {
            resource: Described(resource).to_string(),
            reason: Box::new(reason),
        })
    })
}

/// Checks one resource, whichever form its reservations have (A22).
pub fn check(resource: &v1::Resource) -> Result<(), ResourceError> {
    if resource.name.is_empty() {
        return Err(ResourceError::EmptyName);
    }
    check_value(resource)?;
    check_disk(resource)?;
    if resource.reservations.is_empty() {
        check_old_form(resource)?;
    } else {
        check_new_form(resource)?;
        check_both_forms(resource)?;
    }
    check_shared(resource)
}

fn check_value(resource: &v1::Resource) -> Result<(), ResourceError> {
    let (scalar, ranges, set) = (&resource.scalar, &resource.ranges, &resource.set);
    match v1::value::Type::try_from(resource.r#type) {
        Err(_) => Err(ResourceError::InvalidType),
        Ok(v1::value::Type::Text) => Err(ResourceError::UnsupportedType),
        Ok(v1::value::Type::Scalar) => match (scalar, ranges, set) {
            (Some(amount), None, None) => scalar_value(amount.value).map(drop),
            _ => Err(ResourceError::WrongValue("scalar")),
        },
        Ok(v1::value::Type::Ranges) => match (scalar, ranges, set) {
            (None, Some(ranges), None) => check_ranges(&ranges.range),
            _ => Err(ResourceError::WrongValue("ranges")),
        },
        Ok(v1::value::Type::Set) => match (scalar, ranges, set) {
            (None, None, Some(names)) => set_items(&names.item),
            _ => Err(ResourceError::WrongValue("set")),
        },
    }
}

/// Takes an amount: zero, or at least one thousandth.
pub(super) fn scalar_value(value: f64) -> Result<Scalar, ResourceError> {
    match Scalar::from_f64(value) {
        Ok(scalar) if scalar.is_zero() && value != 0.0 => Err(ResourceError::NotPositive),
        Ok(scalar) => Ok(scalar),
        Err(ResourceError::Negative | ResourceError::Subnormal) => Err(ResourceError::NotPositive),
        Err(error) => Err(ResourceError::Amount(Box::new(error))),
    }
}

fn check_ranges(ranges: &[v1::value::Range]) -> Result<(), ResourceError> {
    if ranges.iter().any(|range| range.begin > range.end) {
        return Err(ResourceError::InvertedRange);
    }
    let mut sorted: Vec<_> = ranges
        .iter()
        .map(|range| (range.begin, range.end))
        .collect();
    sorted.sort_unstable();
    let overlap = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .any(|(a, b)| b.0 <= a.1);
    if overlap {
        Err(ResourceError::OverlappingRanges)
    } else {
        Ok(())
    }
}

/// Checks that no name is in a set twice.
pub(super) fn set_items(items: &[String]) -> Result<(), ResourceError> {
    let mut sorted: Vec<_> = items.iter().collect();
    sorted.sort_unstable();
    let twice = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .any(|(a, b)| a == b);
    if twice {
        Err(ResourceError::DuplicatedElements)
    } else {
        Ok(())
    }
}

fn check_disk(resource: &v1::Resource) -> Result<(), ResourceError> {
    let Some(disk) = &resource.disk else {
        return Ok(());
    };
    if resource.name != "disk" {
        return Err(ResourceError::DiskInfoMisplaced(resource.name.clone()));
    }
    let Some(source) = &disk.source else {
        return Ok(());
    };
    match source.r#type() {
        SourceType::Path | SourceType::Mount => Ok(()),
        kind @ (SourceType::Block | SourceType::Raw) => {
            let field = if source.mount.is_some() {
                "Mount"
            } else if source.path.is_some() {
                "Path"
            } else {
                return Ok(());
            };
            Err(ResourceError::DiskSourceField {
                field,
                kind: source_type_name(kind),
            })
        }
        SourceType::Unknown => Err(ResourceError::DiskSourceType(describe_source(source))),
    }
}

/// The form before reservations could be refined: `role` and `reservation`.
fn check_old_form(resource: &v1::Resource) -> Result<(), ResourceError> {
    role::check(resource.role())?;
    let Some(reservation) = &resource.reservation else {
        return Ok(());
    };
    if reservation.r#type.is_some() {
        return Err(ResourceError::ReservationHasType);
    }
    if reservation.role.is_some() {
        return Err(ResourceError::ReservationHasRole);
    }
    if resource.role() == role::ANY {
        return Err(ResourceError::AnyDynamicallyReserved);
    }
    Ok(())
}

/// The form since reservations can be refined: `reservations`, a stack.
fn check_new_form(resource: &v1::Resource) -> Result<(), ResourceError> {
    for reservation in &resource.reservations {
        if reservation.r#type.is_none() {
            return Err(ResourceError::ReservationWithoutType);
        }
        let Some(role) = &reservation.role else {
            return Err(ResourceError::ReservationWithoutRole);
        };
        role::check(role)?;
        if role == role::ANY {
            return Err(ResourceError::AnyReserved);
        }
        if reservation.r#type() == reservation_info::Type::Unknown {
            return Err(ResourceError::UnsupportedReservation);
        }
    }
    let below = resource.reservations.iter();
    let above = resource.reservations.iter().skip(1);
    for (ancestor, refined) in below.zip(above) {
        if refined.r#type() == reservation_info::Type::Static {
            return Err(ResourceError::StaticRefinement);
        }
        if !role::is_strict_subrole(refined.role(), ancestor.role()) {
            return Err(ResourceError::NotARefinement {
                descendant: refined.role().to_owned(),
                ancestor: ancestor.role().to_owned(),
            });
        }
    }
    Ok(())
}

/// The old form may stand beside the new one if they say the same.
fn check_both_forms(resource: &v1::Resource) -> Result<(), ResourceError> {
    let [reservation] = resource.reservations.as_slice() else {
        return match (&resource.role, &resource.reservation) {
            (Some(_), _) => Err(ResourceError::OldFormOfMany("Resource.role")),
            (None, Some(_)) => Err(ResourceError::OldFormOfMany("Resource.reservation")),
            (None, None) => Ok(()),
        };
    };
    if let Some(role) = &resource.role
        && role != reservation.role()
    {
        return Err(ResourceError::RoleMismatch {
            role: role.clone(),
            reserved: reservation.role().to_owned(),
        });
    }
    match (reservation.r#type(), &resource.reservation) {
        (reservation_info::Type::Static, Some(_)) => Err(ResourceError::StaticWithReservation),
        (reservation_info::Type::Dynamic, old) if resource.role.is_some() != old.is_some() => {
            Err(ResourceError::HalfOldForm)
        }
        (reservation_info::Type::Dynamic, Some(old)) => check_same_reservation(old, reservation),
        _ => Ok(()),
    }
}

fn check_same_reservation(
    old: &ReservationInfo,
    new: &ReservationInfo,
) -> Result<(), ResourceError> {
    if old.principal() != new.principal() {
        return Err(ResourceError::PrincipalMismatch {
            old: old.principal().to_owned(),
            new: new.principal().to_owned(),
        });
    }
    let none = v1::Labels::default();
    let (old, new) = (
        old.labels.as_ref().unwrap_or(&none),
        new.labels.as_ref().unwrap_or(&none),
    );
    if !same_labels(old, new) {
        return Err(ResourceError::LabelsMismatch {
            old: describe_labels(old),
            new: describe_labels(new),
        });
    }
    Ok(())
}

fn check_shared(resource: &v1::Resource) -> Result<(), ResourceError> {
    if resource.shared.is_none() {
        return Ok(());
    }
    if resource.name != "disk" {
        return Err(ResourceError::CannotBeShared(resource.name.clone()));
    }
    match &resource.disk {
        Some(disk) if disk.persistence.is_some() => Ok(()),
        _ => Err(ResourceError::OnlyVolumesShared),
    }
}
