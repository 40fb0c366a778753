//! The executor that the agent makes up for a task that brings only a command (E14,
//! G23).

use std::time::Duration;

use messages::v1;
use model::Role;
use model::ids::FrameworkId;
use model::resources::{Resource, Resources, Scalar};

use crate::config::Config;
use crate::limits::{COMMAND_EXECUTOR_MILLICPUS, COMMAND_EXECUTOR_MILLIMEM, REAP_INTERVAL_MAX};

/// The name of the command executor's program.
pub const PROGRAM: &str = "mesos-executor";

/// Commands longer than this are shortened in executors' names.
const SHOWN_COMMAND_MAX: usize = 15;

/// How much of a shortened command is shown.
const SHOWN_COMMAND_SHORTENED: usize = 12;

/// The executor for a command task of a framework.
pub(crate) fn executor_info(
    config: &Config,
    framework: &v1::FrameworkInfo,
    framework_id: &FrameworkId,
    task: &v1::TaskInfo,
) -> v1::ExecutorInfo {
    let id = &task.task_id.value;
    let empty = v1::CommandInfo::default();
    let command = task.command.as_ref().unwrap_or(&empty);
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: id.clone() },
        framework_id: Some(framework_id.to_proto()),
        container: task.container.clone(),
        name: Some(format!(
            "Command Executor (Task: {id}) (Command: {})",
            shown(command)
        )),
        source: Some(id.clone()),
        command: Some(executor_command(config, framework, task, command)),
        labels: task.labels.clone(),
        discovery: task.discovery.clone(),
        shutdown_grace_period: shutdown_grace_period(task),
        resources: overhead(task).to_proto(),
        ..v1::ExecutorInfo::default()
    }
}

/// The command as executors' names show it.
fn shown(command: &v1::CommandInfo) -> String {
    match (command.shell(), &command.value) {
        (true, None) => "NO COMMAND".into(),
        (true, Some(value)) => format!("sh -c '{}'", shortened(value)),
        (false, None) => "NO EXECUTABLE".into(),
        (false, Some(value)) => {
            let words = format!("{value}, {}", command.arguments.join(", "));
            format!("[{}]", shortened(&words))
        }
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= SHOWN_COMMAND_MAX {
        return text.to_owned();
    }
    let end = (0..=SHOWN_COMMAND_SHORTENED)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    format!("{}...", text.get(..end.unwrap_or(0)).unwrap_or_default())
}

fn executor_command(
    config: &Config,
    framework: &v1::FrameworkInfo,
    task: &v1::TaskInfo,
    command: &v1::CommandInfo,
) -> v1::CommandInfo {
    let (shell, value, arguments) = match &config.command_executor {
        Ok(path) => {
            let mut arguments = vec![
                PROGRAM.to_owned(),
                format!("--launcher_dir={}", config.launcher_dir.display()),
            ];
            arguments.extend(image_arguments(config, framework, task, command));
            (false, path.display().to_string(), arguments)
        }
        Err(error) => (true, format!("echo '{error}'; exit 1"), Vec::new()),
    };
    v1::CommandInfo {
        uris: command.uris.clone(),
        environment: command.environment.clone(),
        shell: Some(shell),
        value: Some(value),
        arguments,
        user: command.user.clone(),
    }
}

/// What the executor must know when the task has a root filesystem of its own.
fn image_arguments(
    config: &Config,
    framework: &v1::FrameworkInfo,
    task: &v1::TaskInfo,
    command: &v1::CommandInfo,
) -> Vec<String> {
    let has_image = task.container.as_ref().is_some_and(|container| {
        container.r#type() == v1::container_info::Type::Mesos
            && container
                .mesos
                .as_ref()
                .is_some_and(|mesos| mesos.image.is_some())
    });
    if !has_image {
        return Vec::new();
    }
    let mut arguments = vec![format!("--sandbox_directory={}", config.sandbox_directory)];
    if config.switch_user {
        let user = command.user.as_deref().unwrap_or(&framework.user);
        arguments.push(format!("--user={user}"));
    }
    arguments
}

/// An executor must outlive its task's kill: the task's grace, the time in which its end
/// may go unnoticed, and a second.
fn shutdown_grace_period(task: &v1::TaskInfo) -> Option<v1::DurationInfo> {
    let grace = task
        .kill_policy
        .as_ref()?
        .grace_period
        .as_ref()?
        .nanoseconds;
    let extra = REAP_INTERVAL_MAX + Duration::from_secs(1);
    let extra = i64::try_from(extra.as_nanos()).unwrap_or(i64::MAX);
    Some(v1::DurationInfo {
        nanoseconds: grace.saturating_add(extra),
    })
}

/// What the executor itself needs, allocated to the task's role.
fn overhead(task: &v1::TaskInfo) -> Resources {
    let mut overhead: Resources = [
        Resource::scalar("cpus", Scalar::from_thousandths(COMMAND_EXECUTOR_MILLICPUS)),
        Resource::scalar("mem", Scalar::from_thousandths(COMMAND_EXECUTOR_MILLIMEM)),
    ]
    .into_iter()
    .collect();
    let role = task
        .resources
        .iter()
        .find_map(|resource| resource.allocation_info.as_ref()?.role.as_deref())
        .and_then(|role| Role::parse(role).ok());
    if let Some(role) = role {
        overhead.allocate(&role);
    }
    overhead
}
