//! The program `mesos-agent`, also named `mesos-slave`.

use std::path::PathBuf;
use std::process::ExitCode;

use actors::daemon::{self, ExitReason};
use containerizer::mount;
use runtime::flags::Flags;
use runtime::{Limits, World, logging};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::daemon::{Ended, Ports, Running, Surroundings};
use crate::flags::PROGRAM;
use crate::machine::Machine;
use crate::options::{self, Options};

/// The work directory cannot be had.
#[derive(Debug, Error)]
#[error("cannot create --work_dir '{}': {error}", path.display())]
struct WorkDirError {
    path: PathBuf,
    error: std::io::Error,
}

/// Runs the program.
pub fn main() -> ExitCode {
    match daemon::load_flags(&PROGRAM) {
        Ok(flags) => daemon::main(run(flags)),
        Err(code) => code,
    }
}

async fn run(flags: Flags) -> Result<ExitReason, Box<dyn std::error::Error>> {
    let work_dir = options::work_dir(&flags)?;
    std::fs::create_dir_all(&work_dir).map_err(|error| WorkDirError {
        path: work_dir.clone(),
        error,
    })?;
    let machine = Machine::probe(&work_dir);
    let options = Options::read(&flags, |name| std::env::var(name).ok(), &machine)?;
    let _logging = logging::start(logging::Settings::from_flags(PROGRAM.name, &flags)?)?;
    advise(&flags, &options);
    let ports = Ports::real(&options)?;
    let surroundings = Surroundings {
        world: World::Real,
        limits: Limits::from_flags(&flags)?,
    };
    let running = crate::start(options, ports, surroundings).await?;
    info!("listening at http://{}/", running.node.address());
    Ok(end(running).await)
}

/// Tells the operator what is likely to go wrong.
fn advise(flags: &Flags, options: &Options) {
    for warning in flags.warnings() {
        warn!("{warning}");
    }
    for (old, new) in &options.deprecated {
        warn!("'{old}' in --isolation is an old word for {new}");
    }
    options
        .address
        .warn_if_unreachable(&options.master.to_string());
    let work_dir = &options.core.work_dir;
    if mount::is_noexec(work_dir).unwrap_or(false) {
        warn!(
            "--work_dir '{}' is on a file system mounted noexec: programs in sandboxes cannot \
             run; choose another directory, or remount it with exec",
            work_dir.display()
        );
    }
    if let Err(error) = &options.core.command_executor {
        warn!("command tasks will fail: {error}; give the right --launcher_dir");
    }
}

/// Waits for the agent's end. A signal has it leave the cluster in good order: this agent
/// does not find its executors again after a restart, so that leaving them running would
/// only orphan them. The second signal does not wait.
async fn end(mut running: Running) -> ExitReason {
    let (Ok(mut leave), Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::user_defined1()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return reason(running.ended().await);
    };
    let mut asked = false;
    loop {
        let name = tokio::select! {
            ended = running.ended() => return reason(ended),
            _ = leave.recv() => "SIGUSR1",
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        if asked {
            warn!("{name} again: ending without waiting for executors");
            return ExitReason::Asked;
        }
        info!("{name}: ending executors and leaving the cluster; again to end at once");
        asked = true;
        running.leave();
    }
}

fn reason(ended: Ended) -> ExitReason {
    match ended.exit_code {
        0 => ExitReason::Asked,
        _ => ExitReason::Failed(ended.reason),
    }
}
