//! The master's reads over HTTP: paths, methods, parameters and media types. What they
//! say is tested beside the views.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::http::{self, Connection};
use tests::scheduler::{Scheduler, command_task, framework_info};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A call of an operator, by the longer path that some clients use.
fn call(master: SocketAddr, body: &Value) -> http::Answer {
    http::post(master, "/api/v1/operator", body)
}

fn ids(tasks: &Value) -> Vec<&str> {
    let tasks = tasks["tasks"].as_array().unwrap();
    tasks
        .iter()
        .map(|task| task["id"].as_str().unwrap())
        .collect()
}

/// Acknowledges updates as they come, until so many tasks run.
fn wait_until_running(scheduler: &mut Scheduler, mut count: usize) {
    while count > 0 {
        let update = scheduler.wait_for("UPDATE", |_| true);
        let status = &update["update"]["status"];
        count -= usize::from(status["state"] == "TASK_RUNNING");
        let answer = scheduler.call(json!({
            "type": "ACKNOWLEDGE",
            "acknowledge": {
                "agent_id": status["agent_id"],
                "task_id": status["task_id"],
                "uuid": status["uuid"],
            },
        }));
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}

#[test]
fn reads_answer_under_all_their_names() {
    let cluster = Cluster::master(&["--cluster=reads", "--weights=heavy=2"]);
    for path in [
        "state",
        "state-summary",
        "slaves",
        "frameworks",
        "tasks",
        "roles",
    ] {
        for path in [
            format!("/{path}"),
            format!("/master/{path}"),
            format!("/{path}/"),
        ] {
            let answer = http::get(cluster.address, &path);
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(
                answer.header("content-type"),
                Some("application/json"),
                "{path}"
            );
            assert!(answer.json().is_object(), "{path}");
        }
        for method in ["OPTIONS", "POST", "PUT"] {
            let answer = http::call(cluster.address, method, &format!("/{path}"), &[], b"");
            assert_eq!(answer.status, 200, "{method} /{path}");
        }
        let answer = http::get(cluster.address, &format!("/{path}.json"));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "404 Not Found.")
        );
    }
    assert_eq!(cluster.get("/state")["cluster"], "reads");
    assert_eq!(
        cluster.get("/weights"),
        json!([{"weight": 2.0, "role": "heavy"}])
    );
    for path in ["/quota", "/maintenance/schedule", "/maintenance/status"] {
        assert_eq!(cluster.get(path), json!({}), "{path}");
    }
    let script = http::get(cluster.address, "/master/state?jsonp=cb");
    assert_eq!(script.header("content-type"), Some("text/javascript"));
    assert!(script.text().starts_with("cb({"), "{}", script.text());
}

#[test]
fn health_and_redirect_are_what_monitors_expect() {
    let cluster = Cluster::master(&[]);
    for method in ["GET", "HEAD"] {
        let health = http::call(cluster.address, method, "/master/health", &[], b"");
        assert_eq!((health.status, health.body.len()), (200, 0));
        let redirect = http::call(cluster.address, method, "/redirect", &[], b"");
        assert_eq!(redirect.status, 307);
        let port = cluster.address.port();
        let location = redirect.header("location").unwrap();
        assert!(
            location.starts_with("//") && location.ends_with(&format!(":{port}")),
            "{location}"
        );
    }
    assert_eq!(
        http::get(cluster.address, "/master/redirect/state").status,
        404
    );
}

#[test]
fn what_cannot_be_written_says_so() {
    let cluster = Cluster::master(&[]);
    for (method, path, status) in [
        ("PUT", "/weights", 501),
        ("POST", "/weights", 405),
        ("POST", "/quota", 501),
        ("DELETE", "/quota", 501),
        ("POST", "/maintenance/schedule", 501),
        ("POST", "/maintenance/status", 405),
        ("GET", "/teardown", 405),
    ] {
        let answer = http::call(cluster.address, method, path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(
            answer.header("allow").is_some(),
            status == 405,
            "{method} {path}"
        );
        assert!(!answer.text().is_empty(), "{method} {path}");
    }
}

#[test]
fn tasks_are_listed_as_asked_and_end_with_their_framework() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("reads"));
    let offer = scheduler.offer();
    let tasks = ["first", "second"].map(|id| command_task(id, &offer, "sleep 100"));
    scheduler.launch(&offer, &tasks, 0.0);
    wait_until_running(&mut scheduler, tasks.len());
    let frameworks = cluster.get("/frameworks");
    let framework = frameworks["frameworks"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let get = |query: &str| cluster.get(&format!("/tasks?{query}"));
    assert_eq!(ids(&get("limit=-1")).len(), 2);
    assert_eq!(ids(&get("limit=nonsense")).len(), 2);
    assert_eq!(ids(&get("limit=1")).len(), 1);
    assert_eq!(ids(&get("limit=0")).len(), 0);
    assert_eq!(ids(&get("offset=1")).len(), 1);
    assert_eq!(ids(&get("offset=2&limit=10")).len(), 0);
    assert_eq!(ids(&get("offset=-1")).len(), 0);
    assert_eq!(ids(&get("task_id=second")), ["second"]);
    assert_eq!(
        ids(&get(&format!("task_id=first&framework_id={framework}"))),
        ["first"]
    );
    assert_eq!(ids(&get("framework_id=none")).len(), 0);
    let newest_first = get("order=desc");
    let mut oldest_first = ids(&newest_first);
    oldest_first.reverse();
    assert_eq!(ids(&get("order=asc")), oldest_first);

    let one = cluster.get(&format!("/frameworks?framework_id={framework}"));
    assert_eq!(one["frameworks"].as_array().unwrap().len(), 1);
    assert_eq!(
        cluster.get("/frameworks?framework_id=x")["frameworks"],
        json!([])
    );
    assert_eq!(cluster.get("/slaves?slave_id=x")["slaves"], json!([]));

    let teardown = |body: &str| {
        http::call(
            cluster.address,
            "POST",
            "/master/teardown",
            &[],
            body.as_bytes(),
        )
    };
    let unknown = teardown("frameworkId=x");
    assert_eq!(
        (unknown.status, unknown.text().as_str()),
        (400, "No framework found with specified ID")
    );
    let missing = teardown("framework=x");
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (
            400,
            "Missing 'frameworkId' query parameter in the request body"
        )
    );
    assert_eq!(teardown(&format!("frameworkId={framework}")).status, 200);
    let ended = cluster.get("/frameworks");
    assert_eq!(ended["frameworks"], json!([]));
    let completed = &ended["completed_frameworks"][0]["completed_tasks"];
    assert_eq!(completed.as_array().unwrap().len(), 2);
}

#[test]
fn every_read_of_operators_is_answered_by_its_name() {
    let cluster = Cluster::start();
    let names = [
        "GET_HEALTH",
        "GET_FLAGS",
        "GET_VERSION",
        "GET_METRICS",
        "GET_LOGGING_LEVEL",
        "GET_STATE",
        "GET_AGENTS",
        "GET_FRAMEWORKS",
        "GET_EXECUTORS",
        "GET_OPERATIONS",
        "GET_TASKS",
        "GET_ROLES",
        "GET_WEIGHTS",
        "GET_MASTER",
        "GET_MAINTENANCE_STATUS",
        "GET_MAINTENANCE_SCHEDULE",
        "GET_QUOTA",
    ];
    for name in names {
        let body = json!({"type": name, "get_metrics": {}});
        let answer = call(cluster.address, &body);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{name}"
        );
        let answer = answer.json();
        assert_eq!(answer["type"], name);
        // Where there are no weights, not even an empty list of them is shown.
        let shown = answer[name.to_lowercase()].is_object();
        assert_eq!(shown, name != "GET_WEIGHTS", "{name}: {answer}");

        let headers = [JSON, ("Accept", "application/x-protobuf")];
        let body = body.to_string();
        let binary = http::call(
            cluster.address,
            "POST",
            "/api/v1",
            &headers,
            body.as_bytes(),
        );
        assert_eq!(
            binary.header("content-type"),
            Some("application/x-protobuf"),
            "{name}"
        );
        // The type is the first field, a varint.
        assert_eq!(binary.body.first(), Some(&8), "{name}");
    }
    let agents = call(cluster.address, &json!({"type": "GET_AGENTS"})).json();
    assert_eq!(agents["get_agents"]["agents"][0]["active"], true);
}

#[test]
fn what_has_no_answer_has_no_content_type() {
    let cluster = Cluster::master(&[]);
    let set = json!({
        "type": "SET_LOGGING_LEVEL",
        "set_logging_level": {"level": 1, "duration": {"nanoseconds": 1_000_000}},
    });
    let answer = call(cluster.address, &set);
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), Some("0"));
    assert_eq!(answer.header("content-type"), None);

    let gone = json!({"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": "x"}}});
    let gone = call(cluster.address, &gone);
    assert_eq!(
        (gone.status, gone.text().as_str()),
        (404, "Agent 'x' not found")
    );
    let write = call(
        cluster.address,
        &json!({"type": "UPDATE_WEIGHTS", "update_weights": {}}),
    );
    assert_eq!(
        (write.status, write.text().as_str()),
        (501, "UPDATE_WEIGHTS is not supported")
    );
}

#[test]
fn operators_are_told_what_happens() {
    let cluster = Cluster::start();
    let mut stream = Connection::open(cluster.address);
    stream.request("POST", "/api/v1", &[JSON], br#"{"type":"SUBSCRIBE"}"#);
    assert_eq!(stream.stream_head().status, 200);
    let mut event = || {
        let chunk = stream.chunk().unwrap();
        let text = String::from_utf8(chunk).unwrap();
        let (length, record) = text.split_once('\n').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), record.len());
        serde_json::from_str::<Value>(record).unwrap()
    };
    let subscribed = event();
    assert_eq!(subscribed["type"], "SUBSCRIBED");
    let state = &subscribed["subscribed"]["get_state"];
    assert_eq!(state["get_agents"]["agents"].as_array().unwrap().len(), 1);
    assert_eq!(subscribed["subscribed"]["heartbeat_interval_seconds"], 15.0);
    assert_eq!(event(), json!({"type": "HEARTBEAT"}));

    let scheduler = Scheduler::subscribe(cluster.address, &framework_info("watched"));
    let added = event();
    assert_eq!(added["type"], "FRAMEWORK_ADDED");
    assert_eq!(
        added["framework_added"]["framework"]["framework_info"]["name"],
        "watched"
    );
    scheduler.teardown();
    assert_eq!(event()["type"], "FRAMEWORK_REMOVED");
}
