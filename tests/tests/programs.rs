//! The programs as people start them: flags, exit codes, `mesos-execute`, `mesos-local`.

use std::process::Command;

use tests::cluster::Cluster;
use tests::http;
use tests::process::{Process, program};

fn run(name: &str, args: &[&str]) -> (Option<i32>, String) {
    let mut process = Process::start(Command::new(program(name)).args(args));
    let code = process.wait().code();
    (code, process.printed())
}

#[test]
fn wrong_flags_are_clear_errors_with_exit_code_1() {
    for (name, args, words) in [
        ("mesos-master", vec!["--nonsense=1"], "nonsense"),
        ("mesos-master", vec![], "work_dir"),
        (
            "mesos-master",
            vec!["--work_dir=/tmp/x", "--agent_ping_timeout=5m"],
            "agent_ping_timeout",
        ),
        (
            "mesos-master",
            vec!["--work_dir=/tmp/x", "--port=5050", "--port=5051"],
            "port",
        ),
        ("mesos-agent", vec!["--master=127.0.0.1:5050"], "work_dir"),
        ("mesos-agent", vec!["--work_dir=/tmp/x"], "master"),
        (
            "mesos-slave",
            vec!["--work_dir=/tmp/x", "--master=127.0.0.1:5050", "--foo"],
            "foo",
        ),
        (
            "mesos-agent",
            vec!["--work_dir=/tmp/x", "--master=nonsense"],
            "nonsense",
        ),
    ] {
        let (code, printed) = run(name, &args);
        assert_eq!(code, Some(1), "{name} {args:?}: {printed}");
        assert!(printed.contains(words), "{name} {args:?}: {printed}");
    }
}

#[test]
fn help_lists_every_flag_and_version_is_said() {
    for name in [
        "mesos-master",
        "mesos-agent",
        "mesos-execute",
        "mesos-local",
    ] {
        let (code, printed) = run(name, &["--help"]);
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("--[no-]help"), "{name}: {printed}");
        let (code, printed) = run(name, &["--version"]);
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.starts_with("mesos 1."), "{printed}");
    }
}

#[test]
fn execute_tells_each_state_and_ends_as_the_task_did() {
    let cluster = Cluster::start();
    let master = format!("--master={}", cluster.address);
    let (code, printed) = run(
        "mesos-execute",
        &[&master, "--name=hello", "--command=echo hello; sleep 0.1"],
    );
    assert_eq!(code, Some(0), "{printed}");
    for words in [
        "Subscribed with ID",
        "Submitted task",
        "TASK_RUNNING",
        "TASK_FINISHED",
    ] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let (code, printed) = run(
        "mesos-execute",
        &[&master, "--name=bad", "--command=exit 7"],
    );
    assert_ne!(code, Some(0), "{printed}");
    assert!(
        printed.contains("TASK_FAILED") && printed.contains("status 7"),
        "{printed}"
    );
    // It leaves by closing its connection, which the master notices by itself.
    let deadline = std::time::Instant::now() + tests::process::PATIENCE;
    while cluster.get("/frameworks")["frameworks"] != serde_json::json!([]) {
        assert!(std::time::Instant::now() < deadline, "the framework stays");
    }
}

#[test]
fn local_is_a_whole_cluster_and_ends_on_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("mesos-local"));
    command
        .arg("--port=0")
        .arg("--agent_port=0")
        .arg("--num_agents=2")
        .arg(format!("--work_dir={}", folder.path().display()));
    let mut local = Process::start(&mut command);
    let line = local.wait_for_line("Ready. Open http://");
    let address = line
        .split("http://")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let address: std::net::SocketAddr = address.parse().unwrap();
    let slaves = http::get(address, "/slaves").json();
    assert_eq!(slaves["slaves"].as_array().unwrap().len(), 2, "{slaves:#}");
    let page = http::get(address, "/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<title>"));
    let master = format!("--master={address}");
    let (code, printed) = run("mesos-execute", &[&master, "--name=x", "--command=true"]);
    assert_eq!(code, Some(0), "{printed}");
    local.signal(rustix::process::Signal::INT);
    assert_eq!(local.wait().code(), Some(0));
}
