//! Tasks that frameworks launch (M47, M51).

use messages::v1::{self, executor_info::Type as ExecutorType};
use runtime_core::units::Bytes;

use super::{
    check::{self, CheckError},
    command::{self, CommandError},
    container::{self, ContainerError, says_share_cgroups},
    executor::{self, ExecutorError},
    resources::{self, MixError, ResourcesError},
};
use crate::{
    Resources, Scalar,
    ids::{self, IdError},
};

/// The least of cores that an executor should have (M51).
pub const CPUS_MIN: Scalar = Scalar::from_thousandths(10);

/// The least of memory that an executor should have, in megabytes (M51).
pub const MEM_MB_MIN: u64 = 32;

/// Why a task is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The id is no id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Another task runs under this id.
    #[error("Task has duplicate ID: {0}")]
    Duplicate(String),
    /// Another task, on an agent that cannot be reached, may run under this id.
    #[error("Task reuses the ID of an unreachable task: {0}")]
    Unreachable(String),
    /// The offer was for another agent.
    #[error("Task uses invalid agent {actual} while agent {expected} is expected")]
    Agent {
        /// The agent that the task names.
        actual: String,
        /// The agent that the offer names.
        expected: String,
    },
    /// A time below zero.
    #[error("Task's 'kill_policy.grace_period' must be non-negative")]
    GracePeriod,
    /// A time below zero.
    #[error("Task's `max_completion_time` must be non-negative")]
    MaxCompletionTime,
    /// The check is wrong.
    #[error("Task uses invalid check: {0}")]
    Check(CheckError),
    /// The health check is wrong.
    #[error("Task uses invalid health check: {0}")]
    HealthCheck(CheckError),
    /// It would run on nothing.
    #[error("Task uses no resources")]
    NoResources,
    /// Its resources are wrong.
    #[error("Task uses invalid resources: {0}")]
    Resources(#[from] ResourcesError),
    /// Two of its volumes have the same id.
    #[error("Task uses duplicate persistence ID: {0}")]
    PersistenceId(MixError),
    /// Its resources are allocated to nobody, or to several.
    #[error("Invalid task resources: {0}")]
    Allocation(MixError),
    /// Some of its resources may be taken away, others not.
    #[error("Task mixes revocable and non-revocable resources: {0}")]
    Revocable(MixError),
    /// The command is wrong.
    #[error("Task's `CommandInfo` is invalid: {0}")]
    Command(#[from] CommandError),
    /// The container is wrong.
    #[error("Task's `ContainerInfo` is invalid: {0}")]
    Container(#[from] ContainerError),
    /// The limits are wrong.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// Neither or both of command and executor.
    #[error("Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")]
    CommandOrExecutor,
    /// The executor is wrong.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The agent's own executor is for task groups.
    #[error("'ExecutorInfo.type' must be 'CUSTOM'")]
    ExecutorType,
    /// The executor does not say what to run.
    #[error("'ExecutorInfo.command' must be set")]
    ExecutorCommand,
    /// The executor would share a volume with others.
    #[error("Executor resources {0} should not contain any shared resources")]
    ExecutorShared(String),
    /// An executor has cgroups of its own.
    #[error("The 'share_cgroups' field cannot be set to 'true' on executor containers")]
    ExecutorSharesCgroups,
    /// Task and executor together have wrong resources.
    #[error("Task and its executor use invalid resources: {0}")]
    TotalResources(ResourcesError),
    /// Task and executor want the same port.
    #[error(
        "There are overlapping resources in the task resources {task} and executor resources \
         {executor}"
    )]
    Overlap {
        /// What the task wants.
        task: String,
        /// What the executor wants.
        executor: String,
    },
    /// Task and executor want the same volume.
    #[error("Task and its executor use duplicate persistence ID: {0}")]
    TotalPersistenceId(MixError),
    /// Of task and executor one has what may be taken away, the other not.
    #[error("Task and its executor mix revocable and non-revocable resources: {0}")]
    TotalRevocable(MixError),
    /// The offers do not hold what they want.
    #[error(
        "Total resources {total} required by task and its executor is more than available \
         {offered}"
    )]
    NotOffered {
        /// What they want.
        total: String,
        /// What is offered.
        offered: String,
    },
    /// Cgroups of its own are for tasks of a group.
    #[error("Only tasks in a task group may have 'share_cgroups' set to 'false'")]
    OwnCgroups,
}

/// Why a task's limits are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// The agent would ignore them.
    #[error("Agent is not capable of handling task resource limits")]
    AgentIncapable,
    /// A limit on something else.
    #[error("Only cpus and mem may be included in a task's resource limits")]
    OtherName,
    /// A limit without a request.
    #[error("When a CPU limit is specified, a CPU request must also be specified")]
    CpusWithoutRequest,
    /// A limit below the request.
    #[error("The cpu limit must be greater than or equal to the cpu request")]
    CpusBelowRequest,
    /// A limit without a request.
    #[error("When a memory limit is specified, a memory request must also be specified")]
    MemWithoutRequest,
    /// A limit below the request.
    #[error("The memory limit must be greater than or equal to the memory request")]
    MemBelowRequest,
}

/// What a task's checks must know of the framework and the agent.
#[derive(Clone, Copy)]
pub struct LaunchContext<'a> {
    /// The framework that launches.
    pub framework: &'a str,
    /// The agent of the offers.
    pub agent: &'a str,
    /// Whether the agent has TASK_RESOURCE_LIMITS.
    pub handles_limits: bool,
    /// Whether the framework has a task with this id that is not over.
    pub is_active: &'a dyn Fn(&str) -> bool,
    /// Whether the framework has a task with this id on an agent that cannot be
    /// reached.
    pub is_unreachable: &'a dyn Fn(&str) -> bool,
    /// The framework's executor with this id on the agent.
    pub executor: &'a dyn Fn(&str) -> Option<&'a v1::ExecutorInfo>,
    /// For each task of the framework's executor with this id on the agent,
    /// reachable or not, whether it shares the executor's cgroups: see
    /// [`super::container::shares_cgroups`].
    pub sharing: &'a dyn Fn(&str) -> Vec<bool>,
}

impl std::fmt::Debug for LaunchContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaunchContext")
            .field("framework", &self.framework)
            .field("agent", &self.agent)
            .field("handles_limits", &self.handles_limits)
            .finish_non_exhaustive()
    }
}

/// What a task that may be launched takes from the offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// What task and executor need together; the executor's only if it does not
    /// run already.
    pub total: Resources,
    /// The executor has less than it should (M51); the task is launched all the
    /// same. For the log.
    pub warnings: Vec<String>,
}

/// Checks a task that is launched by itself, out of `offered`.
pub fn validate(
    task: &v1::TaskInfo,
    context: LaunchContext<'_>,
    offered: &Resources,
) -> Result<Launch, TaskError> {
    let resources = validate_task(task, context)?;
    let launch = validate_executor(task, &resources, context, offered)?;
    if says_share_cgroups(task.container.as_ref()) == Some(false) {
        return Err(TaskError::OwnCgroups);
    }
    Ok(launch)
}

/// Checks everything of a task but its executor, and takes its resources.
pub(super) fn validate_task(
    task: &v1::TaskInfo,
    context: LaunchContext<'_>,
) -> Result<Resources, TaskError> {
    let id = task.task_id.value.as_str();
    ids::check(id)?;
    if (context.is_active)(id) {
        return Err(TaskError::Duplicate(id.to_owned()));
    }
    if (context.is_unreachable)(id) {
        return Err(TaskError::Unreachable(id.to_owned()));
    }
    if task.agent_id.value != context.agent {
        return Err(TaskError::Agent {
            actual: task.agent_id.value.clone(),
            expected: context.agent.to_owned(),
        });
    }
    check_times(task)?;
    task.check
        .as_ref()
        .map_or(Ok(()), check::check)
        .map_err(TaskError::Check)?;
    task.health_check
        .as_ref()
        .map_or(Ok(()), check::health_check)
        .map_err(TaskError::HealthCheck)?;
    let resources = check_resources(task)?;
    task.command.iter().try_for_each(command::validate)?;
    task.container.iter().try_for_each(container::validate)?;
    check_limits(task, &resources, context.handles_limits)?;
    Ok(resources)
}

fn check_times(task: &v1::TaskInfo) -> Result<(), TaskError> {
    let grace = task
        .kill_policy
        .as_ref()
        .and_then(|policy| policy.grace_period.as_ref());
    if grace.is_some_and(|period| period.nanoseconds < 0) {
        return Err(TaskError::GracePeriod);
    }
    if task
        .max_completion_time
        .as_ref()
        .is_some_and(|time| time.nanoseconds < 0)
    {
        return Err(TaskError::MaxCompletionTime);
    }
    Ok(())
}

fn check_resources(task: &v1::TaskInfo) -> Result<Resources, TaskError> {
    if task.resources.is_empty() {
        return Err(TaskError::NoResources);
    }
    let resources = resources::validate(&task.resources)?;
    resources::unique_persistence_ids(&resources).map_err(TaskError::PersistenceId)?;
    resources::allocated_to_single_role(&resources).map_err(TaskError::Allocation)?;
    resources::revocable_apart(&resources).map_err(TaskError::Revocable)?;
    Ok(resources)
}

fn check_limits(
    task: &v1::TaskInfo,
    resources: &Resources,
    handles_limits: bool,
) -> Result<(), LimitsError> {
    if task.limits.is_empty() {
        return Ok(());
    }
    if !handles_limits {
        return Err(LimitsError::AgentIncapable);
    }
    if task
        .limits
        .keys()
        .any(|name| !matches!(name.as_str(), "cpus" | "mem"))
    {
        return Err(LimitsError::OtherName);
    }
    if let Some(limit) = task.limits.get("cpus") {
        let request = resources.cpus();
        if request.is_zero() {
            return Err(LimitsError::CpusWithoutRequest);
        }
        if !is_at_least(limit.value, request.to_f64()) {
            return Err(LimitsError::CpusBelowRequest);
        }
    }
    if let Some(limit) = task.limits.get("mem") {
        let request = resources.mem();
        if request.is_zero() {
            return Err(LimitsError::MemWithoutRequest);
        }
        if !is_at_least(limit.value, request.to_f64().floor()) {
            return Err(LimitsError::MemBelowRequest);
        }
    }
    Ok(())
}

/// Whether a limit, which may be infinite, leaves room for a request. What is
/// not a number leaves none.
fn is_at_least(limit: f64, request: f64) -> bool {
    limit >= request
}

fn validate_executor(
    task: &v1::TaskInfo,
    resources: &Resources,
    context: LaunchContext<'_>,
    offered: &Resources,
) -> Result<Launch, TaskError> {
    if task.executor.is_some() == task.command.is_some() {
        return Err(TaskError::CommandOrExecutor);
    }
    let mut total = resources.clone();
    let mut warnings = Vec::new();
    if let Some(executor) = &task.executor {
        let running = (context.executor)(&executor.executor_id.value);
        let needed = executor::validate_launch(executor, context.framework, running)?;
        if executor.r#type.is_some() && executor.r#type() != ExecutorType::Custom {
            return Err(TaskError::ExecutorType);
        }
        if executor.command.is_none() {
            return Err(TaskError::ExecutorCommand);
        }
        if !needed.shared().is_empty() {
            return Err(TaskError::ExecutorShared(needed.to_string()));
        }
        warnings = executor_warnings(task, executor, &needed);
        if says_share_cgroups(executor.container.as_ref()) == Some(true) {
            return Err(TaskError::ExecutorSharesCgroups);
        }
        check_together(resources, &needed)?;
        if running.is_none() {
            total += &needed;
        }
    }
    if !offered.contains(&total) {
        return Err(TaskError::NotOffered {
            total: total.to_string(),
            offered: offered.to_string(),
        });
    }
    Ok(Launch { total, warnings })
}

fn check_together(task: &Resources, executor: &Resources) -> Result<(), TaskError> {
    let both = task + executor;
    resources::validate_known(&both).map_err(TaskError::TotalResources)?;
    if resources::overlap([task, executor]) {
        return Err(TaskError::Overlap {
            task: task.to_string(),
            executor: executor.to_string(),
        });
    }
    resources::unique_persistence_ids(&both).map_err(TaskError::TotalPersistenceId)?;
    resources::revocable_apart(&both).map_err(TaskError::TotalRevocable)
}

fn executor_warnings(
    task: &v1::TaskInfo,
    executor: &v1::ExecutorInfo,
    resources: &Resources,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |what: &str, has: Option<String>, least: String| {
        warnings.push(format!(
            "Executor '{}' for task '{}' uses less {what} ({}) than the minimum required ({least}). \
             Please update your executor, as this will be mandatory in future releases.",
            executor.executor_id.value,
            task.task_id.value,
            has.unwrap_or_else(|| "None".to_owned()),
        ));
    };
    if let Err(has) = enough_cpus(resources) {
        warn("CPUs", has, CPUS_MIN.to_string());
    }
    if let Err(has) = enough_mem(resources) {
        warn("memory", has, Bytes::megabytes(MEM_MB_MIN).to_string());
    }
    warnings
}

/// Whether an executor has the cores that it should; if not, what it has.
pub(super) fn enough_cpus(resources: &Resources) -> Result<(), Option<String>> {
    let cpus = resources.cpus();
    if cpus >= CPUS_MIN {
        return Ok(());
    }
    Err((!cpus.is_zero()).then(|| cpus.to_string()))
}

/// Whether an executor has the memory that it should; if not, what it has.
pub(super) fn enough_mem(resources: &Resources) -> Result<(), Option<String>> {
    let mem = resources.mem();
    let whole = u64::try_from(mem.thousandths() / 1000).unwrap_or(0);
    if whole >= MEM_MB_MIN {
        return Ok(());
    }
    Err((!mem.is_zero()).then(|| Bytes::megabytes(whole).to_string()))
}

#[cfg(test)]
mod tests;
