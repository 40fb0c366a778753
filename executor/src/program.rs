//! The program.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::{env, fs, io, process};

use actors::executor_driver::{EnvironmentError, ExecutorEnvironment};
use messages::json::{self, JsonError};
use messages::table::Described;
use runtime::flags::{Flag, FlagError, Flags, Loaded, Program};
use runtime::{Node, Placement, SpawnError, World, logging};
use thiserror::Error;
use tracing::error;

use crate::actor::CommandExecutor;
use crate::command::{Setting, Variables};
use crate::processes::Processes;
use crate::template::{self, TemplateError};

const FLAGS: &[Flag] = &[
    Flag::path(
        "launcher_dir",
        "Where Mesos' programs are. Accepted for compatibility: the executor\n\
         starts its task's command itself.",
    ),
    Flag::json(
        "task_command",
        "A `CommandInfo` to run in place of the task's own command.",
    ),
    Flag::json(
        "task_environment",
        "An `Environment` that is added to the executor's environment for the\n\
         task; what the task's command sets itself goes before it.",
    ),
];

const PROGRAM: Program = Program {
    name: "mesos-executor",
    version: concat!("mesos ", env!("CARGO_PKG_VERSION")),
    // Agents give flags on the command line; the variables are for the driver.
    environment_prefix: "",
    flags: &[FLAGS],
};

const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;

/// Why the executor cannot run.
#[derive(Debug, Error)]
enum Failure {
    #[error("{0}\nSee `mesos-executor --help`")]
    Flag(#[from] FlagError),
    #[error("Failed to parse the flag '{name}': {error}")]
    BadMessage {
        name: &'static str,
        error: JsonError,
    },
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("Failed to watch the task's processes: {0}")]
    Machine(io::Error),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("The executor ended without saying how")]
    Lost,
}

/// Runs the program; returns its exit status.
pub fn main() -> u8 {
    // Whoever has called this logs already, if it fails.
    let _ = logging::to_stderr();
    let flags = match PROGRAM.load(env::args().skip(1), [], |path| fs::read_to_string(path)) {
        Ok(Loaded::Run(flags)) => flags,
        Ok(Loaded::Print(text)) => {
            use io::Write;
            let mut stdout = io::stdout();
            let _ = stdout.write_all(text.as_bytes());
            let _ = stdout.flush();
            return SUCCESS;
        }
        Err(error) => return fail(&error.into()),
    };
    let variables = if template::is_asked_for() {
        match template::serve() {
            Ok(Some(variables)) => variables,
            Ok(None) => return SUCCESS,
            Err(error) => return fail(&error.into()),
        }
    } else {
        env::vars_os().collect()
    };
    match run(&flags, variables) {
        Ok(never) => match never {},
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> u8 {
    error!("{failure}");
    FAILURE
}

fn run(flags: &Flags, mut variables: Variables) -> Result<Infallible, Failure> {
    let environment = ExecutorEnvironment::read(|name| {
        let value = variables.get(OsStr::new(name))?;
        value.to_str().map(str::to_owned)
    })?;
    // The task gets all but the executor's secret.
    variables.remove(OsStr::new(ExecutorEnvironment::TOKEN));
    let setting = Setting {
        variables,
        task_command: message(flags, "task_command")?,
        task_environment: message(flags, "task_environment")?,
    };
    runtime::run(async {
        let processes = Processes::new().map_err(Failure::Machine)?;
        let (executor, exit) = CommandExecutor::new(&environment, setting, processes);
        let node = Node::offline(World::Real);
        node.spawn(node.next_id("command-executor"), executor, Placement::Here)?;
        let status = exit.await.map_err(|_| Failure::Lost)?;
        // All is said and done: the kernel closes what is open faster than it is closed in order.
        process::exit(status.into())
    })
}

fn message<M: Described>(flags: &Flags, name: &'static str) -> Result<Option<M>, Failure> {
    match flags.get(name)? {
        Some(value) => json::from_value(&value)
            .map(Some)
            .map_err(|error| Failure::BadMessage { name, error }),
        None => Ok(None),
    }
}
