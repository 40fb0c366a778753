//! Tasks on real daemons: from launch to acknowledged end.

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::http;
use tests::scheduler::{Scheduler, command_task, framework_info};

fn states(scheduler: &mut Scheduler, task: &str) -> Vec<Value> {
    let mut statuses = Vec::new();
    loop {
        let status = scheduler.status(task);
        let state = status["state"].as_str().unwrap().to_owned();
        statuses.push(status);
        if !matches!(
            state.as_str(),
            "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLING"
        ) {
            return statuses;
        }
    }
}

fn last(statuses: &[Value]) -> (&str, &str) {
    let status = statuses.last().unwrap();
    (
        status["state"].as_str().unwrap(),
        status["message"].as_str().unwrap_or_default(),
    )
}

#[test]
fn a_command_runs_to_its_end_and_leaves_its_output() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("end"));
    let offer = scheduler.offer();
    for key in [
        "id",
        "framework_id",
        "agent_id",
        "hostname",
        "url",
        "resources",
    ] {
        assert!(offer.get(key).is_some(), "{key}: {offer:#}");
    }
    assert!(offer.get("allocation_info").is_none());
    assert_eq!(offer["url"]["path"], "/slave(1)");
    assert!(
        offer["resources"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["role"] == "*")
    );

    scheduler.launch(
        &offer,
        &[command_task("hello", &offer, "echo hello; echo oops >&2")],
        0.0,
    );
    let statuses = states(&mut scheduler, "hello");
    assert_eq!(
        last(&statuses),
        ("TASK_FINISHED", "Command exited with status 0")
    );
    assert!(
        statuses
            .iter()
            .any(|status| status["state"] == "TASK_RUNNING")
    );
    for status in &statuses {
        for key in [
            "uuid",
            "agent_id",
            "executor_id",
            "timestamp",
            "source",
            "container_status",
        ] {
            assert!(status.get(key).is_some(), "{key}: {status:#}");
        }
    }

    let agent = cluster.agents[0].1;
    let state = http::get(agent, "/state").json();
    let list = |from: &Value, key: &str| from[key].as_array().unwrap().clone();
    let frameworks = [
        list(&state, "frameworks"),
        list(&state, "completed_frameworks"),
    ]
    .concat();
    let executor = frameworks
        .iter()
        .flat_map(|it| [list(it, "executors"), list(it, "completed_executors")].concat())
        .next()
        .unwrap();
    let directory = executor["directory"].as_str().unwrap();
    let read = |name: &str| {
        let path = format!("/files/read?path={directory}/{name}&offset=0&length=4000");
        http::get(agent, &path).json()["data"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(read("stdout").contains("hello"));
    assert!(read("stderr").contains("oops"));
    assert!(
        executor["name"]
            .as_str()
            .unwrap()
            .starts_with("Command Executor (Task: hello)")
    );

    let framework = &cluster.get("/frameworks")["frameworks"][0];
    assert_eq!(framework["completed_tasks"][0]["state"], "TASK_FINISHED");
    scheduler.teardown();
    let completed = cluster.get("/state")["completed_frameworks"].clone();
    assert_eq!(completed[0]["name"], "end");
    assert_eq!(completed[0]["active"], false);
}

#[test]
fn every_way_to_end_is_told_with_its_reason() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("ends"));
    let offer = scheduler.offer();
    let mut missing = command_task("missing", &offer, "/no/such/program");
    missing["command"] = json!({"shell": false, "value": "/no/such/program", "arguments": ["x"]});
    let mut limited = command_task("limited", &offer, "sleep 600");
    limited["max_completion_time"] = json!({"nanoseconds": 50_000_000});
    let tasks = [
        command_task("three", &offer, "exit 3"),
        command_task("signal", &offer, "kill -KILL $$"),
        missing,
        limited,
    ];
    scheduler.launch(&offer, &tasks, 0.0);
    let mut ends: std::collections::BTreeMap<String, Value> = Default::default();
    while ends.len() < 4 {
        let event = scheduler.wait_for("UPDATE", |_| true);
        let status = event["update"]["status"].clone();
        let task = status["task_id"]["value"].as_str().unwrap().to_owned();
        scheduler.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
        }}));
        if status["state"] == "TASK_FAILED" {
            ends.insert(task, status);
        } else {
            assert!(matches!(
                status["state"].as_str().unwrap(),
                "TASK_STARTING" | "TASK_RUNNING"
            ));
        }
    }
    assert!(
        ends["three"]["message"]
            .as_str()
            .unwrap()
            .contains("status 3")
    );
    assert!(
        ends["signal"]["message"]
            .as_str()
            .unwrap()
            .contains("signal")
    );
    assert!(ends.contains_key("missing"));
    assert_eq!(
        ends["limited"]["reason"],
        "REASON_MAX_COMPLETION_TIME_REACHED"
    );
}

#[test]
fn a_killed_task_takes_its_whole_tree_along() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("kill"));
    let offer = scheduler.offer();
    // A stubborn shell with a grandchild that outlives a polite request.
    let command =
        "trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo $! > child; wait";
    let mut task = command_task("stubborn", &offer, command);
    task["kill_policy"] = json!({"grace_period": {"nanoseconds": 100_000_000}});
    scheduler.launch(&offer, &[task], 0.0);
    scheduler.wait_for_state("stubborn", "TASK_RUNNING");
    let agent = cluster.agents[0].1;
    let state = http::get(agent, "/state").json();
    let executor = &state["frameworks"][0]["executors"][0];
    let child = std::path::Path::new(executor["directory"].as_str().unwrap()).join("child");
    let pid = loop {
        match std::fs::read_to_string(&child) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => std::thread::yield_now(),
        }
    };
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    let answer =
        scheduler.call(json!({"type": "KILL", "kill": {"task_id": {"value": "stubborn"}}}));
    assert_eq!(answer.status, 202);
    let statuses = states(&mut scheduler, "stubborn");
    assert_eq!(last(&statuses).0, "TASK_KILLED");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("refused"));
    let offer = scheduler.offer();
    let big = {
        let mut task = command_task("big", &offer, "true");
        task["resources"][0]["scalar"]["value"] = json!(100_000);
        task
    };
    let negative = {
        let mut task = command_task("negative", &offer, "true");
        task["resources"][0]["scalar"]["value"] = json!(-1);
        task
    };
    let slash = command_task("a/b", &offer, "true");
    let long = command_task(&"x".repeat(300), &offer, "true");
    let ids = [
        "big".to_owned(),
        "negative".to_owned(),
        "a/b".to_owned(),
        "x".repeat(300),
    ];
    scheduler.launch(&offer, &[big, negative, slash, long], 0.0);
    for id in &ids {
        let status = scheduler.status(id);
        assert_eq!(status["state"], "TASK_ERROR", "{status:#}");
        assert_eq!(status["reason"], "REASON_TASK_INVALID");
        assert_eq!(status["source"], "SOURCE_MASTER");
        assert!(status.get("uuid").is_none());
    }
    // The same offer once more: it is used up.
    scheduler.launch(&offer, &[command_task("late", &offer, "true")], 0.0);
    let status = scheduler.status("late");
    assert_eq!(
        (&status["state"], &status["reason"]),
        (&json!("TASK_LOST"), &json!("REASON_INVALID_OFFERS"))
    );
}

#[test]
fn reconciliation_and_kills_of_the_unknown_are_answered() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("reconcile"));
    let offer = scheduler.offer();
    scheduler.launch(&offer, &[command_task("sleep", &offer, "sleep 600")], 0.0);
    scheduler.wait_for_state("sleep", "TASK_RUNNING");
    let reconcile = |tasks: Value| {
        let answer = scheduler.call(json!({"type": "RECONCILE", "reconcile": {"tasks": tasks}}));
        assert_eq!(answer.status, 202);
    };
    reconcile(json!([{"task_id": {"value": "sleep"}}, {"task_id": {"value": "never-was"}}]));
    reconcile(json!([]));
    let expected = [
        ("sleep", "TASK_RUNNING"),
        ("never-was", "TASK_LOST"),
        ("sleep", "TASK_RUNNING"),
    ];
    for (task, state) in expected {
        let event = scheduler.wait_for("UPDATE", |_| true);
        let status = &event["update"]["status"];
        assert_eq!(
            (&status["task_id"]["value"], &status["state"]),
            (&json!(task), &json!(state))
        );
        assert_eq!(status["reason"], "REASON_RECONCILIATION");
        assert!(status.get("uuid").is_none());
    }
    scheduler.call(json!({"type": "KILL", "kill": {"task_id": {"value": "nobody"}}}));
    assert_eq!(scheduler.status("nobody")["state"], "TASK_LOST");
}

#[test]
fn declined_suppressed_and_revived_offers_behave() {
    let cluster = Cluster::start();
    let mut first = Scheduler::subscribe(cluster.address, &framework_info("first"));
    let offer = first.offer();
    first.decline(&offer, 3600.0);
    // What one framework refuses another is offered.
    let mut second = Scheduler::subscribe(cluster.address, &framework_info("second"));
    let offer = second.offer();
    assert_eq!(second.call(json!({"type": "SUPPRESS"})).status, 202);
    second.decline(&offer, 0.0);
    assert_eq!(first.call(json!({"type": "REVIVE"})).status, 202);
    let again = first.offer();
    assert_eq!(again["agent_id"], offer["agent_id"]);
    assert!(
        first
            .passed
            .iter()
            .chain(&second.passed)
            .all(|event| event["type"] != "RESCIND")
    );
}

#[test]
fn tasks_and_frameworks_outlive_a_master() {
    let mut cluster = Cluster::start();
    let info = json!({"user": "root", "name": "survivor", "failover_timeout": 3600.0});
    let mut scheduler = Scheduler::subscribe(cluster.address, &info);
    let offer = scheduler.offer();
    scheduler.launch(&offer, &[command_task("long", &offer, "sleep 600")], 0.0);
    let before = scheduler.wait_for_state("long", "TASK_RUNNING");
    let id = scheduler.framework.clone();
    cluster.restart_master();
    let mut info = info;
    info["id"] = json!({"value": id});
    let mut scheduler = Scheduler::subscribe(cluster.address, &info);
    assert_eq!(scheduler.framework, id);
    cluster.agents[0]
        .0
        .wait_for_line("Re-registered with master");
    scheduler.call(json!({"type": "RECONCILE", "reconcile": {"tasks": [
        {"task_id": {"value": "long"}, "agent_id": before["agent_id"]},
    ]}}));
    let status = scheduler.status("long");
    assert_eq!(status["state"], "TASK_RUNNING", "{status:#}");
    assert_eq!(status["agent_id"], before["agent_id"]);
    // The agent has room left, and it is offered.
    let is_offer = |event: &Value| event["type"] == "OFFERS";
    let offers = match scheduler.passed.iter().find(|event| is_offer(event)) {
        Some(event) => event["offers"]["offers"][0].clone(),
        None => scheduler.offer(),
    };
    assert_eq!(offers["agent_id"], before["agent_id"]);
    scheduler.call(json!({"type": "KILL", "kill": {"task_id": {"value": "long"}}}));
    scheduler.wait_for_state("long", "TASK_KILLED");
}

#[test]
fn a_newer_subscription_ends_the_older_stream() {
    let cluster = Cluster::master(&[]);
    let mut info = framework_info("twice");
    info["failover_timeout"] = json!(60.0);
    let mut old = Scheduler::subscribe(cluster.address, &info);
    info["id"] = json!({"value": old.framework});
    let mut new = Scheduler::subscribe(cluster.address, &info);
    let error = old.wait_for("ERROR", |_| true);
    assert_eq!(error["error"]["message"], "Framework failed over");
    assert_eq!(old.event(), None);
    new.wait_for("HEARTBEAT", |_| true);
    let id = new.framework.clone();
    new.teardown();
    info["id"] = json!({"value": id});
    let mut gone = Scheduler::subscribe_raw(cluster.address, &info);
    let error = gone.wait_for("ERROR", |_| true);
    assert_eq!(error["error"]["message"], "Framework has been removed");
}
