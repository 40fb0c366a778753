//! A small world around a master, for tests of conversations.

use std::time::Duration;

use messages::internal::{
    RegisterSlaveMessage, ReregisterSlaveMessage, StatusUpdate, StatusUpdateMessage,
};
use messages::v1;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Accept, Acknowledge, Subscribe, Type};
use messages::v1::scheduler::{Call, Event};
use messages::v1::{TaskState, TaskStatus};
use model::ids::{AgentId, FrameworkId, TaskId};
use model::{Resources, Role};
use runtime_core::Pid;

use crate::allocator::messages::{Input as ToAllocator, Offered, Offers};
use crate::connection::{Connection, Outcome, StreamId, Token};
use crate::effect::{Effect, ToAgent};
use crate::env::{Env, Moment, Time};
use crate::input::{FromAgent, Input, Timer};
use crate::registry::{Operation, Registry};
use crate::{Config, Master};

/// A master whose registry answers at once, and whose clocks stand until they are moved.
pub(crate) struct World {
    pub(crate) master: Master,
    pub(crate) registry: Registry,
    pub(crate) now: Duration,
    /// Whether registry writes wait until [`World::write`].
    pub(crate) hold_writes: bool,
    held: Vec<(crate::registry::Ticket, Operation)>,
    random: u64,
    token: u64,
}

impl World {
    /// A master that leads over an empty registry.
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Registry::default())
    }

    pub(crate) fn with(config: Config, registry: Registry) -> Self {
        let mut world = Self::unrecovered(config, registry);
        let registry = world.registry.clone();
        world.handle(Input::Recovered(Box::new(registry)));
        world
    }

    /// A master that has not read the registry yet.
    pub(crate) fn unrecovered(config: Config, registry: Registry) -> Self {
        let info = v1::MasterInfo {
            id: "m".to_owned(),
            port: 5050,
            ..Default::default()
        };
        Self {
            master: Master::new(info, config, Time::from_seconds(1000.0)),
            registry,
            now: Duration::ZERO,
            hold_writes: false,
            held: Vec::new(),
            random: 0,
            token: 0,
        }
    }

    /// Feeds one input and gives the effects; writes are carried out at once, with what
    /// follows, unless they are held.
    pub(crate) fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = self.feed(input);
        if !self.hold_writes {
            while let Some(index) = effects
                .iter()
                .position(|it| matches!(it, Effect::Write { .. }))
            {
                let Effect::Write { ticket, operation } = effects.remove(index) else {
                    unreachable!()
                };
                let result = Ok(self.registry.apply(&operation).is_ok());
                effects.extend(self.feed(Input::Written { ticket, result }));
            }
        }
        effects
    }

    fn feed(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let time = Time::from_seconds(2000.0 + self.now.as_secs_f64());
        let mut random = || {
            self.random += 1;
            self.random
        };
        let mut env = Env::new(Moment::new(self.now), time, &mut random);
        self.master.handle(input, &mut env, &mut effects);
        for effect in &effects {
            if let Effect::Write { ticket, operation } = effect
                && self.hold_writes
            {
                self.held.push((*ticket, operation.clone()));
            }
        }
        effects
    }

    /// Carries out the writes that were held.
    pub(crate) fn write(&mut self) -> Vec<Effect> {
        let held = std::mem::take(&mut self.held);
        let mut effects = Vec::new();
        for (ticket, operation) in held {
            let result = Ok(self.registry.apply(&operation).is_ok());
            effects.extend(self.feed(Input::Written { ticket, result }));
        }
        effects
    }

    pub(crate) fn timer(&mut self, timer: Timer) -> Vec<Effect> {
        self.handle(Input::Timer(timer))
    }

    /// The agent does not answer until it is unreachable.
    pub(crate) fn lose(&mut self, number: u16, agent: &AgentId) -> Vec<Effect> {
        let effects = self.handle(Input::Exited(agent_pid(number)));
        let return_timer = timers(&effects)
            .into_iter()
            .map(|(_, timer)| timer)
            .find(|timer| matches!(timer, Timer::AgentReturn { agent: own, .. } if own == agent));
        self.timer(return_timer.expect("the agent was connected"))
    }

    fn token(&mut self) -> Token {
        self.token += 1;
        Token(self.token)
    }

    /// A new agent with these resources, known by `host` and its number.
    pub(crate) fn agent(&mut self, number: u16, resources: &str) -> AgentId {
        self.register(number, resources).0
    }

    pub(crate) fn register(&mut self, number: u16, resources: &str) -> (AgentId, Vec<Effect>) {
        let message = RegisterSlaveMessage {
            slave: agent_info(number, resources),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: agent_capabilities(),
            ..Default::default()
        };
        let message = FromAgent::Register(Box::new(message));
        let effects = self.agent_says(number, message);
        let id = effects.iter().find_map(|effect| match effect {
            Effect::Agent {
                message: ToAgent::Registered(message),
                ..
            } => Some(AgentId::from(&message.slave_id)),
            _ => None,
        });
        (id.expect("the agent is welcome"), effects)
    }

    pub(crate) fn agent_says(&mut self, number: u16, message: FromAgent) -> Vec<Effect> {
        self.handle(Input::Agent {
            from: agent_pid(number),
            message,
        })
    }

    /// Subscribes by HTTP and gives the stream that was opened, with the effects.
    pub(crate) fn subscribe_with(&mut self, info: v1::FrameworkInfo) -> (StreamId, Vec<Effect>) {
        let token = self.token();
        let call = Call {
            framework_id: info.id.clone(),
            r#type: Some(Type::Subscribe.into()),
            subscribe: Some(Subscribe {
                framework_info: info,
                ..Default::default()
            }),
            ..Default::default()
        };
        let effects = self.handle(Input::SchedulerCall {
            token,
            stream: None,
            principal: None,
            call: Box::new(call),
        });
        let stream = effects
            .iter()
            .find_map(|effect| match effect {
                Effect::OpenStream {
                    token: answered,
                    stream,
                } if *answered == token => Some(*stream),
                _ => None,
            })
            .expect("a stream is opened");
        (stream, effects)
    }

    /// A new framework of role `*`, without failover timeout.
    pub(crate) fn framework(&mut self) -> (FrameworkId, StreamId) {
        self.framework_with(framework_info())
    }

    pub(crate) fn framework_with(&mut self, info: v1::FrameworkInfo) -> (FrameworkId, StreamId) {
        let (stream, effects) = self.subscribe_with(info);
        let id = events(&effects)
            .find_map(|event| event.subscribed.as_ref())
            .map(|subscribed| FrameworkId::from(&subscribed.framework_id))
            .expect("the framework is subscribed");
        (id, stream)
    }

    /// A call on the framework's stream; it must be accepted.
    pub(crate) fn call(&mut self, framework: &FrameworkId, call: Call) -> Vec<Effect> {
        let (outcome, effects) = self.try_call(framework, call);
        assert_eq!(outcome.status() / 100, 2, "{outcome:?}");
        effects
    }

    /// A call on the framework's stream, with its answer taken out of the effects.
    pub(crate) fn try_call(
        &mut self,
        framework: &FrameworkId,
        mut call: Call,
    ) -> (Outcome, Vec<Effect>) {
        call.framework_id = Some(framework.to_proto());
        let stream = self
            .master
            .snapshot()
            .frameworks
            .get(framework)
            .and_then(|it| it.connection()?.stream())
            .map(|stream| stream.to_string());
        self.raw_call(stream, call)
    }

    pub(crate) fn raw_call(
        &mut self,
        stream: Option<String>,
        call: Call,
    ) -> (Outcome, Vec<Effect>) {
        let token = self.token();
        let input = Input::SchedulerCall {
            token,
            stream,
            principal: None,
            call: Box::new(call),
        };
        let mut effects = self.handle(input);
        let answer = effects
            .iter()
            .position(|it| matches!(it, Effect::Answer { token: own, .. } if *own == token))
            .expect("the call is answered");
        match effects.remove(answer) {
            Effect::Answer { outcome, .. } => (outcome, effects),
            _ => unreachable!(),
        }
    }

    /// Offers resources of an agent to a framework and gives the offer as it got it.
    pub(crate) fn offer(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &str,
    ) -> v1::Offer {
        let role = Role::any();
        let resources = resources_of(resources).allocated(&role);
        let offered = Offered {
            framework_id: framework.clone(),
            role,
            agent_id: agent.clone(),
            resources,
        };
        let effects = self.handle(Input::Offers(Offers {
            offers: vec![offered],
        }));
        events(&effects)
            .find_map(|event| event.offers.clone())
            .expect("an offer arrives")
            .offers
            .remove(0)
    }

    pub(crate) fn accept(
        &mut self,
        framework: &FrameworkId,
        offers: &[&v1::Offer],
        operations: Vec<v1::offer::Operation>,
    ) -> Vec<Effect> {
        let accept = Accept {
            offer_ids: offers.iter().map(|offer| offer.id.clone()).collect(),
            operations,
            filters: None,
        };
        self.call(
            framework,
            Call {
                accept: Some(accept),
                ..call(Type::Accept)
            },
        )
    }

    /// Launches a command task of `cpus:1;mem:32` by an offer made for it.
    pub(crate) fn task(&mut self, framework: &FrameworkId, agent: &AgentId, id: &str) -> TaskId {
        let offer = self.offer(framework, agent, "cpus:1;mem:32");
        let effects = self.accept(
            framework,
            &[&offer],
            vec![launch(vec![task_info(id, agent)])],
        );
        assert!(
            effects.iter().any(|it| matches!(
                it,
                Effect::Agent {
                    message: ToAgent::RunTask(_),
                    ..
                }
            )),
            "{effects:?}"
        );
        TaskId::from(id)
    }

    /// A status update from the task's agent, with a uuid of which all bytes are `uuid`
    /// but those that say it is one.
    pub(crate) fn update(
        &mut self,
        number: u16,
        agent: &AgentId,
        framework: &FrameworkId,
        task: &TaskId,
        state: TaskState,
        uuid: u8,
    ) -> Vec<Effect> {
        let update = StatusUpdate {
            framework_id: framework.to_proto(),
            executor_id: None,
            slave_id: Some(agent.to_proto()),
            status: TaskStatus {
                task_id: task.to_proto(),
                state: state.into(),
                uuid: Some(uuid_bytes(uuid)),
                ..Default::default()
            },
            timestamp: 3000.0,
            uuid: Some(uuid_bytes(uuid)),
            latest_state: Some(state.into()),
        };
        let pid = Some(agent_pid(number).to_string());
        let message = StatusUpdateMessage { update, pid };
        self.agent_says(number, FromAgent::StatusUpdate(Box::new(message)))
    }

    pub(crate) fn acknowledge(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        task: &TaskId,
        uuid: u8,
    ) -> Vec<Effect> {
        let acknowledge = Acknowledge {
            agent_id: agent.to_proto(),
            task_id: task.to_proto(),
            uuid: uuid_bytes(uuid),
        };
        let call = Call {
            acknowledge: Some(acknowledge),
            ..call(Type::Acknowledge)
        };
        self.call(framework, call)
    }

    /// The state of a live task in the books.
    pub(crate) fn state_of(&self, framework: &FrameworkId, task: &TaskId) -> Option<TaskState> {
        let snapshot = self.master.snapshot();
        Some(snapshot.frameworks.get(framework)?.task(task)?.state())
    }

    /// The books balance: what agents and frameworks count is what their tasks,
    /// executors and offers hold.
    pub(crate) fn check_books(&self) {
        let snapshot = self.master.snapshot();
        let mut total = Resources::default();
        for agent in snapshot.agents.registered().values() {
            total += agent.total();
            let offered: Resources = snapshot
                .offers
                .all()
                .values()
                .filter(|offer| offer.agent() == agent.id())
                .map(|offer| offer.resources())
                .sum();
            assert_eq!(*agent.offered(), offered);
            let mut used = Resources::default();
            for (framework, task) in agent.tasks() {
                let task = snapshot
                    .frameworks
                    .get(framework)
                    .unwrap()
                    .task(task)
                    .unwrap();
                if task.is_live() {
                    used += task.resources();
                }
            }
            for (framework, executor) in agent.executors() {
                let framework = snapshot.frameworks.get(framework).unwrap();
                used += framework
                    .executor(agent.id(), executor)
                    .unwrap()
                    .resources();
            }
            assert_eq!(agent.total_used(), used);
        }
        assert_eq!(*snapshot.agents.total(), total.scalars());
        for framework in snapshot.frameworks.registered().values() {
            let tasks = framework.tasks().values().filter(|task| task.is_live());
            let mut used: Resources = tasks.map(|task| task.resources()).sum();
            for executor in framework.executors().values() {
                used += executor.resources();
            }
            assert_eq!(*framework.used(), used.scalars());
            assert_eq!(snapshot.used_by(framework), used);
            assert_eq!(
                *framework.offered(),
                snapshot.offered_to(framework).scalars()
            );
            for (state, count) in TaskStates.map(|state| {
                let tasks = framework.tasks().values();
                (state, tasks.filter(|task| task.state() == state).count())
            }) {
                assert_eq!(framework.task_counts().get(state) as usize, count);
            }
        }
    }
}

/// The resources that `text` names.
pub(crate) fn resources_of(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

/// All task states.
struct TaskStates;

impl TaskStates {
    fn map<T>(self, f: impl Fn(TaskState) -> T) -> impl Iterator<Item = T> {
        (0..14)
            .filter_map(|number| TaskState::try_from(number).ok())
            .map(f)
    }
}

pub(crate) fn agent_pid(number: u16) -> Pid {
    format!("slave(1)@10.0.0.{number}:5051").parse().unwrap()
}

pub(crate) fn agent_info(number: u16, resources: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: format!("host{number}"),
        port: Some(5051),
        resources: resources_of(resources).to_proto(),
        ..Default::default()
    }
}

pub(crate) fn agent_capabilities() -> Vec<v1::agent_info::Capability> {
    use v1::agent_info::capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
        Type::TaskResourceLimits,
    ]
    .map(|it| v1::agent_info::Capability {
        r#type: Some(it.into()),
    })
    .to_vec()
}

/// A report of an agent that runs nothing.
pub(crate) fn report(number: u16, id: &AgentId, resources: &str) -> ReregisterSlaveMessage {
    ReregisterSlaveMessage {
        slave: v1::AgentInfo {
            id: Some(id.to_proto()),
            ..agent_info(number, resources)
        },
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        ..Default::default()
    }
}

/// A task in an agent's report.
pub(crate) fn reported_task(
    id: &str,
    agent: &AgentId,
    framework: &FrameworkId,
    state: TaskState,
) -> v1::Task {
    v1::Task {
        name: id.to_owned(),
        task_id: v1::TaskId {
            value: id.to_owned(),
        },
        framework_id: framework.to_proto(),
        agent_id: agent.to_proto(),
        state: state.into(),
        resources: resources_of("cpus:1;mem:32")
            .allocated(&Role::any())
            .to_proto(),
        ..Default::default()
    }
}

pub(crate) fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: "user".to_owned(),
        name: "test".to_owned(),
        checkpoint: Some(true),
        ..Default::default()
    }
}

pub(crate) fn with_capability(
    mut info: v1::FrameworkInfo,
    capability: Capability,
) -> v1::FrameworkInfo {
    let capability = v1::framework_info::Capability {
        r#type: Some(capability.into()),
    };
    info.capabilities.push(capability);
    info
}

pub(crate) fn call(kind: Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

/// A command task of `cpus:1;mem:32`.
pub(crate) fn task_info(id: &str, agent: &AgentId) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.to_owned(),
        task_id: v1::TaskId {
            value: id.to_owned(),
        },
        agent_id: agent.to_proto(),
        resources: resources_of("cpus:1;mem:32").to_proto(),
        command: Some(v1::CommandInfo {
            value: Some("true".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An executor of these resources.
pub(crate) fn executor_info(id: &str, resources: &str) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId {
            value: id.to_owned(),
        },
        command: Some(v1::CommandInfo {
            value: Some("run".to_owned()),
            ..Default::default()
        }),
        resources: resources_of(resources).to_proto(),
        ..Default::default()
    }
}

/// The task, with an executor of its own.
pub(crate) fn by_executor(task: v1::TaskInfo, executor: v1::ExecutorInfo) -> v1::TaskInfo {
    v1::TaskInfo {
        command: None,
        executor: Some(executor),
        ..task
    }
}

pub(crate) fn launch(tasks: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
        ..Default::default()
    }
}

pub(crate) fn uuid_bytes(byte: u8) -> prost::bytes::Bytes {
    let mut bytes = [byte; 16];
    bytes[6] = 0x40 | (byte & 0x0f);
    bytes[8] = 0x80 | (byte & 0x3f);
    bytes.to_vec().into()
}

/// The events to frameworks among the effects.
pub(crate) fn events(effects: &[Effect]) -> impl Iterator<Item = &Event> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Framework(to) => Some(&to.event),
        _ => None,
    })
}

/// The events to one connection among the effects.
pub(crate) fn events_to<'a>(effects: &'a [Effect], connection: &Connection) -> Vec<&'a Event> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Framework(to) if to.to == *connection => Some(&to.event),
            _ => None,
        })
        .collect()
}

/// The statuses that frameworks are told.
pub(crate) fn statuses(effects: &[Effect]) -> Vec<&TaskStatus> {
    events(effects)
        .filter_map(|event| event.update.as_ref())
        .map(|it| &it.status)
        .collect()
}

/// The messages to agents among the effects.
pub(crate) fn to_agents(effects: &[Effect]) -> Vec<&ToAgent> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Agent { message, .. } => Some(message),
            _ => None,
        })
        .collect()
}

/// What the allocator is told among the effects.
pub(crate) fn to_allocator(effects: &[Effect]) -> Vec<&ToAllocator> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Allocator(input) => Some(input),
            _ => None,
        })
        .collect()
}

/// The timers that were set.
pub(crate) fn timers(effects: &[Effect]) -> Vec<(Duration, Timer)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Timer { after, timer } => Some((*after, timer.clone())),
            _ => None,
        })
        .collect()
}

/// What the allocator gets back, as text, with how long it is refused.
pub(crate) fn freed(effects: &[Effect]) -> Vec<(String, Option<Duration>)> {
    to_allocator(effects)
        .into_iter()
        .filter_map(|input| match input {
            ToAllocator::RecoverResources(it) => {
                Some((it.resources.unallocated().to_string(), it.refuse))
            }
            _ => None,
        })
        .collect()
}
