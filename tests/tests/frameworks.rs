//! The example frameworks on real daemons: each outlives kill -9, its own and the
//! master's, by both transports.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::gated::Gated;
use tests::http;
use tests::process::{PATIENCE, Process, program};

/// A framework's program, what it is to do, and where it keeps its state.
struct Example<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    state: PathBuf,
    transport: &'static str,
}

impl<'a> Example<'a> {
    fn new(cluster: &'a Cluster, name: &'static str, transport: &'static str) -> Self {
        Self {
            cluster,
            name,
            state: cluster.folder.path().join("state"),
            transport,
        }
    }

    fn start(&self, flags: &[&str]) -> Process {
        let mut command = Command::new(program(self.name));
        command
            .arg(format!("--master={}", self.cluster.address))
            .arg(format!("--state={}", self.state.display()))
            .arg(format!("--transport={}", self.transport))
            .args(flags);
        Process::start(&mut command)
    }

    fn stored(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.state).unwrap()).unwrap()
    }
}

fn kill(process: &mut Process) {
    process.signal(Signal::KILL);
    process.wait();
}

const COMMANDS: usize = 20;

/// Starts the framework with this transport.
type Start<'a> = dyn Fn(&Cluster, &'static str) -> Process + 'a;

/// Runs commands, has `disturb` happen while all of them run, and checks that each of them
/// ran once, to its end.
fn run_commands_through(
    transport: &'static str,
    disturb: impl FnOnce(&mut Cluster, &mut Process, &Start<'_>),
) {
    let mut cluster = Cluster::start();
    let gated = Gated::new(cluster.folder.path(), COMMANDS);
    let commands = format!("--commands={}", gated.commands().display());
    let start = |cluster: &Cluster, transport| {
        Example::new(cluster, "run-commands", transport).start(&[&commands])
    };
    let mut framework = start(&cluster, transport);
    framework.wait_for_lines(COMMANDS, &["update", "TASK_RUNNING"]);
    disturb(&mut cluster, &mut framework, &start);
    gated.open();
    let status = framework.wait();
    let printed = framework.printed();
    assert_eq!(status.code(), Some(0), "{printed}");
    assert!(printed.contains("20 of 20 commands finished"), "{printed}");
    gated.assert_each_ran_once();
}

/// The framework is killed, and its next life speaks with the master by this transport.
fn next_life(transport: &'static str) -> impl FnOnce(&mut Cluster, &mut Process, &Start<'_>) {
    move |cluster, framework, start| {
        kill(framework);
        *framework = start(cluster, transport);
        framework.wait_for_lines(COMMANDS, &["update", "TASK_RUNNING"]);
    }
}

#[test]
fn commands_run_once_though_their_framework_is_killed() {
    run_commands_through("http", next_life("http"));
}

#[test]
fn commands_run_once_though_their_framework_is_killed_by_libprocess() {
    run_commands_through("libprocess", next_life("libprocess"));
}

#[test]
fn commands_run_once_though_their_framework_changes_its_transport() {
    run_commands_through("http", next_life("libprocess"));
    run_commands_through("libprocess", next_life("http"));
}

#[test]
fn commands_run_once_though_the_master_is_killed() {
    run_commands_through("http", |cluster, framework, _| {
        cluster.restart_master();
        framework.wait_for_lines(2, &["subscribed"]);
    });
}

#[test]
fn commands_run_once_though_the_master_is_killed_by_libprocess() {
    run_commands_through("libprocess", |cluster, framework, _| {
        cluster.restart_master();
        framework.wait_for_lines(2, &["subscribed"]);
    });
}

#[test]
fn commands_that_fail_are_tried_again_and_reported() {
    let cluster = Cluster::start();
    let folder = cluster.folder.path();
    let file = folder.join("commands");
    let once = folder.join("once");
    let text = format!(
        "# two of three\nexit 3\n\ntrue\n[ -e {0} ] || {{ touch {0}; exit 1; }}\n",
        once.display()
    );
    fs::write(&file, text).unwrap();
    let commands = format!("--commands={}", file.display());
    let example = Example::new(&cluster, "run-commands", "http");
    let mut framework = example.start(&[&commands, "--attempts=2", "--content_type=json"]);
    assert_eq!(framework.wait().code(), Some(2));
    let printed = framework.printed();
    assert!(printed.contains("2 of 3 commands finished"), "{printed}");
    assert!(printed.contains("exited with status 3"), "{printed}");
    // It is done: started again, it says so at once.
    let mut again = example.start(&[&commands, "--attempts=2"]);
    assert_eq!(again.wait().code(), Some(2));
    // Other commands need another state.
    fs::write(&file, "true").unwrap();
    let mut other = example.start(&[&commands]);
    assert_eq!(other.wait().code(), Some(1));
    assert!(other.printed().contains("--state of their own"));
}

/// The tasks of the only framework that are running according to the master, and the
/// agents that they are on.
fn running(cluster: &Cluster) -> Vec<(String, String)> {
    let state = cluster.get("/state");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    state["frameworks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|framework| framework["tasks"].as_array().unwrap())
        .filter(|task| task["state"] == "TASK_RUNNING")
        .map(|task| (text(&task["id"]), text(&task["slave_id"])))
        .collect()
}

/// Asks the master until its answer is as it should be.
fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(last) => assert!(Instant::now() < deadline, "{what}; the last was {last}"),
        }
    }
}

fn until_running(cluster: &Cluster, count: usize) -> Vec<(String, String)> {
    until(&format!("{count} tasks never ran"), || {
        let running = running(cluster);
        match running.len() == count {
            true => Ok(running),
            false => Err(format!("{running:?}")),
        }
    })
}

#[test]
fn services_live_on_though_everything_else_dies() {
    let mut cluster = Cluster::master(&[]);
    for _ in 0..2 {
        cluster.add_agent(&["--resources=cpus:8;mem:4096;disk:4096"]);
    }
    let folder = cluster.folder.path().display().to_string();
    let services = |instances: u32| {
        let command = format!("echo $$ > {folder}/pid-$MESOS_EXECUTOR_ID; exec sleep 10000");
        let services = json!({"web": {"command": command, "instances": instances}});
        format!("--services={services}")
    };
    let four = services(4);
    let mut framework = Example::new(&cluster, "supervisor", "http").start(&[&four]);
    let first = until_running(&cluster, 4);
    let on = |agent: &str| first.iter().filter(|(_, on)| on == agent).count();
    assert!(first.iter().all(|(_, agent)| on(agent) == 2), "{first:?}");

    // The supervisor dies: its services do not, and the next one knows them.
    kill(&mut framework);
    framework = Example::new(&cluster, "supervisor", "http").start(&[&four]);
    framework.wait_for_lines(4, &["update", "TASK_RUNNING"]);
    assert_eq!(until_running(&cluster, 4), first);

    // An instance dies.
    let victim = &first[0].0;
    let pid = until("no pid was written", || {
        let text = fs::read_to_string(format!("{folder}/pid-{victim}")).unwrap();
        text.trim().parse().map_err(|_| text)
    });
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    framework.wait_for_lines(1, &["update", victim, "TASK_FAILED"]);
    framework.wait_for_lines(1, &["update", "web.5", "TASK_RUNNING"]);
    let second = until_running(&cluster, 4);
    assert!(second.iter().all(|(task, _)| task != victim), "{second:?}");

    // An agent dies: its share moves to the other one.
    let (agent, _) = &mut cluster.agents[0];
    kill(agent);
    let third = until("the other agent never got all", || {
        let running = running(&cluster);
        let agents: std::collections::BTreeSet<_> = running.iter().map(|(_, on)| on).collect();
        match running.len() == 4 && agents.len() == 1 {
            true => Ok(running),
            false => Err(format!("{running:?}")),
        }
    });

    // The master dies.
    cluster.restart_master();
    assert_eq!(until_running(&cluster, 4), third);
    framework.wait_for_lines(2, &["subscribed"]);

    // Less is wanted; then nothing any more.
    kill(&mut framework);
    let one = services(1);
    let mut framework = Example::new(&cluster, "supervisor", "http").start(&[&one]);
    let last = until_running(&cluster, 1);
    assert!(third.contains(&last[0]));
    assert_eq!(framework.terminate().code(), Some(0));
    let example = Example::new(&cluster, "supervisor", "http");
    assert_eq!(until_running(&cluster, 1), last);
    assert_eq!(example.start(&[&one, "--teardown"]).wait().code(), Some(0));
    assert_eq!(cluster.get("/state")["frameworks"], json!([]));
    assert_eq!(example.stored()["id"], Value::Null);
}

#[test]
fn a_timetable_goes_on_though_it_or_the_master_is_killed() {
    for transport in ["http", "libprocess"] {
        let mut cluster = Cluster::start();
        let jobs = json!({
            "tick": {"command": "true", "every": "1secs"},
            "tock": {"command": "true", "after": ["tick"]},
        });
        let jobs = format!("--jobs={jobs}");
        let mut framework = Example::new(&cluster, "timetable", transport).start(&[&jobs]);
        let line = framework.wait_for_lines(1, &["update", "tock.", "TASK_FINISHED"]);
        let number = |line: &String| -> u64 {
            let after = line.split("tock.").nth(1).unwrap();
            let digits = after.split(|c: char| !c.is_ascii_digit()).next();
            digits.unwrap().parse().unwrap()
        };
        let first = number(&line[0]);
        kill(&mut framework);
        framework = Example::new(&cluster, "timetable", transport).start(&[&jobs]);
        // The end of the first may be told again, if its acknowledgement was lost.
        let is_later = |count| {
            let lines = framework.wait_for_lines(count, &["update", "tock.", "TASK_FINISHED"]);
            number(&lines[count - 1]) > first
        };
        (1..).find(|&count| is_later(count)).unwrap();
        cluster.restart_master();
        framework.wait_for_lines(2, &["subscribed"]);
        let words = ["update", "tock.", "TASK_FINISHED"];
        let printed = framework.printed();
        let is_end = |line: &&str| words.iter().all(|words| line.contains(words));
        let seen = printed.lines().filter(is_end).count();
        framework.wait_for_lines(seen + 1, &words);
        let ours = framework.wait_for_line("state at http://");
        let at = ours.split("http://").nth(1).unwrap();
        let (address, _) = at.split_once('/').unwrap();
        let state = http::get(address.parse().unwrap(), "/timetable/state").json();
        assert!(state["plan"]["progress"]["tock"]["successes"].as_u64() > Some(0));
        assert_eq!(framework.terminate().code(), Some(0));
    }
}
