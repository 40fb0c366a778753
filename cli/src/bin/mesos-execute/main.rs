//! `mesos-execute`: runs a command, a task or a group of tasks on a cluster, prints how it
//! fares, and ends with it (F8).

mod flags;
mod offer;
mod options;
mod progress;
mod scheduler;
mod work;

use std::io::{self, Write};
use std::process::ExitCode;
use std::{env, fs};

use actors::scheduler_driver::{Acknowledgements, Backoff, SchedulerConfig};
use messages::v1::FrameworkInfo;
use nix::unistd::{Uid, User};
use runtime::flags::Loaded;
use runtime::{Node, Placement, World};
use tokio::signal::unix::{SignalKind, signal};

use options::Options;
use scheduler::{Outcome, Report, Scheduler};

fn main() -> ExitCode {
    let loaded = flags::PROGRAM.load(env::args().skip(1), [], |path| fs::read_to_string(path));
    let flags = match loaded {
        Ok(Loaded::Run(flags)) => flags,
        Ok(Loaded::Print(text)) => {
            let _ = io::stdout().write_all(flags::with_exit_statuses(&text).as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => return misused(&error.to_string()),
    };
    for warning in flags.warnings() {
        say(&mut io::stderr(), warning);
    }
    let options = match Options::read(&flags) {
        Ok(options) => options,
        Err(error) => return misused(&error.to_string()),
    };
    let user = match User::from_uid(Uid::current()) {
        Ok(Some(user)) => user.name,
        Ok(None) => return failed(&format!("No username for uid {}", Uid::current())),
        Err(error) => return failed(&format!("Failed to get username: {error}")),
    };
    match runtime::run(run(options, user)) {
        Ok(outcome) => end(&outcome),
        Err(error) => failed(&error.to_string()),
    }
}

/// Runs the framework, printing what it reports.
async fn run(options: Options, user: String) -> Result<Outcome, Box<dyn std::error::Error>> {
    let config = SchedulerConfig {
        detector: options.detector,
        framework_info: FrameworkInfo {
            user,
            ..options.framework_info
        },
        transport: options.transport,
        suppressed_roles: Vec::new(),
        acknowledgements: Acknowledgements::Automatic,
        backoff: Backoff::default(),
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (scheduler, mut reports) = Scheduler::new(config, options.work, options.kill_after);
    let node = Node::offline(World::Real);
    let scheduler = node.spawn("mesos-execute", scheduler, Placement::Here)?;
    loop {
        tokio::select! {
            report = reports.recv() => match report {
                Some(Report::Line(line)) => say(&mut io::stdout(), &line),
                Some(Report::Note(line)) => say(&mut io::stderr(), &line),
                Some(Report::Over(outcome)) => return Ok(outcome),
                None => return Err("The framework ended without saying how".into()),
            },
            _ = interrupt.recv() => scheduler.call(Scheduler::interrupt),
            _ = terminate.recv() => scheduler.call(Scheduler::interrupt),
        }
    }
}

/// Prints a line; whoever closed the other end does not want to know.
fn say(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn end(outcome: &Outcome) -> ExitCode {
    match outcome {
        Outcome::Finished => ExitCode::SUCCESS,
        Outcome::NotFinished(reason) => {
            say(&mut io::stderr(), reason);
            ExitCode::from(flags::NOT_FINISHED)
        }
        Outcome::Failed(reason) => failed(reason),
        Outcome::Interrupted => ExitCode::from(flags::INTERRUPTED),
    }
}

fn misused(reason: &str) -> ExitCode {
    failed(&format!("{reason}\nSee `mesos-execute --help`"))
}

fn failed(reason: &str) -> ExitCode {
    say(&mut io::stderr(), reason);
    ExitCode::from(flags::FAILED)
}
