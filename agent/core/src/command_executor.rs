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
            let mut arguments = arguments(config);
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

/// The arguments, the zeroth included, that every executor of commands is given.
pub fn arguments(config: &Config) -> Vec<String> {
    vec![
        PROGRAM.to_owned(),
        format!("--launcher_dir={}", config.launcher_dir.display()),
    ]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{command_task, config, framework_id, framework_info, resources};

    fn executor(config: &Config, task: &v1::TaskInfo) -> v1::ExecutorInfo {
        executor_info(config, &framework_info(), &framework_id(), task)
    }

    #[test]
    fn it_is_named_after_task_and_command() {
        let info = executor(&config(), &command_task("t", "echo hello"));
        assert_eq!(
            info.name(),
            "Command Executor (Task: t) (Command: sh -c 'echo hello')"
        );
        assert_eq!(info.source(), "t");
        assert_eq!(info.executor_id.value, "t");

        let long = executor(&config(), &command_task("t", "env | sort; sleep 1"));
        assert_eq!(
            long.name(),
            "Command Executor (Task: t) (Command: sh -c 'env | sort; ...')"
        );
    }

    #[test]
    fn a_command_without_shell_shows_its_arguments() {
        let mut task = command_task("t", "ls");
        let command = task.command.as_mut().unwrap();
        command.shell = Some(false);
        command.arguments = vec!["ls".into(), "-l".into()];
        let name = executor(&config(), &task).name().to_owned();
        assert!(name.ends_with("(Command: [ls, ls, -l])"), "{name}");
        task.command.as_mut().unwrap().value = None;
        let name = executor(&config(), &task).name().to_owned();
        assert!(name.ends_with("(Command: NO EXECUTABLE)"), "{name}");
    }

    #[test]
    fn a_letter_is_never_cut_in_two() {
        assert_eq!(shortened("01234567890ü45678"), "01234567890...");
    }

    #[test]
    fn it_runs_the_helper_beside_the_agent() {
        let mut task = command_task("t", "true");
        task.command.as_mut().unwrap().user = Some("alice".into());
        let info = executor(&config(), &task);
        let command = info.command.unwrap();
        assert_eq!(command.value(), "/l/mesos-executor");
        assert!(!command.shell());
        assert_eq!(command.arguments, ["mesos-executor", "--launcher_dir=/l"]);
        assert_eq!(command.user(), "alice");
    }

    #[test]
    fn a_missing_helper_is_told_in_the_sandbox() {
        let config = Config {
            command_executor: Err("No such file or directory".into()),
            ..config()
        };
        let command = executor(&config, &command_task("t", "true"))
            .command
            .unwrap();
        assert!(command.shell());
        assert_eq!(command.value(), "echo 'No such file or directory'; exit 1");
    }

    #[test]
    fn its_overhead_belongs_to_the_tasks_role() {
        let mut task = command_task("t", "true");
        let role = Role::parse("web").unwrap();
        let mut wanted = resources("cpus:1;mem:64");
        wanted.allocate(&role);
        task.resources = wanted.to_proto();
        let mut overhead = resources("cpus:0.1;mem:32");
        overhead.allocate(&role);
        let info = executor(&config(), &task);
        assert_eq!(Resources::from_proto(&info.resources).unwrap(), overhead);
    }

    #[test]
    fn it_outlives_the_grace_of_its_task() {
        let mut task = command_task("t", "true");
        task.kill_policy = Some(v1::KillPolicy {
            grace_period: Some(v1::DurationInfo {
                nanoseconds: 10_000_000_000,
            }),
        });
        let grace = executor(&config(), &task).shutdown_grace_period.unwrap();
        assert_eq!(grace.nanoseconds, 12_000_000_000);
    }
}
