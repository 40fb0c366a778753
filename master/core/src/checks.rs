//! What tasks must be to be launched, with what the master's state knows (M47, M51).

use messages::v1;
use messages::v1::agent_info::capability::Type;
use model::Resources;
use model::resources::ResourceError;
use model::validation::container::shares_cgroups;
use model::validation::task::{self, LaunchContext, TaskError};
use model::validation::task_group::{self, TaskGroupError};

use crate::agents::Agent;
use crate::frameworks::Framework;
use crate::task::Task;

/// Where tasks are to run, and on what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch<'a> {
    pub(crate) framework: &'a Framework,
    pub(crate) agent: &'a Agent,
    /// What the offers hold that nothing uses yet.
    pub(crate) available: &'a Resources,
}

/// Checks each resource of all tasks of an operation by itself: one wrong task voids them all.
pub(crate) fn resources_of(tasks: &[v1::TaskInfo]) -> Result<(), ResourceError> {
    for task in tasks {
        Resources::from_proto(&task.resources)?;
        if let Some(executor) = &task.executor {
            Resources::from_proto(&executor.resources)?;
        }
    }
    Ok(())
}

impl Launch<'_> {
    /// Checks a task that is launched by itself.
    pub(crate) fn check(self, task: &v1::TaskInfo) -> Result<(), TaskError> {
        let launch = self.with_context(|context| task::validate(task, context, self.available))?;
        for warning in launch.warnings {
            tracing::warn!("{warning}");
        }
        Ok(())
    }

    /// Checks tasks that are launched together.
    pub(crate) fn check_group(
        self,
        group: &v1::TaskGroupInfo,
        executor: &v1::ExecutorInfo,
    ) -> Result<(), TaskGroupError> {
        self.with_context(|context| {
            task_group::validate(group, executor, context, self.available).map(drop)
        })
    }

    fn with_context<T>(self, check: impl FnOnce(LaunchContext<'_>) -> T) -> T {
        let Self {
            framework, agent, ..
        } = self;
        check(LaunchContext {
            framework: framework.id().as_str(),
            agent: agent.id().as_str(),
            handles_limits: agent.capabilities().has(Type::TaskResourceLimits),
            is_active: &|id| framework.tasks().contains_key(id),
            is_unreachable: &|id| framework.unreachable_tasks().contains(id),
            executor: &|id| {
                let key = (agent.id().clone(), id.into());
                framework
                    .executors()
                    .get(&key)
                    .map(|executor| executor.info())
            },
            sharing: &|executor| self.sharing(executor),
        })
    }

    /// For each task of this executor on the agent, whether it shares its cgroups.
    fn sharing(self, executor: &str) -> Vec<bool> {
        let Self {
            framework, agent, ..
        } = self;
        let here = agent
            .tasks_of(framework.id())
            .filter_map(|id| framework.task(id));
        let away = framework.unreachable_tasks().values();
        here.chain(away.filter(|task| task.agent() == agent.id()))
            .filter(|task| task.executor().is_some_and(|it| it.as_str() == executor))
            .map(|task: &std::sync::Arc<Task>| shares_cgroups(task.details().container.as_ref()))
            .collect()
    }
}
