//! A small world around a master, for tests of conversations.

mod books;
mod effects;
mod made;

use std::time::Duration;

use messages::internal::{RegisterSlaveMessage, StatusUpdate, StatusUpdateMessage};
use messages::v1;
use messages::v1::scheduler::Call;
use messages::v1::scheduler::call::{Accept, Acknowledge, Subscribe, Type};
use messages::v1::{TaskState, TaskStatus};
use model::Role;
use model::ids::{AgentId, FrameworkId, TaskId};

pub(crate) use self::effects::*;
pub(crate) use self::made::*;
use crate::allocator::messages::{Offered, Offers};
use crate::connection::{Outcome, StreamId, Token};
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
}
