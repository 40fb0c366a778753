//! One resource: so much of something, with the same properties throughout.

use std::sync::Arc;

use messages::v1::{self, resource::disk_info::source::Type as SourceType};

use super::{
    Kind, Reservation, ReservationKind, Scalar, Value, ValueRef, body::Body, details::Details,
};
use crate::Role;

/// So much of something, with the same properties throughout.
///
/// Four words: plain resources need no memory of their own.
#[derive(Debug, Clone)]
pub struct Resource {
    pub(super) allocation: Option<Role>,
    /// `None` when there is nothing to say.
    pub(super) details: Option<Arc<Details>>,
    pub(super) body: Body,
}

static NO_DETAILS: Details = Details {
    reservations: Vec::new(),
    disk: None,
    provider: None,
    revocable: false,
    copies: 0,
};

impl Resource {
    /// A resource without any property.
    pub fn new(name: &str, value: Value) -> Self {
        Self {
            allocation: None,
            details: None,
            body: Body::new(name, value),
        }
    }

    /// An amount without any property.
    pub fn scalar(name: &str, amount: Scalar) -> Self {
        Self::new(name, Value::Scalar(amount))
    }

    /// The name: `cpus`, `mem` …
    pub fn name(&self) -> &str {
        self.body.name()
    }

    /// How much there is.
    pub fn value(&self) -> ValueRef<'_> {
        self.body.value()
    }

    /// The type of the value.
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// The amount; `None` for ranges and sets.
    pub fn amount(&self) -> Option<Scalar> {
        match self.value() {
            ValueRef::Scalar(scalar) => Some(scalar),
            ValueRef::Ranges(_) | ValueRef::Set(_) => None,
        }
    }

    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The role this is allocated to, if it is.
    pub fn allocation(&self) -> Option<&Role> {
        self.allocation.as_ref()
    }

    /// Says which role this is allocated to.
    pub fn set_allocation(&mut self, role: Option<Role>) {
        self.allocation = role;
    }

    pub(super) fn details(&self) -> &Details {
        self.details.as_deref().unwrap_or(&NO_DETAILS)
    }

    pub(super) fn change_details(&mut self, change: impl FnOnce(&mut Details)) {
        let mut details = self.details.take().unwrap_or_default();
        change(Arc::make_mut(&mut details));
        self.details = if details.is_default() {
            None
        } else {
            Some(details)
        };
    }

    /// The reservations, from the first one to the last refinement of it (A22).
    pub fn reservations(&self) -> &[Reservation] {
        &self.details().reservations
    }

    /// The role this is reserved to; `None` if it is anybody's.
    pub fn reservation_role(&self) -> Option<&Role> {
        self.reservations()
            .last()
            .map(|reservation| &reservation.role)
    }

    /// Replaces the whole stack of reservations.
    pub fn set_reservations(&mut self, reservations: Vec<Reservation>) {
        if self.details.is_some() || !reservations.is_empty() {
            self.change_details(|details| details.reservations = reservations);
        }
    }

    /// Whether this is anybody's.
    pub fn is_unreserved(&self) -> bool {
        self.reservations().is_empty()
    }

    /// Whether the last reservation was made by an operation.
    pub fn is_dynamically_reserved(&self) -> bool {
        self.reservations()
            .last()
            .is_some_and(|reservation| reservation.kind == ReservationKind::Dynamic)
    }

    /// Whether there are reservations on top of reservations.
    pub fn has_refined_reservations(&self) -> bool {
        self.reservations().len() > 1
    }

    /// Whether `role` may use this: it is anybody's, or reserved to the role or
    /// one above it (A16).
    pub fn is_allocatable_to(&self, role: &Role) -> bool {
        self.reservation_role()
            .is_none_or(|reserved| role.is_within(reserved))
    }

    /// Whether this is reserved to `role` or to one below it.
    pub fn is_reserved_to_subtree(&self, role: &Role) -> bool {
        self.reservation_role()
            .is_some_and(|reserved| reserved.is_within(role))
    }

    /// Whether this is allocated to `role` or to one below it.
    pub fn is_allocated_to_subtree(&self, role: &Role) -> bool {
        self.allocation()
            .is_some_and(|allocated| allocated.is_within(role))
    }

    /// Which disk and which volume this is, if it says so.
    pub fn disk(&self) -> Option<&v1::resource::DiskInfo> {
        self.details().disk.as_deref()
    }

    /// Replaces which disk and which volume this is.
    pub fn set_disk(&mut self, disk: Option<v1::resource::DiskInfo>) {
        if self.details.is_some() || disk.is_some() {
            self.change_details(|details| details.disk = disk.map(Box::new));
        }
    }

    /// The id of the persistent volume this is, if it is one.
    pub fn persistence_id(&self) -> Option<&str> {
        self.disk()?
            .persistence
            .as_ref()
            .map(|persistence| persistence.id.as_str())
    }

    /// Whether this is a persistent volume.
    pub fn is_persistent_volume(&self) -> bool {
        self.persistence_id().is_some()
    }

    /// Whether this is a disk from a source of the given type.
    pub fn is_disk(&self, kind: SourceType) -> bool {
        self.disk()
            .and_then(|disk| disk.source.as_ref())
            .is_some_and(|source| source.r#type() == kind)
    }

    /// Whether tasks on this may be stopped at any time.
    pub fn is_revocable(&self) -> bool {
        self.details().revocable
    }

    /// Says whether tasks on this may be stopped at any time.
    pub fn set_revocable(&mut self, revocable: bool) {
        if self.is_revocable() != revocable {
            self.change_details(|details| details.revocable = revocable);
        }
    }

    /// Whether several tasks may use this at once.
    pub fn is_shared(&self) -> bool {
        self.details().copies > 0
    }

    /// Says whether several tasks may use this at once.
    pub fn set_shared(&mut self, shared: bool) {
        if self.is_shared() != shared {
            self.change_details(|details| details.copies = u32::from(shared));
        }
    }

    /// How many users of a shared resource are counted here; zero if it is not
    /// shared.
    pub fn copies(&self) -> u32 {
        self.details().copies
    }

    /// The resource provider this comes from; `None` if from the agent itself.
    pub fn provider_id(&self) -> Option<&str> {
        self.details().provider.as_deref()
    }

    /// The plain disk below a persistent volume: nobody's data, and not shared.
    pub fn without_volume(&self) -> Resource {
        let mut stripped = self.clone();
        if stripped.details.is_some() {
            stripped.change_details(|details| {
                details.copies = 0;
                details.disk = details.disk.take().filter(|disk| disk.source.is_some());
                if let Some(disk) = &mut details.disk {
                    disk.persistence = None;
                    disk.volume = None;
                }
            });
        }
        stripped
    }

    /// The same resource with another amount; no change for ranges and sets.
    #[must_use]
    pub fn with_amount(mut self, amount: Scalar) -> Resource {
        self.body.set_scalar(amount);
        self
    }

    /// Whether this is one indivisible thing, which is taken whole or not at
    /// all: a persistent volume, a mounted or raw disk of its own.
    pub fn is_exclusive(&self) -> bool {
        self.details
            .as_ref()
            .is_some_and(|details| details.is_exclusive())
    }

    /// Whether two resources differ in nothing but how much there is.
    pub fn is_same_kind(&self, other: &Resource) -> bool {
        self.body.same(&other.body)
            && match (&self.allocation, &other.allocation) {
                (None, None) => true,
                (Some(a), Some(b)) => a.same_pointer(b) || a == b,
                _ => false,
            }
            && match (&self.details, &other.details) {
                (None, None) => true,
                (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a.same(b),
                _ => false,
            }
    }

    /// Whether the two make one resource together.
    pub(super) fn is_addable(&self, other: &Resource) -> bool {
        self.is_same_kind(other)
            && if self.is_shared() {
                self.body == other.body
            } else {
                !self.is_exclusive()
            }
    }

    /// Whether `other` can be taken out of this one.
    pub(super) fn is_subtractable(&self, other: &Resource) -> bool {
        self.is_same_kind(other)
            && (self.details.is_none()
                || !(self.is_shared() || self.is_exclusive())
                || self.body == other.body)
    }

    /// Whether `other` is a part of this one, or all of it.
    pub fn contains(&self, other: &Resource) -> bool {
        self.is_subtractable(other)
            && if self.is_shared() {
                self.copies() >= other.copies()
            } else {
                self.body.contains(&other.body)
            }
    }

    /// Adds what is [`Resource::is_addable`].
    pub(super) fn add(&mut self, other: &Resource) {
        let copies = other.copies();
        if copies > 0 {
            self.change_details(|details| details.copies = details.copies.saturating_add(copies));
        } else {
            self.body.add(&other.body);
        }
    }

    /// Takes out what is [`Resource::is_subtractable`]. Says whether anything is
    /// left; more taken than there was leaves nothing.
    pub(super) fn sub(&mut self, other: &Resource) -> bool {
        let copies = other.copies();
        if copies > 0 {
            let left = self.copies().saturating_sub(copies);
            if left > 0 {
                self.change_details(|details| details.copies = left);
            }
            left > 0
        } else {
            self.body.sub(&other.body);
            !self.body.is_empty() && !self.body.is_negative()
        }
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.is_same_kind(other) && self.body == other.body && self.copies() == other.copies()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small() {
        assert_eq!(size_of::<Resource>(), 4 * size_of::<usize>());
    }

    #[test]
    fn setting_nothing_leaves_it_plain() {
        let mut cpus = Resource::scalar("cpus", Scalar::whole(1));
        cpus.set_revocable(true);
        assert!(cpus.details.is_some());
        cpus.set_revocable(false);
        cpus.set_reservations(Vec::new());
        cpus.set_disk(None);
        cpus.set_shared(false);
        assert!(cpus.details.is_none());
    }
}
