//! One cluster of our master, an agent of each kind, a framework of the HTTP API, and
//! executors of the v0 driver.

use std::collections::BTreeMap;

use interop::{Agents, Mesos, executor_task};
use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::scheduler::{Scheduler, framework_info};

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An offer of each agent.
fn offers(scheduler: &mut Scheduler) -> BTreeMap<String, Value> {
    let mut offers = BTreeMap::new();
    while offers.len() < 2 {
        let event = scheduler.wait_for("OFFERS", |_| true);
        for offer in event["offers"]["offers"].as_array().unwrap() {
            offers.insert(text(&offer["agent_id"]["value"]), offer.clone());
        }
    }
    offers
}

#[test]
fn messages_between_an_http_framework_and_v0_executors_go_through_the_master() {
    let Some(mesos) = Mesos::install() else {
        return;
    };
    let cluster = Cluster::start();
    let folder = cluster.folder.path().join("theirs");
    let _agents = Agents::start(&mesos, 1, cluster.address, &folder, &[]);
    cluster.master.wait_for_lines(2, &["registered an agent"]);
    let mut scheduler = Scheduler::subscribe(cluster.address, &framework_info("mixed"));
    let offers = offers(&mut scheduler);
    for (agent, offer) in &offers {
        let mut task = executor_task(&mesos, agent, offer, true);
        // v1 has its own name for it.
        task["agent_id"] = offer["agent_id"].clone();
        task.as_object_mut().unwrap().remove("slave_id");
        scheduler.launch(offer, &[task], 3600.0);
    }
    let is_echo = |event: &Value| event["message"]["data"] == "SEVMTE8="; // "HELLO"
    // Executors say hello to their framework (M54), which answers.
    let mut greeted = BTreeMap::new();
    while greeted.len() < 2 {
        let event = scheduler.wait_for("MESSAGE", |event| !is_echo(event));
        let message = &event["message"];
        greeted.insert(text(&message["agent_id"]["value"]), message.clone());
        let answer = scheduler.call(json!({"type": "MESSAGE", "message": {
            "agent_id": message["agent_id"],
            "executor_id": {"value": "echo"},
            "data": "aGVsbG8=", // "hello"
        }}));
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    assert!(greeted.keys().eq(offers.keys()));
    let heard = scheduler
        .passed
        .iter()
        .filter(|event| is_echo(event))
        .count();
    for _ in heard..2 {
        scheduler.wait_for("MESSAGE", is_echo);
    }
    for agent in offers.keys() {
        let reached = |event: &Value| {
            let status = &event["update"]["status"];
            status["task_id"]["value"] == agent.as_str() && status["state"] == "TASK_RUNNING"
        };
        if !scheduler.passed.iter().any(reached) {
            scheduler.wait_for("UPDATE", reached);
        }
    }
    let count = |name: &str| cluster.get("/metrics/snapshot")[name].as_f64();
    assert!(count("master/messages_executor_to_framework") >= Some(4.0));
    assert_eq!(count("master/messages_framework_to_executor"), Some(2.0));
    scheduler.teardown();
    cluster.agents[0].0.wait_for_line("Executor ended");
}
