//! The algebra as a whole.

use messages::v1;
use proptest::prelude::*;

use super::*;
use crate::Role;

fn parse(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

fn volume(id: &str, mb: i64) -> Resource {
    let mut volume = Resource::scalar("disk", Scalar::whole(mb));
    volume.set_reservations(vec![Reservation::new_dynamic(role("web"), Some("p"))]);
    volume.set_disk(Some(v1::resource::DiskInfo {
        persistence: Some(v1::resource::disk_info::Persistence {
            id: id.into(),
            principal: None,
        }),
        ..Default::default()
    }));
    volume
}

fn shared(id: &str, mb: i64) -> Resource {
    let mut volume = volume(id, mb);
    volume.set_shared(true);
    volume
}

#[test]
fn four_resources_need_no_memory_of_their_own() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<Resource>(), 4 * word);
    assert!(
        size_of::<Resources>() <= 18 * word,
        "{}",
        size_of::<Resources>()
    );
    assert_eq!(size_of::<Quantities>(), 6 * word);
    let mut four = parse("cpus:1;mem:1;disk:1;ports:[1-5]").allocated(&role("web"));
    four += four.clone() + &four;
    assert_eq!(four.len(), 4);
    assert!(!four.0.spilled());
}

#[test]
fn what_differs_only_in_amount_is_one() {
    let mut total = parse("cpus:1;mem:5;cpus(web):2");
    total += parse("cpus:2;cpus(web):1;disk:7");
    assert_eq!(total, parse("cpus:3;mem:5;cpus(web):3;disk:7"));
    assert_eq!(total.len(), 4);
    assert_eq!(total.cpus(), Scalar::whole(6));
    total -= parse("cpus:3;mem:9;gpus:1");
    assert_eq!(total, parse("cpus(web):3;disk:7"));
}

#[test]
fn containing_looks_at_every_property() {
    let total = parse("cpus:2;cpus(web):2;ports:[1-10];zoo:{a,b}");
    assert!(total.contains(&parse("cpus:2;ports:[2-3, 9-10];zoo:{b}")));
    assert!(!total.contains(&parse("cpus:3")));
    assert!(!total.contains(&parse("ports:[10-11]")));
    assert!(!total.contains(&parse("zoo:{c}")));
    assert!(!total.contains(&parse("mem:1")));
    assert!(total.contains(&Resources::new()));
    assert!(!total.allocated(&role("web")).contains(&parse("cpus:1")));
    assert!(total.contains_quantities(&Quantities::parse("cpus:4;ports:10;zoo:2").unwrap()));
    assert!(!total.contains_quantities(&Quantities::parse("cpus:4.001").unwrap()));
}

#[test]
fn allocating_and_back() {
    let plain = parse("cpus:2;mem:5");
    let web = plain.allocated(&role("web"));
    let ads = parse("cpus:1").allocated(&role("ads"));
    let both = web.clone() + &ads;
    let allocations = both.allocations();
    assert_eq!(allocations.len(), 2);
    assert_eq!(allocations[&role("web")], web);
    assert_eq!(allocations[&role("ads")], ads);
    // What has become alike is one again.
    assert_eq!(both.unallocated(), parse("cpus:3;mem:5"));
    assert_eq!(both.unallocated().len(), 2);
    assert_eq!(both.allocated(&role("x")).len(), 2);
    assert_eq!(both.allocated_to_subtree(&role("web")), web);
}

#[test]
fn reservations_by_role_and_hierarchy() {
    let total = parse("cpus:1;cpus(a):2;cpus(a/b):3;mem(c):4");
    assert_eq!(total.unreserved(), parse("cpus:1"));
    assert_eq!(total.reserved_to(&role("a")), parse("cpus(a):2"));
    assert_eq!(
        total.reserved_to_subtree(&role("a")),
        parse("cpus(a):2;cpus(a/b):3")
    );
    assert_eq!(
        total.allocatable_to(&role("a/b")),
        parse("cpus:1;cpus(a):2;cpus(a/b):3")
    );
    assert_eq!(total.allocatable_to(&role("a")), parse("cpus:1;cpus(a):2"));
    assert_eq!(total.reserved().len(), 3);
    assert_eq!(total.to_unreserved(), parse("cpus:6;mem:4"));
}

#[test]
fn pushing_and_popping_reservations() {
    let plain = parse("cpus:1;mem:2");
    let reserved = plain.push_reservation(&Reservation::new_dynamic(role("a"), Some("p")));
    let refined = reserved.push_reservation(&Reservation::new_dynamic(role("a/b"), None));
    assert!(refined.iter().all(Resource::has_refined_reservations));
    assert_eq!(refined.pop_reservation().unwrap(), reserved);
    assert_eq!(reserved.pop_reservation().unwrap(), plain);
    assert!(matches!(
        plain.pop_reservation(),
        Err(ResourceError::NotReserved(_))
    ));
}

#[test]
fn a_volume_is_taken_whole_or_not_at_all() {
    let mut total = Resources::from(volume("v1", 10)) + Resources::from(volume("v2", 10));
    assert_eq!(total.len(), 2);
    assert!(total.contains_one(&volume("v1", 10)));
    assert!(!total.contains_one(&volume("v1", 5)));
    total -= Resources::from(volume("v1", 5));
    assert_eq!(total.len(), 2);
    let twice: Resources = [volume("v1", 10), volume("v1", 10)].into_iter().collect();
    assert!(!total.contains(&twice));
    total.sub_one(&volume("v1", 10));
    assert_eq!(total, Resources::from(volume("v2", 10)));
    assert_eq!(total.persistent_volumes(), total);
}

#[test]
fn shared_resources_are_counted() {
    let one = Resources::from(shared("v", 10));
    let two = one.clone() + &one;
    assert_eq!(two.len(), 1);
    assert_eq!(two.disk(), Scalar::whole(10));
    assert!(two.contains(&one) && !one.contains(&two));
    assert_eq!(two.clone() - &one, one);
    assert!((two.clone() - &two).is_empty());
    assert!(two.to_string().ends_with("<SHARED>:10<2>"), "{two}");
    assert_eq!(two.shared(), two);
    assert!(two.non_shared().is_empty());
}

#[test]
fn finding_prefers_the_role_then_anybodys_then_the_rest() {
    let total = parse("cpus(a):2;cpus:3;cpus(b):4");
    assert_eq!(total.find(&parse("cpus(a):1")), Some(parse("cpus(a):1")));
    assert_eq!(
        total.find(&parse("cpus(a):4")),
        Some(parse("cpus(a):2;cpus:2"))
    );
    assert_eq!(
        total.find(&parse("cpus:4")),
        Some(parse("cpus:3;cpus(a):1"))
    );
    assert_eq!(total.find(&parse("cpus(a):9")), Some(total.clone()));
    assert_eq!(total.find(&parse("cpus:10")), None);
    assert_eq!(total.find(&parse("mem:1")), None);
}

#[test]
fn shrinking_to_quantities() {
    let total = parse("cpus:4;mem:10;ports:[1-2]");
    let target = Quantities::parse("cpus:1.5;ports:9").unwrap();
    assert_eq!(total.shrink_to(&target), parse("cpus:1.5"));
    let volumes = Resources::from(volume("v", 10));
    assert!(
        volumes
            .shrink_to(&Quantities::parse("disk:5").unwrap())
            .is_empty()
    );
    assert_eq!(
        volumes.shrink_to(&Quantities::parse("disk:10").unwrap()),
        volumes
    );
}

#[test]
fn revocable_stands_apart() {
    let mut cpus = Resource::scalar("cpus", Scalar::whole(1));
    cpus.set_revocable(true);
    let total = parse("cpus:1") + Resources::from(cpus.clone());
    assert_eq!(total.len(), 2);
    assert_eq!(total.revocable(), Resources::from(cpus));
    assert_eq!(total.non_revocable(), parse("cpus:1"));
    assert_eq!(total.to_string(), "cpus:1; cpus{REV}:1");
}

#[test]
fn both_forms_are_read_and_written() {
    let dynamic = parse("cpus:1").push_reservation(&Reservation::new_dynamic(role("a"), Some("p")));
    let total = parse("cpus:1;mem(b):2") + &dynamic;
    let old = total.to_proto_old_form().unwrap();
    let roles: Vec<_> = old
        .iter()
        .map(|resource| resource.role.clone().unwrap())
        .collect();
    assert_eq!(roles, ["*", "b", "a"]);
    assert!(old.iter().all(|resource| resource.reservations.is_empty()));
    assert_eq!(old[2].reservation.as_ref().unwrap().principal(), "p");
    assert!(old[1].reservation.is_none());

    let new = total.to_proto();
    assert!(
        new.iter()
            .all(|r| r.role.is_none() && r.reservation.is_none())
    );
    let both = total.to_proto_endpoint();
    assert_eq!(both[2].role(), "a");
    assert_eq!(both[2].reservations.len(), 1);
    for form in [&old, &new, &both] {
        assert_eq!(Resources::from_proto(form).unwrap(), total);
        let mut upgraded = form.clone();
        upgraded.iter_mut().for_each(format::upgrade);
        assert_eq!(upgraded, new);
    }

    let refined = dynamic.push_reservation(&Reservation::new_dynamic(role("a/b"), None));
    assert_eq!(
        refined.to_proto_old_form(),
        Err(ResourceError::CannotDowngrade)
    );
    assert_eq!(refined.to_proto_endpoint()[0].role, None);
}

#[test]
fn what_a_message_says_wrong_is_refused_with_its_reason() {
    let good = || parse("cpus:1").to_proto().remove(0);
    let text = |change: &dyn Fn(&mut v1::Resource)| {
        let mut resource = good();
        change(&mut resource);
        Resources::from_proto(&[resource]).unwrap_err().to_string()
    };
    let amount = |value| Some(v1::value::Scalar { value });
    assert_eq!(
        text(&|r| r.scalar = amount(-1.0)),
        "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"
    );
    assert_eq!(
        text(&|r| r.scalar = amount(f64::NAN)),
        "Resource 'cpus:0' is invalid: Invalid scalar resource: NaN not supported"
    );
    assert!(
        text(&|r| r.scalar = amount(1e300)).ends_with("Values above 2000000000000 not supported")
    );
    assert!(text(&|r| r.scalar = None).ends_with("Invalid scalar resource"));
    assert!(text(&|r| r.name.clear()).ends_with("Empty resource name"));
    assert!(text(&|r| r.r#type = 77).ends_with("Invalid resource type"));
    assert!(
        text(&|r| r.r#type = v1::value::Type::Text as i32).ends_with("Unsupported resource type")
    );
    assert!(text(&|r| r.role = Some("/a".into())).ends_with("cannot start with a slash"));
    assert!(
        text(&|r| r.disk = Some(Default::default()))
            .ends_with("DiskInfo should not be set for cpus resource")
    );
    assert!(
        text(&|r| r.shared = Some(Default::default())).ends_with("Resource cpus cannot be shared")
    );
    assert!(
        text(&|r| r.reservation = Some(Default::default()))
            .ends_with("role \"*\" cannot be dynamically reserved")
    );

    let reservation =
        |role: &str, kind: v1::resource::reservation_info::Type| v1::resource::ReservationInfo {
            role: Some(role.into()),
            r#type: Some(kind as i32),
            ..Default::default()
        };
    use v1::resource::reservation_info::Type::{Dynamic, Static};
    let stack =
        |list: Vec<v1::resource::ReservationInfo>| text(&move |r| r.reservations = list.clone());
    assert!(stack(vec![reservation("*", Static)]).ends_with("role \"*\" cannot be reserved"));
    assert!(
        stack(vec![reservation("a", Static), reservation("a/b", Static)])
            .ends_with("A refined reservation cannot be STATIC")
    );
    assert!(
        stack(vec![reservation("a", Static), reservation("b", Dynamic)])
            .ends_with("role 'b' is not a refinement of 'a'")
    );
}

#[test]
fn operations_change_properties_but_not_amounts() {
    use v1::offer::{Operation, operation};
    let plain = parse("cpus:4;disk:100");
    let reserved =
        parse("cpus:1;disk:60").push_reservation(&Reservation::new_dynamic(role("web"), Some("p")));
    let reserve = Operation {
        r#type: Some(operation::Type::Reserve as i32),
        reserve: Some(operation::Reserve {
            resources: reserved.to_proto(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let total = plain.apply(&reserve).unwrap();
    assert_eq!(total, parse("cpus:3;disk:40") + &reserved);
    assert_eq!(total.quantities(), plain.quantities());

    let create = Operation {
        r#type: Some(operation::Type::Create as i32),
        create: Some(operation::Create {
            volumes: vec![volume("v", 60).to_proto()],
        }),
        ..Default::default()
    };
    let with_volume = total.apply(&create).unwrap();
    assert!(with_volume.contains_one(&volume("v", 60)));
    assert_eq!(with_volume.quantities(), plain.quantities());
    assert!(matches!(
        with_volume.apply(&create),
        Err(ResourceError::NotContained { .. })
    ));

    // What an agent checkpoints can be put back on what its flags say.
    let checkpoint = with_volume.needing_checkpoint();
    assert_eq!(
        plain.apply_checkpointed(&checkpoint),
        Ok(with_volume.clone())
    );
    assert!(matches!(
        parse("cpus:4").apply_checkpointed(&checkpoint),
        Err(ResourceError::IncompatibleCheckpoint { .. })
    ));

    let destroy = Operation {
        r#type: Some(operation::Type::Destroy as i32),
        destroy: Some(operation::Destroy {
            volumes: vec![volume("v", 60).to_proto()],
        }),
        ..Default::default()
    };
    assert_eq!(with_volume.apply(&destroy).unwrap(), total);

    let unreserve = Operation {
        r#type: Some(operation::Type::Unreserve as i32),
        unreserve: Some(operation::Unreserve {
            resources: reserved.to_proto(),
        }),
        ..Default::default()
    };
    assert_eq!(total.apply(&unreserve).unwrap(), plain);
    assert!(plain.apply(&unreserve).is_err());
    assert_eq!(
        plain.apply(&Operation::default()).unwrap_err(),
        ResourceError::UnknownOperation
    );
}

#[test]
fn serde_keeps_everything() {
    let total = parse("cpus:1.5;ports(web):[1-5];zoo:{a}").allocated(&role("x"));
    let text = serde_json::to_string(&total).unwrap();
    assert_eq!(serde_json::from_str::<Resources>(&text).unwrap(), total);
}

fn some_resource() -> impl Strategy<Value = Resource> {
    let value = prop_oneof![
        4 => (
            prop::sample::select(vec!["cpus", "mem", "disk", "gpus", "bugs"]),
            1i64..5000,
        )
            .prop_map(|(name, n)| Resource::scalar(name, Scalar::from_thousandths(n))),
        2 => (
            prop::sample::select(vec!["ports", "vlans"]),
            prop::collection::vec((0u64..40, 0u64..8), 1..4),
        )
            .prop_map(|(name, list)| {
                let ranges = list.into_iter().map(|(begin, n)| (begin, begin + n)).collect();
                Resource::new(name, Value::Ranges(ranges))
            }),
        1 => prop::collection::vec("[a-d]", 1..4)
            .prop_map(|items| Resource::new("zoo", Value::Set(items.into_iter().collect()))),
    ];
    let role = prop::sample::select(vec!["*", "a", "a/b", "c"]);
    (
        value,
        role,
        any::<bool>(),
        prop::option::weighted(0.3, Just("x")),
    )
        .prop_map(|(mut resource, reserved, revocable, allocated)| {
            if reserved != "*" {
                resource.set_reservations(vec![Reservation::new_static(role_of(reserved))]);
            }
            resource.set_revocable(revocable);
            resource.set_allocation(allocated.map(role_of));
            resource
        })
}

fn role_of(text: &str) -> Role {
    Role::parse(text).unwrap()
}

fn some_resources() -> impl Strategy<Value = Resources> {
    prop::collection::vec(some_resource(), 0..8).prop_map(|list| list.into_iter().collect())
}

/// Resources that can be written down: without what only operations make.
fn written_resources() -> impl Strategy<Value = Resources> {
    some_resources().prop_map(|resources| {
        resources.map(|resource| {
            resource.set_allocation(None);
            resource.set_revocable(false);
        })
    })
}

/// Only amounts: there a sum can be undone. A range that is on both sides of a
/// sum is there but once.
fn some_amounts() -> impl Strategy<Value = Resources> {
    some_resources().prop_map(|resources| resources.scalars())
}

fn written(resources: &Resources) -> String {
    let one = |resource: &Resource| match resource.reservation_role() {
        Some(role) => format!("{}({role}):{}", resource.name(), resource.value()),
        None => format!("{}:{}", resource.name(), resource.value()),
    };
    resources.iter().map(one).collect::<Vec<_>>().join(";")
}

proptest! {
    #[test]
    fn subtracting_undoes_adding(a in some_amounts(), b in some_amounts()) {
        prop_assert_eq!(a.clone() + &b - &b, a);
    }

    #[test]
    fn what_is_left_and_what_is_taken_make_the_whole(a in some_resources(), b in some_resources()) {
        let whole = a + &b;
        prop_assert_eq!(whole.clone() - &b + &b, whole);
    }

    #[test]
    fn adding_does_not_depend_on_the_order(a in some_resources(), b in some_resources()) {
        prop_assert_eq!(a.clone() + &b, b + &a);
    }

    #[test]
    fn a_sum_contains_its_parts(a in some_resources(), b in some_resources()) {
        let sum = a.clone() + &b;
        prop_assert!(sum.contains(&a) && sum.contains(&b));
    }

    #[test]
    fn containing_is_a_partial_order(
        a in some_resources(), b in some_resources(), c in some_resources(),
    ) {
        prop_assert!(a.contains(&a));
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
        if a.contains(&b) && b.contains(&c) {
            prop_assert!(a.contains(&c));
        }
        let (ab, abc) = (a.clone() + &b, a.clone() + &b + &c);
        prop_assert!(abc.contains(&ab) && ab.contains(&a) && abc.contains(&a));
    }

    #[test]
    fn messages_keep_everything(a in some_resources()) {
        prop_assert_eq!(Resources::from_proto(&a.to_proto()).unwrap(), a.clone());
        prop_assert_eq!(Resources::from_proto(&a.to_proto_old_form().unwrap()).unwrap(), a.clone());
        prop_assert_eq!(Resources::from_proto(&a.to_proto_endpoint()).unwrap(), a);
    }

    #[test]
    fn text_keeps_what_can_be_written(a in written_resources()) {
        // One name has one type there, which `vlans` and the others keep.
        prop_assert_eq!(Resources::parse(&written(&a), &Role::any()).unwrap(), a);
    }

    #[test]
    fn shrinking_never_exceeds_the_target(a in some_resources(), n in 0i64..6000) {
        let target: Quantities = [("cpus", Scalar::from_thousandths(n))].into_iter().collect();
        let shrunk = a.shrink_to(&target);
        prop_assert!(target.contains(&shrunk.quantities()));
        prop_assert!(a.contains(&shrunk));
        let expected = a.cpus().min(Scalar::from_thousandths(n));
        prop_assert_eq!(shrunk.cpus(), expected);
    }

    #[test]
    fn quantities_add_up(a in some_amounts(), b in some_amounts()) {
        prop_assert_eq!((a.clone() + &b).quantities(), a.quantities() + &b.quantities());
    }
}

/// A resource as anybody may send it: mostly not valid.
fn any_proto() -> impl Strategy<Value = v1::Resource> {
    let text = || {
        prop_oneof![
            Just("disk".to_owned()),
            Just("*".to_owned()),
            "[a-c/.*-]{0,5}",
            ".*"
        ]
    };
    let reservation = (
        prop::option::of(-1i32..4),
        prop::option::of(text()),
        prop::option::of(text()),
    )
        .prop_map(|(kind, role, principal)| v1::resource::ReservationInfo {
            r#type: kind,
            role,
            principal,
            labels: None,
        });
    let ranges = prop::collection::vec((any::<u64>(), any::<u64>()), 0..4).prop_map(|list| {
        let range = list
            .into_iter()
            .map(|(begin, end)| v1::value::Range { begin, end })
            .collect();
        v1::value::Ranges { range }
    });
    let amount = prop_oneof![any::<f64>(), 0.0..1e6];
    let value = (
        -1i32..5,
        prop::option::of(amount.prop_map(|value| v1::value::Scalar { value })),
        prop::option::of(ranges),
        prop::option::of(
            prop::collection::vec(text(), 0..3).prop_map(|item| v1::value::Set { item }),
        ),
    );
    let owner = (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(reservation.clone()),
        prop::collection::vec(reservation, 0..3),
    );
    let persistence = prop::option::of(text()).prop_map(|id| v1::resource::DiskInfo {
        persistence: id.map(|id| v1::resource::disk_info::Persistence {
            id,
            principal: None,
        }),
        ..Default::default()
    });
    (
        text(),
        value,
        owner,
        prop::option::of(persistence),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(name, (kind, scalar, ranges, set), owner, disk, revocable, shared)| v1::Resource {
                name,
                r#type: kind,
                scalar,
                ranges,
                set,
                role: owner.0,
                allocation_info: owner
                    .1
                    .map(|role| v1::resource::AllocationInfo { role: Some(role) }),
                reservation: owner.2,
                reservations: owner.3,
                disk: disk.map(Box::new),
                revocable: revocable.then(Default::default),
                shared: shared.then(Default::default),
                ..Default::default()
            },
        )
}

proptest! {
    #[test]
    fn no_message_panics(protos in prop::collection::vec(any_proto(), 0..3)) {
        for proto in &protos {
            let _ = describe::Described(proto).to_string();
        }
        if let Ok(resources) = Resources::from_proto(&protos) {
            // What was taken stays what it is.
            prop_assert_eq!(Resources::from_proto(&resources.to_proto()).unwrap(), resources.clone());
            let nothing = resources.clone() - &resources;
            prop_assert!(nothing.is_empty());
            let _ = (resources.to_string(), resources.v0_object(), resources.quantities());
        }
        let _ = crate::validation::resources::validate(&protos);
    }
}
