//! The agent as its neighbours see it: its master over the wire, its executors and
//! operators over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod cluster;
mod http;

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use cluster::{Cluster, Told};
use containerizer::fake::Happening;
use http::{Client, get, post};
use messages::v1::executor::{Event, event};
use messages::{binary, v1};
use runtime::{Pattern, Rules};
use serde_json::json;

const EXECUTOR_API: &str = "/slave(1)/api/v1/executor";

fn call(kind: &str, task: &str) -> serde_json::Value {
    json!({
        "type": kind,
        "framework_id": {"value": "F0"},
        "executor_id": {"value": task},
    })
}

async fn subscribe(cluster: &Cluster, task: &str) -> Client {
    let mut subscribe = call("SUBSCRIBE", task);
    subscribe["subscribe"] = json!({});
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    let body = subscribe.to_string();
    let (client, answer) = Client::send(
        cluster.address(),
        "POST",
        EXECUTOR_API,
        &headers,
        body.as_bytes(),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    client
}

fn update(task: &str, state: &str) -> serde_json::Value {
    let mut update = call("UPDATE", task);
    update["update"] = json!({"status": {
        "task_id": {"value": task},
        "executor_id": {"value": task},
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "uuid": "AAAAAAAAQACAAAAAAAAAAA==",
        "timestamp": 1,
    }});
    update
}

#[test]
fn it_registers_with_what_it_has_and_shows_it() {
    runtime::run(async {
        let mut cluster = Cluster::start(&[]).await;
        let Told::Register(message) = cluster.told().await else {
            panic!("it registers first")
        };
        assert_eq!(message.slave.hostname, "localhost");
        assert_eq!(
            message.slave.port,
            Some(i32::from(cluster.address().port()))
        );
        assert_eq!(message.slave.attributes[0].name, "rack");
        assert_eq!(message.version.as_deref(), Some(actors::daemon::VERSION));
        let state = get(cluster.address(), "/state").await.json();
        assert_eq!(state["id"], "");
        drop(cluster);

        let cluster = Cluster::registered(&[]).await;
        for path in ["/state", "/slave(1)/state", "/slave%281%29/state"] {
            let state = get(cluster.address(), path).await.json();
            assert_eq!(state["id"], "S0", "{path}");
            assert_eq!(state["resources"]["cpus"], 4.0);
            assert_eq!(state["attributes"]["rack"], "r1");
            assert_eq!(state["flags"]["registration_backoff_factor"], "1ms");
            assert_eq!(state["master_hostname"], "localhost");
            assert_eq!(state["frameworks"], json!([]));
        }
        let metrics = get(cluster.address(), "/metrics/snapshot").await.json();
        assert_eq!(metrics["slave/registered"], 1.0);
        assert_eq!(metrics["slave/mem_total"], 1024.0);
        assert_eq!(metrics["containerizer/fetcher/task_fetches_failed"], 0.0);
    });
}

#[test]
fn a_registration_whose_answer_is_lost_is_sent_again() {
    runtime::run(async {
        let rules = Rules::new();
        let answer = Pattern::named("mesos.internal.SlaveRegisteredMessage").to("slave(1)");
        let lost = rules.drop_first(1, answer);
        let mut cluster = Cluster::filtered(rules, &[]).await;
        for _ in 0..2 {
            while !matches!(cluster.told().await, Told::Register(_)) {}
            cluster.send(messages::internal::SlaveRegisteredMessage {
                slave_id: v1::AgentId { value: "S0".into() },
                connection: None,
            });
        }
        assert_eq!(lost.seen(), 1);
        cluster.settle().await;
        let state = get(cluster.address(), "/state").await.json();
        assert_eq!(state["id"], "S0");
    });
}

#[test]
fn a_launch_that_is_lost_on_the_way_leaves_nothing_behind() {
    runtime::run(async {
        let rules = Rules::new();
        let cluster = Cluster::filtered(rules.clone(), &[]).await;
        let cluster = cluster.register().await;
        let launch = Pattern::named("mesos.internal.RunTaskMessage").to("slave(1)");
        let lost = rules.drop_first(1, launch);
        cluster.run("lost");
        lost.until(1).await;
        cluster.run("t");
        let happened = cluster.containers.happened(1).await;
        assert!(
            matches!(&happened[..], [Happening::Launched(_)]),
            "{happened:?}"
        );
        let state = get(cluster.address(), "/state").await.json();
        let executors = &state["frameworks"][0]["executors"];
        assert_eq!(executors.as_array().unwrap().len(), 1, "{executors}");
        assert_eq!(executors[0]["id"], "t");
    });
}

#[test]
fn a_task_lives_from_its_launch_to_its_end() {
    runtime::run(async {
        let mut cluster = Cluster::registered(&[]).await;
        cluster.run("t");
        let happened = cluster.containers.happened(1).await;
        let Happening::Launched(container) = &happened[0] else {
            panic!("{happened:?}")
        };
        assert!(
            container
                .environment
                .iter()
                .any(|(name, _)| name == "MESOS_AGENT_ENDPOINT")
        );
        assert_eq!(container.user, None);

        let mut executor = subscribe(&cluster, "t").await;
        let subscribed: Event = executor.event().await.unwrap();
        let subscribed = subscribed.subscribed.unwrap();
        assert_eq!(subscribed.agent_info.id.unwrap().value, "S0");
        let launch: Event = executor.event().await.unwrap();
        assert_eq!(launch.launch.unwrap().task.task_id.value, "t");

        let answer = post(
            cluster.address(),
            EXECUTOR_API,
            &update("t", "TASK_RUNNING"),
        )
        .await;
        assert_eq!((answer.status, answer.body.len()), (202, 0));
        let told = cluster.status().await;
        assert_eq!(told.status.state(), v1::TaskState::TaskRunning);
        cluster.acknowledge(&told);
        let acknowledged: Event = executor.event().await.unwrap();
        assert_eq!(acknowledged.r#type(), event::Type::Acknowledged);

        let state = get(cluster.address(), "/state").await.json();
        let shown = &state["frameworks"][0]["executors"][0];
        assert_eq!(shown["tasks"][0]["state"], "TASK_RUNNING");
        assert_eq!(
            shown["directory"],
            container.directory.display().to_string()
        );
        let tasks = post(cluster.address(), "/api/v1", &json!({"type": "GET_TASKS"})).await;
        assert_eq!(tasks.json()["get_tasks"]["launched_tasks"][0]["name"], "t");

        assert!(
            cluster
                .containers
                .exit(&container.container_id, ExitStatus::from_raw(256))
        );
        assert!(
            executor.event::<Event>().await.is_none(),
            "the stream has ended"
        );
        let told = cluster.status().await;
        assert_eq!(told.status.state(), v1::TaskState::TaskFailed);
        cluster.acknowledge(&told);
        cluster.settle().await;
        let state = get(cluster.address(), "/state").await.json();
        let shown = &state["completed_frameworks"][0]["completed_executors"][0];
        assert_eq!(shown["completed_tasks"][0]["state"], "TASK_FAILED");
    });
}

#[test]
fn a_launch_that_fails_is_a_failed_task() {
    runtime::run(async {
        let mut cluster = Cluster::registered(&[]).await;
        cluster.containers.fail_next_launch("no room");
        cluster.run("t");
        let told = cluster.status().await;
        assert_eq!(told.status.state(), v1::TaskState::TaskFailed);
        assert!(
            told.status.message().contains("no room"),
            "{}",
            told.status.message()
        );
    });
}

#[test]
fn an_executor_that_leaves_is_noticed_and_may_return() {
    runtime::run(async {
        let cluster = Cluster::registered(&[]).await;
        cluster.run("t");
        cluster.containers.happened(1).await;
        let mut first = subscribe(&cluster, "t").await;
        first.event::<Event>().await.unwrap();
        let mut second = subscribe(&cluster, "t").await;
        let subscribed: Event = second.event().await.unwrap();
        assert_eq!(subscribed.r#type(), event::Type::Subscribed);
        while first.event::<Event>().await.is_some() {}
    });
}

#[test]
fn figures_are_measured_when_asked_for() {
    runtime::run(async {
        let cluster = Cluster::registered(&[]).await;
        cluster.run("t");
        let happened = cluster.containers.happened(1).await;
        let Happening::Launched(container) = &happened[0] else {
            panic!("{happened:?}")
        };
        let usage = v1::ResourceStatistics {
            timestamp: 1.0,
            mem_rss_bytes: Some(4096),
            ..Default::default()
        };
        cluster.containers.set_usage(&container.container_id, usage);
        let statistics = get(cluster.address(), "/monitor/statistics").await.json();
        assert_eq!(statistics[0]["executor_id"], "t");
        assert_eq!(statistics[0]["statistics"]["mem_rss_bytes"], 4096);
        assert_eq!(statistics[0]["statistics"]["cpus_soft_limit"], 1.1);
        assert_eq!(
            statistics[0]["statistics"]["mem_soft_limit_bytes"],
            96 << 20
        );

        let containers = get(cluster.address(), "/slave(1)/containers").await.json();
        assert_eq!(
            containers[0]["container_id"],
            container.container_id.as_str()
        );
        assert_eq!(containers[0]["statistics"]["mem_rss_bytes"], 4096);
        let none = get(cluster.address(), "/containers?container_id=other")
            .await
            .json();
        assert_eq!(none, json!([]));
        let answer = post(
            cluster.address(),
            "/api/v1",
            &json!({"type": "GET_CONTAINERS"}),
        )
        .await;
        let shown = &answer.json()["get_containers"]["containers"][0];
        assert_eq!(shown["resource_statistics"]["mem_rss_bytes"], 4096);
    });
}

#[test]
fn calls_of_executors_are_refused_in_upstreams_words() {
    runtime::run(async {
        let cluster = Cluster::registered(&[]).await;
        let to = cluster.address();
        let mut subscribe = call("SUBSCRIBE", "t");
        let answer = post(to, EXECUTOR_API, &subscribe).await;
        assert_eq!(answer.status, 400);
        let text = "Failed to validate Executor::Call: Expecting 'subscribe' to be present";
        assert_eq!(answer.text(), text);
        subscribe["subscribe"] = json!({});
        let answer = post(to, EXECUTOR_API, &subscribe).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (400, "Framework cannot be found")
        );

        let answer = get(to, EXECUTOR_API).await;
        assert_eq!(answer.status, 405);
        assert!(
            answer
                .head
                .to_ascii_lowercase()
                .contains("\r\nallow: post\r\n"),
            "{}",
            answer.head
        );
        let answer = Client::send(to, "POST", EXECUTOR_API, &[], b"{}").await.1;
        assert_eq!(answer.text(), "Expecting 'Content-Type' to be present");
        let xml = [("Content-Type", "text/xml")];
        assert_eq!(
            Client::send(to, "POST", EXECUTOR_API, &xml, b"")
                .await
                .1
                .status,
            415
        );
        let html = [
            ("Content-Type", "application/json"),
            ("Accept", "text/html"),
        ];
        let body = subscribe.to_string();
        let answer = Client::send(to, "POST", EXECUTOR_API, &html, body.as_bytes())
            .await
            .1;
        assert_eq!(answer.status, 406);
        let answer = post(to, EXECUTOR_API, &json!([])).await;
        let text = "Failed to convert JSON into Call protobuf: Expecting a JSON object";
        assert_eq!((answer.status, answer.text().as_str()), (400, text));
    });
}

#[test]
fn operators_read_in_both_forms() {
    runtime::run(async {
        let cluster = Cluster::registered(&[]).await;
        let to = cluster.address();
        for (kind, key) in [
            ("GET_HEALTH", "get_health"),
            ("GET_FLAGS", "get_flags"),
            ("GET_VERSION", "get_version"),
            ("GET_LOGGING_LEVEL", "get_logging_level"),
            ("GET_STATE", "get_state"),
            ("GET_FRAMEWORKS", "get_frameworks"),
            ("GET_EXECUTORS", "get_executors"),
            ("GET_OPERATIONS", "get_operations"),
            ("GET_AGENT", "get_agent"),
            ("GET_RESOURCE_PROVIDERS", "get_resource_providers"),
        ] {
            let body = json!({"type": kind}).to_string();
            let headers = [("Content-Type", "application/json")];
            let answer = Client::send(to, "POST", "/api/v1", &headers, body.as_bytes())
                .await
                .1;
            assert_eq!(answer.status, 200, "{kind}");
            assert_eq!(answer.json()["type"], kind);
            assert!(answer.json()[key].is_object(), "{kind}: {}", answer.text());

            let headers = [headers[0], ("Accept", "application/x-protobuf")];
            let answer = Client::send(to, "POST", "/api/v1", &headers, body.as_bytes())
                .await
                .1;
            let message: v1::agent::Response = binary::decode(&answer.body).unwrap();
            assert_eq!(message.r#type().as_str_name(), kind);
        }
        let metrics = json!({"type": "GET_METRICS", "get_metrics": {}});
        let answer = post(to, "/api/v1", &metrics).await;
        let metrics = &answer.json()["get_metrics"]["metrics"];
        assert!(
            metrics
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["name"] == "slave/registered")
        );
    });
}

#[test]
fn operators_are_refused_clearly() {
    runtime::run(async {
        let cluster = Cluster::registered(&[]).await;
        let to = cluster.address();
        let answer = post(to, "/api/v1", &json!({})).await;
        let text = "Failed to validate agent::Call: Expecting 'type' to be present";
        assert_eq!((answer.status, answer.text().as_str()), (400, text));
        let prune = json!({"type": "PRUNE_IMAGES"});
        let answer = post(to, "/api/v1", &prune).await;
        assert_eq!(answer.status, 501);
        assert_eq!(answer.text(), "PRUNE_IMAGES is not supported yet");
        let read = json!({"type": "READ_FILE", "read_file": {"path": "/etc/passwd", "offset": 0}});
        assert_eq!(post(to, "/api/v1", &read).await.status, 404);
        let recordio = [("Content-Type", "application/recordio")];
        let answer = Client::send(to, "POST", "/api/v1", &recordio, b"").await.1;
        let text = "Expecting 'Message-Content-Type' to be set for streaming requests";
        assert_eq!((answer.status, answer.text().as_str()), (400, text));
    });
}

#[test]
fn health_flags_and_version_answer_by_any_path() {
    runtime::run(async {
        let cluster = Cluster::start(&["--hostname=here"]).await;
        let to = cluster.address();
        for path in ["/health", "/slave(1)/health"] {
            assert_eq!(get(to, path).await.status, 200);
            let answer = Client::send(to, "HEAD", path, &[], b"").await.1;
            assert_eq!((answer.status, answer.body.len()), (200, 0));
        }
        assert_eq!(get(to, "/flags").await.json()["flags"]["hostname"], "here");
        assert_eq!(
            get(to, "/version").await.json()["version"],
            actors::daemon::VERSION
        );
        assert_eq!(
            get(to, "/files/browse").await.text(),
            "Expecting 'path=value' in query.\n"
        );
        assert_eq!(get(to, "/nothing").await.status, 404);
    });
}

#[test]
fn it_leaves_when_its_executors_have_ended() {
    runtime::run(async {
        let mut cluster = Cluster::registered(&[]).await;
        cluster.run("t");
        let happened = cluster.containers.happened(1).await;
        let Happening::Launched(container) = &happened[0] else {
            panic!("{happened:?}")
        };
        let mut executor = subscribe(&cluster, "t").await;
        executor.event::<Event>().await.unwrap();
        cluster.agent.leave();
        let Told::Unregister(message) = cluster.told().await else {
            panic!("it says farewell")
        };
        assert_eq!(message.slave_id.value, "S0");
        loop {
            let event: Event = executor.event().await.unwrap();
            if event.r#type() == event::Type::Shutdown {
                break;
            }
        }
        assert!(
            cluster
                .containers
                .exit(&container.container_id, ExitStatus::from_raw(0))
        );
        assert_eq!(cluster.agent.ended().await.exit_code, 0);
    });
}
