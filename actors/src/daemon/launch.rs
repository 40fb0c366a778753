//! Starting a daemon's process and ending it well.

use std::future::Future;
use std::process::ExitCode;

use runtime::flags::{Flags, Loaded, Program};
use tokio::signal::unix::{SignalKind, signal};

/// Why a daemon ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitReason {
    /// It was asked to.
    Asked,
    /// It could not go on.
    Failed(String),
}

/// Loads a daemon's flags from the process' arguments and environment. The exit code is
/// for when there is nothing more to do: help was printed, or a flag was wrong.
pub fn load_flags(program: &Program) -> Result<Flags, ExitCode> {
    let loaded = program.load(std::env::args().skip(1), environment(), |path| {
        std::fs::read_to_string(path)
    });
    match loaded {
        Ok(Loaded::Run(flags)) => {
            if let Some(stray) = flags.rest().first() {
                complain(&format!(
                    "'{stray}' is not a flag: flags are --name=value\nSee `{} --help`",
                    program.name
                ));
                return Err(ExitCode::FAILURE);
            }
            Ok(flags)
        }
        Ok(Loaded::Print(text)) => {
            use std::io::Write as _;
            let _ = std::io::stdout().write_all(text.as_bytes());
            Err(ExitCode::SUCCESS)
        }
        Err(error) => {
            complain(&format!("{error}\nSee `{} --help`", program.name));
            Err(ExitCode::FAILURE)
        }
    }
}

/// The environment, less what is not text.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs a daemon to its end and turns that into an exit code; an error is told on
/// standard error.
pub fn main<F, E>(daemon: F) -> ExitCode
where
    F: Future<Output = Result<ExitReason, E>>,
    E: std::fmt::Display,
{
    let code = match runtime::run(daemon) {
        Ok(ExitReason::Asked) => ExitCode::SUCCESS,
        Ok(ExitReason::Failed(reason)) => {
            complain(&reason);
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    };
    runtime::logging::flush();
    code
}

/// Waits for SIGINT or SIGTERM.
pub async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
