//! One simulation from beginning to end: the cluster is made, suffers its faults, settles,
//! and is looked over.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use agent::{FixedDetector, NoDisk};
use containerizer::fake::FakeContainerizer;
use runtime::flags::{Flags, Loaded, Program};
use runtime::{Limits, Node, NodeConfig, Placement, World};
use turmoil::Sim;

use crate::auditor::{self, Sight, settled};
use crate::events::Event;
use crate::executor;
use crate::faults::{self, Agents, Faults, Host, Kind};
use crate::framework::Framework;
use crate::ledger::Ledger;
use crate::observer::{Hardships, Mode, Observer};
use crate::operator::{self, Orders};
use crate::plan::{AgentPlan, FrameworkPlan, MasterPlan, Plan, Speech};
use crate::seams::{Seams, Tap};
use crate::storage::Storage;

/// The simulator's grain of time: within it a host works alone.
const TICK: Duration = Duration::from_millis(20);
/// What the wall clock shows when a simulation begins.
const EPOCH: Duration = Duration::from_secs(1_795_000_000);
/// After how many steps it is looked again whether all is at rest.
const GLANCE: u32 = 5;
/// How long after the last fault everything must be at rest.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);
/// How long it may take then until everything is offered.
const OFFERS_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take until offers are known: a framework on a stream of which a piece was
/// lost, and to which nothing else is sent, misses five heartbeats of 15 seconds first.
const OFFERS_KNOWN_WITHIN: Duration = Duration::from_secs(120);

/// How a simulation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was found.
    pub violations: Vec<String>,
    /// Stands for all that happened.
    pub hash: u64,
    /// Of how many lines that is.
    pub lines: u64,
    /// How much time was simulated.
    pub elapsed: Duration,
    /// What was done to the cluster.
    pub hardships: Hardships,
}

/// What is seen from outside of the hosts.
#[derive(Default)]
struct Visible {
    master: Option<master::Running>,
    agents: Vec<Option<Machine>>,
    /// Whether daemons have come or gone since they were looked at.
    has_changed: bool,
}

impl Visible {
    fn set_master(&mut self, master: Option<master::Running>) {
        self.master = master;
        self.has_changed = true;
    }

    fn set_agent(&mut self, number: usize, machine: Option<Machine>) {
        if let Some(place) = self.agents.get_mut(number) {
            *place = machine;
            self.has_changed = true;
        }
    }

    fn nodes(&self) -> Vec<(String, Node)> {
        let master = self.master.iter();
        let master = master.map(|it| ("master".to_owned(), it.node.clone()));
        let agents = self.agents.iter().enumerate();
        let agents = agents.filter_map(|(number, machine)| {
            let node = machine.as_ref()?.node.clone();
            Some((faults::agent(number), node))
        });
        master.chain(agents).collect()
    }

    fn containers(&self) -> usize {
        let machines = self.agents.iter().flatten();
        machines.map(|it| it.containerizer.running().len()).sum()
    }
}

/// An agent's machine.
struct Machine {
    node: Node,
    containerizer: FakeContainerizer,
    /// Where its executors live.
    executors: Node,
}

type Shared = Arc<Mutex<Visible>>;

fn visible(shared: &Shared) -> MutexGuard<'_, Visible> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a plan; tells all that happens if asked to.
pub fn run(plan: &Plan, seams: Seams, tells: bool) -> Outcome {
    auditor::watch_panics();
    let observer = Observer::new(plan, tells);
    let shared = Shared::default();
    visible(&shared).agents = plan.agents.iter().map(|_| None).collect();
    let ledgers: Vec<_> = plan
        .frameworks
        .iter()
        .map(|plan| Ledger::new(plan.jobs.len()))
        .collect();
    let mut sim = turmoil::Builder::new()
        .rng_seed(plan.seed)
        .epoch(SystemTime::UNIX_EPOCH + EPOCH)
        .tick_duration(TICK)
        .simulation_duration(Duration::MAX)
        .max_message_latency(plan.latency)
        .tcp_capacity(1 << 12)
        .enable_random_order()
        .build();
    let orders = Orders::default();
    let scene = Scene {
        lives: Lives::new(plan.seed),
        observer: observer.clone(),
        seams,
        shared: Arc::clone(&shared),
        orders: orders.clone(),
    };
    let hosts = make_hosts(plan, &mut sim, &scene, &ledgers);
    let mut stage = Stage {
        faults: Faults::new(plan.faults.clone(), hosts, plan.latency, observer.clone()),
        sim,
        observer: observer.clone(),
        shared,
        orders,
        ledgers,
        away: vec![false; plan.agents.len()],
        nodes: Vec::new(),
    };
    stage.play(plan.quiet_from);
    let (hash, lines) = observer.trace();
    Outcome {
        violations: observer.violations(),
        hash,
        lines,
        elapsed: stage.sim.elapsed(),
        hardships: observer.hardships(),
    }
}

/// What all hosts share.
#[derive(Clone)]
struct Scene {
    lives: Lives,
    observer: Observer,
    seams: Seams,
    shared: Shared,
    orders: Orders,
}

fn make_hosts(plan: &Plan, sim: &mut Sim<'_>, scene: &Scene, ledgers: &[Ledger]) -> Vec<Host> {
    let mut hosts = vec!["master".to_owned()];
    let storage = plan.master.storage.clone();
    let log = Storage::new(storage, plan.seed, scene.observer.clone());
    {
        let (plan, scene) = (plan.master.clone(), scene.clone());
        sim.host("master", move || {
            run_master(plan.clone(), log.clone(), scene.clone())
        });
    }
    for (number, plan) in plan.agents.iter().enumerate() {
        let host = faults::agent(number);
        hosts.push(host.clone());
        let (plan, scene) = (plan.clone(), scene.clone());
        sim.host(host, move || run_agent(number, plan.clone(), scene.clone()));
    }
    for (number, (plan, ledger)) in plan.frameworks.iter().zip(ledgers).enumerate() {
        let host = faults::framework(number);
        hosts.push(host.clone());
        let (plan, ledger, scene) = (plan.clone(), ledger.clone(), scene.clone());
        sim.host(host, move || {
            run_framework(number, plan.clone(), ledger.clone(), scene.clone())
        });
    }
    if plan
        .faults
        .iter()
        .any(|fault| matches!(fault.kind, Kind::Gone(_)))
    {
        let scene = scene.clone();
        sim.host("operator", move || {
            operator::run(scene.orders.clone(), scene.observer.clone())
        });
    }
    let host = |name: String| Host {
        address: sim.lookup(name.as_str()),
        name,
    };
    hosts.into_iter().map(host).collect()
}

/// Numbers the lives of all hosts, and gives each randomness of its own.
#[derive(Clone)]
struct Lives(Arc<Mutex<u64>>);

impl Lives {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1,
        )))
    }

    fn begin(&self) -> u64 {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    }
}

impl Scene {
    /// A world for processes of a new life.
    fn world(&self) -> World {
        let now = turmoil::since_epoch().unwrap_or(EPOCH);
        World::simulated(self.lives.begin(), now)
    }

    /// One in which the messages of a daemon are watched.
    fn watched_world(&self, host: &'static str) -> World {
        let now = turmoil::since_epoch().unwrap_or(EPOCH);
        let life = self.lives.begin();
        World::simulated(life, now).filtered(Tap {
            host,
            life,
            observer: self.observer.clone(),
            seams: self.seams.clone(),
        })
    }
}

fn load(program: &Program, args: &[String]) -> Flags {
    let none: [(String, String); 0] = [];
    let args = args.iter().cloned();
    match program.load(args, none, |_| Err(std::io::ErrorKind::NotFound.into())) {
        Ok(Loaded::Run(flags)) => flags,
        other => panic!("the flags are good: {other:?}"),
    }
}

/// Less patient than real ones, so that a simulation need not last so long.
fn limits() -> Limits {
    Limits {
        peer_silence: Duration::from_secs(20),
        ..Limits::default()
    }
}

/// The flags that say where a daemon is.
fn place(host: &str, port: u16) -> Vec<String> {
    vec![
        "--ip=0.0.0.0".to_owned(),
        format!("--advertise_ip={}", turmoil::lookup(host)),
        format!("--hostname={host}"),
        format!("--port={port}"),
        "--work_dir=/sim".to_owned(),
    ]
}

async fn run_master(plan: MasterPlan, log: Storage, scene: Scene) -> turmoil::Result {
    let Scene {
        observer, shared, ..
    } = &scene;
    observer.note(Event::Started("master".to_owned()));
    let flags = load(&master::PROGRAM, &place("master", 5050));
    let mut options = master::Options::read(&flags, |_| None)?;
    // Shorter than flags allow, so that more happens in the time that there is.
    options.core.agent_ping_timeout = plan.ping_timeout;
    options.core.max_agent_ping_timeouts = plan.ping_timeouts;
    options.core.agent_reregister_timeout = plan.reregister_timeout;
    options.core.offer_timeout = plan.offer_timeout;
    let surroundings = master::Surroundings {
        world: scene.watched_world("master"),
        shown: flags.shown(),
        limits: limits(),
    };
    let mut running = master::start(options, Arc::new(log), surroundings).await?;
    let (_, never) = tokio::sync::oneshot::channel();
    let ended = std::mem::replace(&mut running.ended, never);
    visible(shared).set_master(Some(running));
    let why = ended.await.unwrap_or_default();
    observer.note(Event::Ended("master".to_owned(), why));
    visible(shared).set_master(None);
    Ok(())
}

async fn run_agent(number: usize, plan: AgentPlan, scene: Scene) -> turmoil::Result {
    let Scene {
        observer, shared, ..
    } = &scene;
    let host = faults::agent(number);
    observer.note(Event::Started(host.clone()));
    let mut args = place(&host, 5051);
    args.extend([
        "--master=master:5050".to_owned(),
        "--launcher_dir=/sim".to_owned(),
        format!("--resources={}", plan.resources()),
        format!(
            "--executor_shutdown_grace_period={}ms",
            plan.shutdown_grace.as_millis()
        ),
    ]);
    let flags = load(&agent::PROGRAM, &args);
    let mut options = agent::Options::read(&flags, |_| None, &agent::Machine::default())?;
    options.core.command_executor = Ok(PathBuf::from("/sim/mesos-executor"));
    let executors = Node::offline(scene.world());
    let containerizer = executor::containerizer(
        number,
        executors.clone(),
        observer.clone(),
        scene.seams.clone(),
    );
    let ports = agent::Ports {
        containerizer: Arc::new(containerizer.clone()),
        detector: Arc::new(FixedDetector::new(options.master.clone())),
        disk: Arc::new(NoDisk),
    };
    let surroundings = agent::Surroundings {
        world: scene.watched_world("agent"),
        limits: limits(),
    };
    let mut running = agent::start(options, ports, surroundings).await?;
    let part = Machine {
        node: running.node.clone(),
        containerizer,
        executors,
    };
    visible(shared).set_agent(number, Some(part));
    let ended = running.ended().await;
    observer.note(Event::Ended(host, ended.reason));
    visible(shared).set_agent(number, None);
    Ok(())
}

async fn run_framework(
    number: usize,
    plan: FrameworkPlan,
    ledger: Ledger,
    scene: Scene,
) -> turmoil::Result {
    let host = faults::framework(number);
    scene.observer.note(Event::Started(host.clone()));
    let node = match plan.speech {
        Speech::Protobuf | Speech::Json => Node::offline(scene.world()),
        Speech::Libprocess => {
            let mut config = NodeConfig::new(([0, 0, 0, 0], 7000).into());
            config.advertise = Some((turmoil::lookup(host), 7000).into());
            config.world = scene.watched_world("framework");
            config.limits = limits();
            Node::start(config).await?
        }
    };
    let framework = Framework::new(number, plan, ledger, scene.observer, scene.seams);
    node.spawn("framework", framework, Placement::Here)?;
    std::future::pending().await
}

/// A cluster under way.
struct Stage<'a> {
    sim: Sim<'a>,
    faults: Faults,
    observer: Observer,
    shared: Shared,
    orders: Orders,
    ledgers: Vec<Ledger>,
    /// Of each agent, whether the master cannot hear of it.
    away: Vec<bool>,
    /// The nodes of the daemons that are up.
    nodes: Vec<(String, Node)>,
}

impl Stage<'_> {
    fn play(&mut self, quiet_from: Duration) {
        while self.sim.elapsed() < quiet_from {
            self.step();
            if self.is_broken() {
                return;
            }
        }
        self.faults.heal(&mut self.sim);
        self.observer.set_mode(Mode::Settling);
        let agents = self.away.len();
        let unsettled = self.wait(SETTLES_WITHIN, |sight, observer| {
            settled::unsettled(sight, agents).or_else(|| observer.unsettled())
        });
        if let Some(why) = unsettled {
            return self.observer.complain("settled", why);
        }
        self.observer.set_mode(Mode::Probing);
        if let Some(why) = self.wait(OFFERS_WITHIN, |sight, _| settled::withheld(sight)) {
            return self.observer.complain("settled", why);
        }
        let differs = self.wait(OFFERS_KNOWN_WITHIN, |sight, observer| {
            observer.disagreement(sight)
        });
        if let Some(why) = differs {
            self.observer.complain("offers", why);
        }
    }

    fn is_broken(&self) -> bool {
        !self.observer.violations().is_empty()
    }

    /// Goes on until nothing is in the way any more; gives what is when the time is over.
    fn wait(
        &mut self,
        within: Duration,
        in_the_way: impl Fn(&Sight<'_>, &Observer) -> Option<String>,
    ) -> Option<String> {
        let until = self.sim.elapsed() + within;
        loop {
            for _ in 0..GLANCE {
                self.step();
                if self.is_broken() {
                    return None;
                }
            }
            let why = self.with_sight(|sight, observer| in_the_way(sight, observer))?;
            if self.sim.elapsed() >= until {
                return Some(why);
            }
        }
    }

    fn step(&mut self) {
        let machines = Machines {
            shared: &self.shared,
            observer: &self.observer,
            orders: &self.orders,
        };
        self.faults.act(&mut self.sim, &machines);
        self.forget_the_dead();
        if let Err(error) = self.sim.step() {
            self.observer.complain("hosts", error.to_string());
        }
        self.observer.advance(self.sim.elapsed());
        self.with_sight(|sight, observer| observer.look(sight));
    }

    /// What is seen of hosts that are down is what they were.
    fn forget_the_dead(&mut self) {
        self.faults.mark_away(&mut self.sim, &mut self.away);
        let mut visible = visible(&self.shared);
        let [master, agents @ ..] = self.faults.hosts() else {
            return;
        };
        if visible.master.is_some() && !master.is_running(&mut self.sim) {
            visible.set_master(None);
        }
        for (number, agent) in (0..visible.agents.len()).zip(agents) {
            let is_seen = matches!(visible.agents.get(number), Some(Some(_)));
            if is_seen && !agent.is_running(&mut self.sim) {
                visible.set_agent(number, None);
            }
        }
    }

    fn with_sight<T>(&mut self, see: impl FnOnce(&Sight<'_>, &Observer) -> T) -> T {
        let snapshot = {
            let mut visible = visible(&self.shared);
            if std::mem::take(&mut visible.has_changed) {
                self.nodes = visible.nodes();
            }
            visible.master.as_ref().map(master::Running::snapshot)
        };
        let sight = Sight {
            snapshot: snapshot.as_ref(),
            nodes: &self.nodes,
            ledgers: &self.ledgers,
            away: &self.away,
            containers: &|| visible(&self.shared).containers(),
        };
        see(&sight, &self.observer)
    }
}

/// The agents, for faults.
struct Machines<'a> {
    shared: &'a Shared,
    observer: &'a Observer,
    orders: &'a Orders,
}

impl Agents for Machines<'_> {
    fn kill_one(&self, agent: usize) {
        let visible = visible(self.shared);
        if let Some(Some(machine)) = visible.agents.get(agent)
            && let Some(config) = machine.containerizer.running().first()
        {
            executor::kill(
                &config.container_id,
                &machine.containerizer,
                &machine.executors,
                self.observer,
            );
        }
    }

    fn fail_next_launch(&self, agent: usize) {
        let visible = visible(self.shared);
        if let Some(Some(machine)) = visible.agents.get(agent) {
            machine.containerizer.fail_next_launch("simulated");
        }
    }

    fn give_up(&self, agent: usize) {
        let visible = visible(self.shared);
        let Some(snapshot) = visible.master.as_ref().map(master::Running::snapshot) else {
            return;
        };
        let host = faults::agent(agent);
        let mut registered = snapshot.agents.registered().values();
        if let Some(agent) = registered.find(|agent| agent.hostname() == host) {
            self.orders.give_up(agent.id().clone());
        }
    }
}
