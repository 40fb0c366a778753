//! The views of a small cluster that has a little of everything.

mod operator;
mod shapes;
mod values;

use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::{TaskState, TaskStatus};
use model::ids::{AgentId, FrameworkId};
use model::{Resources, Role};
use serde_json::Value;

use super::About;
use crate::input::{FromAgent, Input};
use crate::snapshot::Snapshot;
use crate::testing::{
    World, agent_info, agent_pid, framework_info, launch, task_info, uuid_bytes, with_capability,
};
use crate::{Config, Token, registry};
use messages::internal::{RegisterSlaveMessage, StatusUpdate, StatusUpdateMessage};

/// What runs, so that tests can ask for it by id.
struct Sample {
    snapshot: Snapshot,
    agent: AgentId,
    framework: FrameworkId,
    completed: FrameworkId,
}

/// A cluster of one agent. The first framework has a running task with a name, an
/// executor and an offer, and one that ended; the second has ended with its task.
fn sample() -> Sample {
    let weights = vec![(Role::parse("heavy/sub").unwrap(), 2.5)];
    let config = Config {
        weights,
        ..Config::default()
    };
    let mut world = World::with(config, registry::Registry::default());
    let agent = register(&mut world);
    let info = v1::FrameworkInfo {
        labels: Some(labels()),
        principal: Some("somebody".to_owned()),
        ..with_capability(framework_info(), Capability::TaskKillingState)
    };
    let (framework, _) = world.framework_with(info);

    let mut described = task_info("runs", &agent);
    described.name = "a \"name\"".to_owned();
    described.labels = Some(labels());
    described.discovery = Some(discovery());
    described.container = Some(container());
    described
        .limits
        .insert("cpus".to_owned(), v1::value::Scalar { value: 2.0 });
    described.executor = Some(executor());
    described.command = None;
    described.resources = resources("cpus:1;mem:32;ports:[31000-31001]");
    let mut ended = task_info("ended", &agent);
    ended.resources = resources("cpus:1;mem:32;ports:[31002-31002]");
    let offer = world.offer(&framework, &agent, "cpus:4;mem:256;ports:[31000-31005]");
    let launched = world.accept(&framework, &[&offer], vec![launch(vec![described, ended])]);
    assert!(!launched.is_empty());
    for (task, state, uuid) in [
        ("runs", TaskState::TaskStarting, 1),
        ("runs", TaskState::TaskRunning, 2),
        ("ended", TaskState::TaskFinished, 3),
    ] {
        update(&mut world, &agent, &framework, task, state, uuid);
        world.acknowledge(&framework, &agent, &task.into(), uuid);
    }
    world.offer(&framework, &agent, "cpus:1;mem:32");

    let (completed, _) = world.framework();
    world.task(&completed, &agent, "other");
    update(
        &mut world,
        &agent,
        &completed,
        "other",
        TaskState::TaskRunning,
        4,
    );
    world.handle(Input::Teardown {
        token: Token(999),
        framework: completed.clone(),
    });
    world.check_books();
    Sample {
        snapshot: world.master.snapshot(),
        agent,
        framework,
        completed,
    }
}

fn register(world: &mut World) -> AgentId {
    let resources = "cpus:8;mem:1024;disk:100;ports:[31000-32000];cpus(web/front):1.5";
    let info = v1::AgentInfo {
        attributes: model::attributes::parse("rack:r1;n:5").unwrap(),
        ..agent_info(1, resources)
    };
    let message = RegisterSlaveMessage {
        slave: info,
        version: Some("1.11.0".to_owned()),
        agent_capabilities: crate::testing::agent_capabilities(),
        ..Default::default()
    };
    let from = agent_pid(1);
    world.handle(Input::Agent {
        from,
        message: FromAgent::Register(Box::new(message)),
    });
    let snapshot = world.master.snapshot();
    snapshot.agents.registered().keys().next().cloned().unwrap()
}

fn update(
    world: &mut World,
    agent: &AgentId,
    framework: &FrameworkId,
    task: &str,
    state: TaskState,
    uuid: u8,
) {
    let status = TaskStatus {
        task_id: v1::TaskId {
            value: task.to_owned(),
        },
        state: state.into(),
        healthy: Some(true),
        source: Some(v1::task_status::Source::Executor.into()),
        uuid: Some(uuid_bytes(uuid)),
        container_status: Some(v1::ContainerStatus {
            container_id: Some(v1::ContainerId {
                value: "c1".to_owned(),
                parent: None,
            }),
            network_infos: vec![v1::NetworkInfo {
                ip_addresses: vec![v1::network_info::IpAddress {
                    protocol: None,
                    ip_address: Some("10.0.0.1".to_owned()),
                }],
                labels: Some(labels()),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: framework.to_proto(),
        executor_id: None,
        slave_id: Some(agent.to_proto()),
        status,
        timestamp: 3000.0 + f64::from(uuid),
        uuid: Some(uuid_bytes(uuid)),
        latest_state: Some(state.into()),
    };
    let message = StatusUpdateMessage {
        update,
        pid: Some(agent_pid(1).to_string()),
    };
    world.agent_says(1, FromAgent::StatusUpdate(Box::new(message)));
}

fn labels() -> v1::Labels {
    let label = v1::Label {
        key: "k".to_owned(),
        value: Some("v".to_owned()),
    };
    v1::Labels {
        labels: vec![label],
    }
}

fn discovery() -> v1::DiscoveryInfo {
    let port = v1::Port {
        number: 80,
        name: Some("http".to_owned()),
        ..Default::default()
    };
    v1::DiscoveryInfo {
        visibility: v1::discovery_info::Visibility::Cluster.into(),
        name: Some("found".to_owned()),
        ports: Some(v1::Ports { ports: vec![port] }),
        ..Default::default()
    }
}

fn container() -> v1::ContainerInfo {
    let mapping = v1::network_info::PortMapping {
        host_port: 31000,
        container_port: 80,
        protocol: None,
    };
    v1::ContainerInfo {
        r#type: v1::container_info::Type::Mesos.into(),
        network_infos: vec![v1::NetworkInfo {
            port_mappings: vec![mapping],
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn executor() -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId {
            value: "e1".to_owned(),
        },
        name: Some("runner".to_owned()),
        command: Some(v1::CommandInfo {
            value: Some("run".to_owned()),
            shell: Some(false),
            arguments: vec!["run".to_owned(), "fast".to_owned()],
            uris: vec![v1::command_info::Uri {
                value: "http://x/y".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        }),
        resources: resources("cpus:0.1;mem:32"),
        ..Default::default()
    }
}

fn resources(text: &str) -> Vec<v1::Resource> {
    Resources::parse(text, &Role::any()).unwrap().to_proto()
}

fn about() -> About {
    About {
        version: v1::VersionInfo {
            version: "1.12.0".to_owned(),
            git_sha: Some("abc".to_owned()),
            git_tag: Some("1.12.0".to_owned()),
            ..Default::default()
        },
        cluster: Some("test".to_owned()),
        flags: [("log_dir".to_owned(), "/log".to_owned())].into(),
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
