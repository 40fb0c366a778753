use std::collections::BTreeSet;

use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Revive, Suppress, Type};
use model::Role;

use crate::allocator::messages::Input as ToAllocator;
use crate::testing::*;

fn revive(roles: &[&str]) -> v1::scheduler::Call {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    v1::scheduler::Call {
        revive: Some(Revive { roles }),
        ..call(Type::Revive)
    }
}

fn suppress(roles: &[&str]) -> v1::scheduler::Call {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    v1::scheduler::Call {
        suppress: Some(Suppress { roles }),
        ..call(Type::Suppress)
    }
}

#[test]
fn a_framework_suppresses_and_revives_its_own_roles() {
    let mut world = World::new();
    let info = with_capability(framework_info(), Capability::MultiRole);
    let info = v1::FrameworkInfo {
        roles: vec!["a".to_owned(), "b".to_owned()],
        ..info
    };
    let (id, _) = world.framework_with(info);
    let role = |name: &str| Role::parse(name).unwrap();
    let suppressed = |world: &World| {
        world
            .master
            .snapshot()
            .frameworks
            .get(&id)
            .unwrap()
            .suppressed()
            .clone()
    };
    let effects = world.call(&id, suppress(&["a"]));
    assert!(matches!(
        to_allocator(&effects)[..],
        [ToAllocator::SuppressOffers(it)] if it.roles == BTreeSet::from([role("a")])
    ));
    assert_eq!(suppressed(&world), BTreeSet::from([role("a")]));
    world.call(&id, suppress(&[]));
    assert_eq!(suppressed(&world), BTreeSet::from([role("a"), role("b")]));
    let effects = world.call(&id, revive(&["b"]));
    assert!(matches!(
        to_allocator(&effects)[..],
        [ToAllocator::ReviveOffers(_)]
    ));
    assert_eq!(suppressed(&world), BTreeSet::from([role("a")]));
    world.call(&id, revive(&[]));
    assert_eq!(suppressed(&world), BTreeSet::new());
    for call in [suppress(&["a", "c"]), revive(&["a b"])] {
        assert_eq!(world.call(&id, call), []);
    }
}

#[test]
fn views_see_which_roles_are_in_use() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024;cpus(r):1");
    let info = v1::FrameworkInfo {
        role: Some("a/b".to_owned()),
        ..framework_info()
    };
    let (framework, _) = world.framework_with(info);
    let (plain, _) = world.framework();
    world.task(&plain, &agent, "t");
    let roles = world.master.snapshot().roles();
    let names: Vec<_> = roles.keys().map(Role::as_str).collect();
    assert_eq!(names, ["*", "a", "a/b", "r"]);
    assert_eq!(roles[&Role::any()].allocated.cpus().to_f64(), 1.0);
    assert_eq!(
        roles[&Role::parse("a/b").unwrap()].frameworks,
        BTreeSet::from([framework])
    );
    assert_eq!(
        roles[&Role::parse("r").unwrap()].reserved.cpus().to_f64(),
        1.0
    );
}
