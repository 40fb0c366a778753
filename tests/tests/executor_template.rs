//! Executors that are copies of a template are as executors that were started one by one, and
//! what happens to the template does not happen to them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::http;
use tests::process::{PATIENCE, Process};
use tests::scheduler::{Scheduler, command_task, framework_info};

const ROOM: &str = "--resources=cpus:8;mem:4096;disk:4096";

/// What a task can see of its executor that is the same for all executors of an agent.
const PROBE: &str = r#"
    id=$PPID
    tr '\0' ' ' </proc/$id/cmdline; echo
    cat /proc/$id/comm
    readlink /proc/$id/exe
    grep -E '^(Sig[BIC]|Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Threads|PPid|Umask)' /proc/$id/status
    cat /proc/$id/limits /proc/$id/cgroup /proc/$id/oom_score_adj
    for file in /proc/$id/fd/*; do readlink $file; done | grep -v "$PWD" | sed 's/[0-9]//g' | sort
    set -- $(cat /proc/$id/stat)
    [ $5 = $id ] && [ $6 = $id ] && echo leads its session
    [ $(readlink /proc/$id/cwd) = "$PWD" ] && echo in its sandbox
    readlink /proc/self/fd/0 && grep -E '^Sig[BI]' /proc/self/status
    env | grep -vE 'MESOS_(EXECUTOR_ID|DIRECTORY|SANDBOX)|^PWD'
"#;

fn cluster(flags: &[&str]) -> Cluster {
    let mut cluster = Cluster::master(&[]);
    cluster.add_agent(&[&[ROOM], flags].concat());
    cluster
}

fn template_of(agent: &Process, count: usize) -> i32 {
    let lines = agent.wait_for_lines(count, &["started the executors' template"]);
    let pid = lines[count - 1].split("pid=").nth(1).unwrap();
    pid.split_whitespace().next().unwrap().parse().unwrap()
}

fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn wait_for_end(pid: i32) {
    let Ok(process) = pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()) else {
        return;
    };
    let patience = Timespec::try_from(PATIENCE).unwrap();
    let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience));
    assert_eq!(ended, Ok(1), "process {pid} did not end");
}

fn executors(agent: SocketAddr) -> Vec<Value> {
    let state = http::get(agent, "/state").json();
    let list = |from: &Value, key: &str| from[key].as_array().unwrap().clone();
    ["frameworks", "completed_frameworks"]
        .iter()
        .flat_map(|key| list(&state, key))
        .flat_map(|it| [list(&it, "executors"), list(&it, "completed_executors")].concat())
        .collect()
}

/// What a task that ended wrote.
fn output(agent: SocketAddr, task: &str) -> String {
    let executors = executors(agent);
    let executor = executors.iter().find(|it| it["id"] == task).unwrap();
    let directory = executor["directory"].as_str().unwrap();
    fs::read_to_string(format!("{directory}/stdout")).unwrap()
}

/// The newest offer, which may have come while something else was waited for.
fn offer(scheduler: &mut Scheduler) -> Value {
    let passed = std::mem::take(&mut scheduler.passed);
    let offers = passed.iter().rfind(|event| event["type"] == "OFFERS");
    match offers {
        Some(event) => event["offers"]["offers"][0].clone(),
        None => scheduler.offer(),
    }
}

/// Runs a task to its end and returns what it wrote.
fn run(cluster: &Cluster, scheduler: &mut Scheduler, id: &str, command: Value) -> String {
    let offer = offer(scheduler);
    let mut task = command_task(id, &offer, "");
    task["command"] = command;
    scheduler.launch(&offer, &[task], 0.0);
    scheduler.wait_for_state(id, "TASK_FINISHED");
    output(cluster.agents[0].1, id)
}

fn with_variable(value: &str, command: &str) -> Value {
    let variable = json!({"name": "MARK", "value": value});
    json!({"value": command, "environment": {"variables": [variable]}})
}

#[test]
fn a_copy_is_as_an_executor_that_was_started_alone() {
    let probe = |flags: &[&str]| {
        let cluster = cluster(flags);
        let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("probe"));
        let printed = run(&cluster, &mut scheduler, "p", json!({"value": PROBE}));
        let (agent, address) = &cluster.agents[0];
        let id = scheduler.framework.clone();
        // What differs from cluster to cluster.
        printed
            .replace(&format!("PPid:\t{}\n", agent.id()), "PPid of the agent\n")
            .replace(&address.to_string(), "ADDRESS")
            .replace(&id, "FRAMEWORK")
            .lines()
            .filter(|line| !line.starts_with("MESOS_SLAVE_ID"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let alone = probe(&["--no-executor_template"]);
    let copy = probe(&[]);
    assert_eq!(copy, alone);
    for sign in [
        "mesos-executor --launcher_dir=/",
        "\nmesos-executor\n",
        "\nPPid of the agent\n",
        "\nThreads:\t1\n",
        "\nleads its session\n",
        "\nin its sandbox\n",
        "\nMESOS_AGENT_ENDPOINT=ADDRESS\n",
    ] {
        assert!(copy.contains(sign), "{sign:?} is not in {copy}");
    }
}

#[test]
fn what_a_task_was_told_is_told_to_no_other() {
    let cluster = cluster(&[]);
    let template = template_of(&cluster.agents[0].0, 1);
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("secret"));
    // So long that it differs from all that is written over it, and not in this program's code
    // in one piece.
    let mark = "mark".repeat(2000);
    let first = run(
        &cluster,
        &mut scheduler,
        "first",
        with_variable(
            &mark,
            "echo $MARK; tr '\\0' '\\n' </proc/$PPID/environ | grep -c MARK; true",
        ),
    );
    assert_eq!(first, format!("{mark}\n0\n"));
    let second = run(
        &cluster,
        &mut scheduler,
        "second",
        json!({"value": "env; echo $PPID"}),
    );
    assert!(!second.contains("MARK"));
    // Another has the memory that the first one's environment was in.
    let memory = memory(template);
    let parts = memory
        .windows(64)
        .filter(|part| *part == &mark.as_bytes()[..64]);
    assert_eq!(parts.count(), 0);
    assert!(memory.len() > 1 << 16);
}

/// All that a process can write to.
fn memory(pid: i32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut part = vec![0; (end - start) as usize];
        if memory.read_exact_at(&mut part, start).is_ok() {
            all.extend(part);
        }
    }
    all
}

#[test]
fn executors_outlive_their_template_and_another_takes_its_place() {
    let cluster = cluster(&[]);
    let (agent, address) = &cluster.agents[0];
    let failures = || {
        let metrics = http::get(*address, "/metrics/snapshot").json();
        metrics["containerizer/mesos/template_failures"].clone()
    };
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("outlive"));
    let gate = cluster.folder.path().join("gate");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&gate)
            .status()
            .unwrap()
            .success()
    );
    let offer = scheduler.offer();
    let first = command_task(
        "first",
        &offer,
        &format!("read line <{}; exit 3", gate.display()),
    );
    scheduler.launch(&offer, &[first], 0.0);
    scheduler.wait_for_state("first", "TASK_RUNNING");

    let template = template_of(agent, 1);
    kill_process(Pid::from_raw(template).unwrap(), Signal::KILL).unwrap();
    wait_for_end(template);
    assert_eq!(failures(), 0.0);
    // The one that finds it gone starts alone, and later ones are copies of another.
    for id in ["second", "third"] {
        assert_eq!(
            run(&cluster, &mut scheduler, id, json!({"value": "echo ran"})),
            "ran\n"
        );
    }
    agent.wait_for_line("the executors' template failed; there will be another");
    assert_ne!(template_of(agent, 2), template);
    assert_eq!(failures(), 1.0);

    fs::write(&gate, "\n").unwrap();
    let end = scheduler.wait_for_state("first", "TASK_FAILED");
    assert_eq!(end["message"], "Command exited with status 3");
}

#[test]
fn a_stopped_agent_leaves_no_template() {
    let mut cluster = cluster(&[]);
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("orphan"));
    let offer = scheduler.offer();
    scheduler.launch(&offer, &[command_task("t", &offer, "sleep 1000")], 0.0);
    scheduler.wait_for_state("t", "TASK_RUNNING");
    let (mut agent, address) = cluster.agents.remove(0);
    let template = template_of(&agent, 1);
    let containers = http::get(address, "/containers").json();
    let executor = containers[0]["status"]["executor_pid"].as_i64().unwrap() as i32;
    assert!(is_alive(template) && is_alive(executor));
    agent.signal(Signal::KILL);
    // Its output ends with the last process that holds it.
    agent.wait();
    wait_for_end(template);
    // This agent does not find its executors again, so that they end too.
    wait_for_end(executor);
}

#[test]
fn copies_run_as_the_user_that_is_asked_for() {
    if !rustix::process::geteuid().is_root() {
        tests::skip::because("only root may run tasks as another user");
        return;
    }
    let cluster = cluster(&[]);
    // The user must reach its sandbox.
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(cluster.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("user"));
    // Only who is not hidden from its user can be read by that user.
    let command = json!({
        "value": "id -un; stat -c %U /proc/$PPID/fd; readlink /proc/$PPID/fd/0",
        "user": "nobody",
    });
    let printed = run(&cluster, &mut scheduler, "t", command);
    assert_eq!(printed, "nobody\nnobody\n/dev/null\n");
}
