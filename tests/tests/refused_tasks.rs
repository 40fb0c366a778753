//! Tasks that are refused, in Apache Mesos' words, and what is left of those they came with.

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::scheduler::{Scheduler, command_task, framework_info};

/// A task like any other but for `change`.
fn task(id: &str, offer: &Value, change: &Value) -> Value {
    let mut task = command_task(id, offer, "true");
    for (key, value) in change.as_object().unwrap() {
        task[key] = value.clone();
    }
    task
}

fn cpus(value: f64) -> Value {
    json!({"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": value}}]})
}

#[test]
fn a_wrong_task_is_an_error_that_says_what_is_wrong() {
    let cluster = Cluster::start();
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("wrong"));
    let twice = json!({"resources": [
        {"name": "ports", "type": "RANGES", "ranges": {"range": [
            {"begin": 31000, "end": 31001}, {"begin": 31001, "end": 31002}]}}]});
    let text = json!({"resources": [{"name": "cpus", "type": "TEXT", "text": {"value": "x"}}]});
    let cases = [
        (
            cpus(-1.0),
            "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
        ),
        (
            cpus(0.0001),
            "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0",
        ),
        (
            twice,
            "Resource 'ports:[31000-31001, 31001-31002]' is invalid: Invalid ranges \
             resource: overlapping ranges",
        ),
        (text, "Resource"),
        (
            json!({"resources": [
                {"name": "gpus", "type": "SCALAR", "scalar": {"value": 0.5}}]}),
            "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an \
             unsigned integer",
        ),
        (json!({"resources": []}), "Task uses no resources"),
        (
            json!({"task_id": {"value": "a/b"}}),
            "'a/b' contains invalid characters",
        ),
        (
            json!({"task_id": {"value": "x".repeat(300)}}),
            "ID must not be greater than 255 characters",
        ),
        (
            json!({"command": null}),
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
        ),
    ];
    for (number, (change, words)) in cases.into_iter().enumerate() {
        let offer = scheduler.offer();
        let task = task(&format!("t{number}"), &offer, &change);
        scheduler.launch(&offer, std::slice::from_ref(&task), 0.0);
        let status = scheduler.status(task["task_id"]["value"].as_str().unwrap());
        assert_eq!(status["state"], "TASK_ERROR", "{status:#}");
        assert_eq!(status["reason"], "REASON_TASK_INVALID");
        assert_eq!(status["source"], "SOURCE_MASTER");
        assert!(status.get("uuid").is_none());
        let message = status["message"].as_str().unwrap();
        assert!(message.starts_with(words), "{change}: {message}");
    }
}
