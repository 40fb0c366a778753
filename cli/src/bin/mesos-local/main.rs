//! `mesos-local`: a whole cluster in one process, for trying things out (F12).

mod flags;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use actors::daemon::{self, ExitReason};
use runtime::flags::{Flags, Loaded, Program};
use runtime::{Limits, World, logging};

use flags::{Local, PROGRAM, split};

/// How long agents may take to register before the user is told that it takes long.
const LONG: Duration = Duration::from_secs(10);
/// How often the cluster is looked at while it starts.
const GLANCE: Duration = Duration::from_millis(20);
/// How long agents may take to end what they run.
const FAREWELL: Duration = Duration::from_secs(15);

type Problem = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let (own, rest) = split(std::env::args().skip(1));
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    match PROGRAM.load(own, no_environment(), read) {
        Ok(Loaded::Run(flags)) => daemon::main(run(flags, rest)),
        Ok(Loaded::Print(text)) => {
            say(&flags::with_others(text.trim_end()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("{error}\nSee `mesos-local --help`"));
            ExitCode::FAILURE
        }
    }
}

/// Nothing but the command line sets up a cluster to try things out: variables meant for
/// daemons of this machine must not.
fn no_environment() -> [(String, String); 0] {
    []
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

async fn run(flags: Flags, rest: Vec<String>) -> Result<ExitReason, Problem> {
    let local = Local::read(&flags)?;
    let log_dir = local.work_dir.join("log");
    std::fs::create_dir_all(&log_dir)?;
    let _logging = logging::start(logging::Settings {
        program: PROGRAM.name.to_owned(),
        log_dir: Some(log_dir.clone()),
        quiet: !local.verbose,
        level: logging::Severity::Info,
        verbosity: 0,
    })?;

    say(&format!(
        "Starting a cluster in {}",
        local.work_dir.display()
    ));
    let mut master = start_master(&local, &rest).await?;
    let address = master.node.address();
    say(&format!("  master    http://{address}/"));
    let mut agents = Vec::new();
    for number in 1..=local.agents {
        let (agent, resources) = start_agent(&local, number, &address.to_string(), &rest).await?;
        say(&format!(
            "  agent {number}   http://{}/  {resources}",
            agent.node.address()
        ));
        agents.push(agent);
    }
    wait_for_agents(&master, local.agents).await;
    say(&format!(
        "Ready. Open http://{address}/ or try\n  \
         mesos-execute --master={address} --name=hello --command='echo hello; sleep 2'\n  \
         curl http://{address}/state\n\
         Logs are in {}. Ctrl-C ends the cluster.",
        log_dir.display()
    ));

    tokio::select! {
        () = daemon::interrupted() => {}
        reason = &mut master.ended => {
            let reason = reason.unwrap_or_else(|_| "the master ended".to_owned());
            return Ok(ExitReason::Failed(reason));
        }
    }
    say("\nEnding the cluster …");
    for agent in &agents {
        agent.leave();
    }
    let farewell = async {
        for agent in &mut agents {
            agent.ended().await;
        }
    };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        complain("Some executors did not end in time.");
    }
    say("Ended.");
    Ok(ExitReason::Asked)
}

/// Loads a daemon's flags: its share of what the user gave, and what this cluster sets.
fn load(program: &Program, rest: &[String], set: Vec<String>) -> Result<Flags, Problem> {
    let given = rest.iter().filter(|flag| program.takes(flag)).cloned();
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    match program.load(given.chain(set), no_environment(), read)? {
        Loaded::Run(flags) => Ok(flags),
        Loaded::Print(text) => Err(text.into()),
    }
}

async fn start_master(local: &Local, rest: &[String]) -> Result<master::Running, Problem> {
    let mut set = vec![
        format!("--ip={}", local.ip),
        format!("--port={}", local.port),
        format!("--work_dir={}", local.work_dir.join("master").display()),
    ];
    if !rest.iter().any(|flag| flag.starts_with("--registry=")) {
        // Agents of an earlier cluster do not come back to this one.
        set.push("--registry=in_memory".to_owned());
    }
    let flags = load(&master::PROGRAM, rest, set)?;
    let options = master::Options::read(&flags, |_| None)?;
    let log = master::open_log(&options)?;
    let surroundings = master::Surroundings {
        world: World::Real,
        shown: flags.shown(),
        limits: Limits::from_flags(&flags)?,
    };
    Ok(master::start(options, log, surroundings).await?)
}

async fn start_agent(
    local: &Local,
    number: u16,
    master: &str,
    rest: &[String],
) -> Result<(agent::Running, String), Problem> {
    let work_dir: PathBuf = local.work_dir.join("agents").join(number.to_string());
    std::fs::create_dir_all(&work_dir)?;
    let port = match local.agent_port {
        0 => 0,
        first => first.saturating_add(number - 1),
    };
    let mut set = vec![
        format!("--ip={}", local.ip),
        format!("--port={port}"),
        format!("--master={master}"),
        format!("--work_dir={}", work_dir.display()),
    ];
    if !rest
        .iter()
        .any(|flag| flag.starts_with("--registration_backoff_factor="))
    {
        set.push("--registration_backoff_factor=10ms".to_owned());
    }
    let flags = load(&agent::PROGRAM, rest, set)?;
    let machine = agent::Machine::probe(&work_dir);
    let options = agent::Options::read(&flags, |_| None, &machine)?;
    let resources = options.resources();
    let ports = agent::Ports::real(&options)?;
    let surroundings = agent::Surroundings {
        world: World::Real,
        limits: Limits::from_flags(&flags)?,
    };
    Ok((agent::start(options, ports, surroundings).await?, resources))
}

async fn wait_for_agents(master: &master::Running, count: u16) {
    let registered = async {
        while master.registered_agents() < usize::from(count) {
            tokio::time::sleep(GLANCE).await;
        }
    };
    tokio::pin!(registered);
    if tokio::time::timeout(LONG, &mut registered).await.is_err() {
        say("  … agents take long to register; the logs may say why");
        registered.await;
    }
}
