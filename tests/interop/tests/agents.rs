//! Agents of Apache Mesos under our master.

use std::collections::BTreeSet;

use interop::{Agents, Driver, Mesos, command_task};
use serde_json::{Value, json};
use tests::cluster::Cluster;

const AGENTS: usize = 50;
const TASKS: usize = 20;

fn metric(cluster: &Cluster, name: &str) -> f64 {
    cluster.get("/metrics/snapshot")[name].as_f64().unwrap()
}

/// The states of tasks by their ids, as the master knows them.
fn running(cluster: &Cluster) -> BTreeSet<String> {
    let tasks = cluster.get("/tasks?limit=1000")["tasks"].clone();
    let running = |task: &&Value| task["state"] == "TASK_RUNNING";
    let id = |task: &Value| task["id"].as_str().unwrap().to_owned();
    tasks
        .as_array()
        .unwrap()
        .iter()
        .filter(running)
        .map(id)
        .collect()
}

#[test]
fn fifty_agents_run_tasks_and_come_back_after_any_silence() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    // Three seconds of silence in place of seventy-five (M16).
    let mut cluster =
        Cluster::master(&["--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3"]);
    let folder = cluster.folder.path().join("agents");
    let agents = Agents::start(&mesos, AGENTS, cluster.address, &folder, &[]);
    cluster
        .master
        .wait_for_lines(AGENTS, &["registered an agent"]);

    let mut info = json!({"user": "root", "name": "fifty", "failover_timeout": 3600.0});
    let mut driver = Driver::start(&mesos, cluster.address, &info);
    let framework = driver.registered();
    let mut names = BTreeSet::new();
    while names.len() < TASKS {
        let offer = driver.offer();
        let name = format!("task-{}", names.len());
        driver.launch(&offer, &[command_task(&name, &offer, "sleep 600")]);
        names.insert(name);
    }
    for name in &names {
        if !running(&cluster).contains(name) {
            driver.status(name, "TASK_RUNNING");
        }
    }
    assert_eq!(running(&cluster), names);

    // The master's restart: agents hear no pings, look for a master, and find it (M13, M17).
    cluster.restart_master();
    cluster
        .master
        .wait_for_lines(AGENTS, &["an agent returned"]);
    assert_eq!(running(&cluster), names);
    assert_eq!(metric(&cluster, "master/slaves_active"), AGENTS as f64);
    info["id"] = json!({"value": framework});
    let mut driver = Driver::start(&mesos, cluster.address, &info);
    assert_eq!(driver.registered(), framework);
    driver.call(&json!({"call": "reconcile", "statuses": []}));
    for name in &names {
        let status = driver.wait_for("status", |event| {
            event["status"]["task_id"]["value"] == name.as_str()
                && event["status"]["reason"] == "REASON_RECONCILIATION"
        });
        assert_eq!(status["status"]["state"], "TASK_RUNNING");
    }

    // Agents that say nothing are unreachable (M16); when they return they are taken in, and
    // their tasks go on (M14).
    agents.freeze();
    cluster
        .master
        .wait_for_lines(AGENTS, &["marking an agent unreachable"]);
    let mut lost = BTreeSet::new();
    while lost.len() < AGENTS {
        let event = driver.wait_for("agent_lost", |_| true);
        lost.insert(event["agent_id"].to_string());
    }
    let is_lost = |event: &&Value| event["status"]["state"] == "TASK_LOST";
    assert_eq!(driver.passed.iter().filter(is_lost).count(), TASKS);
    assert_eq!(metric(&cluster, "master/slaves_unreachable"), AGENTS as f64);
    assert_eq!(running(&cluster), BTreeSet::new());
    agents.thaw();
    cluster
        .master
        .wait_for_lines(2 * AGENTS, &["an agent returned"]);
    for name in &names {
        driver.call(&json!({"call": "reconcile", "statuses": [
            {"task_id": {"value": name}, "state": "TASK_STAGING"},
        ]}));
        driver.status(name, "TASK_RUNNING");
    }
    assert_eq!(running(&cluster), names);
    assert_eq!(metric(&cluster, "master/slaves_unreachable"), 0.0);

    for name in &names {
        driver.call(&json!({"call": "kill", "task": name}));
    }
    let mut killed = BTreeSet::new();
    while killed.len() < TASKS {
        let event = driver.wait_for("status", |event| event["status"]["state"] == "TASK_KILLED");
        killed.insert(
            event["status"]["task_id"]["value"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(killed, names);

    // Agents that die are noticed by their connections at once (M18).
    drop(agents);
    cluster
        .master
        .wait_for_lines(AGENTS, &["an agent disconnected"]);
    driver.call(&json!({"call": "stop"}));
    cluster.master.wait_for_line("removing a framework");
}
