//! Task groups, which are launched whole or not at all (M49, M51).

use std::collections::BTreeSet;

use messages::v1::{self, container_info, executor_info::Type as ExecutorType, health_check};
use runtime_core::units::Bytes;

use super::{
    container::{says_share_cgroups, shares_cgroups},
    executor::{self, ExecutorError},
    resources::{self, MixError},
    task::{self, CPUS_MIN, LaunchContext, MEM_MB_MIN, TaskError, enough_cpus, enough_mem},
};
use crate::Resources;

/// Why a task group is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskGroupError {
    /// One of its tasks is wrong.
    #[error("Task '{task}' is invalid: {reason}")]
    Task {
        /// The task's id.
        task: String,
        /// What is wrong with it.
        reason: GroupTaskError,
    },
    /// The executor is wrong.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The executor does not say which one it is.
    #[error("'ExecutorInfo.type' must be set")]
    ExecutorTypeMissing,
    /// The executor is of a type that nobody knows.
    #[error("Unknown executor type")]
    ExecutorTypeUnknown,
    /// Docker cannot nest containers.
    #[error("Docker ContainerInfo is not supported on the executor")]
    ExecutorInDocker,
    /// A task names another executor.
    #[error("The `ExecutorInfo` of task '{task}' is different from executor '{executor}'")]
    OtherExecutor {
        /// The task's id.
        task: String,
        /// The executor's id.
        executor: String,
    },
    /// The executor has too little of something.
    #[error("Executor '{executor}' uses less {what} ({has}) than the minimum required ({least})")]
    TooLittle {
        /// The executor's id.
        executor: String,
        /// `CPUs` or `memory`.
        what: &'static str,
        /// What it has, or `None`.
        has: String,
        /// What it must have.
        least: String,
    },
    /// The executor has no disk.
    #[error("Executor '{0}' uses no disk")]
    NoDisk(String),
    /// Two want the same volume.
    #[error("Task group and executor use duplicate persistence ID: {0}")]
    PersistenceId(MixError),
    /// One has what may be taken away, another not.
    #[error("Task group and executor mix revocable and non-revocable resources: {0}")]
    Revocable(MixError),
    /// Two want the same port.
    #[error(
        "There are overlapping resources in the task group's task resources {tasks} and/or \
         executor resources {executor}"
    )]
    Overlap {
        /// What each task wants.
        tasks: String,
        /// What the executor wants.
        executor: String,
    },
    /// The offers do not hold what they want.
    #[error(
        "Total resources {total} required by task group and its executor are more than available \
         {offered}"
    )]
    NotOffered {
        /// What they want.
        total: String,
        /// What is offered.
        offered: String,
    },
    /// An executor has cgroups of its own.
    #[error("The 'share_cgroups' field cannot be set to 'true' on executor containers")]
    ExecutorSharesCgroups,
    /// Some tasks share the executor's cgroups, others do not.
    #[error(
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group \
         and under a single executor"
    )]
    MixedCgroups,
}

/// Why a task cannot be one of a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupTaskError {
    /// It is wrong by itself.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// It does not name the group's executor.
    #[error("'TaskInfo.executor' must be set")]
    ExecutorMissing,
    /// The check could not reach it.
    #[error(
        "HTTP and TCP health checks are not supported for nested containers not joining parent's \
         network"
    )]
    HealthCheckNetwork,
    /// Docker cannot nest containers.
    #[error("Docker ContainerInfo is not supported on the task")]
    InDocker,
    /// Limits need cgroups of their own.
    #[error(
        "Resource limits may only be set for tasks within a task group when the 'share_cgroups' \
         field is set to 'false'."
    )]
    LimitsOfShared,
}

/// Checks a task group and its executor, launched out of `offered`. Says what
/// they need together; the executor's only if it does not run already.
pub fn validate(
    group: &v1::TaskGroupInfo,
    executor: &v1::ExecutorInfo,
    context: LaunchContext<'_>,
    offered: &Resources,
) -> Result<Resources, TaskGroupError> {
    let mut each = Vec::with_capacity(group.tasks.len());
    let mut ids = BTreeSet::new();
    for task in &group.tasks {
        let id = &task.task_id.value;
        let resources = if ids.insert(id) {
            validate_task(task, context)
        } else {
            Err(TaskError::Duplicate(id.clone()).into())
        };
        each.push(resources.map_err(|reason| TaskGroupError::Task {
            task: id.clone(),
            reason,
        })?);
    }
    let total = validate_executor(group, &each, executor, context, offered)?;
    check_cgroups(group, executor, context)?;
    Ok(total)
}

fn validate_task(
    task: &v1::TaskInfo,
    context: LaunchContext<'_>,
) -> Result<Resources, GroupTaskError> {
    let resources = task::validate_task(task, context)?;
    if task.executor.is_none() {
        return Err(GroupTaskError::ExecutorMissing);
    }
    if let Some(container) = &task.container {
        let reaches_out = task.health_check.as_ref().is_some_and(|check| {
            matches!(
                check.r#type(),
                health_check::Type::Http | health_check::Type::Tcp
            )
        });
        if reaches_out && !container.network_infos.is_empty() {
            return Err(GroupTaskError::HealthCheckNetwork);
        }
        if container.r#type() == container_info::Type::Docker {
            return Err(GroupTaskError::InDocker);
        }
    }
    if !task.limits.is_empty() && shares_cgroups(task.container.as_ref()) {
        return Err(GroupTaskError::LimitsOfShared);
    }
    Ok(resources)
}

fn validate_executor(
    group: &v1::TaskGroupInfo,
    each: &[Resources],
    executor: &v1::ExecutorInfo,
    context: LaunchContext<'_>,
    offered: &Resources,
) -> Result<Resources, TaskGroupError> {
    let id = &executor.executor_id.value;
    let running = (context.executor)(id);
    let needed = executor::validate_launch(executor, context.framework, running)?;
    match super::known::<ExecutorType>(executor.r#type) {
        None => return Err(TaskGroupError::ExecutorTypeMissing),
        Some(ExecutorType::Unknown) => return Err(TaskGroupError::ExecutorTypeUnknown),
        Some(ExecutorType::Default | ExecutorType::Custom) => {}
    }
    if executor
        .container
        .as_ref()
        .is_some_and(|c| c.r#type() == container_info::Type::Docker)
    {
        return Err(TaskGroupError::ExecutorInDocker);
    }
    for task in &group.tasks {
        if task
            .executor
            .as_ref()
            .is_some_and(|other| !executor::same(other, executor))
        {
            return Err(TaskGroupError::OtherExecutor {
                task: task.task_id.value.clone(),
                executor: id.clone(),
            });
        }
    }
    check_least(id, &needed)?;
    check_together(each, &needed)?;
    let mut total: Resources = each.iter().sum();
    if running.is_none() {
        total += &needed;
    }
    if !offered.contains(&total) {
        return Err(TaskGroupError::NotOffered {
            total: total.to_string(),
            offered: offered.to_string(),
        });
    }
    Ok(total)
}

fn check_least(executor: &str, resources: &Resources) -> Result<(), TaskGroupError> {
    let too_little = |what, has: Option<String>, least| TaskGroupError::TooLittle {
        executor: executor.to_owned(),
        what,
        has: has.unwrap_or_else(|| "None".to_owned()),
        least,
    };
    enough_cpus(resources).map_err(|has| too_little("CPUs", has, CPUS_MIN.to_string()))?;
    enough_mem(resources)
        .map_err(|has| too_little("memory", has, Bytes::megabytes(MEM_MB_MIN).to_string()))?;
    if resources.disk().is_zero() {
        return Err(TaskGroupError::NoDisk(executor.to_owned()));
    }
    Ok(())
}

fn check_together(each: &[Resources], executor: &Resources) -> Result<(), TaskGroupError> {
    let all = executor.clone() + each.iter().sum::<Resources>();
    resources::unique_persistence_ids(&all).map_err(TaskGroupError::PersistenceId)?;
    resources::revocable_apart(&all).map_err(TaskGroupError::Revocable)?;
    if resources::overlap(each.iter().chain([executor])) {
        let tasks: Vec<_> = each.iter().map(Resources::to_string).collect();
        return Err(TaskGroupError::Overlap {
            tasks: format!("[ {} ]", tasks.join(", ")),
            executor: executor.to_string(),
        });
    }
    Ok(())
}

/// All tasks under one executor share its cgroups, or none does.
fn check_cgroups(
    group: &v1::TaskGroupInfo,
    executor: &v1::ExecutorInfo,
    context: LaunchContext<'_>,
) -> Result<(), TaskGroupError> {
    if says_share_cgroups(executor.container.as_ref()) == Some(true) {
        return Err(TaskGroupError::ExecutorSharesCgroups);
    }
    let id = &executor.executor_id.value;
    let running = if (context.executor)(id).is_some() {
        (context.sharing)(id)
    } else {
        Vec::new()
    };
    let mut all = group
        .tasks
        .iter()
        .map(|task| shares_cgroups(task.container.as_ref()))
        .chain(running);
    let first = all.next();
    if all.any(|shares| Some(shares) != first) {
        return Err(TaskGroupError::MixedCgroups);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn allocated(text: &str) -> Resources {
        Resources::parse(text, &Role::any())
            .unwrap()
            .allocated(&Role::any())
    }

    fn executor(resources: &str) -> v1::ExecutorInfo {
        v1::ExecutorInfo {
            r#type: Some(ExecutorType::Default as i32),
            executor_id: v1::ExecutorId { value: "e".into() },
            framework_id: Some(v1::FrameworkId { value: "f".into() }),
            resources: allocated(resources).to_proto(),
            ..Default::default()
        }
    }

    fn good() -> v1::ExecutorInfo {
        executor("cpus:0.1;mem:32;disk:10")
    }

    fn task(id: &str, resources: &str) -> v1::TaskInfo {
        v1::TaskInfo {
            name: id.into(),
            task_id: v1::TaskId { value: id.into() },
            agent_id: v1::AgentId { value: "s".into() },
            resources: allocated(resources).to_proto(),
            command: Some(v1::CommandInfo::default()),
            executor: Some(good()),
            ..Default::default()
        }
    }

    fn container(share: bool) -> v1::ContainerInfo {
        v1::ContainerInfo {
            r#type: container_info::Type::Mesos as i32,
            linux_info: Some(v1::LinuxInfo {
                share_cgroups: Some(share),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn check(
        tasks: Vec<v1::TaskInfo>,
        executor: &v1::ExecutorInfo,
        running: Option<&v1::ExecutorInfo>,
    ) -> Result<Resources, TaskGroupError> {
        let context = LaunchContext {
            framework: "f",
            agent: "s",
            handles_limits: true,
            is_active: &|_| false,
            is_unreachable: &|_| false,
            executor: &|_| running,
            sharing: &|_| vec![true],
        };
        let offered = allocated("cpus:2;mem:256;disk:100;ports:[1-9]");
        validate(&v1::TaskGroupInfo { tasks }, executor, context, &offered)
    }

    fn refusal(tasks: Vec<v1::TaskInfo>, executor: &v1::ExecutorInfo) -> String {
        check(tasks, executor, None).unwrap_err().to_string()
    }

    #[test]
    fn two_tasks_of_one_id_are_refused() {
        let tasks = vec![task("t", "cpus:1"), task("t", "cpus:1")];
        assert_eq!(
            check(tasks, &good(), None).unwrap_err().to_string(),
            "Task 't' is invalid: Task has duplicate ID: t"
        );
    }

    #[test]
    fn a_good_group_takes_what_its_members_say() {
        let tasks = || vec![task("a", "cpus:0.5"), task("b", "cpus:0.5;mem:32")];
        assert_eq!(
            check(tasks(), &good(), None),
            Ok(allocated("cpus:1.1;mem:64;disk:10"))
        );
        assert_eq!(
            check(tasks(), &good(), Some(&good())),
            Ok(allocated("cpus:1;mem:32"))
        );
        assert_eq!(
            refusal(vec![task("a", "cpus:1"), task("b", "cpus:1")], &good()),
            "Total resources cpus(allocated: *):2.1; mem(allocated: *):32; disk(allocated: *):10 \
             required by task group and its executor are more than available \
             cpus(allocated: *):2; mem(allocated: *):256; disk(allocated: *):100; \
             ports(allocated: *):[1-9]"
        );
    }

    #[test]
    fn one_bad_task_spoils_the_group() {
        let bad = v1::TaskInfo {
            executor: None,
            ..task("b", "cpus:0.1")
        };
        assert_eq!(
            refusal(vec![task("a", "cpus:0.1"), bad], &good()),
            "Task 'b' is invalid: 'TaskInfo.executor' must be set"
        );
        let docker = v1::ContainerInfo {
            r#type: container_info::Type::Docker as i32,
            docker: Some(container_info::DockerInfo::default()),
            ..Default::default()
        };
        assert_eq!(
            refusal(
                vec![v1::TaskInfo {
                    container: Some(docker),
                    ..task("a", "cpus:0.1")
                }],
                &good()
            ),
            "Task 'a' is invalid: Docker ContainerInfo is not supported on the task"
        );
        let other = v1::TaskInfo {
            executor: Some(executor("cpus:1")),
            ..task("a", "cpus:0.1")
        };
        assert_eq!(
            refusal(vec![other], &good()),
            "The `ExecutorInfo` of task 'a' is different from executor 'e'"
        );
    }

    #[test]
    fn an_executor_has_a_type_and_enough() {
        let untyped = v1::ExecutorInfo {
            r#type: None,
            ..good()
        };
        let custom = v1::ExecutorInfo {
            command: Some(Default::default()),
            ..untyped
        };
        assert_eq!(
            refusal(Vec::new(), &custom),
            "'ExecutorInfo.type' must be set"
        );
        let unknown = v1::ExecutorInfo {
            r#type: Some(0),
            ..good()
        };
        assert_eq!(refusal(Vec::new(), &unknown), "Unknown executor type");
        assert_eq!(
            refusal(Vec::new(), &executor("cpus:0.001;mem:32;disk:1")),
            "Executor 'e' uses less CPUs (0.001) than the minimum required (0.01)"
        );
        assert_eq!(
            refusal(Vec::new(), &executor("cpus:1;mem:31;disk:1")),
            "Executor 'e' uses less memory (31MB) than the minimum required (32MB)"
        );
        assert_eq!(
            refusal(Vec::new(), &executor("cpus:1;mem:32")),
            "Executor 'e' uses no disk"
        );
    }

    #[test]
    fn members_do_not_want_the_same_port() {
        assert_eq!(
            refusal(
                vec![task("a", "ports:[1-2]"), task("b", "ports:[2-3]")],
                &good()
            ),
            "There are overlapping resources in the task group's task resources \
             [ ports(allocated: *):[1-2], ports(allocated: *):[2-3] ] and/or executor resources \
             cpus(allocated: *):0.1; mem(allocated: *):32; disk(allocated: *):10"
        );
    }

    #[test]
    fn cgroups_are_shared_by_all_or_none() {
        let sharing = |id, share| v1::TaskInfo {
            container: Some(container(share)),
            ..task(id, "cpus:0.1")
        };
        assert!(
            check(
                vec![sharing("a", false), sharing("b", false)],
                &good(),
                None
            )
            .is_ok()
        );
        assert!(
            check(
                vec![sharing("a", true), task("b", "cpus:0.1")],
                &good(),
                None
            )
            .is_ok()
        );
        let mixed = check(
            vec![sharing("a", false), task("b", "cpus:0.1")],
            &good(),
            None,
        );
        assert_eq!(mixed, Err(TaskGroupError::MixedCgroups));
        // A task that runs under the executor already shares its cgroups.
        let late = check(vec![sharing("a", false)], &good(), Some(&good()));
        assert_eq!(late, Err(TaskGroupError::MixedCgroups));
        let executor = v1::ExecutorInfo {
            container: Some(container(true)),
            ..good()
        };
        let task = v1::TaskInfo {
            executor: Some(executor.clone()),
            ..task("a", "cpus:0.1")
        };
        assert_eq!(
            check(vec![task], &executor, None),
            Err(TaskGroupError::ExecutorSharesCgroups)
        );
    }

    #[test]
    fn limits_need_cgroups_of_their_own() {
        let limits = |container| v1::TaskInfo {
            container,
            limits: [("cpus".to_owned(), v1::value::Scalar { value: 1.0 })].into(),
            ..task("a", "cpus:0.1")
        };
        assert!(check(vec![limits(Some(container(false)))], &good(), None).is_ok());
        assert_eq!(
            refusal(vec![limits(None)], &good()),
            "Task 'a' is invalid: Resource limits may only be set for tasks within a task group \
             when the 'share_cgroups' field is set to 'false'."
        );
    }
}
