//! What is run for a task.

use std::collections::BTreeMap;
use std::ffi::OsString;

use messages::v1::{CommandInfo, Environment, TaskInfo, environment::variable::Type};
use thiserror::Error;

/// The shell for commands that want one. By its path, so that the command's own `PATH`
/// does not matter.
const SHELL: &str = "/bin/sh";

/// The variable by which a task learns the role of its resources.
const ALLOCATION_ROLE: &str = "MESOS_ALLOCATION_ROLE";

/// Environment variables by name.
pub type Variables = BTreeMap<OsString, OsString>;

/// A program with its arguments and its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name to be looked up in `PATH`.
    pub program: String,
    /// Its arguments, the name by which it is called first.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub variables: Variables,
}

/// A task has no command that could be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No command at all: it is a task for another executor.
    #[error("The task has no command")]
    Missing,
    /// A command for the shell without text.
    #[error("Shell command of the task is not specified")]
    NoShellCommand,
    /// A command without a program.
    #[error("Executable of the task is not specified")]
    NoExecutable,
}

/// What the agent fixes for the executor's task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setting {
    /// The executor's own environment, its secret left out.
    pub variables: Variables,
    /// Variables that the agent adds for the task only.
    pub task_environment: Option<Environment>,
    /// Stands in for the command that the task brings.
    pub task_command: Option<CommandInfo>,
}

impl Setting {
    /// The command of a task. Its variables are the executor's, overridden by those that
    /// the agent adds, overridden by the command's own.
    ///
    /// # Errors
    ///
    /// When the task has no complete command.
    pub fn command_of(&self, task: &TaskInfo) -> Result<Command, CommandError> {
        let info = self
            .task_command
            .as_ref()
            .or(task.command.as_ref())
            .ok_or(CommandError::Missing)?;
        let (program, arguments) = if info.shell() {
            let text = info.value.clone().ok_or(CommandError::NoShellCommand)?;
            (
                SHELL.to_owned(),
                vec!["sh".to_owned(), "-c".to_owned(), text],
            )
        } else {
            let program = info.value.clone().filter(|program| !program.is_empty());
            let program = program.ok_or(CommandError::NoExecutable)?;
            let mut arguments = info.arguments.clone();
            if arguments.is_empty() {
                arguments.push(program.clone());
            }
            (program, arguments)
        };
        let mut variables = self.variables.clone();
        let added = self.task_environment.iter().chain(&info.environment);
        for variable in added.flat_map(|environment| &environment.variables) {
            // Secrets are resolved by the agent; one that still is one has no value.
            if variable.r#type() != Type::Secret {
                variables.insert(variable.name.clone().into(), variable.value().into());
            }
        }
        let allocation = task
            .resources
            .first()
            .and_then(|one| one.allocation_info.as_ref());
        if let Some(role) = allocation.and_then(|allocation| allocation.role.as_ref()) {
            variables.insert(ALLOCATION_ROLE.into(), role.into());
        }
        Ok(Command {
            program,
            arguments,
            variables,
        })
    }
}

#[cfg(test)]
mod tests {
    use messages::v1::environment::Variable;
    use messages::v1::{Resource, resource::AllocationInfo};

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variable = |&(name, value): &(&str, &str)| Variable {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            ..Variable::default()
        };
        Environment {
            variables: variables.iter().map(variable).collect(),
        }
    }

    fn task(command: CommandInfo) -> TaskInfo {
        TaskInfo {
            command: Some(command),
            ..TaskInfo::default()
        }
    }

    fn setting() -> Setting {
        let own = [("A", "executor"), ("B", "executor"), ("C", "executor")];
        Setting {
            variables: own
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            task_environment: Some(environment(&[("B", "agent"), ("C", "agent")])),
            task_command: None,
        }
    }

    #[test]
    fn the_commands_own_variables_win() {
        let mut task = task(CommandInfo {
            value: Some("echo".to_owned()),
            environment: Some(environment(&[("C", "command")])),
            ..CommandInfo::default()
        });
        task.resources.push(Resource {
            allocation_info: Some(AllocationInfo {
                role: Some("ads".to_owned()),
            }),
            ..Resource::default()
        });
        let command = setting().command_of(&task).unwrap();
        let variable = |name: &str| command.variables.get(&OsString::from(name)).cloned();
        assert_eq!(variable("A"), Some("executor".into()));
        assert_eq!(variable("B"), Some("agent".into()));
        assert_eq!(variable("C"), Some("command".into()));
        assert_eq!(variable(ALLOCATION_ROLE), Some("ads".into()));
    }

    #[test]
    fn a_shell_command_is_one_argument() {
        let info = CommandInfo {
            value: Some("echo 'a b'".to_owned()),
            ..CommandInfo::default()
        };
        let command = setting().command_of(&task(info)).unwrap();
        assert_eq!(command.program, "/bin/sh");
        assert_eq!(command.arguments, ["sh", "-c", "echo 'a b'"]);
    }

    #[test]
    fn without_shell_the_arguments_begin_with_the_name() {
        let mut info = CommandInfo {
            shell: Some(false),
            value: Some("/bin/echo".to_owned()),
            arguments: vec!["echo".to_owned(), "a b".to_owned()],
            ..CommandInfo::default()
        };
        let command = setting().command_of(&task(info.clone())).unwrap();
        assert_eq!(command.arguments, ["echo", "a b"]);
        info.arguments.clear();
        assert_eq!(
            setting().command_of(&task(info)).unwrap().arguments,
            ["/bin/echo"]
        );
    }

    #[test]
    fn a_secret_that_is_not_resolved_sets_nothing() {
        let mut secret = environment(&[("A", "hidden")]);
        secret.variables[0].r#type = Some(Type::Secret.into());
        let info = CommandInfo {
            value: Some("true".to_owned()),
            environment: Some(secret),
            ..CommandInfo::default()
        };
        let command = setting().command_of(&task(info)).unwrap();
        assert_eq!(
            command.variables.get(&OsString::from("A")),
            Some(&"executor".into())
        );
    }

    #[test]
    fn an_incomplete_command_is_an_error() {
        let refused = |info| setting().command_of(&task(info)).unwrap_err();
        assert_eq!(
            setting().command_of(&TaskInfo::default()),
            Err(CommandError::Missing)
        );
        assert_eq!(
            refused(CommandInfo::default()),
            CommandError::NoShellCommand
        );
        let info = CommandInfo {
            shell: Some(false),
            ..CommandInfo::default()
        };
        assert_eq!(refused(info), CommandError::NoExecutable);
    }
}
