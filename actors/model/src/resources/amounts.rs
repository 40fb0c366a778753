//! How much there is of what, whatever its other properties.

use super::{Quantities, Ranges, Resource, Resources, Scalar, Set, ValueRef, body::Body};

impl Resources {
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
        self.known(|body| match body {
            Body::Cpus(scalar) => Some(*scalar),
            _ => None,
        })
    }

    /// Graphics processors.
    pub fn gpus(&self) -> Scalar {
        self.known(|body| match body {
            Body::Gpus(scalar) => Some(*scalar),
            _ => None,
        })
    }

    /// Memory, in megabytes.
    pub fn mem(&self) -> Scalar {
        self.known(|body| match body {
            Body::Mem(scalar) => Some(*scalar),
            _ => None,
        })
    }

    /// Disk space, in megabytes.
    pub fn disk(&self) -> Scalar {
        self.known(|body| match body {
            Body::Disk(scalar) => Some(*scalar),
            _ => None,
        })
    }

    /// Sums up one of the known names without looking at names.
    fn known(&self, amount: impl Fn(&Body) -> Option<Scalar>) -> Scalar {
        self.0
            .iter()
            .filter_map(|resource| amount(&resource.body))
            .sum()
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
        self.count(|resource| match resource.value() {
            ValueRef::Scalar(scalar) => scalar,
            ValueRef::Ranges(ranges) => whole(ranges.count()),
            ValueRef::Set(set) => whole(set.len() as u64),
        })
    }

    /// The amounts by name, without ranges and sets.
    pub fn scalar_quantities(&self) -> Quantities {
        self.count(|resource| resource.amount().unwrap_or_default())
    }

    fn count(&self, amount: impl Fn(&Resource) -> Scalar) -> Quantities {
        let mut quantities = Quantities::new();
        for resource in &self.0 {
            match resource.body.known() {
                Some(known) => quantities.add_known(known, amount(resource)),
                None => quantities.add_amount(resource.name(), amount(resource)),
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
