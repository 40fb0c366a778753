//! `/roles` and GET_ROLES (E11).

use std::collections::BTreeMap;

use messages::v1;
use model::resources::Quantities;
use model::{Resources, Role};

use super::json::{Fields, Json, List, Object};
use super::output::Output;
use crate::roles::RoleView;
use crate::snapshot::Snapshot;

/// What a role and the roles below it have.
#[derive(Debug, Default)]
struct Subtree {
    allocated: Quantities,
    offered: Quantities,
    reserved: Quantities,
    /// What of the reserved is in use.
    used_reserved: Quantities,
}

/// The answer of `/roles`.
pub fn roles(snapshot: &Snapshot, out: &mut Output) {
    let known = snapshot.roles();
    let subtrees = subtrees(snapshot);
    let none = Subtree::default();
    let roles = known.iter().map(|(role, view)| {
        let subtree = subtrees.get(role).unwrap_or(&none);
        Fields(move |object: &mut Object<'_>| fields(role, view, subtree, object))
    });
    Fields(|object: &mut Object<'_>| object.field("roles", List(roles))).write(out);
}

fn fields(role: &Role, view: &RoleView, subtree: &Subtree, object: &mut Object<'_>) {
    let none = Quantities::new();
    let mut consumed = subtree.reserved.clone();
    consumed -= &subtree.used_reserved;
    consumed += &subtree.allocated;
    object.field("name", role.as_str());
    object.field("weight", view.weight);
    object.field(
        "quota",
        Fields(|object: &mut Object<'_>| {
            object.field("role", role.as_str());
            object.field("guarantee", &none);
            object.field("limit", &none);
            object.field("consumed", &consumed);
        }),
    );
    object.field("resources", &subtree.in_use());
    object.field("allocated", &subtree.allocated);
    object.field("offered", &subtree.offered);
    object.field("reserved", &subtree.reserved);
    object.field(
        "frameworks",
        List(view.frameworks.iter().map(|id| id.as_str())),
    );
}

/// The roles as GET_ROLES shows them.
pub(crate) fn messages(snapshot: &Snapshot) -> impl Iterator<Item = v1::Role> {
    let subtrees = subtrees(snapshot);
    snapshot.roles().into_iter().map(move |(role, view)| {
        let in_use = subtrees.get(&role).map(Subtree::in_use).unwrap_or_default();
        let amounts = in_use.iter().filter(|(name, _)| KNOWN.contains(name));
        let resources = amounts.map(|(name, amount)| v1::Resource {
            name: name.to_owned(),
            r#type: v1::value::Type::Scalar.into(),
            scalar: Some(v1::value::Scalar {
                value: amount.to_f64(),
            }),
            ..v1::Resource::default()
        });
        v1::Role {
            name: role.to_string(),
            weight: view.weight,
            resources: resources.collect(),
            frameworks: view.frameworks.iter().map(|id| id.to_proto()).collect(),
        }
    })
}

/// The only resources that GET_ROLES shows.
const KNOWN: [&str; 4] = ["cpus", "disk", "gpus", "mem"];

impl Subtree {
    /// What is allocated or offered: the old `resources`.
    fn in_use(&self) -> Quantities {
        let mut sum = self.allocated.clone();
        sum += &self.offered;
        sum
    }
}

fn subtrees(snapshot: &Snapshot) -> BTreeMap<Role, Subtree> {
    let mut subtrees = Subtrees::default();
    for offer in snapshot.offers.all().values() {
        subtrees.add(&offer.resources().allocations(), |it| &mut it.offered);
    }
    for agent in snapshot.agents.registered().values() {
        subtrees.add(&agent.total().reserved(), |it| &mut it.reserved);
        for used in agent.used().values() {
            subtrees.add(&used.allocations(), |it| &mut it.allocated);
            subtrees.add(&used.reserved(), |it| &mut it.used_reserved);
        }
    }
    subtrees.0
}

#[derive(Default)]
struct Subtrees(BTreeMap<Role, Subtree>);

impl Subtrees {
    /// Adds amounts to their roles and all roles above.
    fn add(
        &mut self,
        amounts: &BTreeMap<Role, Resources>,
        part: impl Fn(&mut Subtree) -> &mut Quantities,
    ) {
        for (role, resources) in amounts {
            let quantities = resources.quantities();
            for role in std::iter::once(role.clone()).chain(role.ancestors()) {
                *part(self.0.entry(role).or_default()) += &quantities;
            }
        }
    }
}
