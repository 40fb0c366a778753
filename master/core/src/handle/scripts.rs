//! Whatever happens, in whatever order: the books balance, and the allocator agrees with
//! them.

use std::collections::BTreeSet;
use std::time::Duration;

use messages::v1;
use messages::v1::TaskState;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Accept, Decline, Kill, Type};
use model::ids::{AgentId, FrameworkId, TaskId};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::allocator::messages::Offers;
use crate::allocator::{Allocator, Config as AllocatorConfig};
use crate::effect::Effect;
use crate::input::{FromAgent, Input, Timer};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:256;ports:[31000-31009]";

/// One thing that happens; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Agent,
    Framework {
        checkpoint: bool,
        aware: bool,
    },
    Allocate,
    Launch {
        offer: usize,
        tasks: usize,
        executor: bool,
    },
    Decline {
        offer: usize,
    },
    Update {
        task: usize,
        state: TaskState,
    },
    Acknowledge {
        task: usize,
    },
    Kill {
        task: usize,
    },
    Disconnect {
        agent: usize,
    },
    Lose {
        agent: usize,
    },
    Return {
        agent: usize,
        keep: usize,
    },
    Gone {
        agent: usize,
    },
    Leave {
        framework: usize,
        patience: bool,
    },
    Resubscribe {
        framework: usize,
    },
    Teardown {
        framework: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || 0..8_usize;
    let state = prop::sample::select(vec![
        TaskState::TaskStarting,
        TaskState::TaskRunning,
        TaskState::TaskFinished,
        TaskState::TaskFailed,
    ]);
    let step = prop_oneof![
        2 => Just(Step::Agent),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(checkpoint, aware)| Step::Framework { checkpoint, aware }),
        6 => Just(Step::Allocate),
        6 => (some(), 1..3_usize, any::<bool>())
            .prop_map(|(offer, tasks, executor)| Step::Launch { offer, tasks, executor }),
        1 => some().prop_map(|offer| Step::Decline { offer }),
        6 => (some(), state).prop_map(|(task, state)| Step::Update { task, state }),
        4 => some().prop_map(|task| Step::Acknowledge { task }),
        1 => some().prop_map(|task| Step::Kill { task }),
        2 => some().prop_map(|agent| Step::Disconnect { agent }),
        1 => some().prop_map(|agent| Step::Lose { agent }),
        3 => (some(), some()).prop_map(|(agent, keep)| Step::Return { agent, keep }),
        1 => some().prop_map(|agent| Step::Gone { agent }),
        2 => (some(), any::<bool>())
            .prop_map(|(framework, patience)| Step::Leave { framework, patience }),
        2 => some().prop_map(|framework| Step::Resubscribe { framework }),
        1 => some().prop_map(|framework| Step::Teardown { framework }),
    ];
    prop::collection::vec(step, 1..60)
}

/// A world with a real allocator that hears all that the master tells it.
struct Cluster {
    world: World,
    allocator: Allocator,
    rng: StdRng,
    agents: Vec<(u16, AgentId)>,
    frameworks: Vec<FrameworkId>,
    tasks: u32,
}

impl Cluster {
    fn new() -> Self {
        Self {
            world: World::new(),
            allocator: Allocator::new(AllocatorConfig::default()),
            rng: StdRng::seed_from_u64(1),
            agents: Vec::new(),
            frameworks: Vec::new(),
            tasks: 0,
        }
    }

    /// What the master tells the allocator must fit what the allocator knows.
    fn carry_out(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Allocator(input) = effect {
                let answer = self.allocator.handle(input.clone(), self.world.now);
                assert_eq!(answer, Ok(()), "{input:?}");
            }
        }
        self.world.check_books();
    }

    fn step(&mut self, step: Step) {
        let effects = self.effects_of(step);
        self.carry_out(&effects);
    }

    fn effects_of(&mut self, step: Step) -> Vec<Effect> {
        let snapshot = self.world.master.snapshot();
        match step {
            Step::Agent => {
                let number = u16::try_from(self.agents.len()).unwrap() + 1;
                let (id, effects) = self.world.register(number, RESOURCES);
                self.agents.push((number, id));
                effects
            }
            Step::Framework { checkpoint, aware } => {
                let info = v1::FrameworkInfo {
                    checkpoint: Some(checkpoint),
                    failover_timeout: Some(60.0),
                    ..framework_info()
                };
                let info = if aware {
                    with_capability(info, Capability::PartitionAware)
                } else {
                    info
                };
                let (_, effects) = self.world.subscribe_with(info);
                let subscribed = events(&effects).find_map(|event| event.subscribed.as_ref());
                self.frameworks
                    .push(FrameworkId::from(&subscribed.unwrap().framework_id));
                effects
            }
            Step::Allocate => {
                self.world.now += Duration::from_secs(10);
                let offers = self.allocator.run_all(self.world.now, &mut self.rng);
                self.world.handle(Input::Offers(Offers { offers }))
            }
            Step::Launch {
                offer,
                tasks,
                executor,
            } => {
                let Some(offer) = nth(snapshot.offers.all().values(), offer) else {
                    return Vec::new();
                };
                let infos = (0..tasks)
                    .map(|_| self.task(offer.agent(), executor))
                    .collect();
                let accept = Accept {
                    offer_ids: vec![offer.id().to_proto()],
                    operations: vec![launch(infos)],
                    filters: None,
                };
                let accept = v1::scheduler::Call {
                    accept: Some(accept),
                    ..call(Type::Accept)
                };
                self.world.call(offer.framework(), accept)
            }
            Step::Decline { offer } => {
                let Some(offer) = nth(snapshot.offers.all().values(), offer) else {
                    return Vec::new();
                };
                let decline = Decline {
                    offer_ids: vec![offer.id().to_proto()],
                    filters: None,
                };
                let call = v1::scheduler::Call {
                    decline: Some(decline),
                    ..call(Type::Decline)
                };
                self.world.call(offer.framework(), call)
            }
            Step::Update { task, state } => self.with_task(task, |world, number, task| {
                let (agent, framework) = (task.agent(), task.framework());
                world.update(number, agent, framework, task.id(), state, state as u8)
            }),
            Step::Acknowledge { task } => self.with_task(task, |world, _, task| {
                let framework = world
                    .master
                    .snapshot()
                    .frameworks
                    .get(task.framework())
                    .cloned();
                match (task.unacknowledged(), framework) {
                    (Some((state, _)), Some(framework)) if framework.is_connected() => {
                        world.acknowledge(task.framework(), task.agent(), task.id(), state as u8)
                    }
                    _ => Vec::new(),
                }
            }),
            Step::Kill { task } => self.with_task(task, |world, _, task| {
                let framework = world
                    .master
                    .snapshot()
                    .frameworks
                    .get(task.framework())
                    .cloned();
                if !framework.is_some_and(|framework| framework.is_connected()) {
                    return Vec::new();
                }
                let kill = Kill {
                    task_id: task.id().to_proto(),
                    ..Default::default()
                };
                let call = v1::scheduler::Call {
                    kill: Some(kill),
                    ..call(Type::Kill)
                };
                world.call(task.framework(), call)
            }),
            Step::Disconnect { agent } => match nth(&self.agents, agent) {
                Some((number, _)) => self.world.handle(Input::Exited(agent_pid(*number))),
                None => Vec::new(),
            },
            Step::Lose { agent } => match nth(&self.agents, agent).cloned() {
                Some((number, id)) => {
                    let mut effects = self.world.handle(Input::Exited(agent_pid(number)));
                    for (_, timer) in timers(&effects) {
                        if matches!(&timer, Timer::AgentReturn { agent, .. } if *agent == id) {
                            effects.extend(self.world.timer(timer));
                        }
                    }
                    effects
                }
                None => Vec::new(),
            },
            Step::Return { agent, keep } => match nth(&self.agents, agent).cloned() {
                Some((number, id)) => self.return_agent(number, &id, keep),
                None => Vec::new(),
            },
            Step::Gone { agent } => match nth(&self.agents, agent).cloned() {
                Some((_, agent)) => self.world.handle(Input::MarkAgentGone {
                    token: crate::Token(0),
                    agent,
                }),
                None => Vec::new(),
            },
            Step::Leave {
                framework,
                patience,
            } => self.leave(framework, patience),
            Step::Resubscribe { framework } => {
                let known =
                    nth(&self.frameworks, framework).and_then(|id| snapshot.frameworks.get(id));
                match known {
                    Some(known) => self.world.subscribe_with(known.info().clone()).1,
                    None => Vec::new(),
                }
            }
            Step::Teardown { framework } => match nth(&self.frameworks, framework).cloned() {
                Some(framework) => self.world.handle(Input::Teardown {
                    token: crate::Token(0),
                    framework,
                }),
                None => Vec::new(),
            },
        }
    }

    fn task(&mut self, agent: &AgentId, executor: bool) -> v1::TaskInfo {
        self.tasks += 1;
        let task = task_info(&format!("t{}", self.tasks), agent);
        if !executor {
            return task;
        }
        v1::TaskInfo {
            command: None,
            executor: Some(v1::ExecutorInfo {
                executor_id: v1::ExecutorId {
                    value: "e".to_owned(),
                },
                command: Some(v1::CommandInfo::default()),
                resources: resources_of("cpus:0.5;mem:32").to_proto(),
                ..Default::default()
            }),
            ..task
        }
    }

    fn with_task(
        &mut self,
        task: usize,
        act: impl FnOnce(&mut World, u16, &crate::Task) -> Vec<Effect>,
    ) -> Vec<Effect> {
        let snapshot = self.world.master.snapshot();
        let tasks = snapshot
            .frameworks
            .registered()
            .values()
            .flat_map(|it| it.tasks().values());
        let Some(task) = nth(tasks, task) else {
            return Vec::new();
        };
        let number = self.agents.iter().find(|(_, id)| id == task.agent());
        act(&mut self.world, number.unwrap().0, task)
    }

    fn leave(&mut self, framework: usize, patience: bool) -> Vec<Effect> {
        let snapshot = self.world.master.snapshot();
        let stream = nth(&self.frameworks, framework)
            .and_then(|id| snapshot.frameworks.get(id)?.connection()?.stream());
        let Some(stream) = stream else {
            return Vec::new();
        };
        let mut effects = self.world.handle(Input::StreamClosed(stream));
        if !patience {
            for (_, timer) in timers(&effects) {
                effects.extend(self.world.timer(timer));
            }
        }
        effects
    }

    /// The agent reports every `keep`th task and all executors that the master knows there.
    fn return_agent(&mut self, number: u16, id: &AgentId, keep: usize) -> Vec<Effect> {
        let snapshot = self.world.master.snapshot();
        let mut message = report(number, id, RESOURCES);
        let mut frameworks = BTreeSet::new();
        for framework in snapshot.frameworks.registered().values() {
            let unreachable = framework.unreachable_tasks().values();
            let tasks = framework.tasks().values().chain(unreachable);
            let here = tasks.filter(|task| task.agent() == id);
            for task in here.step_by(keep + 1) {
                let mut task = task.to_proto();
                if task.state() == TaskState::TaskUnreachable || task.state() == TaskState::TaskLost
                {
                    task.state = TaskState::TaskRunning.into();
                }
                message.tasks.push(task);
                frameworks.insert(framework.id().clone());
            }
            for executor in framework.executors().values().filter(|it| it.agent() == id) {
                message.executor_infos.push(executor.info().clone());
                frameworks.insert(framework.id().clone());
            }
        }
        message.frameworks = frameworks
            .iter()
            .filter_map(|id| snapshot.frameworks.get(id))
            .map(|framework| framework.info().clone())
            .collect();
        self.world
            .agent_says(number, FromAgent::Reregister(Box::new(message.into())))
    }
}

fn nth<T>(items: impl IntoIterator<Item = T>, index: usize) -> Option<T> {
    let items: Vec<T> = items.into_iter().collect();
    let count = items.len();
    items.into_iter().nth(index.checked_rem(count)?)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn books_balance_whatever_happens(steps in steps()) {
        let mut cluster = Cluster::new();
        for step in steps {
            cluster.step(step);
        }
        // In the end everything goes, and nothing is left.
        for index in 0..cluster.frameworks.len() {
            cluster.step(Step::Teardown { framework: index });
        }
        let snapshot = cluster.world.master.snapshot();
        prop_assert!(snapshot.offers.is_empty());
        for agent in snapshot.agents.registered().values() {
            prop_assert!(agent.used().is_empty());
            prop_assert!(agent.tasks().is_empty() && agent.executors().is_empty());
        }
    }
}

#[test]
fn numbers_choose_among_what_there_is() {
    assert_eq!(nth([1, 2, 3], 4), Some(2));
    assert_eq!(nth(Vec::<TaskId>::new(), 4), None);
}
