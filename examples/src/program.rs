//! What the programs have in common: flags, signals, logging, exit codes.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use actors::daemon::{interrupted, load_flags};
use actors::store::{FileStore, StoreError};
use runtime::flags::{Flag, Flags, Program};
use runtime::logging::{self, Settings as LogSettings};
use runtime::{Handle, Node, NodeConfig, Placement};

use crate::flags::Common;
use crate::framework::{Framework, State};
use crate::plan::Plan;

/// The exit status when not all went well that the framework was to do.
const NOT_WELL: u8 = 2;

/// How long the last messages to a master may take to leave this process.
const FAREWELL: Duration = Duration::from_secs(1);

type Problem = Box<dyn std::error::Error>;

/// What the user wants of a plan.
pub trait Input: Plan {
    /// The program: its name and its flags.
    const PROGRAM: Program;

    /// Brings the plan up to date with what the flags say.
    ///
    /// # Errors
    ///
    /// When they make no sense, or do not go with what the plan is at.
    fn update(&mut self, flags: &Flags) -> Result<(), Problem>;

    /// What to print at the end, and whether all went well.
    fn report(&self) -> (String, bool) {
        (String::new(), true)
    }
}

/// A program of this name, with these flags beside the common ones.
pub(crate) const fn program(name: &'static str, flags: &'static [&'static [Flag]; 3]) -> Program {
    Program {
        name,
        version: concat!("mesos ", env!("CARGO_PKG_VERSION")),
        environment_prefix: "FRAMEWORK_",
        flags,
    }
}

/// Runs the program of a plan.
pub fn main<P: Input>() -> ExitCode {
    let flags = match load_flags(&P::PROGRAM) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let code = match runtime::run(run::<P>(&flags)) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(state)) => {
            let (text, is_well) = state.plan.report();
            let _ = io::stdout().write_all(text.as_bytes());
            match is_well {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(NOT_WELL),
            }
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    };
    logging::flush();
    code
}

/// Runs the framework until its plan is over; none if it was interrupted before.
async fn run<P: Input>(flags: &Flags) -> Result<Option<State<P>>, Problem> {
    let name = P::PROGRAM.name;
    let common = Common::read(name, flags)?;
    let _logging = logging::start(LogSettings::from_flags(name, flags)?)?;
    let is_teardown = common.settings.teardown;
    let store = FileStore::open(common.state)?;
    let (framework, over) = Framework::<P>::new(common.settings, store, |plan| match is_teardown {
        true => Ok::<_, StartError>(()),
        false => plan.update(flags).map_err(StartError::Input),
    })
    .map_err(|error| match error {
        StartError::Input(error) => error,
        StartError::Store(error) => error.into(),
    })?;
    let node = Node::start(NodeConfig::new(common.listen)).await?;
    tracing::info!("state at http://{}/{}/state", node.address(), name);
    let framework: Handle<_> = node.spawn(name, framework, Placement::Here)?;
    tokio::pin!(over);
    let (outcome, was_interrupted) = tokio::select! {
        outcome = &mut over => (outcome, false),
        () = interrupted() => {
            framework.call(Framework::leave);
            (over.await, true)
        }
    };
    node.flush(FAREWELL).await;
    let outcome = outcome.unwrap_or_else(|_| Err("the framework ended".to_owned()));
    let state = outcome?;
    Ok((!was_interrupted && !is_teardown).then_some(state))
}

enum StartError {
    Input(Problem),
    Store(StoreError),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
