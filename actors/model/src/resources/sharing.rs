//! Whom resources are allocated to, and whom they are kept for (A16, A22).

use std::collections::BTreeMap;

use super::{Reservation, Resource, ResourceError, Resources};
use crate::Role;

/// Allocation.
impl Resources {
    /// Allocates everything to `role`.
    pub fn allocate(&mut self, role: &Role) {
        let mixed = self.has_mixed_allocations();
        for resource in &mut self.0 {
            resource.set_allocation(Some(role.clone()));
        }
        if mixed {
            *self = std::mem::take(self).into_iter().collect();
        }
    }

    /// Allocates everything to nobody.
    pub fn unallocate(&mut self) {
        let mixed = self.has_mixed_allocations();
        for resource in &mut self.0 {
            resource.set_allocation(None);
        }
        if mixed {
            *self = std::mem::take(self).into_iter().collect();
        }
    }

    fn has_mixed_allocations(&self) -> bool {
        let mut allocations = self.0.iter().map(Resource::allocation);
        let first = allocations.next();
        allocations.any(|allocation| Some(allocation) != first)
    }

    /// A copy allocated to `role`.
    #[must_use]
    pub fn allocated(&self, role: &Role) -> Resources {
        let mut copy = self.clone();
        copy.allocate(role);
        copy
    }

    /// A copy allocated to nobody.
    #[must_use]
    pub fn unallocated(&self) -> Resources {
        let mut copy = self.clone();
        copy.unallocate();
        copy
    }

    /// What is allocated to each role. What is allocated to nobody is left out.
    pub fn allocations(&self) -> BTreeMap<Role, Resources> {
        self.by_role(Resource::allocation)
    }

    fn by_role(&self, role: impl Fn(&Resource) -> Option<&Role>) -> BTreeMap<Role, Resources> {
        let mut result: BTreeMap<Role, Resources> = BTreeMap::new();
        for resource in &self.0 {
            if let Some(role) = role(resource) {
                result
                    .entry(role.clone())
                    .or_default()
                    .0
                    .push(resource.clone());
            }
        }
        result
    }

    /// What is allocated to `role` or to roles below it.
    pub fn allocated_to_subtree(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.is_allocated_to_subtree(role))
    }
}

/// Reservation.
impl Resources {
    /// What is anybody's.
    pub fn unreserved(&self) -> Resources {
        self.filter(Resource::is_unreserved)
    }

    /// What is reserved to each role.
    pub fn reserved(&self) -> BTreeMap<Role, Resources> {
        self.by_role(Resource::reservation_role)
    }

    /// What is reserved to `role` itself, not to roles above or below it.
    pub fn reserved_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.reservation_role() == Some(role))
    }

    /// What is reserved to `role` or to roles below it.
    pub fn reserved_to_subtree(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.is_reserved_to_subtree(role))
    }

    /// What `role` may use: what is anybody's, and what is reserved to the role
    /// or one above it (A16).
    pub fn allocatable_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.is_allocatable_to(role))
    }

    /// A copy without any reservation.
    #[must_use]
    pub fn to_unreserved(&self) -> Resources {
        if self.0.iter().all(Resource::is_unreserved) {
            return self.clone();
        }
        self.map(|resource| resource.set_reservations(Vec::new()))
    }

    /// A copy with one more reservation on top of all.
    #[must_use]
    pub fn push_reservation(&self, reservation: &Reservation) -> Resources {
        self.map(|resource| {
            let mut stack = resource.reservations().to_vec();
            stack.push(reservation.clone());
            resource.set_reservations(stack);
        })
    }

    /// A copy without the last reservation of each. Refuses if one has none.
    pub fn pop_reservation(&self) -> Result<Resources, ResourceError> {
        if let Some(plain) = self.0.iter().find(|resource| resource.is_unreserved()) {
            return Err(ResourceError::NotReserved(plain.to_string()));
        }
        Ok(self.map(|resource| {
            let mut stack = resource.reservations().to_vec();
            stack.pop();
            resource.set_reservations(stack);
        }))
    }
}
