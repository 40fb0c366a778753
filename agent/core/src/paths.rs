//! Where sandboxes lie, on disk and under `/files/` (G9, E18).

use std::path::{Path, PathBuf};

use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId};

/// The folder of the folders of all agents that ever were here.
pub fn agents(work_dir: &Path) -> PathBuf {
    work_dir.join("slaves")
}

/// The folder of all of an agent's sandboxes.
pub fn agent(work_dir: &Path, agent: &AgentId) -> PathBuf {
    agents(work_dir).join(agent.as_str())
}

/// The folder of all sandboxes of a framework.
pub fn framework(work_dir: &Path, agent_id: &AgentId, framework: &FrameworkId) -> PathBuf {
    agent(work_dir, agent_id)
        .join("frameworks")
        .join(framework.as_str())
}

/// The folder of all runs of an executor.
pub fn executor(
    work_dir: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor: &ExecutorId,
) -> PathBuf {
    framework(work_dir, agent_id, framework_id)
        .join("executors")
        .join(executor.as_str())
}

/// A sandbox: one run of an executor.
pub fn run(
    work_dir: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
    container: &ContainerId,
) -> PathBuf {
    runs(work_dir, agent_id, framework_id, executor_id).join(container.as_str())
}

/// The link to an executor's latest sandbox.
pub fn latest_run(
    work_dir: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
) -> PathBuf {
    runs(work_dir, agent_id, framework_id, executor_id).join("latest")
}

/// The name under which clients find an executor's latest sandbox without knowing the
/// work directory.
pub fn virtual_latest_run(framework: &FrameworkId, executor: &ExecutorId) -> String {
    format!("/frameworks/{framework}/executors/{executor}/runs/latest")
}

/// The same for one of its sandboxes.
pub fn virtual_run(
    framework: &FrameworkId,
    executor: &ExecutorId,
    container: &ContainerId,
) -> String {
    format!("/frameworks/{framework}/executors/{executor}/runs/{container}")
}

fn runs(
    work_dir: &Path,
    agent_id: &AgentId,
    framework_id: &FrameworkId,
    executor_id: &ExecutorId,
) -> PathBuf {
    executor(work_dir, agent_id, framework_id, executor_id).join("runs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_lies_where_tools_look_for_it() {
        let (agent, framework) = (AgentId::from("m-S0"), FrameworkId::from("m-0001"));
        let (executor, container) = (ExecutorId::from("e"), ContainerId::from("c"));
        let work = Path::new("/w");
        assert_eq!(
            run(work, &agent, &framework, &executor, &container),
            Path::new("/w/slaves/m-S0/frameworks/m-0001/executors/e/runs/c")
        );
        assert_eq!(
            latest_run(work, &agent, &framework, &executor),
            Path::new("/w/slaves/m-S0/frameworks/m-0001/executors/e/runs/latest")
        );
        assert_eq!(
            virtual_latest_run(&framework, &executor),
            "/frameworks/m-0001/executors/e/runs/latest"
        );
        assert_eq!(
            virtual_run(&framework, &executor, &container),
            "/frameworks/m-0001/executors/e/runs/c"
        );
    }
}
