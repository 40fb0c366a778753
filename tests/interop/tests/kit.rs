//! A framework of our kit under a master of Apache Mesos, by both protocols.

use std::path::Path;
use std::process::Command;

use interop::{Agents, Master, Mesos};
use rustix::process::Signal;
use tests::gated::Gated;
use tests::process::{Process, program};

/// Their agents do not look for a master that broke the connection, but for one that is
/// silent: three seconds of it in place of seventy-five (M17).
const FLAGS: [(&str, &str); 3] = [
    ("MESOS_AGENT_PING_TIMEOUT", "1secs"),
    ("MESOS_MAX_AGENT_PING_TIMEOUTS", "3"),
    ("MESOS_ALLOCATION_INTERVAL", "100ms"),
];
const COMMANDS: usize = 20;

fn start(master: &Master, folder: &Path, gated: &Gated, transport: &str) -> Process {
    let mut command = Command::new(program("run-commands"));
    command
        .arg(format!("--master={}", master.address))
        .arg(format!("--state={}", folder.join("state").display()))
        .arg(format!("--commands={}", gated.commands().display()))
        .arg(format!("--transport={transport}"));
    Process::start(&mut command)
}

/// Twenty tasks run on their agents while the framework, and then their master, are killed;
/// each task runs once.
fn run(transport: &str) {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("master");
    let mut master = Master::start(&mesos, 0, &registry, &FLAGS);
    let work_dir = folder.path().join("agents");
    let agents = Agents::start(&mesos, 2, master.address, &work_dir, &[]);
    let gated = Gated::new(folder.path(), COMMANDS);
    let running = ["update", "TASK_RUNNING"];

    let mut framework = start(&master, folder.path(), &gated, transport);
    framework.wait_for_lines(COMMANDS, &running);
    framework.signal(Signal::KILL);
    framework.wait();
    let mut framework = start(&master, folder.path(), &gated, transport);
    framework.wait_for_lines(COMMANDS, &running);

    master.restart(&mesos, &registry, &FLAGS);
    framework.wait_for_lines(2, &["subscribed"]);
    gated.open();
    assert_eq!(framework.wait().code(), Some(0), "{}", framework.printed());
    gated.assert_each_ran_once();
    drop(agents);
}

#[test]
fn our_kit_works_with_their_master_by_http() {
    run("http");
}

#[test]
fn our_kit_works_with_their_master_by_libprocess() {
    run("libprocess");
}
