//! Resources as the V0 endpoints show them:
//! `{"cpus": 7.9, "gpus": 0.0, "mem": 8160.0, "disk": 0.0, "ports": "[31000-32000]"}`.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Ranges, Resources, Scalar, Set, ValueRef};

/// One value of a V0 object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum V0Value {
    /// An amount.
    Number(f64),
    /// Ranges or a set as text.
    Text(String),
}

/// What is always there, even if there is none of it.
const ALWAYS: [&str; 4] = ["cpus", "gpus", "mem", "disk"];

impl Resources {
    /// The names and values of the V0 object in order: first the four that are
    /// always there, then the rest by type and name. What is revocable has a
    /// name of its own, `cpus_revocable`.
    pub fn v0_object(&self) -> Vec<(Cow<'static, str>, V0Value)> {
        let mut scalars: Entries<Scalar> = ALWAYS
            .map(|name| (Cow::Borrowed(name), Scalar::ZERO))
            .into();
        let mut ranges: Entries<Ranges> = Vec::new();
        let mut sets: Entries<Set> = Vec::new();
        for resource in self {
            let name = key(resource.name(), resource.is_revocable());
            match resource.value() {
                ValueRef::Scalar(scalar) => *slot(&mut scalars, name) += scalar,
                ValueRef::Ranges(more) => slot(&mut ranges, name).add(more),
                ValueRef::Set(more) => slot(&mut sets, name).add(more),
            }
        }
        if let Some(rest) = scalars.get_mut(ALWAYS.len()..) {
            rest.sort_by(|a, b| a.0.cmp(&b.0));
        }
        ranges.sort_by(|a, b| a.0.cmp(&b.0));
        sets.sort_by(|a, b| a.0.cmp(&b.0));

        let numbers = scalars
            .into_iter()
            .map(|(name, n)| (name, V0Value::Number(n.to_f64())));
        let ranges = ranges
            .into_iter()
            .map(|(name, r)| (name, V0Value::Text(r.to_string())));
        let sets = sets
            .into_iter()
            .map(|(name, s)| (name, V0Value::Text(s.to_string())));
        numbers.chain(ranges).chain(sets).collect()
    }
}

type Entries<T> = Vec<(Cow<'static, str>, T)>;

fn key(name: &str, revocable: bool) -> Cow<'static, str> {
    if revocable {
        return Cow::Owned(format!("{name}_revocable"));
    }
    let known = ALWAYS
        .iter()
        .chain(&["ports"])
        .find(|known| **known == name);
    known.map_or_else(
        || Cow::Owned(name.to_owned()),
        |known| Cow::Borrowed(*known),
    )
}

fn slot<'a, T: Default>(list: &'a mut Entries<T>, name: Cow<'static, str>) -> &'a mut T {
    let index = match list.iter().position(|(known, _)| *known == name) {
        Some(index) => index,
        None => {
            list.push((name, T::default()));
            list.len() - 1
        }
    };
    // The index was found or made just now.
    #[allow(clippy::indexing_slicing)]
    let entry = &mut list[index];
    &mut entry.1
}

/// Serialises resources as the V0 object.
#[derive(Debug, Clone, Copy)]
pub struct V0Object<'a>(pub &'a Resources);

impl Serialize for V0Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.v0_object();
        let mut map = serializer.serialize_map(Some(entries.len()))?;
        for (name, value) in &entries {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Resource, Role};

    fn json(resources: &Resources) -> String {
        serde_json::to_string(&V0Object(resources)).unwrap()
    }

    #[test]
    fn four_names_are_always_there() {
        assert_eq!(
            json(&Resources::new()),
            r#"{"cpus":0.0,"gpus":0.0,"mem":0.0,"disk":0.0}"#
        );
    }

    #[test]
    fn reservations_add_up_and_revocable_stands_apart() {
        let text = "mem:8160;cpus:4;cpus(web):3.9;zoo:{b,a};ports:[31000-32000];ports(web):[1-2];\
                    bugs:7;disk:10000";
        let mut resources = Resources::parse(text, &Role::any()).unwrap();
        let mut revocable = Resource::scalar("cpus", Scalar::whole(2));
        revocable.set_revocable(true);
        resources.add_one(revocable);
        assert_eq!(
            json(&resources),
            concat!(
                r#"{"cpus":7.9,"gpus":0.0,"mem":8160.0,"disk":10000.0,"bugs":7.0,"#,
                r#""cpus_revocable":2.0,"ports":"[1-2, 31000-32000]","zoo":"{a, b}"}"#
            )
        );
    }
}
