//! Where things are below the agent's work directory (G9). The meta data below `meta/` is not
//! the containerizer's.

use std::path::{Path, PathBuf};

use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId};

/// The name of the link to the newest of several folders.
pub const LATEST: &str = "latest";

/// `WORK/slaves/SID`: everything of one incarnation of the agent.
pub fn agent(work: &Path, agent: &AgentId) -> PathBuf {
    work.join("slaves").join(agent.as_str())
}

/// `…/frameworks/FID`: everything of one framework on an agent.
pub fn framework(work: &Path, agent_id: &AgentId, framework: &FrameworkId) -> PathBuf {
    agent(work, agent_id)
        .join("frameworks")
        .join(framework.as_str())
}

/// `…/executors/EID`: all runs of an executor.
pub fn executor(
    work: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor: &ExecutorId,
) -> PathBuf {
    framework(work, agent_id, framework_id)
        .join("executors")
        .join(executor.as_str())
}

/// `…/runs/CID`: the sandbox of one run of an executor.
pub fn sandbox(
    work: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
    container: &ContainerId,
) -> PathBuf {
    executor(work, agent_id, framework_id, executor_id)
        .join("runs")
        .join(container.as_str())
}

/// `…/runs/latest`: the link to the sandbox of an executor's latest run.
pub fn latest_sandbox(
    work: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
) -> PathBuf {
    executor(work, agent_id, framework_id, executor_id)
        .join("runs")
        .join(LATEST)
}

/// `SANDBOX/tasks/TID`: the folder of one task of an executor that runs several.
pub fn task(sandbox: &Path, task: &model::ids::TaskId) -> PathBuf {
    sandbox.join("tasks").join(task.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandboxes_lie_where_upstream_puts_them() {
        let (agent, framework) = (AgentId::from("S0"), FrameworkId::from("F0"));
        let (executor, container) = (ExecutorId::from("E"), ContainerId::from("C"));
        let work = Path::new("/var/lib/mesos");
        assert_eq!(
            sandbox(work, &agent, &framework, &executor, &container),
            Path::new("/var/lib/mesos/slaves/S0/frameworks/F0/executors/E/runs/C")
        );
        assert_eq!(
            latest_sandbox(work, &agent, &framework, &executor),
            Path::new("/var/lib/mesos/slaves/S0/frameworks/F0/executors/E/runs/latest")
        );
    }
}
