//! Resources together, and their arithmetic (A20).

use std::{
    collections::BTreeMap,
    ops::{Add, AddAssign, Sub, SubAssign},
};

use smallvec::SmallVec;

use super::{Quantities, Ranges, Reservation, Resource, ResourceError, Scalar, Set, ValueRef};
use crate::Role;

/// How many resources are held without memory of their own: cpus, mem, disk and
/// ports, which is what most agents, offers and tasks have.
const INLINE: usize = 4;

/// Resources together: what an agent has, an offer gives, a task takes.
///
/// Resources that differ in nothing but how much there is are one; nothing of
/// something is not kept. They stay in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Resources(SmallVec<[Resource; INLINE]>);

impl Resources {
    /// Nothing at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many different resources there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The single resources.
    pub fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.0.iter()
    }

    /// Adds one resource.
    pub fn add_one(&mut self, resource: Resource) {
        if resource.is_empty() {
            return;
        }
        match self.0.iter_mut().find(|mine| mine.is_addable(&resource)) {
            Some(mine) => mine.add(&resource),
            None => self.0.push(resource),
        }
    }

    fn add_one_ref(&mut self, resource: &Resource) {
        match self.0.iter_mut().find(|mine| mine.is_addable(resource)) {
            Some(mine) => mine.add(resource),
            None => self.0.push(resource.clone()),
        }
    }

    /// Takes one resource out. What is not there stays untouched; of an amount
    /// that is smaller nothing is left.
    pub fn sub_one(&mut self, resource: &Resource) {
        let Some(index) = self
            .0
            .iter()
            .position(|mine| mine.is_subtractable(resource))
        else {
            return;
        };
        if let Some(mine) = self.0.get_mut(index)
            && !mine.sub(resource)
        {
            self.0.remove(index);
        }
    }

    /// Whether everything in `other` is here too.
    pub fn contains(&self, other: &Resources) -> bool {
        if !other.iter().any(Resource::is_exclusive) {
            return other.iter().all(|resource| self.contains_one(resource));
        }
        // Two equal volumes are two things, so what was found is taken out.
        let mut remaining = self.clone();
        other.iter().all(|resource| {
            let found = remaining.contains_one(resource);
            if found && resource.is_exclusive() {
                remaining.sub_one(resource);
            }
            found
        })
    }

    /// Whether one resource is here, or a part of one.
    pub fn contains_one(&self, resource: &Resource) -> bool {
        self.0.iter().any(|mine| mine.contains(resource))
    }

    /// Whether there is at least as much as `quantities` of each name, with
    /// whatever properties.
    pub fn contains_quantities(&self, quantities: &Quantities) -> bool {
        self.quantities().contains(quantities)
    }

    /// Those for which `keep` holds.
    pub fn filter(&self, mut keep: impl FnMut(&Resource) -> bool) -> Resources {
        Self(
            self.0
                .iter()
                .filter(|resource| keep(resource))
                .cloned()
                .collect(),
        )
    }

    /// Changes each resource and joins what has become alike.
    #[must_use]
    pub fn map(&self, mut change: impl FnMut(&mut Resource)) -> Resources {
        let mut result = Resources::new();
        for resource in &self.0 {
            let mut resource = resource.clone();
            change(&mut resource);
            result.add_one(resource);
        }
        result
    }

    // --- Allocation ---

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

    // --- Reservation ---

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

    // --- Other properties ---

    /// What may be taken away at any time.
    pub fn revocable(&self) -> Resources {
        self.filter(Resource::is_revocable)
    }

    /// What is given for good.
    pub fn non_revocable(&self) -> Resources {
        self.filter(|resource| !resource.is_revocable())
    }

    /// What several tasks may use at once.
    pub fn shared(&self) -> Resources {
        self.filter(Resource::is_shared)
    }

    /// What one task uses alone.
    pub fn non_shared(&self) -> Resources {
        self.filter(|resource| !resource.is_shared())
    }

    /// The persistent volumes.
    pub fn persistent_volumes(&self) -> Resources {
        self.filter(Resource::is_persistent_volume)
    }

    /// The amounts, without ranges and sets.
    pub fn scalars(&self) -> Resources {
        self.filter(|resource| resource.amount().is_some())
    }

    /// Those with the given name.
    pub fn named(&self, name: &str) -> Resources {
        self.filter(|resource| resource.name() == name)
    }

    // --- Amounts ---

    /// The amount of `name` over all properties; zero if there is none.
    pub fn scalar(&self, name: &str) -> Scalar {
        self.0
            .iter()
            .filter(|resource| resource.name() == name)
            .filter_map(Resource::amount)
            .sum()
    }

    /// Cores.
    pub fn cpus(&self) -> Scalar {
        self.scalar("cpus")
    }

    /// Graphics processors.
    pub fn gpus(&self) -> Scalar {
        self.scalar("gpus")
    }

    /// Memory, in megabytes.
    pub fn mem(&self) -> Scalar {
        self.scalar("mem")
    }

    /// Disk space, in megabytes.
    pub fn disk(&self) -> Scalar {
        self.scalar("disk")
    }

    /// The numbers of `name` over all properties.
    pub fn ranges(&self, name: &str) -> Ranges {
        let mut total = Ranges::new();
        for resource in self.0.iter().filter(|resource| resource.name() == name) {
            if let ValueRef::Ranges(ranges) = resource.value() {
                total.add(ranges);
            }
        }
        total
    }

    /// The ports.
    pub fn ports(&self) -> Ranges {
        self.ranges("ports")
    }

    /// The names in the set `name` over all properties.
    pub fn set(&self, name: &str) -> Set {
        let mut total = Set::default();
        for resource in self.0.iter().filter(|resource| resource.name() == name) {
            if let ValueRef::Set(set) = resource.value() {
                total.add(set);
            }
        }
        total
    }

    /// The names, each once, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.iter().map(Resource::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The amounts by name; ranges and sets count one for each number or name.
    pub fn quantities(&self) -> Quantities {
        let whole = |count: u64| Scalar::whole(i64::try_from(count).unwrap_or(i64::MAX));
        let mut quantities = Quantities::new();
        for resource in &self.0 {
            let amount = match resource.value() {
                ValueRef::Scalar(scalar) => scalar,
                ValueRef::Ranges(ranges) => whole(ranges.count()),
                ValueRef::Set(set) => whole(set.len() as u64),
            };
            quantities.add_amount(resource.name(), amount);
        }
        quantities
    }

    /// The amounts by name, without ranges and sets.
    pub fn scalar_quantities(&self) -> Quantities {
        let mut quantities = Quantities::new();
        for resource in &self.0 {
            if let Some(amount) = resource.amount() {
                quantities.add_amount(resource.name(), amount);
            }
        }
        quantities
    }

    /// As much of this as `target` allows, names without a target left out.
    /// Ranges and sets cannot be cut and are left out too, as are disks that do
    /// not fit whole (A18).
    pub fn shrink_to(&self, target: &Quantities) -> Resources {
        let mut left = target.clone();
        let mut result = Resources::new();
        for resource in &self.0 {
            let Some(amount) = resource.amount() else {
                continue;
            };
            let room = left.get(resource.name());
            if room.is_zero() || (amount > room && resource.is_exclusive()) {
                continue;
            }
            let taken = amount.min(room);
            left.sub_amount(resource.name(), taken);
            result.add_one(resource.clone().with_amount(taken));
        }
        result
    }

    /// What is there of `targets`, whatever it is reserved to: first what is
    /// reserved to the target's role, then what is anybody's, then the rest.
    /// `None` if there is not enough.
    pub fn find(&self, targets: &Resources) -> Option<Resources> {
        let mut total = Resources::new();
        for target in targets {
            total += self.find_one(target)?;
        }
        Some(total)
    }

    fn find_one(&self, target: &Resource) -> Option<Resources> {
        let role = target.reservation_role();
        let rank = |resource: &Resource| match resource.reservation_role() {
            reserved if reserved.is_some() && reserved == role => 0,
            None => 1,
            Some(_) => 2,
        };
        let mut candidates: Vec<_> = self.0.iter().collect();
        candidates.sort_by_key(|resource| rank(resource));

        let mut remaining = target.clone();
        remaining.set_reservations(Vec::new());
        let mut found = Resources::new();
        for candidate in candidates {
            let mut plain = candidate.clone();
            plain.set_reservations(Vec::new());
            if plain.contains(&remaining) {
                remaining.set_reservations(candidate.reservations().to_vec());
                found.add_one(remaining);
                return Some(found);
            }
            if remaining.contains(&plain) {
                remaining.sub(&plain);
                found.add_one(candidate.clone());
            }
        }
        None
    }
}

/// The same resources, in whatever order.
impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.contains(other) && other.contains(self)
    }
}

impl Eq for Resources {}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        for resource in &other.0 {
            self.add_one_ref(resource);
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        if self.is_empty() {
            *self = other;
            return;
        }
        for resource in other.0 {
            self.add_one(resource);
        }
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        for resource in &other.0 {
            self.sub_one(resource);
        }
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

impl Add<&Resources> for Resources {
    type Output = Resources;

    fn add(mut self, other: &Resources) -> Resources {
        self += other;
        self
    }
}

impl Add for Resources {
    type Output = Resources;

    fn add(mut self, other: Resources) -> Resources {
        self += other;
        self
    }
}

impl Add<&Resources> for &Resources {
    type Output = Resources;

    fn add(self, other: &Resources) -> Resources {
        self.clone() + other
    }
}

impl Sub<&Resources> for Resources {
    type Output = Resources;

    fn sub(mut self, other: &Resources) -> Resources {
        self -= other;
        self
    }
}

impl Sub for Resources {
    type Output = Resources;

    fn sub(mut self, other: Resources) -> Resources {
        self -= &other;
        self
    }
}

impl Sub<&Resources> for &Resources {
    type Output = Resources;

    fn sub(self, other: &Resources) -> Resources {
        self.clone() - other
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(iter: I) -> Self {
        let mut resources = Resources::new();
        resources.extend(iter);
        resources
    }
}

impl Extend<Resource> for Resources {
    fn extend<I: IntoIterator<Item = Resource>>(&mut self, iter: I) {
        for resource in iter {
            self.add_one(resource);
        }
    }
}

impl std::iter::Sum for Resources {
    fn sum<I: Iterator<Item = Resources>>(iter: I) -> Self {
        iter.fold(Resources::new(), |sum, next| sum + next)
    }
}

impl<'a> std::iter::Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(iter: I) -> Self {
        iter.fold(Resources::new(), |sum, next| sum + next)
    }
}

impl From<Resource> for Resources {
    fn from(resource: Resource) -> Self {
        std::iter::once(resource).collect()
    }
}

impl<'a> IntoIterator for &'a Resources {
    type Item = &'a Resource;
    type IntoIter = std::slice::Iter<'a, Resource>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Resources {
    type Item = Resource;
    type IntoIter = smallvec::IntoIter<[Resource; INLINE]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
