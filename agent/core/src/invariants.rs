//! What must hold after every input, whatever came before. Inputs are made up: right ones
//! and wrong ones, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messages::{internal, v1};
use model::ids::{ContainerId, ExecutorId, TaskId};
use model::resources::Resources;
use model::task_state::TaskStateExt;
use proptest::prelude::*;
use v1::executor::{Call, call};

use crate::agent::Agent;
use crate::effect::{Effect, Outgoing};
use crate::input::{Input, Message, Termination};
use crate::state::{Executor, ExecutorConnection, ExecutorPhase};
use crate::testing::{
    World, command_task, custom_executor, executor_task, framework_id, master, update_call, uuid,
};
use crate::timer::Timer;

/// One step of a script; small numbers choose tasks, executors and updates.
#[derive(Debug, Clone)]
enum Step {
    RunCommand(u8),
    RunInExecutor(u8, u8),
    RunGroup(u8),
    Kill(u8),
    Launched(u8),
    LaunchFailed(u8),
    Exited(u8),
    Updated(u8, bool),
    Subscribe(u8),
    RegisterDriver(u8),
    Update(u8, u8, i32, u8),
    DriverUpdate(u8, u8, i32, u8),
    AcknowledgeOldest,
    Acknowledge(u8, u8),
    CloseStream(u8),
    ShutdownExecutor(u8),
    ShutdownFramework,
    LoseMaster,
    FindMaster,
    Register,
    Fire(u8),
    Wait(u16),
    Disk(u8),
    RemoveOldest,
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0u8..4;
    prop_oneof![
        4 => id.clone().prop_map(Step::RunCommand),
        4 => (id.clone(), id.clone()).prop_map(|(task, executor)| Step::RunInExecutor(task, executor)),
        1 => id.clone().prop_map(Step::RunGroup),
        3 => id.clone().prop_map(Step::Kill),
        6 => id.clone().prop_map(Step::Launched),
        1 => id.clone().prop_map(Step::LaunchFailed),
        3 => id.clone().prop_map(Step::Exited),
        6 => (id.clone(), prop::bool::weighted(0.9)).prop_map(|(executor, good)| Step::Updated(executor, good)),
        6 => id.clone().prop_map(Step::Subscribe),
        3 => id.clone().prop_map(Step::RegisterDriver),
        4 => (id.clone(), id.clone(), 0i32..14, 0u8..20)
            .prop_map(|(executor, task, state, uuid)| Step::DriverUpdate(executor, task, state, uuid)),
        9 => (id.clone(), id.clone(), 0i32..14, 0u8..20)
            .prop_map(|(executor, task, state, uuid)| Step::Update(executor, task, state, uuid)),
        9 => Just(Step::AcknowledgeOldest),
        1 => (id.clone(), 0u8..20).prop_map(|(task, uuid)| Step::Acknowledge(task, uuid)),
        1 => id.clone().prop_map(Step::CloseStream),
        1 => id.prop_map(Step::ShutdownExecutor),
        1 => Just(Step::ShutdownFramework),
        1 => Just(Step::LoseMaster),
        2 => Just(Step::FindMaster),
        2 => Just(Step::Register),
        2 => (0u8..8).prop_map(Step::Fire),
        2 => any::<u16>().prop_map(Step::Wait),
        1 => (0u8..110).prop_map(Step::Disk),
        3 => Just(Step::RemoveOldest),
    ]
}

/// The machine around the agent: what it was asked to do and has not answered.
#[derive(Default)]
struct Machine {
    launching: BTreeSet<ContainerId>,
    running: BTreeSet<ContainerId>,
    updates: BTreeMap<ContainerId, Vec<u64>>,
    removals: Vec<std::path::PathBuf>,
    sent: Vec<internal::StatusUpdate>,
}

struct Script {
    world: World,
    machine: Machine,
}

/// Executors are named like tasks, so that command tasks have theirs among them.
fn name(number: u8) -> String {
    format!("x{number}")
}

impl Script {
    fn container(&self, executor: u8) -> Option<ContainerId> {
        let executor = ExecutorId::from(name(executor));
        let executor = self.world.agent.executor(&framework_id(), &executor)?;
        Some(executor.container_id.clone())
    }

    fn take(&mut self, step: Step) {
        let world = &mut self.world;
        match step {
            Step::RunCommand(task) => world.run(command_task(&name(task), "true")),
            Step::RunInExecutor(task, executor) => {
                world.run(executor_task(&name(task), &name(executor)));
            }
            Step::RunGroup(executor) => {
                let tasks = vec![crate::testing::task("g1"), crate::testing::task("g2")];
                world.run_group(custom_executor(&name(executor)), tasks);
            }
            Step::Kill(task) => world.kill(&name(task)),
            Step::Launched(executor) => self.launched(executor),
            Step::LaunchFailed(executor) => self.launch_failed(executor),
            Step::Exited(executor) => self.exited(executor),
            Step::Updated(executor, good) => self.updated(executor, good),
            Step::Subscribe(executor) => {
                world.subscribe(&name(executor));
            }
            Step::RegisterDriver(executor) => world.register_driver(&name(executor)),
            Step::DriverUpdate(executor, task, state, number) => {
                let mut status =
                    world.status(&name(task), v1::TaskState::TaskRunning, uuid(number));
                status.state = state;
                world.driver_update(&name(executor), status);
            }
            Step::Update(executor, task, state, number) => {
                let mut status =
                    world.status(&name(task), v1::TaskState::TaskRunning, uuid(number));
                status.state = state;
                world.call(&name(executor), update_call(status));
            }
            Step::AcknowledgeOldest => {
                if !self.machine.sent.is_empty() {
                    let update = self.machine.sent.remove(0);
                    world.acknowledge_sent(&update);
                }
            }
            Step::Acknowledge(task, number) => world.acknowledge(&name(task), uuid(number)),
            Step::CloseStream(executor) => {
                let executor = ExecutorId::from(name(executor));
                let found = world.agent.executor(&framework_id(), &executor);
                if let Some(ExecutorConnection::Stream(stream)) = found.map(|one| &one.connection) {
                    let stream = *stream;
                    world.input(Input::StreamClosed(stream));
                }
            }
            Step::ShutdownExecutor(executor) => {
                world.message(Message::ShutdownExecutor(
                    internal::ShutdownExecutorMessage {
                        framework_id: Some(framework_id().to_proto()),
                        executor_id: Some(ExecutorId::from(name(executor)).to_proto()),
                    },
                ));
            }
            Step::ShutdownFramework => {
                world.message(Message::ShutdownFramework(
                    internal::ShutdownFrameworkMessage {
                        framework_id: framework_id().to_proto(),
                    },
                ));
            }
            Step::LoseMaster => world.input(Input::MasterLost),
            Step::FindMaster => world.input(Input::MasterDetected(master())),
            Step::Register => {
                world.timer(Timer::Registration);
                world.message(Message::Reregistered(internal::SlaveReregisteredMessage {
                    slave_id: v1::AgentId {
                        value: "m-S0".into(),
                    },
                    ..Default::default()
                }));
            }
            Step::Fire(which) => self.fire(which),
            Step::Wait(seconds) => {
                world.now += Duration::from_secs(seconds.into());
                world.timer(Timer::StatusRetry);
                world.timer(Timer::Gc);
            }
            Step::Disk(percent) => world.input(Input::DiskUsage(Ok(f64::from(percent) / 100.0))),
            Step::RemoveOldest => {
                if !self.machine.removals.is_empty() {
                    let path = self.machine.removals.remove(0);
                    world.input(Input::PathRemoved {
                        path,
                        result: Ok(()),
                    });
                }
            }
        }
        self.observe();
    }

    fn launched(&mut self, executor: u8) {
        let Some(container) = self.container(executor) else {
            return;
        };
        if self.machine.launching.remove(&container) {
            self.machine.running.insert(container);
            self.world.launched(&name(executor));
        }
    }

    fn launch_failed(&mut self, executor: u8) {
        let Some(container_id) = self.container(executor) else {
            return;
        };
        if self.machine.launching.remove(&container_id) {
            let message = "made up".into();
            self.world.input(Input::ContainerLaunchFailed {
                container_id,
                message,
            });
        }
    }

    fn exited(&mut self, executor: u8) {
        let Some(container) = self.container(executor) else {
            return;
        };
        if self.machine.running.remove(&container) {
            self.world.exited(container, Termination::default());
        }
    }

    fn updated(&mut self, executor: u8, good: bool) {
        let Some(container_id) = self.container(executor) else {
            return;
        };
        let waiting = self
            .machine
            .updates
            .entry(container_id.clone())
            .or_default();
        if waiting.is_empty() {
            return;
        }
        let sequence = waiting.remove(0);
        let result = if good { Ok(()) } else { Err("made up".into()) };
        self.world.input(Input::ContainerUpdated {
            container_id,
            sequence,
            result,
        });
    }

    fn fire(&mut self, which: u8) {
        let container = self.container(which % 4);
        match (which / 4, container) {
            (0, Some(container)) => self.world.timer(Timer::ExecutorRegistration(container)),
            (_, Some(container)) => self.world.timer(Timer::ExecutorShutdown(container)),
            (_, None) => self.world.timer(Timer::Ping),
        }
    }

    /// Takes note of what the agent wants done.
    fn observe(&mut self) {
        for effect in self.world.take() {
            match effect {
                Effect::LaunchContainer(launch) => {
                    assert!(self.machine.launching.insert(launch.container_id));
                }
                Effect::UpdateContainer {
                    container_id,
                    sequence,
                    ..
                } => {
                    self.machine
                        .updates
                        .entry(container_id)
                        .or_default()
                        .push(sequence);
                }
                Effect::RemovePath(path) => self.machine.removals.push(path),
                Effect::Send { message, .. } => {
                    if let Outgoing::StatusUpdate(message) = *message {
                        self.sent(message.update);
                    }
                }
                Effect::Stop { .. } => panic!("nothing here ends an agent"),
                _ => {}
            }
        }
    }

    /// At any moment one update of a task is outstanding.
    fn sent(&mut self, update: internal::StatusUpdate) {
        let task = &update.status.task_id;
        let latest = update
            .latest_state
            .and_then(|state| v1::TaskState::try_from(state).ok());
        if latest.is_some_and(|latest| !latest.is_terminal()) {
            assert!(!update.status.state().is_terminal(), "{update:?}");
        }
        let key = |one: &internal::StatusUpdate| one.status.task_id == *task;
        self.machine.sent.retain(|one| !key(one));
        self.machine.sent.push(update);
    }
}

fn check(agent: &Agent, machine: &Machine) {
    let state = &agent.state;
    let mut live = BTreeSet::new();
    let mut streams = BTreeMap::new();
    for framework in state.frameworks.values() {
        assert!(!framework.idle(), "an idle framework is history");
        let mut tasks: BTreeMap<TaskId, ExecutorId> = BTreeMap::new();
        for executor in framework.executors.values() {
            check_executor(executor);
            let queued = executor
                .queued_tasks()
                .map(|task| TaskId::from(&task.task_id));
            let delivered = executor
                .launched
                .keys()
                .chain(executor.terminated.keys())
                .cloned();
            for task in queued.chain(delivered) {
                assert!(
                    tasks.insert(task, executor.id.clone()).is_none(),
                    "a task twice"
                );
            }
            if executor.phase != ExecutorPhase::Terminated {
                live.insert(executor.container_id.clone());
            }
            if let ExecutorConnection::Stream(stream) = executor.connection {
                streams.insert(stream, executor.container_id.clone());
            }
        }
        let index: BTreeMap<_, _> = framework
            .tasks
            .iter()
            .map(|(task, one)| (task.clone(), one.clone()))
            .collect();
        assert_eq!(index, tasks, "the index of tasks");
    }
    let containers: BTreeSet<_> = agent.containers.keys().cloned().collect();
    assert_eq!(containers, live, "containers of live executors");
    assert_eq!(
        agent.streams_by_call, streams,
        "streams of connected executors"
    );
    let known: BTreeSet<_> = machine.launching.union(&machine.running).cloned().collect();
    assert_eq!(
        known, live,
        "every container has an executor, and the other way round"
    );
}

fn check_executor(executor: &Executor) {
    let mut held = Resources::from_proto_lossy(&executor.info.resources);
    for task in executor.queued_tasks() {
        held += &Resources::from_proto_lossy(&task.resources);
    }
    for task in executor.launched.values() {
        assert!(!task.state().is_terminal(), "a live task");
        held += &Resources::from_proto_lossy(&task.resources);
    }
    for task in executor.terminated.values() {
        // A framework that is over ends its tasks without a word.
        assert!(task.state().is_terminal() || executor.phase == ExecutorPhase::Terminated);
    }
    assert_eq!(executor.allocated, held, "what {} holds", executor.id);
    assert!(executor.applied_update <= executor.last_update);
    if executor.phase == ExecutorPhase::Terminated {
        assert!(executor.queued.is_empty() && executor.launched.is_empty());
        assert_eq!(executor.connection, ExecutorConnection::None);
        assert!(
            executor.has_incomplete_tasks(),
            "a finished executor is history"
        );
    }
}

proptest! {

    #[test]
    fn they_hold_after_every_input(steps in prop::collection::vec(step(), 1..150)) {
        let mut script = Script { world: World::registered(), machine: Machine::default() };
        for step in steps {
            script.take(step);
            check(&script.world.agent, &script.machine);
        }
    }

    /// When executors do what they should and the master acknowledges, nothing is left.
    #[test]
    fn everything_ends(steps in prop::collection::vec(step(), 1..100)) {
        let mut script = Script { world: World::registered(), machine: Machine::default() };
        for step in steps {
            script.take(step);
        }
        script.take(Step::FindMaster);
        script.take(Step::Register);
        for _ in 0..3 {
            while let Some(path) = script.machine.removals.pop() {
                script.world.input(Input::PathRemoved { path, result: Ok(()) });
                script.observe();
            }
            for executor in 0..4 {
                script.take(Step::Launched(executor));
                script.take(Step::Exited(executor));
            }
            while !script.machine.sent.is_empty() {
                script.take(Step::AcknowledgeOldest);
            }
        }
        let state = script.world.agent.snapshot().state;
        prop_assert!(state.frameworks.is_empty(), "{:?}", state.frameworks);
        prop_assert!(state.used().is_empty());
    }
}

#[test]
fn a_call_without_anything_is_answered() {
    let mut world = World::registered();
    for kind in 0..9 {
        world.call(
            "x",
            Call {
                r#type: Some(kind),
                ..Default::default()
            },
        );
        world.call(
            "x",
            Call {
                r#type: Some(kind),
                subscribe: Some(call::Subscribe::default()),
                ..Default::default()
            },
        );
    }
    assert_eq!(world.answers().len(), 18);
}
