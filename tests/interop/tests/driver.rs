//! The unmodified C++ scheduler driver of Apache Mesos with our master.

use std::collections::BTreeMap;

use interop::ear::{Ear, send};
use interop::{Agents, Driver, Mesos, command_task, executor_task};
use messages::{binary, internal, scheduler, v1};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::scheduler::framework_info;

/// Theirs, and not ours, so that the master's own words about the agents are checked too.
const AGENTS: usize = 4;

#[test]
fn each_of_200_tasks_finishes() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let cluster = Cluster::master(&[]);
    let folder = cluster.folder.path().join("agents");
    let _agents = Agents::start(&mesos, AGENTS, cluster.address, &folder, &[]);
    cluster
        .master
        .wait_for_lines(AGENTS, &["registered an agent"]);
    let mut driver = Driver::start(&mesos, cluster.address, &framework_info("tasks"));
    driver.registered();
    let mut launched = 0;
    let mut ends = BTreeMap::new();
    while ends.len() < 200 {
        let event = driver.event();
        if event["event"] == "offer" {
            let offer = &event["offer"];
            let batch = (200 - launched).min(50);
            let tasks: Vec<Value> = (launched..launched + batch)
                .map(|number| command_task(&format!("task-{number}"), offer, "true"))
                .collect();
            driver.launch(offer, &tasks);
            launched += batch;
        } else if event["event"] == "status" {
            let status = &event["status"];
            let state = status["state"].as_str().unwrap();
            if !matches!(state, "TASK_STARTING" | "TASK_RUNNING") {
                assert_eq!(state, "TASK_FINISHED", "{status:#}");
                ends.insert(status["task_id"]["value"].to_string(), ());
            }
        }
    }
    driver.call(&json!({"call": "stop"}));
    cluster.master.wait_for_line("removing a framework");
    let metrics = cluster.get("/metrics/snapshot");
    assert_eq!(metrics["master/tasks_finished"], 200.0);
    assert_eq!(metrics["master/invalid_status_updates"], 0.0);
    assert_eq!(metrics["master/dropped_messages"], 0.0);
}

#[test]
fn executors_of_the_v0_driver_run_tasks_and_exchange_messages() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let cluster = Cluster::start();
    let mut driver = Driver::start(&mesos, cluster.address, &framework_info("executors"));
    driver.registered();
    let offer = driver.offer();
    let agent = offer["slave_id"]["value"].clone();
    driver.launch(
        &offer,
        &[
            executor_task(&mesos, "long", &offer, true),
            executor_task(&mesos, "short", &offer, false),
        ],
    );
    let hello = driver.wait_for("message", |_| true);
    assert_eq!(hello["executor_id"], "echo");
    assert_eq!(hello["agent_id"], agent);
    assert_eq!(
        hello["data"],
        format!("registered at {}", agent.as_str().unwrap())
    );
    driver.status("short", "TASK_FINISHED");

    let send = json!({"call": "send", "executor": "echo", "agent": agent, "data": "hello"});
    driver.call(&send);
    assert_eq!(driver.wait_for("message", |_| true)["data"], "HELLO");
    // The offers brought the agents' pids along: messages do not go through the master.
    let metrics = cluster.get("/metrics/snapshot");
    assert_eq!(metrics["master/messages_framework_to_executor"], 0.0);
    assert_eq!(metrics["master/messages_executor_to_framework"], 0.0);

    let tasks = json!([{"task_id": {"value": "long"}, "state": "TASK_STAGING"},
                       {"task_id": {"value": "never"}, "state": "TASK_STAGING"}]);
    driver.call(&json!({"call": "reconcile", "statuses": tasks}));
    let known = driver.status("long", "TASK_RUNNING");
    let known = match &known["reason"] {
        Value::String(reason) if reason == "REASON_RECONCILIATION" => known,
        _ => driver.status("long", "TASK_RUNNING"),
    };
    assert_eq!(known["reason"], "REASON_RECONCILIATION");
    driver.status("never", "TASK_LOST");

    driver.call(&json!({"call": "kill", "task": "long"}));
    let killed = driver.status("long", "TASK_KILLED");
    assert_eq!(killed["source"], "SOURCE_EXECUTOR");
    assert_eq!(killed["executor_id"]["value"], "echo");

    driver.call(&json!({"call": "stop"}));
    cluster.agents[0].0.wait_for_line("Executor ended");
}

#[test]
fn a_second_driver_takes_over_and_the_first_is_told() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let cluster = Cluster::start();
    let mut info = json!({"user": "root", "name": "failover", "failover_timeout": 3600.0});
    let mut first = Driver::start(&mesos, cluster.address, &info);
    let framework = first.registered();
    let offer = first.offer();
    first.launch(&offer, &[command_task("sleep", &offer, "sleep 600")]);
    first.status("sleep", "TASK_RUNNING");
    // A driver that is given an id takes the framework over by force (M28).
    info["id"] = json!({"value": framework});
    let mut second = Driver::start(&mesos, cluster.address, &info);
    assert_eq!(second.registered(), framework);
    let error = first.wait_for("error", |_| true);
    assert_eq!(error["message"], "Framework failed over");
    // One without force does not.
    let ear = Ear::listen();
    let call = scheduler::Call {
        r#type: Some(v1::scheduler::call::Type::Subscribe as i32),
        framework_id: Some(v1::FrameworkId {
            value: framework.clone(),
        }),
        subscribe: Some(scheduler::call::Subscribe {
            framework_info: v1::FrameworkInfo {
                user: "root".into(),
                name: "failover".into(),
                failover_timeout: Some(3600.0),
                id: Some(v1::FrameworkId { value: framework }),
                ..Default::default()
            },
            force: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    };
    let master = format!("master@{}", cluster.address).parse().unwrap();
    let body = binary::encode(&call);
    send(
        &ear.pid("scheduler-1"),
        &master,
        "mesos.scheduler.Call",
        &body,
    );
    let refused = ear.wait_for("mesos.internal.FrameworkErrorMessage");
    let refused: internal::FrameworkErrorMessage = binary::decode(&refused.body).unwrap();
    assert_eq!(refused.message, "Framework failed over");
    second.call(&json!({"call": "reconcile", "statuses": []}));
    second.status("sleep", "TASK_RUNNING");
    second.call(&json!({"call": "kill", "task": "sleep"}));
    second.status("sleep", "TASK_KILLED");
    second.call(&json!({"call": "stop"}));
    cluster.master.wait_for_line("removing a framework");
}

/// RegisterFrameworkMessage, LaunchTasksMessage and the like, in place of calls.
#[test]
fn a_driver_of_the_older_messages_is_understood() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let cluster = Cluster::start();
    let mut info = framework_info("older");
    let mut first = Driver::start_old(&mesos, cluster.address, &info);
    let framework = first.registered();
    let offer = first.offer();
    let agent = offer["slave_id"]["value"].clone();
    first.launch(&offer, &[executor_task(&mesos, "long", &offer, true)]);
    first.wait_for("message", |_| true);
    let send = json!({"call": "send", "executor": "echo", "agent": agent, "data": "hello"});
    first.call(&send);
    assert_eq!(first.wait_for("message", |_| true)["data"], "HELLO");
    first.call(&json!({"call": "stop", "failover": true}));

    info["id"] = json!({"value": framework});
    let mut second = Driver::start_old(&mesos, cluster.address, &info);
    assert_eq!(second.registered(), framework);
    let offer = second.offer();
    second.call(&json!({"call": "reconcile", "statuses": []}));
    let status = second.wait_for("status", |event| {
        event["status"]["reason"] == "REASON_RECONCILIATION"
    });
    assert_eq!(status["status"]["state"], "TASK_RUNNING");
    second.launch(&offer, &[command_task("short", &offer, "true")]);
    second.status("short", "TASK_FINISHED");
    second.call(&json!({"call": "kill", "task": "long"}));
    second.status("long", "TASK_KILLED");
    second.call(&json!({"call": "stop"}));
    cluster.master.wait_for_line("removing a framework");
    for message in [
        "register_framework",
        "reregister_framework",
        "launch_tasks",
        "reconcile_tasks",
        "kill_task",
        "status_update_acknowledgement",
        "unregister_framework",
    ] {
        let name = format!("master/messages_{message}");
        // What is counted is published after it is logged.
        cluster.wait_for_metric(&name, |count| count > 0.0);
    }
}

#[test]
fn a_driver_of_a_framework_that_is_gone_is_refused() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let cluster = Cluster::master(&[]);
    let mut info = framework_info("gone");
    let mut driver = Driver::start(&mesos, cluster.address, &info);
    info["id"] = json!({"value": driver.registered()});
    driver.call(&json!({"call": "stop"}));
    cluster.master.wait_for_line("removing a framework");
    let mut late = Driver::start(&mesos, cluster.address, &info);
    let error = late.wait_for("error", |_| true);
    assert_eq!(error["message"], "Framework has been removed");
}
