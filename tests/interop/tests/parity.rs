//! What Apache Mesos 1.11.0 answers, key by key, we answer too; what is missing is listed in
//! `docs/compatibility.md`, below "Keys that are missing", by the feature that will bring it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

use interop::{Driver, Master, Mesos};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::http;
use tests::scheduler::{Scheduler, command_task, framework_info};

/// Read endpoints of V0. Those with `^` stand at the root.
const MASTER: [&str; 16] = [
    "/state",
    "/state-summary",
    "/slaves",
    "/frameworks",
    "/tasks",
    "/roles",
    "/weights",
    "/quota",
    "/maintenance/schedule",
    "/maintenance/status",
    "/flags",
    "^/version",
    "/health",
    "^/metrics/snapshot",
    "^/system/stats.json",
    "^/__processes__",
];
const AGENT: [&str; 8] = [
    "/state",
    "/containers",
    "/monitor/statistics",
    "/flags",
    "^/version",
    "/health",
    "^/metrics/snapshot",
    "^/system/stats.json",
];
/// Reads of the operator API that master and agent share.
const BOTH_V1: [&str; 10] = [
    "GET_HEALTH",
    "GET_FLAGS",
    "GET_VERSION",
    "GET_METRICS",
    "GET_LOGGING_LEVEL",
    "GET_STATE",
    "GET_FRAMEWORKS",
    "GET_EXECUTORS",
    "GET_OPERATIONS",
    "GET_TASKS",
];
const MASTER_V1: [&str; 7] = [
    "GET_AGENTS",
    "GET_ROLES",
    "GET_WEIGHTS",
    "GET_MASTER",
    "GET_QUOTA",
    "GET_MAINTENANCE_SCHEDULE",
    "GET_MAINTENANCE_STATUS",
];
const AGENT_V1: [&str; 3] = ["GET_CONTAINERS", "GET_AGENT", "GET_RESOURCE_PROVIDERS"];

/// One side: where a daemon listens, and what its paths begin with.
type Site = (SocketAddr, &'static str);

/// Runs one task to its end and leaves one running.
fn scenario((address, prefix): Site) -> Scheduler {
    let info = json!({
        "user": "root", "name": "parity", "roles": ["parity"],
        "capabilities": [{"type": "MULTI_ROLE"}],
        "labels": {"labels": [{"key": "k", "value": "v"}]},
    });
    let mut scheduler = Scheduler::subscribe_below(address, prefix, &info);
    let offer = scheduler.offer();
    let tasks = [("short", "true"), ("long", "sleep 600")].map(|(id, command)| {
        let mut task = command_task(id, &offer, command);
        task["labels"] = json!({"labels": [{"key": "k", "value": "v"}]});
        task["command"]["environment"] = json!({"variables": [{"name": "A", "value": "b"}]});
        for resource in task["resources"].as_array_mut().unwrap() {
            resource["allocation_info"] = json!({"role": "parity"});
        }
        task
    });
    scheduler.launch(&offer, &tasks, 3600.0);
    let mut missing = BTreeSet::from(["TASK_FINISHED short", "TASK_RUNNING long"]);
    while !missing.is_empty() {
        let update = scheduler.wait_for("UPDATE", |_| true)["update"].clone();
        let status = &update["status"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let reached = format!(
            "{} {}",
            text(&status["state"]),
            text(&status["task_id"]["value"])
        );
        missing.remove(reached.as_str());
        scheduler.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
        }}));
    }
    scheduler
}

/// Names of frameworks and roles do not count.
fn fold(key: &str) -> String {
    let mut parts: Vec<&str> = key.split('/').collect();
    for at in 0..parts.len() {
        let folded = match parts[at] {
            "frameworks" => 2,
            "roles" => 1,
            _ => 0,
        };
        for part in parts.iter_mut().skip(at + 1).take(folded) {
            *part = "#";
        }
    }
    parts.join("/")
}

/// The key paths of a JSON value, with the kind of what is there.
fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.insert(format!("{at}{{}}"));
            for (key, inner) in fields {
                paths(inner, &format!("{at}.{}", fold(key)), found);
            }
        }
        Value::Array(items) => {
            found.insert(format!("{at}[]"));
            for item in items {
                // A list of names and values is a map in disguise.
                let is_pair = item
                    .as_object()
                    .is_some_and(|fields| fields.keys().all(|key| key == "name" || key == "value"));
                match item["name"].as_str().filter(|_| is_pair) {
                    Some(name) => {
                        found.insert(format!("{at}[{}]", fold(name)));
                    }
                    None => paths(item, &format!("{at}[]"), found),
                }
            }
        }
        Value::Null => {
            found.insert(format!("{at}:null"));
        }
        Value::Bool(_) => {
            found.insert(format!("{at}:bool"));
        }
        Value::Number(_) => {
            found.insert(format!("{at}:number"));
        }
        Value::String(_) => {
            found.insert(format!("{at}:string"));
        }
    }
}

fn answer((address, prefix): Site, what: &str) -> BTreeSet<String> {
    let answer = if what.starts_with(['/', '^']) {
        let path = match what.strip_prefix('^') {
            Some(path) => path.to_owned(),
            None => format!("{prefix}{what}"),
        };
        http::get(address, &path)
    } else {
        // A few calls have a body, and all may.
        let call = json!({"type": what, what.to_lowercase(): {}});
        http::post(address, &format!("{prefix}/api/v1"), &call)
    };
    let mut found = BTreeSet::from([format!("status {}", answer.status)]);
    if !answer.body.is_empty() && what != "/health" {
        paths(&answer.json(), "", &mut found);
    }
    found
}

/// The reference's daemons share a process, and so a list of metrics: whose is this one?
fn is_of_agent(metric: &str) -> bool {
    ["slave/", "containerizer/", "gc/", "csi"]
        .iter()
        .any(|start| metric.trim_start_matches(['.', '[']).starts_with(start))
}

fn of_role(found: BTreeSet<String>, agent: bool) -> BTreeSet<String> {
    let strip = |path: &str| path.trim_start_matches(".get_metrics.metrics").to_owned();
    found
        .into_iter()
        .filter(|path| !path.contains("scheduler/event_queue"))
        .filter(|path| !path.contains('/') || is_of_agent(&strip(path)) == agent)
        .collect()
}

/// What `docs/compatibility.md` lists: patterns, in which `*` is any text, by feature.
fn listed() -> BTreeMap<String, String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let (_, table) = text.split_once("## Keys that are missing").unwrap();
    let table = table.split("\n## ").next().unwrap();
    let mut listed = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [feature, patterns] = cells[..] else {
            panic!("{line}")
        };
        for pattern in patterns.split('`').skip(1).step_by(2) {
            listed.insert(pattern.to_owned(), feature.to_owned());
        }
    }
    listed
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        let Some(at) = rest.rfind(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// The key at the end of a path: what the docs' table names.
fn name(path: &str) -> &str {
    let path = path.rsplit_once(':').map_or(path, |(path, _)| path);
    let name = path.trim_end_matches("{}").trim_end_matches(']');
    match name.rsplit_once(['.', '[']) {
        Some((_, name)) if !name.is_empty() => name,
        _ => path,
    }
}

#[test]
fn every_key_of_the_reference_is_there_or_listed() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let reference = Master::with_agent(&mesos, folder.path());
    let ours = Cluster::start();
    // The reference is held up by a framework that wants nothing.
    let mut idle = Driver::start(&mesos, ours.address, &framework_info("idle"));
    idle.registered();
    let offer = idle.offer();
    idle.call(&json!({"call": "suppress"}));
    idle.call(&json!({"call": "decline", "offer": offer["id"]["value"], "refuse_seconds": 1e6}));

    let sides = [(ours.address, ""), (reference.address, "/master")];
    let schedulers = sides.map(scenario);
    // Neither is caught between the end of a task and that of its executor.
    let agent = &ours.agents[0].0;
    agent.wait_for_lines(1, &["Cleaning up executor", "executor=short"]);
    let agent = &reference.process;
    agent.wait_for_lines(1, &["Cleaning up executor", "'short'"]);
    let agents = [(ours.agents[0].1, ""), (reference.address, "/slave(1)")];
    let master = MASTER.iter().chain(&BOTH_V1).chain(&MASTER_V1);
    let agent = AGENT.iter().chain(&BOTH_V1).chain(&AGENT_V1);
    let questions = master
        .map(|what| (what, sides, false))
        .chain(agent.map(|what| (what, agents, true)));
    let (mut total, mut held) = (0, 0);
    let mut missing = BTreeSet::new();
    for (what, sides, is_agent) in questions {
        let mut found = sides.map(|side| answer(side, what));
        if what.to_lowercase().contains("metrics") {
            found = found.map(|found| of_role(found, is_agent));
        }
        let [ours, reference] = found;
        total += reference.len();
        held += reference.intersection(&ours).count();
        let role = if is_agent { "agent" } else { "master" };
        for path in reference.difference(&ours) {
            missing.insert((name(path).to_owned(), format!("{role} {what} {path}")));
        }
    }
    println!("{held} of {total} key paths");

    let listed = listed();
    let is_listed = |name: &str| listed.keys().any(|pattern| matches(pattern, name));
    let unlisted: Vec<_> = missing
        .iter()
        .filter(|(name, _)| !is_listed(name))
        .collect();
    assert!(
        unlisted.is_empty(),
        "missing, and not listed: {unlisted:#?}"
    );
    let stale: Vec<_> = listed
        .keys()
        .filter(|pattern| !missing.iter().any(|(name, _)| matches(pattern, name)))
        .collect();
    assert!(stale.is_empty(), "listed, and not missing: {stale:#?}");
    assert!(held * 100 >= total * 85, "{held} of {total}");
    for scheduler in schedulers {
        scheduler.teardown();
    }
}
