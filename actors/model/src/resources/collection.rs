//! Resources together, and their arithmetic (A20).

use std::ops::{Add, AddAssign, Sub, SubAssign};

use smallvec::SmallVec;

use super::{Quantities, Resource};

/// How many resources are held without memory of their own: cpus, mem, disk and
/// ports, which is what most agents, offers and tasks have.
const INLINE: usize = 4;

/// Resources together: what an agent has, an offer gives, a task takes.
///
/// Resources that differ in nothing but how much there is are one; nothing of
/// something is not kept. They stay in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Resources(pub(super) SmallVec<[Resource; INLINE]>);

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

    /// Whether these are amounts only, without ranges and sets.
    pub fn are_amounts(&self) -> bool {
        self.iter().all(|resource| resource.amount().is_some())
    }

    /// Those with the given name.
    pub fn named(&self, name: &str) -> Resources {
        self.filter(|resource| resource.name() == name)
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
