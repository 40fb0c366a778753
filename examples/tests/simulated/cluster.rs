//! A master and agents without processes: what executors are is up to the test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use actors::executor_driver::ExecutorEnvironment;
use containerizer::fake::{FakeContainerizer, Happening};
use master::registrar::MemoryLog;
use model::ids::ContainerId;
use runtime::flags::{Flags, Loaded, Program};
use runtime::{Limits, Node, NodeConfig, World};
use turmoil::Sim;

/// What the wall clock shows when a simulation begins.
const EPOCH: Duration = Duration::from_secs(1_795_000_000);

/// A container that was launched: an executor is to be spawned on `node` under the
/// container's id, and says by `fake` when it exits.
pub(crate) struct Launched {
    pub(crate) environment: ExecutorEnvironment,
    pub(crate) container: ContainerId,
    pub(crate) fake: FakeContainerizer,
    pub(crate) node: Node,
}

type Launch = Arc<dyn Fn(Launched) + Send + Sync>;

/// A simulation with a master, and so many agents of 2 CPUs each.
pub(crate) fn cluster(seed: u64, agents: usize, launch: Launch) -> (Sim<'static>, Seeds) {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .epoch(SystemTime::UNIX_EPOCH + EPOCH)
        .tick_duration(Duration::from_millis(20))
        .simulation_duration(Duration::MAX)
        .tcp_capacity(1 << 12)
        .build();
    let seeds = Seeds(Arc::new(Mutex::new(seed << 32)));
    let log = MemoryLog::default();
    {
        let seeds = seeds.clone();
        sim.host("master", move || run_master(log.clone(), seeds.world()));
    }
    for number in 0..agents {
        let (seeds, launch) = (seeds.clone(), Arc::clone(&launch));
        sim.host(format!("agent-{number}"), move || {
            run_agent(number, seeds.clone(), Arc::clone(&launch))
        });
    }
    (sim, seeds)
}

/// A node of frameworks or executors on this host: with a port, for libprocess.
pub(crate) async fn node(host: &str, world: World) -> Result<Node, runtime::NodeError> {
    let mut config = NodeConfig::new(([0, 0, 0, 0], 7000).into());
    config.advertise = Some((turmoil::lookup(host), 7000).into());
    config.world = world;
    Node::start(config).await
}

fn containerizer(node: Node, launch: Launch) -> FakeContainerizer {
    FakeContainerizer::observed(move |fake, happening| match happening {
        Happening::Launched(config) => {
            let variable = |name: &'static str| {
                let found = config.environment.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            launch(Launched {
                environment: ExecutorEnvironment::read(variable).unwrap(),
                container: config.container_id.clone(),
                fake: fake.clone(),
                node: node.clone(),
            });
        }
        Happening::Destroyed(container) => {
            node.terminate(&node.pid(container.to_string().as_str()));
        }
        Happening::Updated(..) => {}
    })
}

/// Gives every life of every host randomness of its own.
#[derive(Clone)]
pub(crate) struct Seeds(Arc<Mutex<u64>>);

impl Seeds {
    pub(crate) fn world(&self) -> World {
        let mut next = self.0.lock().unwrap();
        *next = next.wrapping_add(1);
        World::simulated(*next, turmoil::since_epoch().unwrap_or(EPOCH))
    }
}

fn load(program: &Program, host: &str, port: u16, more: &[&str]) -> Flags {
    let place = [
        "--ip=0.0.0.0".to_owned(),
        format!("--advertise_ip={}", turmoil::lookup(host)),
        format!("--hostname={host}"),
        format!("--port={port}"),
        "--work_dir=/sim".to_owned(),
    ];
    let args = place
        .into_iter()
        .chain(more.iter().map(|&flag| flag.to_owned()));
    match program.load(args, [], |_| Err(std::io::ErrorKind::NotFound.into())) {
        Ok(Loaded::Run(flags)) => flags,
        other => panic!("the flags are good: {other:?}"),
    }
}

async fn run_master(log: MemoryLog, world: World) -> turmoil::Result {
    let flags = load(&master::PROGRAM, "master", 5050, &[]);
    let surroundings = master::Surroundings {
        world,
        shown: flags.shown(),
        limits: Limits::default(),
    };
    let options = master::Options::read(&flags, |_| None)?;
    let mut running = master::start(options, Arc::new(log), surroundings).await?;
    Err((&mut running.ended).await?.into())
}

async fn run_agent(number: usize, seeds: Seeds, launch: Launch) -> turmoil::Result {
    let host = format!("agent-{number}");
    let flags = load(
        &agent::PROGRAM,
        &host,
        5051,
        &[
            "--master=master:5050",
            "--launcher_dir=/sim",
            "--resources=cpus:2;mem:1024;disk:1000;ports:[]",
        ],
    );
    let mut options = agent::Options::read(&flags, |_| None, &agent::Machine::default())?;
    options.core.command_executor = Ok(PathBuf::from("/sim/mesos-executor"));
    let executors = node(&host, seeds.world()).await?;
    let ports = agent::Ports {
        containerizer: Arc::new(containerizer(executors, launch)),
        detector: Arc::new(agent::FixedDetector::new(options.master.clone())),
        disk: Arc::new(agent::NoDisk),
    };
    let surroundings = agent::Surroundings {
        world: seeds.world(),
        limits: Limits::default(),
    };
    let mut running = agent::start(options, ports, surroundings).await?;
    Err(running.ended().await.reason.into())
}
