//! Resources that frameworks and operators ask for: more than being valid each
//! by itself.

use std::collections::{BTreeMap, BTreeSet};

use messages::v1;

use crate::{
    ids::{self, IdError},
    resources::{Quantities, Resource, ResourceError, Resources, Scalar},
};

/// Why resources are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    /// One is not valid by itself.
    #[error("Invalid resources: {0}")]
    Resource(#[from] ResourceError),
    /// A part of a graphics processor.
    #[error("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer")]
    FractionalGpus,
    /// A disk that cannot be.
    #[error("Invalid DiskInfo: {0}")]
    Disk(#[from] DiskError),
    /// A reservation of what may be taken away.
    #[error(
        "Invalid ReservationInfo: Dynamically reserved resource {0} cannot be created from \
         revocable resources"
    )]
    RevocableReservation(String),
}

/// Why a disk or a volume is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// A volume on what may be taken away.
    #[error("Persistent volumes cannot be created from revocable resources")]
    Revocable,
    /// A volume on what is nobody's.
    #[error("Persistent volumes cannot be created from unreserved resources")]
    Unreserved,
    /// A volume that does not say where it is mounted.
    #[error("Expecting 'volume' to be set for persistent volume")]
    VolumeMissing,
    /// A volume that says where it is on the host.
    #[error("Expecting 'host_path' to be unset for persistent volume")]
    HostPath,
    /// The volume's id cannot be one.
    #[error("Invalid persistence ID for persistent volume: {0}")]
    PersistenceId(#[from] IdError),
    /// A volume that does not persist.
    #[error("Non-persistent volume not supported")]
    NotPersistent,
    /// Nothing said.
    #[error("DiskInfo is set but empty")]
    Empty,
}

/// Why volumes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeError {
    /// Something that is no special disk.
    #[error("Resource {0} does not have DiskInfo")]
    NoDisk(String),
    /// A disk that does not persist.
    #[error("'persistence' is not set in DiskInfo")]
    NoPersistence,
    /// A volume that does not say where it is mounted.
    #[error("Expecting 'volume' to be set for persistent volume")]
    NoVolume,
    /// A volume nobody could write to.
    #[error("Read-only persistent volume not supported")]
    ReadOnly,
}

/// Why resources do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// Two volumes of a role with the same id.
    #[error("Persistence ID '{0}' is not unique")]
    PersistenceId(String),
    /// Both kinds of one name.
    #[error("Cannot use both revocable and non-revocable '{0}' at the same time")]
    Revocable(String),
    /// Allocated to nobody.
    #[error("The resources are not allocated to a role")]
    NotAllocated,
    /// Allocated to several.
    #[error(
        "The resources have multiple allocation roles ('{0}' and '{1}') but only one allocation \
         role is allowed"
    )]
    AllocationRoles(String, String),
    /// Some from a resource provider, some from the agent.
    #[error("Some resources have a resource provider and some do not")]
    SomeProvider,
    /// From several resource providers.
    #[error("The resources have multiple resource providers: {0}")]
    Providers(String),
}

/// Checks resources each by itself, and takes them.
pub fn validate(protos: &[v1::Resource]) -> Result<Resources, ResourcesError> {
    let resources = Resources::from_proto(protos)?;
    validate_known(&resources)?;
    Ok(resources)
}

/// Checks resources that are already taken.
pub fn validate_known(resources: &Resources) -> Result<(), ResourcesError> {
    if resources.gpus().thousandths() % Scalar::whole(1).thousandths() != 0 {
        return Err(ResourcesError::FractionalGpus);
    }
    resources.iter().try_for_each(check_disk)?;
    match resources
        .iter()
        .find(|one| one.is_dynamically_reserved() && one.is_revocable())
    {
        Some(resource) => Err(ResourcesError::RevocableReservation(resource.to_string())),
        None => Ok(()),
    }
}

fn check_disk(resource: &Resource) -> Result<(), DiskError> {
    let Some(disk) = resource.disk() else {
        return Ok(());
    };
    let Some(persistence) = &disk.persistence else {
        return match (&disk.volume, &disk.source) {
            (Some(_), _) => Err(DiskError::NotPersistent),
            (None, None) => Err(DiskError::Empty),
            (None, Some(_)) => Ok(()),
        };
    };
    if resource.is_revocable() {
        return Err(DiskError::Revocable);
    }
    if resource.is_unreserved() {
        return Err(DiskError::Unreserved);
    }
    let Some(volume) = &disk.volume else {
        return Err(DiskError::VolumeMissing);
    };
    if volume.host_path.is_some() {
        return Err(DiskError::HostPath);
    }
    Ok(ids::check(&persistence.id)?)
}

/// Checks that no two volumes of a role have the same id.
pub fn unique_persistence_ids(resources: &Resources) -> Result<(), MixError> {
    let mut seen = BTreeSet::new();
    for resource in resources {
        if let Some(id) = resource.persistence_id()
            && !seen.insert((resource.reservation_role(), id))
        {
            return Err(MixError::PersistenceId(id.to_owned()));
        }
    }
    Ok(())
}

/// Checks that of each name all is revocable or nothing is.
pub fn revocable_apart(resources: &Resources) -> Result<(), MixError> {
    let mut kinds = BTreeMap::new();
    for resource in resources {
        let first = *kinds
            .entry(resource.name())
            .or_insert(resource.is_revocable());
        if first != resource.is_revocable() {
            return Err(MixError::Revocable(resource.name().to_owned()));
        }
    }
    Ok(())
}

/// Checks that everything is allocated to the same role.
pub fn allocated_to_single_role(resources: &Resources) -> Result<(), MixError> {
    let mut first = None;
    for resource in resources {
        let role = resource.allocation().ok_or(MixError::NotAllocated)?;
        let first = *first.get_or_insert(role);
        if first != role {
            return Err(MixError::AllocationRoles(
                role.to_string(),
                first.to_string(),
            ));
        }
    }
    Ok(())
}

/// Checks that everything is a persistent volume that can be written to.
pub fn persistent_volumes(resources: &Resources) -> Result<(), VolumeError> {
    for resource in resources {
        let Some(disk) = resource.disk() else {
            return Err(VolumeError::NoDisk(resource.to_string()));
        };
        if disk.persistence.is_none() {
            return Err(VolumeError::NoPersistence);
        }
        let Some(volume) = &disk.volume else {
            return Err(VolumeError::NoVolume);
        };
        if volume.mode() == v1::volume::Mode::Ro {
            return Err(VolumeError::ReadOnly);
        }
    }
    Ok(())
}

/// Checks that everything comes from one resource provider, or all from the
/// agent.
pub fn single_provider(resources: &Resources) -> Result<(), MixError> {
    let providers: BTreeSet<_> = resources.iter().map(Resource::provider_id).collect();
    if providers.len() <= 1 {
        return Ok(());
    }
    if providers.contains(&None) {
        return Err(MixError::SomeProvider);
    }
    let ids: Vec<_> = providers.into_iter().flatten().collect();
    Err(MixError::Providers(ids.join(", ")))
}

/// Whether some number of a range or name of a set is in more than one of them.
pub fn overlap<'a>(each: impl IntoIterator<Item = &'a Resources>) -> bool {
    let mut apart = Quantities::new();
    let mut together = Resources::new();
    for resources in each {
        apart += &resources.quantities();
        together += resources;
    }
    apart != together.quantities()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, resources::Reservation};

    fn parse(text: &str) -> Resources {
        Resources::parse(text, &Role::any()).unwrap()
    }

    fn role(text: &str) -> Role {
        Role::parse(text).unwrap()
    }

    fn volume(id: &str) -> Resource {
        let mut volume = Resource::scalar("disk", Scalar::whole(10));
        volume.set_reservations(vec![Reservation::new_dynamic(role("web"), Some("p"))]);
        volume.set_disk(Some(v1::resource::DiskInfo {
            persistence: Some(v1::resource::disk_info::Persistence {
                id: id.into(),
                principal: None,
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

    fn with_disk(change: impl FnOnce(&mut v1::resource::DiskInfo)) -> Resource {
        let mut volume = volume("v");
        let mut disk = volume.disk().unwrap().clone();
        change(&mut disk);
        volume.set_disk(Some(disk));
        volume
    }

    fn refusal(resource: Resource) -> String {
        validate(&[resource.to_proto()]).unwrap_err().to_string()
    }

    #[test]
    fn gpus_are_whole() {
        assert!(validate(&parse("gpus:2;cpus:0.5").to_proto()).is_ok());
        assert_eq!(
            refusal(Resource::scalar("gpus", Scalar::from_thousandths(1500))),
            "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"
        );
    }

    #[test]
    fn volumes_must_be_sound() {
        assert!(validate(&[volume("v").to_proto()]).is_ok());
        let mut unreserved = volume("v");
        unreserved.set_reservations(Vec::new());
        let mut revocable = volume("v");
        revocable.set_revocable(true);
        let cases = [
            (
                volume("a/b"),
                "Invalid persistence ID for persistent volume: 'a/b' contains invalid characters",
            ),
            (
                unreserved,
                "Persistent volumes cannot be created from unreserved resources",
            ),
            (
                revocable,
                "Persistent volumes cannot be created from revocable resources",
            ),
            (
                with_disk(|disk| disk.volume = None),
                "Expecting 'volume' to be set for persistent volume",
            ),
            (
                with_disk(|disk| disk.persistence = None),
                "Non-persistent volume not supported",
            ),
            (
                with_disk(|disk| *disk = Default::default()),
                "DiskInfo is set but empty",
            ),
            (
                with_disk(|disk| disk.volume.as_mut().unwrap().host_path = Some("/".into())),
                "Expecting 'host_path' to be unset for persistent volume",
            ),
        ];
        for (resource, text) in cases {
            assert_eq!(refusal(resource), format!("Invalid DiskInfo: {text}"));
        }
    }

    #[test]
    fn revocable_resources_are_not_reserved() {
        let mut cpus = Resource::scalar("cpus", Scalar::whole(1));
        cpus.set_reservations(vec![Reservation::new_dynamic(role("web"), None)]);
        cpus.set_revocable(true);
        assert_eq!(
            refusal(cpus),
            "Invalid ReservationInfo: Dynamically reserved resource \
             cpus(reservations: [(DYNAMIC,web)]){REV}:1 cannot be created from revocable resources"
        );
    }

    #[test]
    fn volumes_of_a_role_have_ids_of_their_own() {
        let mut other = volume("v");
        other.set_reservations(vec![Reservation::new_dynamic(role("ads"), Some("p"))]);
        let apart: Resources = [volume("v"), other, volume("w")].into_iter().collect();
        assert_eq!(unique_persistence_ids(&apart), Ok(()));
        let twice: Resources = [volume("v"), volume("v")].into_iter().collect();
        assert_eq!(
            unique_persistence_ids(&twice).unwrap_err().to_string(),
            "Persistence ID 'v' is not unique"
        );
    }

    #[test]
    fn revocable_and_other_resources_do_not_mix() {
        let mut cpus = Resource::scalar("cpus", Scalar::whole(1));
        cpus.set_revocable(true);
        let revocable = Resources::from(cpus);
        assert_eq!(revocable_apart(&(parse("mem:1") + &revocable)), Ok(()));
        assert_eq!(
            revocable_apart(&(parse("cpus:1") + &revocable))
                .unwrap_err()
                .to_string(),
            "Cannot use both revocable and non-revocable 'cpus' at the same time"
        );
    }

    #[test]
    fn one_role_is_allocated_to() {
        let a = parse("cpus:1;mem:1").allocated(&role("a"));
        let b = parse("cpus:1").allocated(&role("b"));
        assert_eq!(allocated_to_single_role(&a), Ok(()));
        assert_eq!(
            allocated_to_single_role(&parse("cpus:1")),
            Err(MixError::NotAllocated)
        );
        assert_eq!(
            allocated_to_single_role(&(a + &b)).unwrap_err().to_string(),
            "The resources have multiple allocation roles ('b' and 'a') but only one allocation \
             role is allowed"
        );
    }

    #[test]
    fn volumes_can_be_written_to() {
        let ok = Resources::from(volume("v"));
        assert_eq!(persistent_volumes(&ok), Ok(()));
        let refusal = |resource: Resource| {
            persistent_volumes(&Resources::from(resource))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(Resource::scalar("disk", Scalar::whole(1))),
            "Resource disk:1 does not have DiskInfo"
        );
        assert_eq!(
            refusal(with_disk(|disk| {
                disk.volume.as_mut().unwrap().set_mode(v1::volume::Mode::Ro);
            })),
            "Read-only persistent volume not supported"
        );
    }

    #[test]
    fn one_provider_at_a_time() {
        let from = |id: Option<&str>, name: &str| {
            let mut proto = parse(&format!("{name}:1")).to_proto().remove(0);
            proto.provider_id = id.map(|id| v1::ResourceProviderId { value: id.into() });
            Resource::from_proto(&proto).unwrap()
        };
        let check = |list: Vec<Resource>| {
            single_provider(&list.into_iter().collect()).map_err(|error| error.to_string())
        };
        assert_eq!(
            check(vec![from(Some("x"), "disk"), from(Some("x"), "mem")]),
            Ok(())
        );
        assert_eq!(
            check(vec![from(Some("x"), "disk"), from(None, "mem")]),
            Err("Some resources have a resource provider and some do not".to_owned())
        );
        assert_eq!(
            check(vec![from(Some("y"), "disk"), from(Some("x"), "mem")]),
            Err("The resources have multiple resource providers: x, y".to_owned())
        );
    }

    #[test]
    fn the_same_port_twice_is_an_overlap() {
        assert!(!overlap(&[
            parse("cpus:1;ports:[1-5]"),
            parse("cpus:1;ports:[6-9]")
        ]));
        assert!(overlap(&[parse("ports:[1-5]"), parse("ports:[5-9]")]));
    }
}
