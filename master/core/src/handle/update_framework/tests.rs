use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::OfferConstraints;
use messages::v1::scheduler::call::{Type, UpdateFramework};
use model::Role;

use crate::allocator::messages::{Input as ToAllocator, Offered, Offers};
use crate::connection::Outcome;
use crate::input::Input;
use crate::testing::*;

fn update(info: v1::FrameworkInfo) -> v1::scheduler::Call {
    let update = UpdateFramework {
        framework_info: info,
        ..Default::default()
    };
    v1::scheduler::Call {
        update_framework: Some(update),
        ..call(Type::UpdateFramework)
    }
}

#[test]
fn a_framework_can_change_its_roles_without_subscribing_again() {
    let mut world = World::new();
    let agent = world.agent(1, "cpus:4;mem:1024");
    let info = with_capability(framework_info(), Capability::MultiRole);
    let info = v1::FrameworkInfo {
        roles: vec!["a".to_owned(), "b".to_owned()],
        ..info
    };
    let (id, _) = world.framework_with(info.clone());
    let offers = ["a", "b"].map(|role| {
        let role = Role::parse(role).unwrap();
        Offered {
            framework_id: id.clone(),
            agent_id: agent.clone(),
            resources: resources_of("cpus:1").allocated(&role),
            role,
        }
    });
    world.handle(Input::Offers(Offers {
        offers: offers.to_vec(),
    }));
    let changed = v1::FrameworkInfo {
        id: Some(id.to_proto()),
        roles: vec!["b".to_owned()],
        ..info
    };
    let (outcome, effects) = world.try_call(&id, update(changed));
    assert_eq!(outcome, Outcome::Ok);
    assert!(matches!(
        to_allocator(&effects)[0],
        ToAllocator::UpdateFramework(_)
    ));
    let rescinded: Vec<_> = events(&effects)
        .filter_map(|event| event.rescind.as_ref())
        .collect();
    assert_eq!(rescinded.len(), 1);
    let snapshot = world.master.snapshot();
    let left: Vec<_> = snapshot
        .offers
        .all()
        .values()
        .map(|it| it.role().as_str())
        .collect();
    assert_eq!(left, ["b"]);
    world.check_books();
}

#[test]
fn what_cannot_change_is_refused() {
    let mut world = World::new();
    let (id, _) = world.framework();
    let own = || v1::FrameworkInfo {
        id: Some(id.to_proto()),
        ..framework_info()
    };
    let (outcome, effects) = world.try_call(
        &id,
        update(v1::FrameworkInfo {
            user: "other".to_owned(),
            ..own()
        }),
    );
    assert_eq!((outcome.status(), effects), (400, vec![]));
    assert!(
        outcome
            .text()
            .starts_with("FrameworkInfo update is not valid: ")
    );
    let bad_role = v1::FrameworkInfo {
        role: Some("-".to_owned()),
        ..own()
    };
    let (outcome, _) = world.try_call(&id, update(bad_role));
    assert!(
        outcome
            .text()
            .starts_with("Supplied FrameworkInfo is not valid: ")
    );
    let suppressing = UpdateFramework {
        framework_info: own(),
        suppressed_roles: vec!["other".to_owned()],
        ..Default::default()
    };
    let constrained = UpdateFramework {
        framework_info: own(),
        offer_constraints: Some(OfferConstraints {
            role_constraints: [("*".to_owned(), Default::default())].into(),
        }),
        ..Default::default()
    };
    let mut refused = |update| {
        let call = v1::scheduler::Call {
            update_framework: Some(update),
            ..call(Type::UpdateFramework)
        };
        world.try_call(&id, call).0.text().to_owned()
    };
    assert_eq!(
        refused(suppressing),
        "Supplied FrameworkInfo is not valid: Suppressed role 'other' is not contained in the list \
         of roles"
    );
    assert!(
        refused(constrained).starts_with("'UpdateFramework.offer_constraints' are not valid: ")
    );
}
