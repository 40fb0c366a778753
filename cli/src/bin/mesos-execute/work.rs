//! What is to be run.

use messages::json::{self, JsonError};
use messages::v1::environment::Variable;
use messages::v1::{AgentId, CommandInfo, Environment, TaskGroupInfo, TaskId, TaskInfo};
use model::{ResourceError, Resources, Role};
use runtime::flags::{FlagError, Flags};
use serde_json::{Value, json};
use thiserror::Error;

/// A task, or a group of tasks that run together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Work {
    /// Never empty. Without agent.
    pub(crate) tasks: Vec<TaskInfo>,
    /// What the tasks need, in the order of the tasks.
    pub(crate) needs: Vec<Resources>,
    /// Whether they are launched as a group.
    pub(crate) is_group: bool,
    /// The role that resources are taken for.
    pub(crate) role: Role,
}

/// The flags say no work.
#[derive(Debug, Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    Flag(#[from] FlagError),
    #[error(
        "Either task or task group should be set but not both. \
         Provide either '--task' OR '--task_group'"
    )]
    TaskAndGroup,
    #[error("Missing required option --name")]
    NoName,
    #[error("Missing required option --command")]
    NoCommand,
    #[error("'--{0}' can only be set when both '--task' and '--task_group' are not set")]
    WithTask(&'static str),
    #[error("Failed to parse '--{flag}': {error}")]
    BadMessage {
        flag: &'static str,
        error: JsonError,
    },
    #[error("Failed to parse '--task_group': it has no tasks")]
    EmptyGroup,
    #[error("Failed to parse '--env': expecting a JSON object whose values are texts")]
    BadEnvironment,
    #[error("Failed to parse resources '{text}': {error}")]
    BadResources { text: String, error: ResourceError },
    #[error("Failed to parse the resources of task '{task}': {error}")]
    BadTaskResources { task: String, error: ResourceError },
}

impl Work {
    /// What the flags say.
    pub(crate) fn read(flags: &Flags, role: Role) -> Result<Self, WorkError> {
        let task: Option<Value> = flags.get("task")?;
        let group: Option<Value> = flags.get("task_group")?;
        if task.is_some() || group.is_some() {
            let command_flags = ["name", "command", "env"];
            if let Some(name) = command_flags.into_iter().find(|name| flags.is_given(name)) {
                return Err(WorkError::WithTask(name));
            }
        }
        match (task, group) {
            (Some(_), Some(_)) => Err(WorkError::TaskAndGroup),
            (Some(mut task), None) => {
                fill_agent_in(&mut task);
                let task = json::from_value(&task).map_err(|error| WorkError::BadMessage {
                    flag: "task",
                    error,
                })?;
                Self::of(vec![task], false, role)
            }
            (None, Some(mut group)) => {
                let tasks = group.get_mut("tasks").and_then(Value::as_array_mut);
                tasks.into_iter().flatten().for_each(fill_agent_in);
                let group: TaskGroupInfo =
                    json::from_value(&group).map_err(|error| WorkError::BadMessage {
                        flag: "task_group",
                        error,
                    })?;
                if group.tasks.is_empty() {
                    return Err(WorkError::EmptyGroup);
                }
                Self::of(group.tasks, true, role)
            }
            (None, None) => Self::of(vec![command_task(flags)?], false, role),
        }
    }

    fn of(tasks: Vec<TaskInfo>, is_group: bool, role: Role) -> Result<Self, WorkError> {
        let needs = tasks
            .iter()
            .map(|task| {
                Resources::from_proto(&task.resources).map_err(|error| {
                    let task = task.task_id.value.clone();
                    WorkError::BadTaskResources { task, error }
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            tasks,
            needs,
            is_group,
            role,
        })
    }

    /// What all tasks together need.
    pub(crate) fn total(&self) -> Resources {
        let mut total = Resources::new();
        for needs in &self.needs {
            total += needs.clone();
        }
        total
    }
}

/// A task's agent is required by the message but not known before the offer.
fn fill_agent_in(task: &mut Value) {
    if let Some(task) = task.as_object_mut() {
        task.entry("agent_id")
            .or_insert_with(|| json!({ "value": "" }));
    }
}

fn command_task(flags: &Flags) -> Result<TaskInfo, WorkError> {
    let name: String = flags.get::<Option<_>>("name")?.ok_or(WorkError::NoName)?;
    let command: String = flags
        .get::<Option<_>>("command")?
        .ok_or(WorkError::NoCommand)?;
    let text: String = flags.get("resources")?;
    let resources = Resources::parse(&text, &Role::any())
        .map_err(|error| WorkError::BadResources { text, error })?;
    let mut info = CommandInfo {
        environment: environment(flags)?,
        ..CommandInfo::default()
    };
    if flags.get("shell")? {
        info.shell = Some(true);
        info.value = Some(command);
    } else {
        info.shell = Some(false);
        info.arguments = command.split_whitespace().map(str::to_owned).collect();
        info.value = info.arguments.first().cloned();
        if info.value.is_none() {
            return Err(WorkError::NoCommand);
        }
    }
    Ok(TaskInfo {
        task_id: TaskId {
            value: name.clone(),
        },
        name,
        agent_id: AgentId::default(),
        resources: resources.to_proto(),
        command: Some(info),
        ..TaskInfo::default()
    })
}

fn environment(flags: &Flags) -> Result<Option<Environment>, WorkError> {
    let Some(given) = flags.get::<Option<Value>>("env")? else {
        return Ok(None);
    };
    let object = given.as_object().ok_or(WorkError::BadEnvironment)?;
    let variable = |(name, value): (&String, &Value)| {
        Some(Variable {
            name: name.clone(),
            value: Some(value.as_str()?.to_owned()),
            ..Variable::default()
        })
    };
    let variables = object.iter().map(variable).collect::<Option<_>>();
    Ok(Some(Environment {
        variables: variables.ok_or(WorkError::BadEnvironment)?,
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use runtime::flags::Loaded;

    use super::*;
    use crate::flags::PROGRAM;

    /// The work that these flags say.
    pub(crate) fn read(args: &[&str]) -> Result<Work, WorkError> {
        let args = ["--master=m:1"]
            .iter()
            .chain(args)
            .map(|&arg| arg.to_owned());
        match PROGRAM.load(args, [], |path| std::fs::read_to_string(path))? {
            Loaded::Run(flags) => Work::read(&flags, Role::any()),
            Loaded::Print(text) => panic!("{text}"),
        }
    }

    #[test]
    fn a_command_becomes_a_task() {
        let work = read(&["--name=hello", "--command=echo $A", "--env={\"A\":\"b\"}"]).unwrap();
        let [task] = &work.tasks[..] else { panic!() };
        assert_eq!(
            (task.name.as_str(), task.task_id.value.as_str()),
            ("hello", "hello")
        );
        let command = task.command.as_ref().unwrap();
        assert_eq!((command.shell(), command.value()), (true, "echo $A"));
        let variable = &command.environment.as_ref().unwrap().variables[0];
        assert_eq!((variable.name.as_str(), variable.value()), ("A", "b"));
        assert_eq!(
            work.total(),
            Resources::parse("cpus:1;mem:128", &Role::any()).unwrap()
        );
    }

    #[test]
    fn without_shell_the_words_are_the_arguments() {
        let work = read(&["--name=n", "--no-shell", "--command=/bin/echo a  b"]).unwrap();
        let command = work.tasks[0].command.as_ref().unwrap();
        assert_eq!((command.shell(), command.value()), (false, "/bin/echo"));
        assert_eq!(command.arguments, ["/bin/echo", "a", "b"]);
    }

    #[test]
    fn tasks_need_no_agent() {
        let task = r#"--task={"name":"n","task_id":{"value":"t"},"command":{"value":"true"}}"#;
        assert_eq!(read(&[task]).unwrap().tasks[0].task_id.value, "t");
        let group = r#"--task_group={"tasks":[{"name":"n","task_id":{"value":"t"}}]}"#;
        assert!(read(&[group]).unwrap().is_group);
        assert!(matches!(read(&[task, group]), Err(WorkError::TaskAndGroup)));
        assert!(matches!(
            read(&[task, "--name=n"]),
            Err(WorkError::WithTask("name"))
        ));
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        assert!(matches!(read(&[]), Err(WorkError::NoName)));
        assert!(matches!(read(&["--name=n"]), Err(WorkError::NoCommand)));
        assert!(matches!(
            read(&["--task_group={}"]),
            Err(WorkError::EmptyGroup)
        ));
        assert!(matches!(
            read(&["--task={}"]),
            Err(WorkError::BadMessage { .. })
        ));
        let command = ["--name=n", "--command=true"];
        let env = |env| read(&[command[0], command[1], env]);
        assert!(matches!(
            env("--env={\"A\":1}"),
            Err(WorkError::BadEnvironment)
        ));
        assert!(matches!(env("--env=[]"), Err(WorkError::BadEnvironment)));
    }
}
