//! A world for the agent's tests: it gives inputs, keeps the time, and sorts effects.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::{internal, v1};
use model::Role;
use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;
use runtime_core::Pid;
use uuid::Uuid;
use v1::executor::{Call, Event, call};

use crate::agent::Agent;
use crate::config::Config;
use crate::effect::{Answer, CallId, ContainerLaunch, Effect, Outgoing};
use crate::env::Env;
use crate::input::{Input, Master, Message, Termination};
use crate::state::{Executor, Framework};
use crate::timer::Timer;

/// Wall-clock time at the beginning of each test, seconds since the epoch.
pub(crate) const WALL_SECS: u64 = 1_700_000_000;

pub(crate) struct World {
    pub(crate) agent: Agent,
    pub(crate) now: Duration,
    seed: u64,
    calls: u64,
    /// All effects since they were last taken.
    pub(crate) effects: Vec<Effect>,
}

pub(crate) fn config() -> Config {
    Config {
        pid: pid("slave(1)@127.0.0.1:5051"),
        hostname: "localhost".into(),
        version: "1.12.0".into(),
        work_dir: "/w".into(),
        launcher_dir: "/l".into(),
        command_executor: Ok("/l/mesos-executor".into()),
        sandbox_directory: "/mnt/mesos/sandbox".into(),
        resources: resources("cpus:4;mem:4096;disk:1000;ports:[31000-32000]"),
        attributes: Vec::new(),
        domain: None,
        default_container_info: None,
        executor_environment: BTreeMap::new(),
        libprocess_ip: Some("127.0.0.1".into()),
        switch_user: true,
        http_command_executor: false,
        cpu_limits: false,
        mem_limits: false,
        registration_backoff_factor: Duration::from_secs(1),
        executor_registration_timeout: Duration::from_secs(60),
        executor_shutdown_grace_period: Duration::from_secs(5),
        executor_reregistration_timeout: Duration::from_secs(2),
        recovery_timeout: Duration::from_secs(900),
        gc_delay: Duration::from_secs(7 * 24 * 3600),
        gc_disk_headroom: 0.1,
        disk_watch_interval: Duration::from_secs(60),
        max_completed_executors_per_framework: 3,
        flags: BTreeMap::new(),
    }
}

pub(crate) fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

pub(crate) fn pid(text: &str) -> Pid {
    text.parse().unwrap()
}

pub(crate) fn master() -> Master {
    Master {
        pid: pid("master@127.0.0.1:5050"),
        info: v1::MasterInfo::default(),
    }
}

/// Where executors' drivers are.
pub(crate) fn driver() -> Pid {
    pid("executor(1)@127.0.0.1:6000")
}

pub(crate) fn framework_id() -> FrameworkId {
    FrameworkId::from("m-0001")
}

pub(crate) fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some(framework_id().to_proto()),
        user: "nobody".into(),
        name: "test".into(),
        role: Some("web".into()),
        ..Default::default()
    }
}

pub(crate) fn task(id: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: format!("name-{id}"),
        task_id: TaskId::from(id).to_proto(),
        agent_id: AgentId::from("m-S0").to_proto(),
        resources: resources("cpus:1;mem:64").to_proto(),
        ..Default::default()
    }
}

pub(crate) fn command_task(id: &str, command: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        command: Some(v1::CommandInfo {
            value: Some(command.into()),
            ..Default::default()
        }),
        ..task(id)
    }
}

pub(crate) fn custom_executor(id: &str) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: ExecutorId::from(id).to_proto(),
        command: Some(v1::CommandInfo {
            value: Some("run".into()),
            ..Default::default()
        }),
        resources: resources("cpus:0.5;mem:32").to_proto(),
        ..Default::default()
    }
}

pub(crate) fn executor_task(id: &str, executor: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        executor: Some(custom_executor(executor)),
        ..task(id)
    }
}

impl World {
    /// An agent that has begun, and knows no master.
    pub(crate) fn new(config: Config) -> Self {
        let mut seed = 7;
        let agent = {
            let mut random = || next(&mut seed);
            let wall = Duration::from_secs(WALL_SECS);
            let mut env = Env {
                now: Duration::ZERO,
                wall,
                random: &mut random,
            };
            Agent::new(config, &mut env)
        };
        let mut world = Self {
            agent,
            now: Duration::ZERO,
            seed,
            calls: 0,
            effects: Vec::new(),
        };
        world.input(Input::Start);
        world
    }

    /// An agent that is registered as `m-S0`.
    pub(crate) fn registered() -> Self {
        Self::registered_with(config())
    }

    pub(crate) fn registered_with(config: Config) -> Self {
        let mut world = Self::new(config);
        world.input(Input::MasterDetected(master()));
        world.timer(Timer::Registration);
        world.message(Message::Registered(internal::SlaveRegisteredMessage {
            slave_id: AgentId::from("m-S0").to_proto(),
            connection: None,
        }));
        world.effects.clear();
        world
    }

    pub(crate) fn input(&mut self, input: Input) {
        let seed = &mut self.seed;
        let mut random = || next(seed);
        let wall = Duration::from_secs(WALL_SECS) + self.now;
        let mut env = Env {
            now: self.now,
            wall,
            random: &mut random,
        };
        self.agent.handle(input, &mut env, &mut self.effects);
    }

    pub(crate) fn timer(&mut self, timer: Timer) {
        self.input(Input::Timer(timer));
    }

    /// A message from the master.
    pub(crate) fn message(&mut self, message: Message) {
        self.message_from(&master().pid, message);
    }

    pub(crate) fn message_from(&mut self, from: &Pid, message: Message) {
        self.input(Input::Message {
            from: from.clone(),
            message: Box::new(message),
        });
    }

    pub(crate) fn run(&mut self, task: v1::TaskInfo) {
        self.message(Message::RunTask(internal::RunTaskMessage {
            framework: framework_info(),
            task,
            ..Default::default()
        }));
    }

    pub(crate) fn run_group(&mut self, executor: v1::ExecutorInfo, tasks: Vec<v1::TaskInfo>) {
        self.message(Message::RunTaskGroup(internal::RunTaskGroupMessage {
            framework: framework_info(),
            executor,
            task_group: v1::TaskGroupInfo { tasks },
            ..Default::default()
        }));
    }

    pub(crate) fn kill(&mut self, task: &str) {
        self.message(Message::KillTask(internal::KillTaskMessage {
            framework_id: framework_id().to_proto(),
            task_id: TaskId::from(task).to_proto(),
            kill_policy: None,
        }));
    }

    /// The container of an executor runs.
    pub(crate) fn launched(&mut self, executor: &str) -> ContainerId {
        let container_id = self.executor(executor).container_id.clone();
        let status = v1::ContainerStatus {
            container_id: Some(container_id.to_proto()),
            executor_pid: Some(42),
            ..Default::default()
        };
        let status = Box::new(status);
        self.input(Input::ContainerLaunched {
            container_id: container_id.clone(),
            status,
        });
        container_id
    }

    pub(crate) fn exited(&mut self, container_id: ContainerId, termination: Termination) {
        let termination = Box::new(termination);
        self.input(Input::ContainerExited {
            container_id,
            termination,
        });
    }

    /// Makes a call; gives its id.
    pub(crate) fn call(&mut self, executor: &str, call: Call) -> CallId {
        self.calls += 1;
        let call_id = CallId(self.calls);
        let call = Call {
            executor_id: ExecutorId::from(executor).to_proto(),
            framework_id: framework_id().to_proto(),
            ..call
        };
        self.input(Input::ExecutorCall {
            call_id,
            call: Box::new(call),
        });
        call_id
    }

    pub(crate) fn subscribe(&mut self, executor: &str) -> CallId {
        self.call(
            executor,
            Call {
                r#type: Some(call::Type::Subscribe as i32),
                subscribe: Some(call::Subscribe::default()),
                ..Default::default()
            },
        )
    }

    /// The driver of an executor registers.
    pub(crate) fn register_driver(&mut self, executor: &str) {
        let message = Message::RegisterExecutor(internal::RegisterExecutorMessage {
            framework_id: framework_id().to_proto(),
            executor_id: ExecutorId::from(executor).to_proto(),
        });
        self.message_from(&driver(), message);
    }

    /// A status update as the driver of an executor sends it.
    pub(crate) fn driver_update(&mut self, executor: &str, status: v1::TaskStatus) {
        let update = internal::StatusUpdate {
            framework_id: framework_id().to_proto(),
            executor_id: Some(ExecutorId::from(executor).to_proto()),
            slave_id: Some(AgentId::from("m-S0").to_proto()),
            timestamp: WALL_SECS as f64,
            uuid: status.uuid.clone(),
            latest_state: None,
            status,
        };
        let pid = Some(driver().to_string());
        let message = Message::StatusUpdate(internal::StatusUpdateMessage { update, pid });
        self.message_from(&driver(), message);
    }

    /// Runs a command task up to where its executor has it.
    pub(crate) fn running_command_task(&mut self, id: &str) -> ContainerId {
        self.run(command_task(id, "true"));
        let container_id = self.launched(id);
        self.subscribe(id);
        container_id
    }

    pub(crate) fn status(&self, task: &str, state: v1::TaskState, uuid: Uuid) -> v1::TaskStatus {
        v1::TaskStatus {
            task_id: TaskId::from(task).to_proto(),
            state: state as i32,
            source: Some(v1::task_status::Source::Executor as i32),
            uuid: Some(uuid.as_bytes().to_vec().into()),
            ..Default::default()
        }
    }

    /// An executor's update; gives the call's id.
    pub(crate) fn update(
        &mut self,
        executor: &str,
        task: &str,
        state: v1::TaskState,
        uuid: Uuid,
    ) -> CallId {
        let status = self.status(task, state, uuid);
        self.call(executor, update_call(status))
    }

    pub(crate) fn acknowledge(&mut self, task: &str, uuid: Uuid) {
        self.message(Message::StatusUpdateAcknowledgement(
            internal::StatusUpdateAcknowledgementMessage {
                slave_id: AgentId::from("m-S0").to_proto(),
                framework_id: framework_id().to_proto(),
                task_id: TaskId::from(task).to_proto(),
                uuid: uuid.as_bytes().to_vec().into(),
            },
        ));
    }

    /// Acknowledges the update that is outstanding.
    pub(crate) fn acknowledge_sent(&mut self, update: &internal::StatusUpdate) {
        let uuid = Uuid::from_slice(update.uuid.as_ref().unwrap()).unwrap();
        self.acknowledge(&update.status.task_id.value.clone(), uuid);
    }

    pub(crate) fn framework(&self) -> &Framework {
        self.agent.framework(&framework_id()).unwrap()
    }

    pub(crate) fn executor(&self, id: &str) -> &Executor {
        self.agent
            .executor(&framework_id(), &ExecutorId::from(id))
            .unwrap()
    }

    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// What was sent over libprocess; forgets all effects.
    pub(crate) fn sent(&mut self) -> Vec<Outgoing> {
        let sent = |effect| match effect {
            Effect::Send { message, .. } => Some(*message),
            _ => None,
        };
        self.take().into_iter().filter_map(sent).collect()
    }

    /// The status updates that were sent; forgets all effects.
    pub(crate) fn updates(&mut self) -> Vec<internal::StatusUpdate> {
        let update = |message| match message {
            Outgoing::StatusUpdate(message) => Some(message.update),
            _ => None,
        };
        self.sent().into_iter().filter_map(update).collect()
    }

    /// The one status update that was sent; forgets all effects.
    pub(crate) fn only_update(&mut self) -> internal::StatusUpdate {
        let mut updates = self.updates();
        assert_eq!(updates.len(), 1, "{updates:?}");
        updates.remove(0)
    }

    /// The events that were sent to executors.
    pub(crate) fn events(&self) -> Vec<Event> {
        let event = |effect: &Effect| match effect {
            Effect::SendEvent { event, .. } => Some((**event).clone()),
            _ => None,
        };
        self.effects.iter().filter_map(event).collect()
    }

    pub(crate) fn event_types(&self) -> Vec<v1::executor::event::Type> {
        self.events().iter().map(Event::r#type).collect()
    }

    pub(crate) fn launches(&self) -> Vec<&ContainerLaunch> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::LaunchContainer(launch) => Some(&**launch),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn answers(&self) -> Vec<Answer> {
        let answer = |effect: &Effect| match effect {
            Effect::Answer { answer, .. } => Some(answer.clone()),
            _ => None,
        };
        self.effects.iter().filter_map(answer).collect()
    }

    /// After which time a timer was set last, if it was set.
    pub(crate) fn timer_set(&self, wanted: &Timer) -> Option<Duration> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::SetTimer { timer, after } if timer == wanted => Some(*after),
            _ => None,
        })
    }

    pub(crate) fn destroyed(&self, container_id: &ContainerId) -> bool {
        self.effects.iter().any(|effect| {
            matches!(effect, Effect::DestroyContainer(destroyed) if destroyed == container_id)
        })
    }

    pub(crate) fn stopped(&self) -> Option<i32> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Stop { exit_code, .. } => Some(*exit_code),
            _ => None,
        })
    }
}

pub(crate) fn update_call(status: v1::TaskStatus) -> Call {
    Call {
        r#type: Some(call::Type::Update as i32),
        update: Some(call::Update { status }),
        ..Default::default()
    }
}

/// A uuid of version 4 that is easy to tell from others.
pub(crate) fn uuid(number: u8) -> Uuid {
    uuid::Builder::from_random_bytes([number; 16]).into_uuid()
}

/// Splitmix64.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
