use messages::v1::{
    offer::operation::{Create, CreateDisk, Destroy, DestroyDisk, GrowVolume, ShrinkVolume},
    resource::{DiskInfo, disk_info, disk_info::source::Type as SourceType},
};

use super::*;
use crate::{Scalar, resources::Reservation};

fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

fn parse(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

fn reserved(text: &str, to: &str, principal: Option<&str>) -> Resources {
    parse(text).push_reservation(&Reservation::new_dynamic(role(to), principal))
}

fn volume(id: &str, mb: i64) -> Resource {
    let mut volume = Resource::scalar("disk", Scalar::whole(mb));
    volume.set_reservations(vec![Reservation::new_dynamic(role("web"), Some("p"))]);
    volume.set_disk(Some(DiskInfo {
        persistence: Some(disk_info::Persistence {
            id: id.into(),
            principal: Some("p".into()),
        }),
        volume: Some(v1::Volume {
            container_path: "data".into(),
            mode: v1::volume::Mode::Rw as i32,
            ..Default::default()
        }),
        source: None,
    }));
    volume
}

fn all_capabilities() -> Vec<v1::agent_info::Capability> {
    [
        AgentCapability::HierarchicalRole,
        AgentCapability::ReservationRefinement,
        AgentCapability::ResizeVolume,
    ]
    .map(|one| v1::agent_info::Capability {
        r#type: Some(one as i32),
    })
    .into()
}

fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some(v1::FrameworkId { value: "f".into() }),
        role: Some("web".into()),
        ..Default::default()
    }
}

/// Asks as an operator, of an agent that can do everything.
fn operator<T>(ask: impl FnOnce(Asker<'_>) -> T) -> T {
    ask(Asker {
        principal: Some("p"),
        framework: None,
        agent: &all_capabilities(),
    })
}

/// Asks as a framework, of an agent that can do nothing special.
fn scheduler<T>(ask: impl FnOnce(Asker<'_>) -> T) -> T {
    ask(Asker {
        principal: Some("p"),
        framework: Some(&framework()),
        agent: &[],
    })
}

fn to_reserve(resources: &Resources) -> Reserve {
    Reserve {
        resources: resources.to_proto(),
        source: Vec::new(),
    }
}

#[test]
fn operators_reserve_what_nobody_was_offered() {
    let refusal = |resources: &Resources| {
        operator(|asker| reserve(&to_reserve(resources), asker))
            .unwrap_err()
            .to_string()
    };
    let good = reserved("cpus:1", "web/front", Some("p"));
    assert_eq!(operator(|asker| reserve(&to_reserve(&good), asker)), Ok(()));
    assert_eq!(
        refusal(&parse("cpus:1")),
        "Resource cpus:1 is not dynamically reserved"
    );
    assert_eq!(
        refusal(&reserved("cpus:1", "web", None)),
        "A reserve operation was attempted by principal 'p', but there is a reserved resource in \
         the request with no principal set"
    );
    assert_eq!(
        refusal(&reserved("cpus:1", "web", Some("q"))),
        "A reserve operation was attempted by authenticated principal 'p', which does not match a \
         reserved resource in the request with principal 'q'"
    );
    assert_eq!(
        refusal(&good.allocated(&role("web/front"))),
        OperationError::ReserveAllocated.to_string()
    );
}

#[test]
fn frameworks_reserve_what_they_were_offered() {
    let ask = |resources: &Resources| scheduler(|asker| reserve(&to_reserve(resources), asker));
    let refusal = |resources: &Resources| ask(resources).unwrap_err().to_string();
    let good = reserved("cpus:1", "web", Some("p"));
    assert_eq!(ask(&good.allocated(&role("web"))), Ok(()));
    assert!(matches!(
        ask(&good),
        Err(OperationError::ReserveUnallocated(_))
    ));
    assert_eq!(
        refusal(&good.allocated(&role("ads"))),
        "A reserve operation was attempted for a resource with role 'web', but the resource was \
         allocated to role 'ads'"
    );
    assert_eq!(
        refusal(&reserved("cpus:1", "ads", Some("p")).allocated(&role("ads"))),
        "A reserve operation was attempted for a resource allocated to role 'ads', but the \
         framework only has roles '{ web }'"
    );
    let nested = reserved("cpus:1", "web/a", Some("p")).allocated(&role("web/a"));
    assert!(refusal(&nested).ends_with("on an agent without HIERARCHICAL_ROLE capability"));
}

#[test]
fn a_source_has_the_same_amounts() {
    let ask = |source: &Resources, target: &Resources| {
        let asked = Reserve {
            source: source.to_proto(),
            resources: target.to_proto(),
        };
        operator(|asker| reserve(&asked, asker))
    };
    let target = reserved("cpus:1", "ads", Some("p"));
    assert_eq!(ask(&reserved("cpus:1", "web", Some("p")), &target), Ok(()));
    assert_eq!(
        ask(&parse("cpus:2"), &target).unwrap_err().to_string(),
        "Source and target resources should refer to identical resource quantities: cpus:2 vs. \
         cpus:1"
    );
    let mixed = parse("cpus:1") + parse("cpus(web):1");
    assert!(matches!(
        ask(&mixed, &target),
        Err(OperationError::SourceStack(_))
    ));
}

#[test]
fn unreserving() {
    let ask = |resources: &Resources| {
        unreserve(&Unreserve {
            resources: resources.to_proto(),
        })
    };
    assert_eq!(ask(&reserved("cpus:1", "web", None)), Ok(()));
    assert!(matches!(
        ask(&parse("cpus(web):1")),
        Err(OperationError::NotDynamic(_))
    ));
    assert!(matches!(
        ask(&Resources::from(volume("v", 1))),
        Err(OperationError::UnreserveVolume(_))
    ));
}

#[test]
fn creating_volumes() {
    let ask = |volume: &Resource, checkpointed: &Resources| {
        let asked = Create {
            volumes: vec![volume.to_proto()],
        };
        operator(|asker| create(&asked, checkpointed, asker))
    };
    let none = Resources::new();
    assert_eq!(ask(&volume("v", 1), &none), Ok(()));
    assert_eq!(
        ask(&volume("v", 1), &Resources::from(volume("v", 5)))
            .unwrap_err()
            .to_string(),
        "Persistence ID 'v' is not unique"
    );
    assert_eq!(
        ask(&Resource::scalar("disk", Scalar::whole(1)), &none)
            .unwrap_err()
            .to_string(),
        "Not a persistent volume: Resource disk:1 does not have DiskInfo"
    );
    let mut shared = volume("v", 1);
    shared.set_shared(true);
    shared.set_allocation(Some(role("web")));
    let asked = Create {
        volumes: vec![shared.to_proto()],
    };
    assert!(
        scheduler(|asker| create(&asked, &none, asker))
            .unwrap_err()
            .to_string()
            .ends_with("by framework 'f' with no SHARED_RESOURCES capability")
    );
}

#[test]
fn destroying_volumes() {
    let asked = Destroy {
        volumes: vec![volume("v", 1).to_proto()],
    };
    let there = Resources::from(volume("v", 1));
    assert_eq!(destroy(&asked, &there, []), Ok(()));
    assert_eq!(
        destroy(&asked, &Resources::new(), []),
        Err(OperationError::VolumeNotFound)
    );
    let used = there.allocated(&role("web"));
    assert_eq!(
        destroy(&asked, &there, [&used]),
        Err(OperationError::VolumeInUse)
    );
}

#[test]
fn resizing_volumes() {
    let agent = all_capabilities();
    let disk = |mb: i64| {
        reserved(&format!("disk:{mb}"), "web", Some("p"))
            .to_proto()
            .remove(0)
    };
    let grow = |addition| GrowVolume {
        volume: volume("v", 10).to_proto(),
        addition,
    };
    assert_eq!(grow_volume(&grow(disk(5)), &agent), Ok(()));
    assert_eq!(
        grow_volume(&grow(parse("disk:5").to_proto().remove(0)), &agent),
        Err(OperationError::GrowIncompatible)
    );
    let nothing = v1::Resource {
        scalar: Some(v1::value::Scalar::default()),
        ..disk(1)
    };
    assert_eq!(
        grow_volume(&grow(nothing), &agent),
        Err(OperationError::AdditionEmpty)
    );
    assert!(matches!(
        grow_volume(&grow(disk(5)), &[]),
        Err(OperationError::CannotResize { done: "grown", .. })
    ));

    let shrink = |mb: f64| ShrinkVolume {
        volume: volume("v", 10).to_proto(),
        subtract: v1::value::Scalar { value: mb },
    };
    assert_eq!(shrink_volume(&shrink(5.0), &agent), Ok(()));
    assert_eq!(
        shrink_volume(&shrink(10.0), &agent),
        Err(OperationError::SubtractTooLarge)
    );
    for nothing in [0.0, -1.0, f64::NAN] {
        assert_eq!(
            shrink_volume(&shrink(nothing), &agent),
            Err(OperationError::SubtractEmpty)
        );
    }
}

#[test]
fn disks_of_providers() {
    let disk = |kind: SourceType, id: Option<&str>, provider: Option<&str>| v1::Resource {
        name: "disk".into(),
        scalar: Some(v1::value::Scalar { value: 10.0 }),
        provider_id: provider.map(|id| v1::ResourceProviderId { value: id.into() }),
        disk: Some(Box::new(DiskInfo {
            source: Some(disk_info::Source {
                r#type: kind as i32,
                id: id.map(Into::into),
                ..Default::default()
            }),
            ..Default::default()
        })),
        ..Default::default()
    };
    let make = |source, target: SourceType, profile: Option<&str>| {
        create_disk(&CreateDisk {
            source,
            target_type: target as i32,
            target_profile: profile.map(Into::into),
        })
    };
    let raw = || disk(SourceType::Raw, None, Some("rp"));
    assert_eq!(make(raw(), SourceType::Mount, Some("fast")), Ok(()));
    assert_eq!(
        make(raw(), SourceType::Mount, None),
        Err(OperationError::ProfileMissing)
    );
    assert_eq!(
        make(raw(), SourceType::Path, None),
        Err(OperationError::DiskTarget)
    );
    assert_eq!(
        make(
            disk(SourceType::Mount, None, Some("rp")),
            SourceType::Mount,
            None
        ),
        Err(OperationError::DiskNotRaw)
    );
    assert_eq!(
        make(disk(SourceType::Raw, None, None), SourceType::Mount, None),
        Err(OperationError::DiskWithoutProvider)
    );

    let unmake = |source| destroy_disk(&DestroyDisk { source });
    assert_eq!(
        unmake(disk(SourceType::Mount, Some("x"), Some("rp"))),
        Ok(())
    );
    assert_eq!(unmake(raw()), Err(OperationError::DiskWithoutId));
    assert_eq!(
        unmake(disk(SourceType::Path, Some("x"), Some("rp"))),
        Err(OperationError::DiskType)
    );
}
