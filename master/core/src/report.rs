//! What an agent reports when it returns, read and checked once (M13, M31).

use std::collections::BTreeSet;
use std::sync::Arc;

use messages::internal::archive;
use messages::v1;
use model::ids::{self, AgentId, ExecutorId, FrameworkId, IdError, TaskId};
use model::{ResourceError, Resources};
use thiserror::Error;

use crate::agents::{AgentCapabilities, Arrival};
use crate::env::Uuid;
use crate::executor::Executor;
use crate::returning::{EncodedTasks, Returning};
use crate::task::Task;

/// The oldest agents that are let in (M11).
const MINIMUM_MAJOR_VERSION: u64 = 1;

/// What an agent reports of itself and of what runs there.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) arrival: Arrival,
    pub(crate) executors: Vec<(FrameworkId, Executor)>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) frameworks: Vec<v1::FrameworkInfo>,
    pub(crate) completed: Vec<archive::Framework>,
}

/// Why an agent's message cannot be used. The agent is not answered: it will try again.
#[derive(Debug, Error)]
pub(crate) enum ReportError {
    #[error("the agent's id: {0}")]
    AgentId(IdError),
    #[error("AgentInfo is missing the 'id' field")]
    NoAgentId,
    #[error("version '{0}' is not of the form MAJOR.MINOR.PATCH")]
    BadVersion(String),
    #[error("version {0} is older than {MINIMUM_MAJOR_VERSION}.0.0")]
    OldVersion(String),
    #[error("resources: {0}")]
    Resources(#[from] ResourceError),
    #[error("Framework has a duplicate FrameworkID: '{0}'")]
    DuplicateFramework(FrameworkId),
    #[error("FrameworkInfo is missing the 'id' field")]
    NoFrameworkId,
    #[error("Executor has an invalid FrameworkID '{0}'")]
    ExecutorFramework(String),
    #[error("Framework '{0}' has a duplicate ExecutorID '{1}'")]
    DuplicateExecutor(FrameworkId, ExecutorId),
    #[error("Task has an invalid TaskID: {0}")]
    TaskId(IdError),
    #[error("Task has an invalid AgentID '{0}'")]
    TaskAgent(String),
    #[error("Task has an invalid FrameworkID '{0}'")]
    TaskFramework(FrameworkId),
    #[error("Framework '{0}' has a duplicate TaskID '{1}'")]
    DuplicateTask(FrameworkId, TaskId),
}

/// Reads what an agent says of itself, in either message.
pub(crate) fn read_arrival(
    mut info: v1::AgentInfo,
    version: Option<&str>,
    capabilities: &[v1::agent_info::Capability],
    resource_version: Option<&v1::Uuid>,
) -> Result<Arrival, ReportError> {
    let version = version.unwrap_or_default();
    check_version(version)?;
    if let Some(id) = &info.id {
        ids::check(&id.value).map_err(ReportError::AgentId)?;
    }
    Ok(Arrival {
        own: Arc::new(Resources::from_proto(&std::mem::take(&mut info.resources))?),
        info,
        version: Arc::from(version),
        capabilities: AgentCapabilities::from_proto(capabilities),
        resource_version: resource_version.and_then(|it| Uuid::from_bytes(&it.value)),
    })
}

impl Report {
    pub(crate) fn read(returning: Returning) -> Result<Self, ReportError> {
        let Returning { message, tasks } = returning;
        let arrival = read_arrival(
            message.slave,
            message.version.as_deref(),
            &message.agent_capabilities,
            message.resource_version_uuid.as_ref(),
        )?;
        let agent = AgentId::from(arrival.info.id.as_ref().ok_or(ReportError::NoAgentId)?);
        let mut known = BTreeSet::new();
        for framework in &message.frameworks {
            let id = framework.id.as_ref().ok_or(ReportError::NoFrameworkId)?;
            let id = FrameworkId::from(id);
            if !known.insert(id.clone()) {
                return Err(ReportError::DuplicateFramework(id));
            }
        }
        Ok(Self {
            executors: read_executors(message.executor_infos, &agent, &known)?,
            tasks: read_tasks(&tasks, &agent, &known)?,
            frameworks: message.frameworks,
            completed: message.completed_frameworks,
            arrival,
        })
    }
}

fn read_executors(
    infos: Vec<v1::ExecutorInfo>,
    agent: &AgentId,
    frameworks: &BTreeSet<FrameworkId>,
) -> Result<Vec<(FrameworkId, Executor)>, ReportError> {
    let mut seen = BTreeSet::new();
    let mut executors = Vec::with_capacity(infos.len());
    for info in infos {
        let framework = match &info.framework_id {
            Some(id) if frameworks.contains(id.value.as_str()) => FrameworkId::from(id),
            other => {
                let text = other.as_ref().map_or("", |id| &id.value);
                return Err(ReportError::ExecutorFramework(text.to_owned()));
            }
        };
        let id = ExecutorId::from(&info.executor_id);
        if !seen.insert((framework.clone(), id.clone())) {
            return Err(ReportError::DuplicateExecutor(framework, id));
        }
        let resources = Resources::from_proto(&info.resources)?;
        executors.push((framework, Executor::new(info, agent, resources)));
    }
    Ok(executors)
}

fn read_tasks(
    tasks: &EncodedTasks,
    agent: &AgentId,
    frameworks: &BTreeSet<FrameworkId>,
) -> Result<Vec<Task>, ReportError> {
    let mut seen = BTreeSet::new();
    let mut read: Vec<Task> = Vec::with_capacity(tasks.len());
    let mut resources_before: &[u8] = &[];
    for task in tasks.iter() {
        ids::check(task.id).map_err(ReportError::TaskId)?;
        if task.agent != agent.as_str() {
            return Err(ReportError::TaskAgent(task.agent.to_owned()));
        }
        // One text for all that name it.
        let Some(framework) = frameworks.get(task.framework) else {
            let framework = FrameworkId::from(task.framework);
            return Err(ReportError::TaskFramework(framework));
        };
        if !seen.insert((task.framework, task.id)) {
            let id = TaskId::from(task.id);
            return Err(ReportError::DuplicateTask(framework.clone(), id));
        }
        // Tasks of one agent are often alike.
        let resources = match read.last() {
            Some(before) if resources_before == task.resources => before.resources_shared(),
            _ => Arc::new(task.decode_resources()?),
        };
        resources_before = task.resources;
        read.push(Task::reported(
            &task,
            framework.clone(),
            agent.clone(),
            resources,
            read.last(),
        ));
    }
    Ok(read)
}

fn check_version(text: &str) -> Result<(), ReportError> {
    let bad = || ReportError::BadVersion(text.to_owned());
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<u64> = numbers
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| bad())?;
    match parts.as_slice() {
        [major, _, _] if *major >= MINIMUM_MAJOR_VERSION => Ok(()),
        [_, _, _] => Err(ReportError::OldVersion(text.to_owned())),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_one_on_are_let_in() {
        assert!(check_version("1.11.0").is_ok());
        assert!(check_version("1.12.0-rc1").is_ok());
        assert!(matches!(
            check_version("0.28.2"),
            Err(ReportError::OldVersion(_))
        ));
        for bad in ["", "1", "1.2", "1.2.x", "one"] {
            assert!(
                matches!(check_version(bad), Err(ReportError::BadVersion(_))),
                "{bad}"
            );
        }
    }
}
