//! Calls of operators and executors to an agent.

use messages::v1::{
    ContainerId, ContainerInfo,
    agent::{
        Call,
        call::{AttachContainerInput, LaunchContainer, Type, attach_container_input},
    },
};

use super::{
    Missing,
    command::{self, CommandError},
    container::{self, ContainerError, says_share_cgroups, shares_cgroups},
    container_id::{self, ContainerIdError, is_nested_twice},
    known, present, present_ref,
};
use crate::{Resources, Scalar, resources::ResourceError};

/// Why a call to an agent is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentCallError {
    /// What every call, or a call of its type, must have is missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A container's id is none.
    #[error("'{call}.container_id' is invalid: {reason}")]
    ContainerId {
        /// The field of the call.
        call: &'static str,
        /// What is wrong with the id.
        reason: ContainerIdError,
    },
    /// A nested container in nothing.
    #[error("Expecting '{0}.container_id.parent' to be present")]
    ParentMissing(&'static str),
    /// The command is wrong.
    #[error("'{call}.command' is invalid: {reason}")]
    Command {
        /// The field of the call.
        call: &'static str,
        /// What is wrong with the command.
        reason: CommandError,
    },
    /// The container is wrong.
    #[error("'{call}.container' is invalid: {reason}")]
    Container {
        /// The field of the call.
        call: &'static str,
        /// What is wrong with the container.
        reason: ContainerError,
    },
    /// Cgroups of its own, too deep down.
    #[error(
        "'{0}' is invalid: containers nested at the second level or greater cannot set \
         'share_cgroups' to 'false'"
    )]
    DeepCgroups(&'static str),
    /// A session with cgroups of its own.
    #[error(
        "'launch_nested_container_session.container.linux_info' is invalid: 'share_cgroups' cannot \
         be set to 'false' for nested container sessions"
    )]
    SessionCgroups,
    /// The input is of a type that nobody knows.
    #[error("'attach_container_input.type' is unknown")]
    UnknownInput,
    /// The resources are wrong.
    #[error("Invalid resources: {0}")]
    Resources(#[from] ResourceError),
    /// A part of a graphics processor.
    #[error("Invalid GPU resources: The 'gpus' resource must be an unsigned integer")]
    FractionalGpus,
    /// Resources that the master gives out.
    #[error("'launch_container.resources' must be unreserved")]
    Reserved,
    /// Volumes that the master gives out.
    #[error("'launch_container.resources' may not use persistent volumes")]
    Volume,
    /// Resources that may be taken away.
    #[error("'launch_container.resources' must be non-revocable")]
    Revocable,
    /// Resources too deep down.
    #[error(
        "'launch_container' is invalid: containers nested at the second level or greater cannot \
         specify resources"
    )]
    DeepResources,
    /// Limits too deep down.
    #[error(
        "'launch_container' is invalid: containers nested at the second level or greater cannot \
         specify resource limits"
    )]
    DeepLimits,
    /// Nobody's cgroups to share.
    #[error(
        "'launch_container' is invalid: containers without a parent cannot set 'share_cgroups' to \
         'true'"
    )]
    NoParentCgroups,
    /// A provider names its id, which the agent gives.
    #[error("Expecting '{0}.info.id' to be unset")]
    ProviderId(&'static str),
}

/// Checks a call.
pub fn validate(call: &Call) -> Result<(), AgentCallError> {
    match known(call.r#type).ok_or(Missing("type"))? {
        Type::GetMetrics => present(&call.get_metrics, "get_metrics")?,
        Type::SetLoggingLevel => present(&call.set_logging_level, "set_logging_level")?,
        Type::ListFiles => present(&call.list_files, "list_files")?,
        Type::ReadFile => present(&call.read_file, "read_file")?,
        Type::LaunchNestedContainer => launch_nested(call)?,
        Type::WaitNestedContainer => {
            const NAME: &str = "wait_nested_container";
            nested(
                &present_ref(&call.wait_nested_container, NAME)?.container_id,
                NAME,
            )?;
        }
        Type::KillNestedContainer => {
            const NAME: &str = "kill_nested_container";
            nested(
                &present_ref(&call.kill_nested_container, NAME)?.container_id,
                NAME,
            )?;
        }
        Type::RemoveNestedContainer => {
            const NAME: &str = "remove_nested_container";
            nested(
                &present_ref(&call.remove_nested_container, NAME)?.container_id,
                NAME,
            )?;
        }
        Type::LaunchNestedContainerSession => launch_session(call)?,
        Type::AttachContainerInput => {
            attach_input(present_ref(
                &call.attach_container_input,
                "attach_container_input",
            )?)?;
        }
        Type::AttachContainerOutput => {
            const NAME: &str = "attach_container_output";
            container(
                &present_ref(&call.attach_container_output, NAME)?.container_id,
                NAME,
            )?;
        }
        Type::LaunchContainer => {
            launch(present_ref(&call.launch_container, "launch_container")?)?;
        }
        Type::WaitContainer => {
            const NAME: &str = "wait_container";
            container(&present_ref(&call.wait_container, NAME)?.container_id, NAME)?;
        }
        Type::KillContainer => {
            const NAME: &str = "kill_container";
            container(&present_ref(&call.kill_container, NAME)?.container_id, NAME)?;
        }
        Type::RemoveContainer => {
            const NAME: &str = "remove_container";
            container(
                &present_ref(&call.remove_container, NAME)?.container_id,
                NAME,
            )?;
        }
        Type::AddResourceProviderConfig => {
            const NAME: &str = "add_resource_provider_config";
            let body = present_ref(&call.add_resource_provider_config, NAME)?;
            without_id(body.info.id.is_some(), NAME)?;
        }
        Type::UpdateResourceProviderConfig => {
            const NAME: &str = "update_resource_provider_config";
            let body = present_ref(&call.update_resource_provider_config, NAME)?;
            without_id(body.info.id.is_some(), NAME)?;
        }
        Type::RemoveResourceProviderConfig => {
            present(
                &call.remove_resource_provider_config,
                "remove_resource_provider_config",
            )?;
        }
        Type::MarkResourceProviderGone => {
            present(
                &call.mark_resource_provider_gone,
                "mark_resource_provider_gone",
            )?;
        }
        Type::Unknown
        | Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetLoggingLevel
        | Type::GetState
        | Type::GetContainers
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetAgent
        | Type::GetResourceProviders
        | Type::PruneImages => {}
    }
    Ok(())
}

fn container(id: &ContainerId, call: &'static str) -> Result<(), AgentCallError> {
    container_id::validate(id).map_err(|reason| AgentCallError::ContainerId { call, reason })
}

fn nested(id: &ContainerId, call: &'static str) -> Result<(), AgentCallError> {
    container(id, call)?;
    if id.parent.is_none() {
        return Err(AgentCallError::ParentMissing(call));
    }
    Ok(())
}

fn without_id(has_id: bool, call: &'static str) -> Result<(), AgentCallError> {
    if has_id {
        Err(AgentCallError::ProviderId(call))
    } else {
        Ok(())
    }
}

fn what_runs(
    command: Option<&messages::v1::CommandInfo>,
    container: Option<&ContainerInfo>,
    call: &'static str,
) -> Result<(), AgentCallError> {
    command
        .map_or(Ok(()), command::validate)
        .map_err(|reason| AgentCallError::Command { call, reason })?;
    container
        .map_or(Ok(()), container::validate)
        .map_err(|reason| AgentCallError::Container { call, reason })
}

fn launch_nested(call: &Call) -> Result<(), AgentCallError> {
    const NAME: &str = "launch_nested_container";
    let launch = present_ref(&call.launch_nested_container, NAME)?;
    nested(&launch.container_id, NAME)?;
    what_runs(launch.command.as_ref(), launch.container.as_ref(), NAME)?;
    if !shares_cgroups(launch.container.as_ref()) && is_nested_twice(&launch.container_id) {
        return Err(AgentCallError::DeepCgroups(NAME));
    }
    Ok(())
}

fn launch_session(call: &Call) -> Result<(), AgentCallError> {
    const NAME: &str = "launch_nested_container_session";
    let launch = present_ref(&call.launch_nested_container_session, NAME)?;
    nested(&launch.container_id, NAME)?;
    what_runs(launch.command.as_ref(), launch.container.as_ref(), NAME)?;
    if !shares_cgroups(launch.container.as_ref()) {
        return Err(AgentCallError::SessionCgroups);
    }
    Ok(())
}

fn attach_input(input: &AttachContainerInput) -> Result<(), AgentCallError> {
    use attach_container_input::Type;
    match known(input.r#type).ok_or(Missing("attach_container_input.type"))? {
        Type::Unknown => Err(AgentCallError::UnknownInput),
        Type::ContainerId => {
            // No id at all is an empty one.
            let none = ContainerId::default();
            container(
                input.container_id.as_ref().unwrap_or(&none),
                "attach_container_input",
            )
        }
        Type::ProcessIo => Ok(()),
    }
}

fn launch(launch: &LaunchContainer) -> Result<(), AgentCallError> {
    const NAME: &str = "launch_container";
    container(&launch.container_id, NAME)?;
    let resources = Resources::from_proto(&launch.resources)?;
    if resources.gpus().thousandths() % Scalar::whole(1).thousandths() != 0 {
        return Err(AgentCallError::FractionalGpus);
    }
    let standalone = launch.container_id.parent.is_none();
    if standalone {
        check_standalone(&resources)?;
    }
    what_runs(launch.command.as_ref(), launch.container.as_ref(), NAME)?;
    if is_nested_twice(&launch.container_id) {
        if !launch.resources.is_empty() {
            return Err(AgentCallError::DeepResources);
        }
        if !launch.limits.is_empty() {
            return Err(AgentCallError::DeepLimits);
        }
        if !shares_cgroups(launch.container.as_ref()) {
            return Err(AgentCallError::DeepCgroups(NAME));
        }
    }
    if standalone && says_share_cgroups(launch.container.as_ref()) == Some(true) {
        return Err(AgentCallError::NoParentCgroups);
    }
    Ok(())
}

/// A container that no master knows of uses nothing that masters give out.
fn check_standalone(resources: &Resources) -> Result<(), AgentCallError> {
    for resource in resources {
        if !resource.is_unreserved() {
            return Err(AgentCallError::Reserved);
        }
        if resource.is_persistent_volume() {
            return Err(AgentCallError::Volume);
        }
        if resource.is_revocable() {
            return Err(AgentCallError::Revocable);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use messages::v1::{self, agent::call};

    use super::*;
    use crate::Role;

    fn call(kind: Type) -> Call {
        Call {
            r#type: Some(kind as i32),
            ..Default::default()
        }
    }

    fn refusal(call: &Call) -> String {
        validate(call).unwrap_err().to_string()
    }

    fn id(levels: &[&str]) -> ContainerId {
        crate::ContainerId::from(levels.join(".")).to_proto()
    }

    fn container_sharing(share: bool) -> Option<ContainerInfo> {
        Some(ContainerInfo {
            r#type: v1::container_info::Type::Mesos as i32,
            linux_info: Some(v1::LinuxInfo {
                share_cgroups: Some(share),
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    #[test]
    fn a_body_goes_with_its_type() {
        assert_eq!(refusal(&Call::default()), "Expecting 'type' to be present");
        for number in 0..=32 {
            let kind = Type::try_from(number).unwrap();
            let name = kind.as_str_name();
            let without = matches!(name, "UNKNOWN" | "PRUNE_IMAGES")
                || (name.starts_with("GET_") && name != "GET_METRICS");
            let expected = if without {
                Ok(())
            } else {
                Err(format!("Expecting '{}' to be present", name.to_lowercase()))
            };
            assert_eq!(
                validate(&call(kind)).map_err(|error| error.to_string()),
                expected
            );
        }
    }

    #[test]
    fn nested_containers_have_a_parent() {
        let wait = |container_id| Call {
            wait_nested_container: Some(call::WaitNestedContainer { container_id }),
            ..call(Type::WaitNestedContainer)
        };
        assert_eq!(validate(&wait(id(&["root", "leaf"]))), Ok(()));
        assert_eq!(
            refusal(&wait(id(&["root"]))),
            "Expecting 'wait_nested_container.container_id.parent' to be present"
        );
        assert_eq!(
            refusal(&wait(id(&["root", ""]))),
            "'wait_nested_container.container_id' is invalid: ID must not be empty"
        );
    }

    #[test]
    fn cgroups_of_nested_containers() {
        let launch = |levels: &[&str], container| Call {
            launch_nested_container: Some(call::LaunchNestedContainer {
                container_id: id(levels),
                container,
                command: None,
            }),
            ..call(Type::LaunchNestedContainer)
        };
        assert_eq!(
            validate(&launch(&["a", "b"], container_sharing(false))),
            Ok(())
        );
        assert_eq!(validate(&launch(&["a", "b", "c"], None)), Ok(()));
        assert_eq!(
            refusal(&launch(&["a", "b", "c"], container_sharing(false))),
            "'launch_nested_container' is invalid: containers nested at the second level or \
             greater cannot set 'share_cgroups' to 'false'"
        );
    }

    #[test]
    fn standalone_containers_use_what_no_master_gives() {
        let launch = |levels: &[&str], resources: &str, container| Call {
            launch_container: Some(LaunchContainer {
                container_id: id(levels),
                resources: Resources::parse(resources, &Role::any())
                    .unwrap()
                    .to_proto(),
                container,
                ..Default::default()
            }),
            ..call(Type::LaunchContainer)
        };
        assert_eq!(validate(&launch(&["a"], "cpus:1", None)), Ok(()));
        assert_eq!(
            refusal(&launch(&["a"], "cpus(web):1", None)),
            "'launch_container.resources' must be unreserved"
        );
        assert_eq!(
            refusal(&launch(&["a"], "gpus:0.5", None)),
            "Invalid GPU resources: The 'gpus' resource must be an unsigned integer"
        );
        assert_eq!(
            refusal(&launch(&["a"], "cpus:1", container_sharing(true))),
            "'launch_container' is invalid: containers without a parent cannot set \
             'share_cgroups' to 'true'"
        );
        assert_eq!(validate(&launch(&["a", "b"], "cpus(web):1", None)), Ok(()));
        assert_eq!(
            refusal(&launch(&["a", "b", "c"], "cpus:1", None)),
            "'launch_container' is invalid: containers nested at the second level or greater \
             cannot specify resources"
        );
    }

    #[test]
    fn input_says_what_it_is() {
        let attach = |kind: Option<i32>| Call {
            attach_container_input: Some(AttachContainerInput {
                r#type: kind,
                ..Default::default()
            }),
            ..call(Type::AttachContainerInput)
        };
        assert_eq!(
            refusal(&attach(None)),
            "Expecting 'attach_container_input.type' to be present"
        );
        assert_eq!(
            refusal(&attach(Some(0))),
            "'attach_container_input.type' is unknown"
        );
        assert_eq!(
            refusal(&attach(Some(1))),
            "'attach_container_input.container_id' is invalid: ID must not be empty"
        );
        assert_eq!(validate(&attach(Some(2))), Ok(()));
    }
}
