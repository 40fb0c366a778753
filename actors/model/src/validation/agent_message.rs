//! What agents say when they register (M12, M13).

use std::collections::BTreeSet;

use messages::{
    internal::{RegisterSlaveMessage, ReregisterSlaveMessage},
    v1::{self, TaskState},
};

use super::{
    executor::{self, ExecutorError},
    framework::{self, FrameworkError},
};
use crate::{
    ids::{self, IdError},
    resources::{ResourceError, check},
};

/// Why an agent's registration is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RegistrationError {
    /// Its id is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Its resources are wrong.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// It has checkpointed although it does not checkpoint.
    #[error("Checkpointed resources provided when checkpointing is not enabled")]
    NotCheckpointing,
    /// One of its frameworks is wrong.
    #[error(transparent)]
    Framework(#[from] FrameworkError),
    /// A framework twice.
    #[error("Framework has a duplicate FrameworkID: '{0}'")]
    DuplicateFramework(String),
    /// One of its executors is wrong.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// An executor of no framework.
    #[error("Executor has an invalid FrameworkID '{0}'")]
    ExecutorFramework(String),
    /// An executor twice.
    #[error("Framework '{framework}' has a duplicate ExecutorID '{executor}'")]
    DuplicateExecutor {
        /// The framework's id.
        framework: String,
        /// The executor's id.
        executor: String,
    },
    /// A task's id is no id.
    #[error("Task has an invalid TaskID: {0}")]
    TaskId(IdError),
    /// A task of another agent.
    #[error("Task has an invalid SlaveID '{0}'")]
    TaskAgent(String),
    /// A task of no framework.
    #[error("Task has an invalid FrameworkID '{0}'")]
    TaskFramework(String),
    /// A running task of no executor.
    #[error("Task has an invalid ExecutorID '{0}'")]
    TaskExecutor(String),
    /// A task's resources are wrong.
    #[error("Task uses invalid resources: {0}")]
    TaskResources(ResourceError),
}

fn check_agent(info: &v1::AgentInfo) -> Result<(), RegistrationError> {
    info.id.iter().try_for_each(|id| ids::check(&id.value))?;
    check::check_all(&info.resources)?;
    Ok(())
}

/// Checks the first registration of an agent.
pub fn register(message: &RegisterSlaveMessage) -> Result<(), RegistrationError> {
    check_agent(&message.slave)?;
    if !message.checkpointed_resources.is_empty() && !message.slave.checkpoint() {
        return Err(RegistrationError::NotCheckpointing);
    }
    message
        .checkpointed_resources
        .iter()
        .try_for_each(check::check)?;
    Ok(())
}

/// Checks that an agent that comes back tells of frameworks, executors and tasks
/// that belong together.
pub fn reregister(message: &ReregisterSlaveMessage) -> Result<(), RegistrationError> {
    check_agent(&message.slave)?;
    message
        .checkpointed_resources
        .iter()
        .try_for_each(check::check)?;
    let frameworks = check_frameworks(&message.frameworks)?;
    let executors = check_executors(&message.executor_infos, &frameworks)?;
    let agent = message
        .slave
        .id
        .as_ref()
        .map(|id| id.value.as_str())
        .unwrap_or_default();
    message
        .tasks
        .iter()
        .try_for_each(|task| check_task(task, agent, &frameworks, &executors))
}

fn check_frameworks(frameworks: &[v1::FrameworkInfo]) -> Result<BTreeSet<&str>, RegistrationError> {
    let mut ids = BTreeSet::new();
    for info in frameworks {
        framework::validate(info)?;
        let id = info
            .id
            .as_ref()
            .map(|id| id.value.as_str())
            .unwrap_or_default();
        if !ids.insert(id) {
            return Err(RegistrationError::DuplicateFramework(id.to_owned()));
        }
    }
    Ok(ids)
}

/// A framework's id and an executor's.
type ExecutorKey<'a> = (&'a str, &'a str);

fn check_executors<'a>(
    executors: &'a [v1::ExecutorInfo],
    frameworks: &BTreeSet<&str>,
) -> Result<BTreeSet<ExecutorKey<'a>>, RegistrationError> {
    let mut ids = BTreeSet::new();
    for info in executors {
        executor::validate(info)?;
        check::check_all(&info.resources)?;
        let framework = info
            .framework_id
            .as_ref()
            .map(|id| id.value.as_str())
            .unwrap_or_default();
        if !frameworks.contains(framework) {
            return Err(RegistrationError::ExecutorFramework(framework.to_owned()));
        }
        if !ids.insert((framework, info.executor_id.value.as_str())) {
            return Err(RegistrationError::DuplicateExecutor {
                framework: framework.to_owned(),
                executor: info.executor_id.value.clone(),
            });
        }
    }
    Ok(ids)
}

fn check_task(
    task: &v1::Task,
    agent: &str,
    frameworks: &BTreeSet<&str>,
    executors: &BTreeSet<ExecutorKey<'_>>,
) -> Result<(), RegistrationError> {
    ids::check(&task.task_id.value).map_err(RegistrationError::TaskId)?;
    if task.agent_id.value != agent {
        return Err(RegistrationError::TaskAgent(task.agent_id.value.clone()));
    }
    let framework = task.framework_id.value.as_str();
    if !frameworks.contains(framework) {
        return Err(RegistrationError::TaskFramework(framework.to_owned()));
    }
    // A task that is over, or has not begun, may have outlived its executor.
    if let Some(executor) = &task.executor_id
        && task.state() == TaskState::TaskRunning
        && !executors.contains(&(framework, executor.value.as_str()))
    {
        return Err(RegistrationError::TaskExecutor(executor.value.clone()));
    }
    check::check_all(&task.resources).map_err(RegistrationError::TaskResources)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Resources, Role, resources::Reservation};

    fn agent() -> v1::AgentInfo {
        v1::AgentInfo {
            hostname: "h".into(),
            id: Some(v1::AgentId { value: "s".into() }),
            resources: Resources::parse("cpus:1", &Role::any()).unwrap().to_proto(),
            ..Default::default()
        }
    }

    fn message() -> ReregisterSlaveMessage {
        let framework_id = v1::FrameworkId { value: "f".into() };
        ReregisterSlaveMessage {
            slave: agent(),
            frameworks: vec![v1::FrameworkInfo {
                id: Some(framework_id.clone()),
                ..Default::default()
            }],
            executor_infos: vec![v1::ExecutorInfo {
                executor_id: v1::ExecutorId { value: "e".into() },
                framework_id: Some(framework_id.clone()),
                command: Some(v1::CommandInfo::default()),
                ..Default::default()
            }],
            tasks: vec![v1::Task {
                task_id: v1::TaskId { value: "t".into() },
                agent_id: v1::AgentId { value: "s".into() },
                framework_id,
                executor_id: Some(v1::ExecutorId { value: "e".into() }),
                state: TaskState::TaskRunning as i32,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn what_belongs_together_is_taken() {
        assert_eq!(reregister(&message()), Ok(()));
    }

    #[test]
    fn what_does_not_is_refused() {
        let refusal = |change: &dyn Fn(&mut ReregisterSlaveMessage)| {
            let mut message = message();
            change(&mut message);
            reregister(&message).unwrap_err().to_string()
        };
        assert_eq!(
            refusal(&|m| m.frameworks.push(m.frameworks[0].clone())),
            "Framework has a duplicate FrameworkID: 'f'"
        );
        assert_eq!(
            refusal(&|m| m.executor_infos.push(m.executor_infos[0].clone())),
            "Framework 'f' has a duplicate ExecutorID 'e'"
        );
        assert_eq!(
            refusal(&|m| m.frameworks.clear()),
            "Executor has an invalid FrameworkID 'f'"
        );
        assert_eq!(
            refusal(&|m| m.executor_infos.clear()),
            "Task has an invalid ExecutorID 'e'"
        );
        assert_eq!(
            refusal(&|m| m.tasks[0].agent_id.value = "x".into()),
            "Task has an invalid SlaveID 'x'"
        );
        assert_eq!(
            refusal(&|m| m.tasks[0].framework_id.value = "g".into()),
            "Task has an invalid FrameworkID 'g'"
        );
        assert_eq!(
            refusal(&|m| m.tasks[0].task_id.value.clear()),
            "Task has an invalid TaskID: ID must not be empty"
        );
    }

    #[test]
    fn only_agents_that_checkpoint_have_checkpointed() {
        let reserved = Resources::parse("cpus:1", &Role::any())
            .unwrap()
            .push_reservation(&Reservation::new_dynamic(Role::parse("web").unwrap(), None));
        let mut message = RegisterSlaveMessage {
            slave: agent(),
            checkpointed_resources: reserved.to_proto(),
            ..Default::default()
        };
        assert_eq!(register(&message), Err(RegistrationError::NotCheckpointing));
        message.slave.checkpoint = Some(true);
        assert_eq!(register(&message), Ok(()));
        message.slave.resources[0].name.clear();
        assert!(matches!(
            register(&message),
            Err(RegistrationError::Resource(_))
        ));
    }
}
