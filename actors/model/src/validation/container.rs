//! Containers: their volumes and what Docker is told.

use messages::v1::{self, container_info, volume::source::Type as SourceType};

/// Why a volume is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeError {
    /// None or several of the three places a volume comes from.
    #[error("Only one of them should be set: 'host_path', 'image' and 'source'")]
    NotOneOrigin,
    /// The source does not hold what its type says.
    #[error("'source.{field}' is not set for {kind} volume")]
    SourceMissing {
        /// The field that should be there.
        field: &'static str,
        /// The type of the source.
        kind: &'static str,
    },
    /// The source is of a type that nobody knows.
    #[error("'source.type' is unknown")]
    UnknownSource,
}

/// Why a container is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// One of its volumes is wrong.
    #[error("Invalid volume: {0}")]
    Volume(#[from] VolumeError),
    /// A Docker container that does not say what to run.
    #[error("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo")]
    DockerMissing,
    /// Agents find Docker's containers by the names they give them.
    #[error("Parameter in DockerInfo must not be 'name'")]
    NameParameter,
}

/// Checks a container.
pub fn validate(container: &v1::ContainerInfo) -> Result<(), ContainerError> {
    container.volumes.iter().try_for_each(volume)?;
    if container.r#type() != container_info::Type::Docker {
        return Ok(());
    }
    let Some(docker) = &container.docker else {
        return Err(ContainerError::DockerMissing);
    };
    if docker
        .parameters
        .iter()
        .any(|parameter| parameter.key == "name")
    {
        return Err(ContainerError::NameParameter);
    }
    Ok(())
}

fn volume(volume: &v1::Volume) -> Result<(), VolumeError> {
    let origins = [
        volume.host_path.is_some(),
        volume.image.is_some(),
        volume.source.is_some(),
    ];
    if origins.into_iter().filter(|set| *set).count() != 1 {
        return Err(VolumeError::NotOneOrigin);
    }
    let Some(source) = &volume.source else {
        return Ok(());
    };
    let (set, field, kind) = match source.r#type() {
        SourceType::DockerVolume => (
            source.docker_volume.is_some(),
            "docker_volume",
            "DOCKER_VOLUME",
        ),
        SourceType::HostPath => (source.host_path.is_some(), "host_path", "HOST_PATH"),
        SourceType::SandboxPath => (
            source.sandbox_path.is_some(),
            "sandbox_path",
            "SANDBOX_PATH",
        ),
        SourceType::Secret => (source.secret.is_some(), "secret", "SECRET"),
        SourceType::CsiVolume => match &source.csi_volume {
            None => (false, "csi_volume", "CSI"),
            Some(csi) => (
                csi.static_provisioning.is_some(),
                "csi_volume.static_provisioning",
                "CSI",
            ),
        },
        SourceType::Unknown => return Err(VolumeError::UnknownSource),
    };
    if set {
        Ok(())
    } else {
        Err(VolumeError::SourceMissing { field, kind })
    }
}

/// Whether the container's processes are counted and limited with those of its
/// parent. That is so unless it says otherwise.
pub fn shares_cgroups(container: Option<&v1::ContainerInfo>) -> bool {
    says_share_cgroups(container).unwrap_or(true)
}

/// What the container says of sharing its parent's cgroups, if anything.
pub fn says_share_cgroups(container: Option<&v1::ContainerInfo>) -> Option<bool> {
    container?.linux_info.as_ref()?.share_cgroups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(volume: v1::Volume) -> v1::ContainerInfo {
        v1::ContainerInfo {
            r#type: container_info::Type::Mesos as i32,
            volumes: vec![volume],
            ..Default::default()
        }
    }

    fn refusal(container: &v1::ContainerInfo) -> String {
        validate(container).unwrap_err().to_string()
    }

    #[test]
    fn a_volume_comes_from_one_place() {
        let none = v1::Volume {
            container_path: "p".into(),
            ..Default::default()
        };
        let host = v1::Volume {
            host_path: Some("/".into()),
            ..none.clone()
        };
        let both = v1::Volume {
            image: Some(v1::Image::default()),
            ..host.clone()
        };
        assert_eq!(validate(&container(host)), Ok(()));
        for volume in [none, both] {
            assert_eq!(
                refusal(&container(volume)),
                "Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'"
            );
        }
    }

    #[test]
    fn a_source_holds_what_its_type_says() {
        let texts = [
            (SourceType::Unknown, "'source.type' is unknown"),
            (
                SourceType::DockerVolume,
                "'source.docker_volume' is not set for DOCKER_VOLUME volume",
            ),
            (
                SourceType::HostPath,
                "'source.host_path' is not set for HOST_PATH volume",
            ),
            (
                SourceType::SandboxPath,
                "'source.sandbox_path' is not set for SANDBOX_PATH volume",
            ),
            (
                SourceType::Secret,
                "'source.secret' is not set for SECRET volume",
            ),
            (
                SourceType::CsiVolume,
                "'source.csi_volume' is not set for CSI volume",
            ),
        ];
        for (kind, text) in texts {
            let source = v1::volume::Source {
                r#type: Some(kind as i32),
                ..Default::default()
            };
            let volume = v1::Volume {
                source: Some(source),
                ..Default::default()
            };
            assert_eq!(
                refusal(&container(volume)),
                format!("Invalid volume: {text}")
            );
        }
    }

    #[test]
    fn docker() {
        let mut container = v1::ContainerInfo {
            r#type: container_info::Type::Docker as i32,
            ..Default::default()
        };
        assert_eq!(
            refusal(&container),
            "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo"
        );
        let mut docker = container_info::DockerInfo::default();
        container.docker = Some(docker.clone());
        assert_eq!(validate(&container), Ok(()));
        docker.parameters = vec![v1::Parameter {
            key: "name".into(),
            value: "x".into(),
        }];
        container.docker = Some(docker);
        assert_eq!(
            refusal(&container),
            "Parameter in DockerInfo must not be 'name'"
        );
    }
}
