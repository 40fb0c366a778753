//! Resources as they travel in messages, in the forms their reservations have
//! there (A22).
//!
//! The old form says one reservation by `role` and `reservation`, and every
//! resource has a `role`, if only `*`. The new form has a stack `reservations`
//! and no `role`. Both are read; which one is written depends on the peer.

use std::sync::Arc;

use messages::v1::{
    self,
    resource::{AllocationInfo, ReservationInfo, RevocableInfo, SharedInfo, reservation_info},
};

use super::{
    Ranges, Reservation, ReservationKind, Resource, ResourceError, Resources, Scalar, Value,
    ValueRef, check, describe::Described, details::Details,
};
use crate::{Role, role::RoleError};

impl Resource {
    /// Takes a resource from a message, in whichever form.
    pub fn from_proto(proto: &v1::Resource) -> Result<Self, ResourceError> {
        read(proto, None)
    }

    /// The resource as it travels, in the new form.
    pub fn to_proto(&self) -> v1::Resource {
        to_proto(self)
    }
}

impl Resources {
    /// Takes resources from a message, in whichever form. The first one that is
    /// not valid refuses all.
    pub fn from_proto(protos: &[v1::Resource]) -> Result<Self, ResourceError> {
        let mut resources = Self::new();
        let mut previous: Option<Resource> = None;
        for proto in protos {
            let resource =
                read(proto, previous.as_ref()).map_err(|reason| ResourceError::Invalid {
                    resource: Described(proto).to_string(),
                    reason: Box::new(reason),
                })?;
            resources.add_one(resource.clone());
            previous = Some(resource);
        }
        Ok(resources)
    }

    /// Takes resources from a peer that has checked them: those that are not
    /// valid are left out.
    pub fn from_proto_lossy(protos: &[v1::Resource]) -> Self {
        protos
            .iter()
            .filter_map(|proto| Resource::from_proto(proto).ok())
            .collect()
    }

    /// The resources as they travel, in the new form.
    pub fn to_proto(&self) -> Vec<v1::Resource> {
        self.iter().map(to_proto).collect()
    }

    /// The resources as they travel, in the old form: for frameworks and agents
    /// without RESERVATION_REFINEMENT. Refuses refined reservations, which that
    /// form cannot say.
    pub fn to_proto_old_form(&self) -> Result<Vec<v1::Resource>, ResourceError> {
        let mut protos = self.to_proto();
        protos.iter_mut().try_for_each(downgrade)?;
        Ok(protos)
    }

    /// The resources as endpoints show them: in the new form, and in the old one
    /// beside it where that can say it.
    pub fn to_proto_endpoint(&self) -> Vec<v1::Resource> {
        let mut protos = self.to_proto();
        protos.iter_mut().for_each(add_old_form);
        protos
    }
}

/// Reads one resource; what is as in `previous` shares its memory.
fn read(proto: &v1::Resource, previous: Option<&Resource>) -> Result<Resource, ResourceError> {
    check::check(proto)?;
    let allocation = match proto
        .allocation_info
        .as_ref()
        .and_then(|info| info.role.as_deref())
    {
        None => None,
        Some(text) => match previous.and_then(Resource::allocation) {
            Some(role) if role.as_str() == text => Some(role.clone()),
            _ => Some(Role::parse(text)?),
        },
    };
    let mut resource = Resource::new(&proto.name, read_value(proto)?);
    resource.allocation = allocation;
    let details = read_details(proto)?;
    if !details.is_default() {
        let shared = previous.and_then(|previous| previous.details.as_ref());
        resource.details = match shared {
            Some(shared) if shared.disk.is_none() && shared.same(&details) => Some(shared.clone()),
            _ => Some(Arc::new(details)),
        };
    }
    Ok(resource)
}

fn read_value(proto: &v1::Resource) -> Result<Value, ResourceError> {
    Ok(match (&proto.scalar, &proto.ranges, &proto.set) {
        (Some(scalar), _, _) => Value::Scalar(Scalar::from_f64(scalar.value)?),
        (_, Some(ranges), _) => {
            let ranges = ranges.range.iter().map(|range| (range.begin, range.end));
            Value::Ranges(ranges.collect::<Ranges>())
        }
        (_, _, Some(set)) => Value::Set(set.item.iter().map(String::as_str).collect()),
        (None, None, None) => return Err(ResourceError::InvalidType),
    })
}

fn read_details(proto: &v1::Resource) -> Result<Details, ResourceError> {
    let reservations = if proto.reservations.is_empty() {
        read_old_form(proto)?.into_iter().collect()
    } else {
        proto
            .reservations
            .iter()
            .map(Reservation::from_proto)
            .collect::<Result<_, _>>()?
    };
    Ok(Details {
        reservations,
        disk: proto.disk.clone(),
        provider: proto
            .provider_id
            .as_ref()
            .map(|id| Arc::from(id.value.as_str())),
        revocable: proto.revocable.is_some(),
        copies: u32::from(proto.shared.is_some()),
    })
}

fn read_old_form(proto: &v1::Resource) -> Result<Option<Reservation>, RoleError> {
    let role = Role::parse(proto.role())?;
    if role.is_any() {
        return Ok(None);
    }
    Ok(Some(match &proto.reservation {
        None => Reservation::new_static(role),
        Some(info) => Reservation {
            kind: ReservationKind::Dynamic,
            role,
            principal: info.principal.as_deref().map(Arc::from),
            labels: info.labels.clone(),
        },
    }))
}

impl Reservation {
    /// Takes a reservation from a message.
    pub fn from_proto(info: &ReservationInfo) -> Result<Self, ResourceError> {
        let kind = match info.r#type() {
            reservation_info::Type::Static => ReservationKind::Static,
            reservation_info::Type::Dynamic => ReservationKind::Dynamic,
            reservation_info::Type::Unknown => return Err(ResourceError::UnsupportedReservation),
        };
        let role = Role::parse(info.role())?;
        if role.is_any() {
            return Err(ResourceError::AnyReserved);
        }
        let principal = info.principal.as_deref().map(Arc::from);
        Ok(Self {
            kind,
            role,
            principal,
            labels: info.labels.clone(),
        })
    }

    /// The reservation as it travels.
    pub fn to_proto(&self) -> ReservationInfo {
        let kind = match self.kind {
            ReservationKind::Static => reservation_info::Type::Static,
            ReservationKind::Dynamic => reservation_info::Type::Dynamic,
        };
        ReservationInfo {
            r#type: Some(kind as i32),
            role: Some(self.role.as_str().to_owned()),
            principal: self.principal.as_deref().map(str::to_owned),
            labels: self.labels.clone(),
        }
    }
}

pub(super) fn to_proto(resource: &Resource) -> v1::Resource {
    let details = resource.details();
    let mut proto = v1::Resource {
        name: resource.name().to_owned(),
        provider_id: details
            .provider
            .as_deref()
            .map(|id| v1::ResourceProviderId {
                value: id.to_owned(),
            }),
        allocation_info: resource.allocation().map(|role| AllocationInfo {
            role: Some(role.as_str().to_owned()),
        }),
        reservations: details
            .reservations
            .iter()
            .map(Reservation::to_proto)
            .collect(),
        disk: details.disk.clone(),
        revocable: details.revocable.then_some(RevocableInfo {}),
        shared: (details.copies > 0).then_some(SharedInfo {}),
        ..Default::default()
    };
    match resource.value() {
        ValueRef::Scalar(scalar) => {
            proto.set_type(v1::value::Type::Scalar);
            proto.scalar = Some(v1::value::Scalar {
                value: scalar.to_f64(),
            });
        }
        ValueRef::Ranges(ranges) => {
            proto.set_type(v1::value::Type::Ranges);
            proto.ranges = Some(ranges_to_proto(ranges));
        }
        ValueRef::Set(set) => {
            proto.set_type(v1::value::Type::Set);
            proto.set = Some(v1::value::Set {
                item: set.items().map(str::to_owned).collect(),
            });
        }
    }
    proto
}

pub(crate) fn ranges_to_proto(ranges: &Ranges) -> v1::value::Ranges {
    let range = ranges
        .as_slice()
        .iter()
        .map(|&(begin, end)| v1::value::Range { begin, end })
        .collect();
    v1::value::Ranges { range }
}

/// Turns a resource into the new form, in place.
pub fn upgrade(resource: &mut v1::Resource) {
    let role = resource.role.take();
    let reservation = resource.reservation.take();
    let Some(role) = role.filter(|role| role != crate::role::ANY) else {
        return;
    };
    if !resource.reservations.is_empty() {
        return;
    }
    let kind = match reservation {
        None => reservation_info::Type::Static,
        Some(_) => reservation_info::Type::Dynamic,
    };
    resource.reservations.push(ReservationInfo {
        r#type: Some(kind as i32),
        role: Some(role),
        ..reservation.unwrap_or_default()
    });
}

/// Turns a resource of the new form into the old one, in place. Refuses refined
/// reservations, which that form cannot say.
pub fn downgrade(resource: &mut v1::Resource) -> Result<(), ResourceError> {
    if resource.reservations.len() > 1 {
        return Err(ResourceError::CannotDowngrade);
    }
    add_old_form(resource);
    resource.reservations.clear();
    Ok(())
}

/// Adds the old form beside the new one, in place, if it can say it.
pub fn add_old_form(resource: &mut v1::Resource) {
    match resource.reservations.as_slice() {
        [] => resource.role = Some(resource.role.take().unwrap_or_else(|| "*".to_owned())),
        [reservation] => {
            resource.role = Some(reservation.role().to_owned());
            resource.reservation =
                (reservation.r#type() == reservation_info::Type::Dynamic).then(|| {
                    ReservationInfo {
                        principal: reservation.principal.clone(),
                        labels: reservation.labels.clone(),
                        ..Default::default()
                    }
                });
        }
        _ => {}
    }
}
