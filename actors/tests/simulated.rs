//! An executor that loses its agent, in simulated time.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::executor_driver::{ExecutorActor, ExecutorDriver, ExecutorEnvironment, ShutdownReason};
use actors::http_client::ContentType;
use messages::v1::executor::{Call, Event, call, event};
use messages::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus};
use runtime::http::{Help, Request, Responder, Response, StreamHead, StreamWriter};
use runtime::{Actor, Context, Declaration, Node, NodeConfig, Placement, World, recordio};

const JSON: ContentType = ContentType::Json;
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);
const EPOCH: Duration = Duration::from_secs(1_795_000_000);

/// What happened, and in which second.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<(u64, String)>>>);

impl Trace {
    fn note(&self, text: impl Into<String>) {
        let second = turmoil::sim_elapsed().unwrap_or_default().as_secs();
        self.0.lock().unwrap().push((second, text.into()));
    }

    fn take(&self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// An agent that acknowledges nothing.
struct Agent {
    stream: Option<StreamWriter>,
    trace: Trace,
}

impl Actor for Agent {
    const KIND: &'static str = "fake-agent";

    fn declare(declaration: &mut Declaration<Self>) {
        declaration.endpoint("api/v1/executor", Help::new("", ""), Self::call);
    }
}

impl Agent {
    fn call(&mut self, request: Request, responder: Responder, context: &mut Context<'_, Self>) {
        let call: Call = JSON.decode(request.body().clone()).unwrap();
        let Some(subscribe) = call.subscribe else {
            self.trace.note("agent: update");
            responder.answer(Response::empty(202));
            return;
        };
        assert_eq!(call.r#type, Some(call::Type::Subscribe.into()));
        let again = subscribe.unacknowledged_updates.len();
        self.trace
            .note(format!("agent: subscribe with {again} updates"));
        let headers = vec![("Content-Type", JSON.media_type().to_owned())];
        let head = StreamHead {
            status: 200,
            headers,
        };
        let stream = context.stream(responder, head, |agent, _| agent.stream = None);
        let event = Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed::default()),
            ..Event::default()
        };
        let record = recordio::encode(&JSON.encode(&event).unwrap());
        stream.send(record).unwrap();
        self.stream = Some(stream);
    }
}

struct Executor {
    driver: ExecutorDriver,
    has_updated: bool,
    trace: Trace,
}

impl Actor for Executor {
    const KIND: &'static str = "executor";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl ExecutorActor for Executor {
    fn driver(&mut self) -> &mut ExecutorDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, _: event::Subscribed, context: &mut Context<'_, Self>) {
        self.trace.note("executor: subscribed");
        if !std::mem::replace(&mut self.has_updated, true) {
            let status = TaskStatus {
                state: TaskState::TaskRunning.into(),
                ..TaskStatus::default()
            };
            self.driver.update(status, context).unwrap();
        }
    }

    fn disconnected(&mut self, _: &str, _: &mut Context<'_, Self>) {
        self.trace.note("executor: disconnected");
    }

    fn launch(&mut self, _: TaskInfo, _: &mut Context<'_, Self>) {}

    fn launch_group(&mut self, _: TaskGroupInfo, _: &mut Context<'_, Self>) {}

    fn kill(&mut self, _: TaskId, _: Option<KillPolicy>, _: &mut Context<'_, Self>) {}

    fn shutdown(&mut self, reason: ShutdownReason, context: &mut Context<'_, Self>) {
        assert!(matches!(reason, ShutdownReason::RecoveryTimedOut(_)));
        self.trace.note("executor: shutdown");
        context.stop();
    }
}

fn environment() -> ExecutorEnvironment {
    let agent = turmoil::lookup("agent");
    ExecutorEnvironment::read(|name| {
        let value = match name {
            "MESOS_FRAMEWORK_ID" => "F".to_owned(),
            "MESOS_EXECUTOR_ID" => "E".to_owned(),
            "MESOS_SLAVE_PID" => format!("slave(1)@{agent}:5051"),
            "MESOS_CHECKPOINT" => "1".to_owned(),
            "MESOS_RECOVERY_TIMEOUT" => "15mins".to_owned(),
            "MESOS_SUBSCRIPTION_BACKOFF_MAX" => "2secs".to_owned(),
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD" => "5secs".to_owned(),
            _ => return None,
        };
        Some(value)
    })
    .unwrap()
}

/// A simulation in which the executor runs for an hour.
fn simulation(trace: &Trace) -> turmoil::Sim<'static> {
    let mut simulation = turmoil::Builder::new()
        .rng_seed(7)
        .simulation_duration(Duration::from_secs(2 * 60 * 60))
        .tick_duration(Duration::from_millis(20))
        .build();
    let notes = trace.clone();
    simulation.host("agent", move || {
        let trace = notes.clone();
        async move {
            let mut config = NodeConfig::new(([0, 0, 0, 0], 5051).into());
            config.advertise = Some((turmoil::lookup("agent"), 5051).into());
            config.world = World::simulated(1, EPOCH);
            let node = Node::start(config).await?;
            let agent = Agent {
                stream: None,
                trace,
            };
            node.spawn("slave(1)", agent, Placement::Here)?;
            std::future::pending::<()>().await;
            Ok(())
        }
    });
    let trace = trace.clone();
    simulation.client("executor", async move {
        let node = Node::offline(World::simulated(2, EPOCH));
        let executor = Executor {
            driver: ExecutorDriver::new(&environment(), JSON),
            has_updated: false,
            trace,
        };
        node.spawn("executor", executor, Placement::Here)?;
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
        Ok(())
    });
    simulation
}

fn run_until(simulation: &mut turmoil::Sim<'_>, second: u64) {
    while simulation.elapsed() < Duration::from_secs(second) {
        simulation.step().unwrap();
    }
}

fn texts(trace: &Trace) -> Vec<String> {
    trace.take().into_iter().map(|(_, text)| text).collect()
}

#[test]
fn an_agent_that_comes_back_in_time_is_told_again() {
    let trace = Trace::default();
    let mut simulation = simulation(&trace);
    run_until(&mut simulation, 10);
    assert_eq!(
        texts(&trace),
        [
            "agent: subscribe with 0 updates",
            "executor: subscribed",
            "agent: update"
        ]
    );
    simulation.crash("agent");
    run_until(&mut simulation, 600);
    assert_eq!(texts(&trace), ["executor: disconnected"]);
    simulation.bounce("agent");
    run_until(&mut simulation, 1800);
    assert_eq!(
        texts(&trace),
        ["agent: subscribe with 1 updates", "executor: subscribed"]
    );
}

#[test]
fn an_agent_that_does_not_come_back_in_time_is_given_up() {
    let trace = Trace::default();
    let mut simulation = simulation(&trace);
    run_until(&mut simulation, 10);
    trace.take();
    simulation.crash("agent");
    run_until(&mut simulation, 2000);
    let trace = trace.take();
    let [(lost, disconnected), (over, shutdown)] = &trace[..] else {
        panic!("{trace:?}");
    };
    assert_eq!(disconnected, "executor: disconnected");
    assert_eq!(shutdown, "executor: shutdown");
    assert_eq!(over - lost, RECOVERY_TIMEOUT.as_secs());
}
