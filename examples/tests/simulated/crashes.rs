//! Clusters whose master, agents and the framework itself crash at times that a seed draws.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use actors::detector::FixedDetector;
use actors::executor_driver::{ExecutorActor, ExecutorDriver, ShutdownReason};
use actors::http_client::ContentType;
use actors::scheduler_driver::{SchedulerConfig, Transport};
use actors::store::{MemoryStore, StoreError};
use containerizer::fake::FakeContainerizer;
use examples::run_commands::Commands;
use examples::{Framework, Settings};
use messages::v1::framework_info::{Capability, capability};
use messages::v1::{
    FrameworkInfo, KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus,
};
use model::Role;
use model::ids::ContainerId;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use runtime::{Actor, Context, Declaration, Placement, World};

use crate::cluster::{self, Launched, cluster};

const COMMANDS: usize = 30;
const AGENTS: usize = 2;
/// How long after the last crash all must be done.
const DONE_WITHIN: Duration = Duration::from_secs(20 * 60);

/// How often each command came to its end, by its text.
type Ends = Arc<Mutex<BTreeMap<String, u32>>>;

/// An executor whose one task takes as many seconds as its command says.
struct Executor {
    driver: ExecutorDriver,
    container: ContainerId,
    fake: FakeContainerizer,
    ends: Ends,
    task: Option<TaskInfo>,
}

impl Executor {
    fn say(&mut self, state: TaskState, context: &mut Context<'_, Self>) {
        let Some(task) = &self.task else { return };
        let status = TaskStatus {
            task_id: task.task_id.clone(),
            state: state.into(),
            ..TaskStatus::default()
        };
        self.driver.update(status, context).unwrap();
    }

    fn exit(&mut self, context: &mut Context<'_, Self>) {
        context.stop();
        self.fake.exit(&self.container, ExitStatus::from_raw(0));
    }
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

    fn launch(&mut self, task: TaskInfo, context: &mut Context<'_, Self>) {
        let command = task.command.clone().unwrap().value.unwrap();
        let seconds: u64 = command.split(' ').next_back().unwrap().parse().unwrap();
        self.task = Some(task);
        self.say(TaskState::TaskRunning, context);
        context.after(Duration::from_secs(seconds), move |executor, context| {
            *executor.ends.lock().unwrap().entry(command).or_default() += 1;
            executor.say(TaskState::TaskFinished, context);
        });
    }

    fn launch_group(&mut self, _: TaskGroupInfo, _: &mut Context<'_, Self>) {}

    fn kill(&mut self, _: TaskId, _: Option<KillPolicy>, context: &mut Context<'_, Self>) {
        self.say(TaskState::TaskKilled, context);
    }

    fn acknowledged(&mut self, status: TaskStatus, context: &mut Context<'_, Self>) {
        if matches!(
            status.state(),
            TaskState::TaskFinished | TaskState::TaskKilled
        ) {
            self.exit(context);
        }
    }

    fn shutdown(&mut self, _: ShutdownReason, context: &mut Context<'_, Self>) {
        self.exit(context);
    }
}

fn start(launched: Launched, ends: Ends) {
    let Launched {
        environment,
        container,
        fake,
        node,
    } = launched;
    let name = container.to_string();
    let executor = Executor {
        driver: ExecutorDriver::new(&environment, ContentType::Protobuf),
        container,
        fake,
        ends,
        task: None,
    };
    node.spawn(name.as_str(), executor, Placement::Here)
        .unwrap();
}

async fn run_framework(
    transport: Transport,
    store: MemoryStore,
    world: World,
    done: Arc<OnceLock<Commands>>,
) -> turmoil::Result {
    let node = cluster::node("framework", world).await?;
    let framework_info = FrameworkInfo {
        user: "sim".to_owned(),
        name: "run-commands".to_owned(),
        failover_timeout: Some(3600.0),
        capabilities: vec![Capability {
            r#type: Some(capability::Type::PartitionAware.into()),
        }],
        ..FrameworkInfo::default()
    };
    let master = FixedDetector::at("master:5050")?;
    let settings = Settings {
        scheduler: SchedulerConfig {
            transport,
            ..SchedulerConfig::new(master, framework_info)
        },
        role: Role::any(),
        patience: Duration::from_secs(60),
        teardown: false,
    };
    let texts = (0..COMMANDS).map(|number| format!("command {number} takes {}", number % 7));
    let (framework, over) =
        Framework::new::<StoreError>(settings, store, |plan: &mut Commands| {
            plan.set(
                texts.collect(),
                "cpus:0.5;mem:64".to_owned().try_into().unwrap(),
                1,
            )
            .expect("these are the commands of the state");
            Ok(())
        })?;
    node.spawn("framework", framework, Placement::Here)?;
    let state = over.await??;
    done.set(state.plan).ok();
    Ok(())
}

/// Runs a cluster through the crashes that a seed draws; gives how often each command came
/// to its end.
fn run(seed: u64) -> BTreeMap<String, u32> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (ends, store) = (Ends::default(), MemoryStore::default());
    let (mut sim, seeds) = {
        let ends = Arc::clone(&ends);
        let launch = move |launched| start(launched, Arc::clone(&ends));
        cluster(seed, AGENTS, Arc::new(launch))
    };
    let done = Arc::new(OnceLock::new());
    {
        let done = Arc::clone(&done);
        let transport = match seed % 2 {
            0 => Transport::default(),
            _ => Transport::Libprocess,
        };
        sim.host("framework", move || {
            let world = seeds.world();
            run_framework(transport.clone(), store.clone(), world, Arc::clone(&done))
        });
    }
    for _ in 0..rng.random_range(0..6) {
        let host = match rng.random_range(0..4) {
            0 => "master".to_owned(),
            1 => format!("agent-{}", rng.random_range(0..AGENTS)),
            _ => "framework".to_owned(),
        };
        advance(&mut sim, rng.random_range(0..12_000), &done);
        if done.get().is_none() {
            sim.crash(host.as_str());
            advance(&mut sim, rng.random_range(0..5_000), &done);
            sim.bounce(host.as_str());
        }
    }
    let last = sim.elapsed();
    while done.get().is_none() {
        assert!(
            sim.elapsed() < last + DONE_WITHIN,
            "seed {seed}: not done; came to their ends: {:?}",
            ends.lock().unwrap()
        );
        sim.step().unwrap();
    }
    let commands = done.get().unwrap();
    assert!(commands.is_well(), "seed {seed}: {}", commands.table());
    drop(sim);
    let ends = ends.lock().unwrap();
    assert_eq!(ends.len(), COMMANDS, "seed {seed}: {ends:?}");
    ends.clone()
}

fn advance(sim: &mut turmoil::Sim<'_>, millis: u64, done: &OnceLock<Commands>) {
    let until = sim.elapsed() + Duration::from_millis(millis);
    while sim.elapsed() < until && done.get().is_none() {
        sim.step().unwrap();
    }
}

#[test]
fn all_commands_come_to_their_ends_whatever_crashes() {
    let seeds = std::env::var("SIM_SEEDS").map_or(30, |text| text.parse().unwrap());
    for seed in 0..seeds {
        run(seed);
    }
}
