//! A framework and its executor talk in messages of their own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::detector::FixedDetector;
use actors::executor_driver::{
    ExecutorActor, ExecutorDriver, ShutdownReason, Transport as ExecutorTransport,
};
use actors::http_client::ContentType;
use actors::payload::Payload;
use actors::scheduler_driver::{Room, SchedulerActor, SchedulerConfig, SchedulerDriver, Transport};
use bytes::Bytes;
use messages::v1::{
    AgentId, CommandInfo, ExecutorId, ExecutorInfo, FrameworkInfo, KillPolicy, Offer,
    TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus, executor_info,
};
use model::{Resources, Role};
use runtime::{Actor, Context, Declaration, Placement};
use serde::{Deserialize, Serialize};

use crate::cluster::{self, Launched, cluster};

const ROUNDS: u32 = 5;

#[derive(Serialize, Deserialize)]
struct Question {
    number: u32,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    square: u32,
}

runtime::message!(Question = "test.Question", Answer = "test.Answer");

/// Squares what it is asked.
struct Calculator {
    driver: ExecutorDriver,
}

impl Actor for Calculator {
    const KIND: &'static str = "calculator";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl ExecutorActor for Calculator {
    fn driver(&mut self) -> &mut ExecutorDriver {
        &mut self.driver
    }

    fn launch(&mut self, task: TaskInfo, context: &mut Context<'_, Self>) {
        let status = TaskStatus {
            task_id: task.task_id,
            state: TaskState::TaskRunning.into(),
            ..TaskStatus::default()
        };
        self.driver.update(status, context).unwrap();
    }

    fn launch_group(&mut self, _: TaskGroupInfo, _: &mut Context<'_, Self>) {}

    fn kill(&mut self, _: TaskId, _: Option<KillPolicy>, _: &mut Context<'_, Self>) {}

    fn message(&mut self, data: Bytes, context: &mut Context<'_, Self>) {
        let payload = Payload::read(&data).unwrap();
        assert!(payload.get::<Answer>().is_none());
        let question: Question = payload.get().unwrap().unwrap();
        let square = question.number * question.number;
        self.driver.send(&Answer { square }, context).unwrap();
    }

    fn shutdown(&mut self, _: ShutdownReason, context: &mut Context<'_, Self>) {
        context.stop();
    }
}

/// Asks, and notes what it hears.
struct Pupil {
    driver: SchedulerDriver,
    is_launched: bool,
    heard: Arc<Mutex<Vec<u32>>>,
}

fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

impl Actor for Pupil {
    const KIND: &'static str = "pupil";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl SchedulerActor for Pupil {
    fn driver(&mut self) -> &mut SchedulerDriver {
        &mut self.driver
    }

    fn offers(&mut self, offers: Vec<Offer>, _: &mut Context<'_, Self>) {
        for offer in offers {
            if std::mem::replace(&mut self.is_launched, true) {
                continue;
            }
            let mut room = Room::of(&offer, &Role::any());
            let executor = ExecutorInfo {
                r#type: Some(executor_info::Type::Custom.into()),
                executor_id: ExecutorId {
                    value: "calculator".to_owned(),
                },
                framework_id: self.driver.framework_info().id.clone(),
                command: Some(CommandInfo {
                    value: Some("calculator".to_owned()),
                    ..CommandInfo::default()
                }),
                resources: room.take(&resources("cpus:0.1;mem:32")).unwrap(),
                ..ExecutorInfo::default()
            };
            let task = TaskInfo {
                name: "lesson".to_owned(),
                task_id: TaskId {
                    value: "lesson".to_owned(),
                },
                agent_id: offer.agent_id.clone(),
                resources: room.take(&resources("cpus:0.1;mem:32")).unwrap(),
                executor: Some(executor),
                ..TaskInfo::default()
            };
            self.driver
                .launch(vec![offer.id], vec![task], None)
                .unwrap();
        }
        self.driver.decline_held(None).unwrap();
    }

    fn update(&mut self, status: TaskStatus, _: &mut Context<'_, Self>) {
        assert_eq!(status.state(), TaskState::TaskRunning);
        let (agent, executor) = (status.agent_id.unwrap(), status.executor_id.unwrap());
        let question = Question { number: 1 };
        self.driver.send(agent, executor, &question).unwrap();
    }

    fn message(
        &mut self,
        agent: AgentId,
        executor: ExecutorId,
        data: Bytes,
        _: &mut Context<'_, Self>,
    ) {
        let answer: Answer = Payload::read(&data).unwrap().get().unwrap().unwrap();
        let count = {
            let mut heard = self.heard.lock().unwrap();
            heard.push(answer.square);
            u32::try_from(heard.len()).unwrap()
        };
        if count < ROUNDS {
            let question = Question { number: count + 1 };
            self.driver.send(agent, executor, &question).unwrap();
        }
    }
}

#[test]
fn executors_answer_their_framework_by_all_transports() {
    let http = ExecutorTransport::Http(ContentType::Protobuf);
    for executor in [http, ExecutorTransport::Libprocess] {
        for framework in [Transport::default(), Transport::Libprocess] {
            talk(framework, executor);
        }
    }
}

fn talk(transport: Transport, executor: ExecutorTransport) {
    let launch = move |launched: Launched| {
        let driver = ExecutorDriver::new(&launched.environment, executor);
        let name = launched.container.to_string();
        let calculator = Calculator { driver };
        launched
            .node
            .spawn(name.as_str(), calculator, Placement::Here)
            .unwrap();
    };
    let (mut sim, seeds) = cluster(1, 1, Arc::new(launch));
    let heard = Arc::new(Mutex::new(Vec::new()));
    {
        let heard = Arc::clone(&heard);
        sim.host("framework", move || {
            let (world, heard) = (seeds.world(), Arc::clone(&heard));
            let transport = transport.clone();
            async move {
                let node = cluster::node("framework", world).await?;
                let info = FrameworkInfo {
                    user: "sim".to_owned(),
                    name: "pupil".to_owned(),
                    ..FrameworkInfo::default()
                };
                let config = SchedulerConfig {
                    transport,
                    ..SchedulerConfig::new(FixedDetector::at("master:5050")?, info)
                };
                let pupil = Pupil {
                    driver: SchedulerDriver::new(config),
                    is_launched: false,
                    heard,
                };
                node.spawn("pupil", pupil, Placement::Here)?;
                std::future::pending().await
            }
        });
    }
    while heard.lock().unwrap().len() < ROUNDS as usize {
        assert!(
            sim.elapsed() < Duration::from_secs(120),
            "{:?}",
            heard.lock().unwrap()
        );
        sim.step().unwrap();
    }
    assert_eq!(*heard.lock().unwrap(), [1, 4, 9, 16, 25]);
}
