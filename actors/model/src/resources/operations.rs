//! What operations do to resources: something is consumed, something else takes
//! its place (A20, A22).

use messages::v1::{self, offer::operation::Type};

use super::{ReservationKind, Resource, ResourceError, Resources, Scalar};

/// One step of an operation.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// What is taken.
    pub consumed: Resources,
    /// What takes its place.
    pub converted: Resources,
    /// A shared volume that nobody else may use once the step is done.
    unshared: Option<Resource>,
}

impl Conversion {
    /// A step without conditions.
    pub fn new(consumed: impl Into<Resources>, converted: impl Into<Resources>) -> Self {
        Self {
            consumed: consumed.into(),
            converted: converted.into(),
            unshared: None,
        }
    }
}

impl Resources {
    /// What is left and made when a step is done on these. Refuses if what the
    /// step consumes is not there.
    pub fn convert(&self, conversion: &Conversion) -> Result<Resources, ResourceError> {
        if !self.contains(&conversion.consumed) {
            return Err(ResourceError::NotContained {
                resources: self.to_string(),
                consumed: conversion.consumed.to_string(),
            });
        }
        let mut result = self.clone();
        result -= &conversion.consumed;
        result += &conversion.converted;
        match &conversion.unshared {
            Some(volume) if result.contains_one(volume) => {
                Err(ResourceError::SharedCopies(volume.to_string()))
            }
            _ => Ok(result),
        }
    }

    /// What an operation makes of these. Amounts by name never change.
    pub fn apply(&self, operation: &v1::offer::Operation) -> Result<Resources, ResourceError> {
        conversions(operation)?
            .iter()
            .try_fold(self.clone(), |resources, conversion| {
                resources.convert(conversion)
            })
    }

    /// What an agent has once what it checkpointed is put back: the dynamic
    /// reservations and volumes in `checkpointed` are made again on these, which
    /// come from its flags. Refuses if they do not fit any more.
    pub fn apply_checkpointed(&self, checkpointed: &Resources) -> Result<Resources, ResourceError> {
        let mut total = self.clone();
        for resource in checkpointed {
            if !resource.needs_checkpoint() {
                return Err(ResourceError::UnexpectedCheckpoint(resource.to_string()));
            }
            let stripped = resource.as_from_flags();
            if !total.contains_one(&stripped) {
                return Err(ResourceError::IncompatibleCheckpoint {
                    resources: total.to_string(),
                    missing: stripped.to_string(),
                });
            }
            total.sub_one(&stripped);
            total.add_one(resource.clone());
        }
        Ok(total)
    }

    /// What an agent must checkpoint: what its flags do not say.
    pub fn needing_checkpoint(&self) -> Resources {
        self.filter(Resource::needs_checkpoint)
    }
}

impl Resource {
    /// Whether an agent must checkpoint this, since its flags do not say it:
    /// dynamic reservations and volumes, but not those of resource providers.
    pub fn needs_checkpoint(&self) -> bool {
        self.provider_id().is_none()
            && (self.is_dynamically_reserved() || self.is_persistent_volume())
    }

    /// This resource without what operations have made of it.
    fn as_from_flags(&self) -> Resource {
        let mut stripped = if self.is_persistent_volume() {
            self.without_volume()
        } else {
            self.clone()
        };
        if self.is_dynamically_reserved() {
            let first = self.reservations().first();
            let from_flags =
                first.filter(|reservation| reservation.kind == ReservationKind::Static);
            stripped.set_reservations(from_flags.cloned().into_iter().collect());
        }
        stripped.set_shared(false);
        stripped
    }
}

/// The steps of an operation. Refuses those that do not change resources, and
/// those that only a resource provider can do.
pub fn conversions(operation: &v1::offer::Operation) -> Result<Vec<Conversion>, ResourceError> {
    match operation.r#type() {
        Type::Unknown => Err(ResourceError::UnknownOperation),
        Type::Launch | Type::LaunchGroup | Type::CreateDisk | Type::DestroyDisk => {
            Err(ResourceError::OperationNotSupported)
        }
        Type::Reserve => {
            let body = body(&operation.reserve, "RESERVE", "reserve")?;
            let reserved = Resources::from_proto(&body.resources)?;
            let consumed = match body.source.as_slice() {
                [] => reserved.pop_reservation()?,
                source => Resources::from_proto(source)?,
            };
            Ok(vec![Conversion::new(consumed, reserved)])
        }
        Type::Unreserve => {
            let body = body(&operation.unreserve, "UNRESERVE", "unreserve")?;
            let each = body.resources.iter().map(|resource| {
                let reserved = Resources::from(Resource::from_proto(resource)?);
                Ok(Conversion::new(
                    reserved.clone(),
                    reserved.pop_reservation()?,
                ))
            });
            each.collect()
        }
        Type::Create => {
            let body = body(&operation.create, "CREATE", "create")?;
            let each = body.volumes.iter().map(|volume| {
                let volume = Resource::from_proto(volume)?;
                Ok(Conversion::new(volume.without_volume(), volume))
            });
            each.collect()
        }
        Type::Destroy => {
            let body = body(&operation.destroy, "DESTROY", "destroy")?;
            let each = body.volumes.iter().map(|volume| {
                let volume = Resource::from_proto(volume)?;
                Ok(Conversion {
                    unshared: Some(volume.clone()),
                    ..Conversion::new(volume.clone(), volume.without_volume())
                })
            });
            each.collect()
        }
        Type::GrowVolume => grow(body(&operation.grow_volume, "GROW_VOLUME", "grow_volume")?),
        Type::ShrinkVolume => shrink(body(
            &operation.shrink_volume,
            "SHRINK_VOLUME",
            "shrink_volume",
        )?),
    }
}

fn body<'a, T>(
    body: &'a Option<T>,
    kind: &'static str,
    field: &'static str,
) -> Result<&'a T, ResourceError> {
    body.as_ref()
        .ok_or(ResourceError::OperationWithoutBody(kind, field))
}

fn grow(grow: &v1::offer::operation::GrowVolume) -> Result<Vec<Conversion>, ResourceError> {
    let volume = local_volume(&grow.volume)?;
    let addition = Resource::from_proto(&grow.addition)?;
    let size = amount(&volume) + amount(&addition);
    let consumed: Resources = [volume.clone(), addition].into_iter().collect();
    Ok(vec![Conversion::new(consumed, volume.with_amount(size))])
}

fn shrink(shrink: &v1::offer::operation::ShrinkVolume) -> Result<Vec<Conversion>, ResourceError> {
    let volume = local_volume(&shrink.volume)?;
    let freed_amount = Scalar::from_f64(shrink.subtract.value)?;
    let freed = volume.without_volume().with_amount(freed_amount);
    let shrunk = volume
        .clone()
        .with_amount(amount(&volume).saturating_sub(freed_amount));
    let converted: Resources = [shrunk, freed].into_iter().collect();
    Ok(vec![Conversion::new(volume, converted)])
}

fn local_volume(volume: &v1::Resource) -> Result<Resource, ResourceError> {
    let volume = Resource::from_proto(volume)?;
    match volume.provider_id() {
        Some(_) => Err(ResourceError::ProviderNotSupported),
        None => Ok(volume),
    }
}

fn amount(resource: &Resource) -> Scalar {
    resource.amount().unwrap_or_default()
}
