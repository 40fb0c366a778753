//! Executors that tasks bring along.

use messages::v1::{self, container_info, executor_info::Type};

use super::{
    command::{self, CommandError},
    container::{self, ContainerError},
    resources::{self, MixError, ResourcesError},
};
use crate::{
    Resources,
    ids::{self, IdError},
};

/// Why an executor is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// The default executor is the agent's own.
    #[error("'ExecutorInfo.command' must not be set for 'DEFAULT' executor")]
    DefaultWithCommand,
    /// The default executor cannot run in a foreign container.
    #[error("'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor")]
    DefaultContainerType,
    /// The default executor cannot run on another file system.
    #[error("'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor")]
    DefaultImage,
    /// A custom executor that does not say what to run.
    #[error("'ExecutorInfo.command' must be set for 'CUSTOM' executor")]
    CustomWithoutCommand,
    /// The id is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A time below zero.
    #[error("ExecutorInfo's 'shutdown_grace_period' must be non-negative")]
    GracePeriod,
    /// The command is wrong.
    #[error("Executor's `CommandInfo` is invalid: {0}")]
    Command(#[from] CommandError),
    /// The container is wrong.
    #[error("Executor's `ContainerInfo` is invalid: {0}")]
    Container(#[from] ContainerError),
    /// The framework is missing.
    #[error("'ExecutorInfo.framework_id' must be set")]
    FrameworkMissing,
    /// It is another framework's.
    #[error("ExecutorInfo has an invalid FrameworkID (Actual: {actual} vs Expected: {expected})")]
    Framework {
        /// Whose it says it is.
        actual: String,
        /// Whose it must be.
        expected: String,
    },
    /// Its resources are wrong.
    #[error("Executor uses invalid resources: {0}")]
    Resources(#[from] ResourcesError),
    /// Two of its volumes have the same id.
    #[error("Executor uses duplicate persistence ID: {0}")]
    PersistenceId(MixError),
    /// Its resources are allocated to nobody, or to several.
    #[error("Invalid executor resources: {0}")]
    Allocation(MixError),
    /// Some of its resources may be taken away, others not.
    #[error("Executor mixes revocable and non-revocable resources: {0}")]
    Revocable(MixError),
    /// Another executor runs under this id.
    #[error(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n{line}\n\
         Existing ExecutorInfo:\n{existing}\n{line}\nExecutorInfo:\n{given}\n{line}\n",
        line = "------------------------------------------------------------"
    )]
    Incompatible {
        /// The one that runs, as JSON.
        existing: String,
        /// The one that was asked for, as JSON.
        given: String,
    },
}

/// Checks an executor by itself.
pub fn validate(executor: &v1::ExecutorInfo) -> Result<(), ExecutorError> {
    check_type(executor)?;
    ids::check(&executor.executor_id.value)?;
    if executor
        .shutdown_grace_period
        .is_some_and(|period| period.nanoseconds < 0)
    {
        return Err(ExecutorError::GracePeriod);
    }
    executor.command.iter().try_for_each(command::validate)?;
    executor
        .container
        .iter()
        .try_for_each(container::validate)?;
    Ok(())
}

fn check_type(executor: &v1::ExecutorInfo) -> Result<(), ExecutorError> {
    match executor.r#type() {
        Type::Default if executor.command.is_some() => Err(ExecutorError::DefaultWithCommand),
        Type::Default => match &executor.container {
            Some(container) if container.r#type() != container_info::Type::Mesos => {
                Err(ExecutorError::DefaultContainerType)
            }
            Some(container) if container.mesos.as_ref().is_some_and(|m| m.image.is_some()) => {
                Err(ExecutorError::DefaultImage)
            }
            _ => Ok(()),
        },
        Type::Custom if executor.command.is_none() => Err(ExecutorError::CustomWithoutCommand),
        Type::Custom | Type::Unknown => Ok(()),
    }
}

/// Checks an executor that is to be launched for a framework, and takes its
/// resources. `running` is the executor that runs under its id on that agent.
pub fn validate_launch(
    executor: &v1::ExecutorInfo,
    framework: &str,
    running: Option<&v1::ExecutorInfo>,
) -> Result<Resources, ExecutorError> {
    validate(executor)?;
    match &executor.framework_id {
        None => return Err(ExecutorError::FrameworkMissing),
        Some(id) if id.value != framework => {
            return Err(ExecutorError::Framework {
                actual: id.value.clone(),
                expected: framework.to_owned(),
            });
        }
        Some(_) => {}
    }
    let resources = resources::validate(&executor.resources)?;
    resources::unique_persistence_ids(&resources).map_err(ExecutorError::PersistenceId)?;
    resources::allocated_to_single_role(&resources).map_err(ExecutorError::Allocation)?;
    resources::revocable_apart(&resources).map_err(ExecutorError::Revocable)?;
    match running {
        Some(running) if !same(executor, running) => Err(ExecutorError::Incompatible {
            existing: as_json(running),
            given: as_json(executor),
        }),
        _ => Ok(resources),
    }
}

fn as_json(executor: &v1::ExecutorInfo) -> String {
    let bytes = messages::json::to_json(executor).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether the two are the same executor. Labels and the grace period do not
/// count, nor does the order of what has none.
pub fn same(a: &v1::ExecutorInfo, b: &v1::ExecutorInfo) -> bool {
    let resources = |executor: &v1::ExecutorInfo| Resources::from_proto_lossy(&executor.resources);
    a.r#type == b.r#type
        && a.executor_id == b.executor_id
        && a.framework_id == b.framework_id
        && a.name() == b.name()
        && a.source() == b.source()
        && a.data() == b.data()
        && a.container == b.container
        && a.discovery == b.discovery
        && same_command(a.command.as_ref(), b.command.as_ref())
        && resources(a) == resources(b)
}

fn same_command(a: Option<&v1::CommandInfo>, b: Option<&v1::CommandInfo>) -> bool {
    let none = v1::CommandInfo::default();
    let (a, b) = (a.unwrap_or(&none), b.unwrap_or(&none));
    let variables = |command: &v1::CommandInfo| {
        command
            .environment
            .as_ref()
            .map(|e| e.variables.clone())
            .unwrap_or_default()
    };
    a.value() == b.value()
        && a.user() == b.user()
        && a.shell() == b.shell()
        && a.arguments == b.arguments
        && same_elements(&a.uris, &b.uris)
        && same_elements(&variables(a), &variables(b))
}

fn same_elements<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    a.len() == b.len() && a.iter().all(|one| b.contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn custom() -> v1::ExecutorInfo {
        let resources = Resources::parse("cpus:1;mem:32", &Role::any()).unwrap();
        v1::ExecutorInfo {
            executor_id: v1::ExecutorId { value: "e".into() },
            framework_id: Some(v1::FrameworkId { value: "f".into() }),
            command: Some(v1::CommandInfo {
                value: Some("run".into()),
                ..Default::default()
            }),
            resources: resources.allocated(&Role::any()).to_proto(),
            ..Default::default()
        }
    }

    fn of_type(kind: Type) -> v1::ExecutorInfo {
        v1::ExecutorInfo {
            r#type: Some(kind as i32),
            ..custom()
        }
    }

    fn refusal(executor: &v1::ExecutorInfo) -> String {
        validate_launch(executor, "f", None)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn type_and_command_fit() {
        assert!(validate_launch(&custom(), "f", None).is_ok());
        assert_eq!(
            refusal(&of_type(Type::Default)),
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
        );
        let default = v1::ExecutorInfo {
            command: None,
            ..of_type(Type::Default)
        };
        assert!(validate_launch(&default, "f", None).is_ok());
        let container = |kind: container_info::Type| v1::ExecutorInfo {
            container: Some(v1::ContainerInfo {
                r#type: kind as i32,
                ..Default::default()
            }),
            ..default.clone()
        };
        assert!(validate_launch(&container(container_info::Type::Mesos), "f", None).is_ok());
        assert_eq!(
            refusal(&container(container_info::Type::Docker)),
            "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
        );
        assert_eq!(
            refusal(&v1::ExecutorInfo {
                command: None,
                ..of_type(Type::Custom)
            }),
            "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
        );
    }

    #[test]
    fn identity_and_times() {
        let id = v1::ExecutorId {
            value: "a/b".into(),
        };
        assert_eq!(
            refusal(&v1::ExecutorInfo {
                executor_id: id,
                ..custom()
            }),
            "'a/b' contains invalid characters"
        );
        assert_eq!(
            refusal(&v1::ExecutorInfo {
                shutdown_grace_period: Some(v1::DurationInfo { nanoseconds: -1 }),
                ..custom()
            }),
            "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
        );
        assert_eq!(
            refusal(&v1::ExecutorInfo {
                framework_id: None,
                ..custom()
            }),
            "'ExecutorInfo.framework_id' must be set"
        );
        assert_eq!(
            validate_launch(&custom(), "g", None)
                .unwrap_err()
                .to_string(),
            "ExecutorInfo has an invalid FrameworkID (Actual: f vs Expected: g)"
        );
    }

    #[test]
    fn resources_are_valid_and_allocated() {
        let mut executor = custom();
        executor.resources[0].scalar = Some(v1::value::Scalar { value: -1.0 });
        assert_eq!(
            refusal(&executor),
            "Executor uses invalid resources: Invalid resources: Resource \
             'cpus(allocated: *):-1' is invalid: Invalid scalar resource: value <= 0"
        );
        executor = custom();
        executor.resources[0].allocation_info = None;
        assert_eq!(
            refusal(&executor),
            "Invalid executor resources: The resources are not allocated to a role"
        );
    }

    #[test]
    fn an_id_means_one_executor() {
        let mut shuffled = custom();
        shuffled.resources.reverse();
        shuffled.labels = Some(v1::Labels::default());
        assert!(validate_launch(&shuffled, "f", Some(&custom())).is_ok());
        let other = v1::ExecutorInfo {
            name: Some("n".into()),
            ..custom()
        };
        let text = validate_launch(&other, "f", Some(&custom()))
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with(
                "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n\
                 ------------------------------------------------------------\n\
                 Existing ExecutorInfo:\n{\""
            ),
            "{text}"
        );
    }
}
