//! Our agent and executor under a master of Apache Mesos.

use interop::{Driver, Master, Mesos, command_task};
use serde_json::json;
use tests::cluster::start_agent;
use tests::http;

/// Three seconds of silence in place of seventy-five (M16).
const FLAGS: [(&str, &str); 3] = [
    ("MESOS_AGENT_PING_TIMEOUT", "1secs"),
    ("MESOS_MAX_AGENT_PING_TIMEOUTS", "3"),
    ("MESOS_ALLOCATION_INTERVAL", "100ms"),
];

#[test]
fn our_agent_runs_tasks_for_their_master_and_survives_its_restart() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("master");
    let mut master = Master::start(&mesos, 0, &registry, &FLAGS);
    let resources = "--resources=cpus:8;mem:4096;disk:4096;ports:[31000-32000]";
    let work_dir = folder.path().join("agent");
    let (agent, _) = start_agent(master.address, &work_dir, &[resources]);

    let mut info = json!({"user": "root", "name": "theirs", "failover_timeout": 3600.0});
    let mut driver = Driver::start(&mesos, master.address, &info);
    let framework = driver.registered();
    let offer = driver.offer();
    let tasks: Vec<_> = (0..20)
        .map(|number| command_task(&format!("task-{number}"), &offer, "true"))
        .chain([command_task("sleep", &offer, "sleep 600")])
        .collect();
    driver.launch(&offer, &tasks);
    let mut finished = 0;
    let mut sleeps = false;
    while finished < 20 || !sleeps {
        let status = driver.wait_for("status", |_| true)["status"].clone();
        match status["state"].as_str().unwrap() {
            "TASK_FINISHED" => finished += 1,
            "TASK_RUNNING" => sleeps |= status["task_id"]["value"] == "sleep",
            "TASK_STARTING" => {}
            other => panic!("{other}: {status:#}"),
        }
    }

    master.restart(&mesos, &registry, &FLAGS);
    agent.wait_for_line("Re-registered with master");
    info["id"] = json!({"value": framework});
    let mut driver = Driver::start(&mesos, master.address, &info);
    assert_eq!(driver.registered(), framework);
    driver.call(&json!({"call": "reconcile", "statuses": []}));
    // Besides, updates may come again whose acknowledgement the former master took with it.
    let answer = driver.wait_for("status", |event| {
        event["status"]["task_id"]["value"] == "sleep"
            && event["status"]["reason"] == "REASON_RECONCILIATION"
    });
    assert_eq!(answer["status"]["state"], "TASK_RUNNING");
    driver.call(&json!({"call": "kill", "task": "sleep"}));
    driver.status("sleep", "TASK_KILLED");
    let offer = driver.offer();
    driver.launch(&offer, &[command_task("again", &offer, "true")]);
    driver.status("again", "TASK_FINISHED");
    driver.call(&json!({"call": "stop"}));
    // Acknowledged: the agent forgets the framework, whose updates it would keep otherwise.
    agent.wait_for_line("Cleaning up framework");
    let ignored = "Ignoring";
    assert!(!agent.printed().contains(ignored), "{}", agent.printed());
}

#[test]
fn our_agent_keeps_reservations_that_their_master_makes() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("master");
    let master = Master::start(&mesos, 0, &registry, &FLAGS);
    let work_dir = folder.path().join("agent");
    let resources = "--resources=cpus:8;mem:4096;disk:4096";
    let (agent, _) = start_agent(master.address, &work_dir, &[resources]);
    let agents = http::get(master.address, "/master/slaves").json();
    let reserved = json!({
        "name": "cpus", "type": "SCALAR", "scalar": {"value": 2.0},
        "reservations": [{"type": "DYNAMIC", "role": "ours"}],
    });
    let call = json!({"type": "RESERVE_RESOURCES", "reserve_resources": {
        "agent_id": {"value": agents["slaves"][0]["id"]}, "resources": [reserved],
    }});
    let answer = http::post(master.address, "/master/api/v1", &call);
    assert_eq!(answer.status, 202, "{}", answer.text());
    agent.wait_for_line("Keeping reservations");

    let info = json!({
        "user": "root", "name": "reserved", "roles": ["ours"],
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}],
    });
    let mut driver = Driver::start(&mesos, master.address, &info);
    let offer = driver.offer();
    let mut task = command_task("reserved", &offer, "true");
    let cpus = &mut task["resources"][0];
    *cpus = reserved;
    driver.launch(&offer, &[task]);
    driver.status("reserved", "TASK_FINISHED");
}
