//! Times the largest views on clusters of several sizes:
//! `cargo run --release -p master-core --example state_views [AGENTS…] [VIEW…]`.
//!
//! Each agent runs ten tasks of one of a hundred frameworks. Each line is the median of
//! several rounds; `peer` writes the answer of `/state` from serde_json's own tree.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program for people"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use master_core::views::operator::{self, Form};
use master_core::views::{self, About, Output, TaskQuery};
use master_core::{Config, Effect, Env, FromAgent, Input, Master, Moment, Snapshot, Time};
use messages::internal::ReregisterSlaveMessage;
use messages::v1;
use model::{Resources, Role};

const ROUNDS: usize = 7;
const TASKS_PER_AGENT: usize = 10;
const FRAMEWORKS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes: Vec<usize> = arguments.iter().filter_map(|it| it.parse().ok()).collect();
    let is_wanted = |name: &str| {
        let mut names = arguments
            .iter()
            .filter(|it| it.parse::<usize>().is_err())
            .peekable();
        names.peek().is_none() || names.any(|it| it == name)
    };
    let sizes = if sizes.is_empty() {
        vec![1_000, 10_000]
    } else {
        sizes
    };
    for agents in sizes {
        let snapshot = cluster(agents);
        println!("{agents} agents, {} tasks", agents * TASKS_PER_AGENT);
        let about = About::default();
        let time_if = |name: &str, view: &dyn Fn(&mut Output)| {
            if is_wanted(name) {
                time(name, || in_parts(view));
            }
        };
        time_if("/state", &|out| views::state(&snapshot, &about, out));
        if is_wanted("peer") {
            let state = Output::whole(|out| views::state(&snapshot, &about, out));
            let tree: serde_json::Value = serde_json::from_slice(&state).expect("JSON");
            time("peer: serde_json", || {
                black_box(serde_json::to_vec(&tree).expect("JSON")).len()
            });
        }
        time_if("/state-summary", &|out| {
            views::state_summary(&snapshot, &about, out);
        });
        time_if("/slaves", &|out| views::agents(&snapshot, None, out));
        time_if("/tasks", &|out| {
            views::tasks(&snapshot, TaskQuery::default(), out);
        });
        time_if("/roles", &|out| views::roles(&snapshot, out));
        time_if("GET_STATE json", &|out| {
            operator::get_state(&snapshot, Form::Json, out);
        });
        time_if("GET_STATE protobuf", &|out| {
            operator::get_state(&snapshot, Form::Protobuf, out);
        });
        time_if("GET_AGENTS json", &|out| {
            operator::get_agents(&snapshot, Form::Json, out);
        });
    }
}

/// Writes a view as it is sent, and gives its size.
fn in_parts(view: &dyn Fn(&mut Output)) -> usize {
    let size = Rc::new(Cell::new(0));
    let sum = Rc::clone(&size);
    Output::in_parts(
        move |part| sum.set(sum.get() + black_box(part).len()),
        |out| view(out),
    );
    size.get()
}

fn time(name: &str, view: impl Fn() -> usize) {
    let mut times = Vec::new();
    let mut size = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        size = view();
        times.push(start.elapsed());
    }
    times.sort();
    let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
    let megabytes = size as f64 / 1e6;
    println!(
        "  {name:20} {megabytes:8.1} MB {:8.1} ms {:7.0} MB/s",
        median.as_secs_f64() * 1e3,
        megabytes / median.as_secs_f64()
    );
}

fn cluster(agents: usize) -> Snapshot {
    let info = v1::MasterInfo {
        id: "a3a2f9d6-7a4e-4f6e-9a3c-1d7f4bd0c1aa".to_owned(),
        ..v1::MasterInfo::default()
    };
    let mut master = Master::new(info, Config::default(), Time::default());
    feed(&mut master, Input::Recovered(Box::default()));
    for number in 0..agents {
        let from = format!("slave(1)@10.{}.{}.1:5051", number / 250, number % 250);
        let message = Box::new(report(number).into());
        let from = from.parse().expect("a pid");
        feed(
            &mut master,
            Input::Agent {
                from,
                message: FromAgent::Reregister(message),
            },
        );
    }
    master.snapshot()
}

fn feed(master: &mut Master, input: Input) {
    let mut inputs = vec![input];
    while let Some(input) = inputs.pop() {
        let mut effects = Vec::new();
        let mut zero = || 0;
        let time = Time::from_seconds(1_795_000_000.123_456);
        let mut env = Env::new(Moment::new(Duration::ZERO), time, &mut zero);
        master.handle(input, &mut env, &mut effects);
        for effect in effects {
            if let Effect::Write { ticket, .. } = effect {
                inputs.push(Input::Written {
                    ticket,
                    result: Ok(true),
                });
            }
        }
    }
}

fn report(number: usize) -> ReregisterSlaveMessage {
    let agent = v1::AgentId {
        value: format!("a3a2f9d6-7a4e-4f6e-9a3c-1d7f4bd0c1aa-S{number}"),
    };
    let framework = v1::FrameworkId {
        value: format!(
            "a3a2f9d6-7a4e-4f6e-9a3c-1d7f4bd0c1aa-{:04}",
            number % FRAMEWORKS
        ),
    };
    let text = "cpus:16;mem:65536;disk:100000;ports:[31000-32000]";
    ReregisterSlaveMessage {
        slave: v1::AgentInfo {
            hostname: format!("host{number}.example.org"),
            port: Some(5051),
            id: Some(agent.clone()),
            resources: resources(text).to_proto(),
            ..v1::AgentInfo::default()
        },
        version: Some("1.12.0".to_owned()),
        frameworks: vec![v1::FrameworkInfo {
            user: "user".to_owned(),
            name: "framework".to_owned(),
            id: Some(framework.clone()),
            ..v1::FrameworkInfo::default()
        }],
        tasks: (0..TASKS_PER_AGENT)
            .map(|task| running(number, task, &agent, &framework))
            .collect(),
        ..ReregisterSlaveMessage::default()
    }
}

fn running(
    number: usize,
    task: usize,
    agent: &v1::AgentId,
    framework: &v1::FrameworkId,
) -> v1::Task {
    let id = v1::TaskId {
        value: format!("task-{number}-{task}"),
    };
    let label = |key: &str| v1::Label {
        key: key.to_owned(),
        value: Some("value".to_owned()),
    };
    v1::Task {
        name: format!("task {task} of {number}"),
        task_id: id.clone(),
        framework_id: framework.clone(),
        agent_id: agent.clone(),
        state: v1::TaskState::TaskRunning.into(),
        resources: resources("cpus:0.5;mem:256")
            .allocated(&Role::any())
            .to_proto(),
        statuses: vec![v1::TaskStatus {
            task_id: id,
            state: v1::TaskState::TaskRunning.into(),
            timestamp: Some(1_795_000_000.654_321),
            uuid: Some(vec![7; 16].into()),
            container_status: Some(v1::ContainerStatus {
                container_id: Some(v1::ContainerId {
                    value: "0f1d5a57-8a5a-4bb2-8f30-9a0d4dd0a9b3".to_owned(),
                    parent: None,
                }),
                network_infos: vec![v1::NetworkInfo {
                    ip_addresses: vec![v1::network_info::IpAddress {
                        protocol: None,
                        ip_address: Some("10.0.0.1".to_owned()),
                    }],
                    ..v1::NetworkInfo::default()
                }],
                ..v1::ContainerStatus::default()
            }),
            ..v1::TaskStatus::default()
        }],
        labels: Some(v1::Labels {
            labels: vec![label("stage"), label("owner")],
        }),
        ..v1::Task::default()
    }
}

fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).expect("resources")
}
