//! What a seed decides before anything runs: the cluster, the work, and the faults.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::faults::{self, Fault};

/// A task that runs so long must be killed.
const FOR_EVER: Duration = Duration::from_secs(100_000);

/// One simulation, drawn from its seed.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub size: Size,
    pub master: MasterPlan,
    pub agents: Vec<AgentPlan>,
    pub frameworks: Vec<FrameworkPlan>,
    /// The longest a segment usually travels.
    pub latency: Duration,
    /// When the last fault is over.
    pub quiet_from: Duration,
    pub faults: Vec<Fault>,
}

/// The master's flags.
#[derive(Debug, Clone)]
pub struct MasterPlan {
    pub ping_timeout: Duration,
    pub ping_timeouts: u32,
    pub reregister_timeout: Duration,
    pub offer_timeout: Option<Duration>,
    pub storage: StoragePlan,
}

/// The disk under the registry.
#[derive(Debug, Clone)]
pub struct StoragePlan {
    /// The longest that a write takes.
    pub slow: Duration,
    /// How often one fails.
    pub fails: f64,
}

/// One agent.
#[derive(Debug, Clone)]
pub struct AgentPlan {
    pub cpus: u32,
    pub mem: u32,
    pub shutdown_grace: Duration,
}

impl AgentPlan {
    /// As its flag has it.
    pub fn resources(&self) -> String {
        format!("cpus:{};mem:{};disk:1000;ports:[]", self.cpus, self.mem)
    }
}

/// One framework.
#[derive(Debug, Clone)]
pub struct FrameworkPlan {
    pub speech: Speech,
    pub role: String,
    pub partition_aware: bool,
    pub checkpoint: bool,
    pub failover_timeout: Duration,
    pub jobs: Vec<JobPlan>,
    /// Seconds for which offers are declined; one of them each time.
    pub refuse_seconds: Vec<f64>,
    /// How often an offer is kept for a while before it is answered.
    pub hoards: f64,
    /// How often an acknowledgement comes late, or only for the update sent again.
    pub acknowledges_late: f64,
    pub forgets_to_acknowledge: f64,
    /// Whether it wants no offers while there is nothing to do.
    pub suppresses: bool,
    /// When it ends itself with all its tasks, to begin anew.
    pub leaves_at: Option<Duration>,
    /// When a second scheduler subscribes in its name.
    pub doubles_at: Option<Duration>,
}

/// How a framework talks to the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    Protobuf,
    Json,
    Libprocess,
}

/// Work that a framework wants done once.
#[derive(Debug, Clone)]
pub struct JobPlan {
    pub millicpus: u32,
    pub mem: u32,
    /// When the framework begins to want it.
    pub from: Duration,
    /// One of the framework's own executors, or the command executor.
    pub executor: Option<u8>,
    pub task: TaskPlan,
    /// After how long the framework kills it.
    pub killed_after: Option<Duration>,
}

/// How large a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Most are: what goes wrong mostly goes wrong among a few.
    Small,
    Middle,
    /// Twenty agents, five frameworks, hundreds of tasks.
    Large,
}

impl Size {
    fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..90 => Self::Small,
            90..98 => Self::Middle,
            _ => Self::Large,
        }
    }

    fn agents(self, rng: &mut StdRng) -> usize {
        match self {
            Self::Small => rng.random_range(1..=4),
            Self::Middle => rng.random_range(5..=10),
            Self::Large => 20,
        }
    }

    fn frameworks(self, rng: &mut StdRng) -> usize {
        match self {
            Self::Small => rng.random_range(1..=3),
            Self::Middle => rng.random_range(2..=5),
            Self::Large => 5,
        }
    }

    fn jobs(self, rng: &mut StdRng) -> usize {
        match self {
            Self::Small => rng.random_range(3..=15),
            Self::Middle => rng.random_range(10..=30),
            Self::Large => rng.random_range(40..=120),
        }
    }
}

/// What a task does; it travels in the task's data.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskPlan {
    /// From launch to TASK_RUNNING.
    pub starts: Duration,
    /// Further updates while it runs.
    pub updates: u32,
    /// From TASK_RUNNING to the end.
    pub runs: Duration,
    pub end: TaskEnd,
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    Finished,
    Failed,
    /// Its executor dies without a word.
    Crash,
}

impl TaskPlan {
    /// As it stands in a task's data.
    pub fn encode(&self) -> String {
        let end = match self.end {
            TaskEnd::Finished => "finished",
            TaskEnd::Failed => "failed",
            TaskEnd::Crash => "crash",
        };
        let (starts, runs) = (self.starts.as_millis(), self.runs.as_millis());
        format!("{starts} {} {runs} {end}", self.updates)
    }

    /// Reads a task's data.
    pub fn decode(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let starts = Duration::from_millis(number()?);
        let updates = u32::try_from(number()?).ok()?;
        let runs = Duration::from_millis(number()?);
        let end = match words.next()? {
            "finished" => TaskEnd::Finished,
            "failed" => TaskEnd::Failed,
            "crash" => TaskEnd::Crash,
            _ => return None,
        };
        Some(Self {
            starts,
            updates,
            runs,
            end,
        })
    }
}

/// A random duration in milliseconds.
pub fn millis(rng: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.random_range(from..=to))
}

fn choose<T: Clone>(rng: &mut StdRng, of: &[T]) -> T {
    of[rng.random_range(0..of.len())].clone()
}

impl Plan {
    /// What `seed` decides.
    pub fn new(seed: u64) -> Self {
        let rng = &mut StdRng::seed_from_u64(seed);
        let size = Size::draw(rng);
        let agents: Vec<_> = (0..size.agents(rng)).map(|_| agent(rng)).collect();
        let quiet_from = millis(rng, 10_000, 60_000);
        let frameworks: Vec<_> = (0..size.frameworks(rng))
            .map(|_| framework(rng, size, quiet_from))
            .collect();
        let master = MasterPlan {
            ping_timeout: choose(rng, &[1, 2, 5].map(Duration::from_secs)),
            ping_timeouts: rng.random_range(2..=5),
            reregister_timeout: millis(rng, 10_000, 60_000),
            offer_timeout: rng.random_bool(0.3).then(|| millis(rng, 2_000, 10_000)),
            storage: StoragePlan {
                slow: choose(rng, &[0, 0, 100, 1_500]).pipe(Duration::from_millis),
                fails: choose(rng, &[0.0, 0.0, 0.0, 0.05]),
            },
        };
        let latency = choose(rng, &[5, 50, 200, 500].map(Duration::from_millis));
        let faults = faults::draw(rng, agents.len(), frameworks.len(), quiet_from);
        Self {
            seed,
            size,
            master,
            agents,
            frameworks,
            latency,
            quiet_from,
            faults,
        }
    }
}

fn agent(rng: &mut StdRng) -> AgentPlan {
    AgentPlan {
        cpus: rng.random_range(1..=8),
        mem: rng.random_range(2..=16) * 128,
        shutdown_grace: millis(rng, 500, 5_000),
    }
}

fn framework(rng: &mut StdRng, size: Size, quiet_from: Duration) -> FrameworkPlan {
    let end = u64::try_from(quiet_from.as_millis()).unwrap_or(u64::MAX);
    FrameworkPlan {
        speech: choose(rng, &[Speech::Protobuf, Speech::Json, Speech::Libprocess]),
        role: choose(rng, &["*", "a", "b", "a/c"]).to_owned(),
        partition_aware: rng.random_bool(0.5),
        checkpoint: rng.random_bool(0.3),
        failover_timeout: choose(rng, &[5, 3600, 3600]).pipe(Duration::from_secs),
        jobs: (0..size.jobs(rng)).map(|_| job(rng)).collect(),
        refuse_seconds: choose(
            rng,
            &[
                vec![0.0],
                vec![5.0],
                vec![0.0, 1.0, 5.0, 30.0],
                vec![5.0, 3600.0],
            ],
        ),
        hoards: choose(rng, &[0.0, 0.0, 0.2, 0.8]),
        acknowledges_late: choose(rng, &[0.0, 0.3]),
        forgets_to_acknowledge: choose(rng, &[0.0, 0.0, 0.2]),
        suppresses: rng.random_bool(0.3),
        leaves_at: rng.random_bool(0.1).then(|| millis(rng, 0, end)),
        doubles_at: rng.random_bool(0.1).then(|| millis(rng, 0, end)),
    }
}

fn job(rng: &mut StdRng) -> JobPlan {
    let killed_after = rng.random_bool(0.1).then(|| millis(rng, 0, 10_000));
    let runs = match killed_after {
        Some(_) if rng.random_bool(0.3) => FOR_EVER,
        _ => choose(rng, &[100, 1_000, 10_000]).pipe(|most| millis(rng, 0, most)),
    };
    JobPlan {
        millicpus: rng.random_range(1..=8) * 100,
        mem: rng.random_range(1..=4) * 32,
        from: millis(rng, 0, 20_000),
        executor: rng.random_bool(0.3).then(|| rng.random_range(0..2)),
        task: TaskPlan {
            starts: millis(rng, 0, 500),
            updates: choose(rng, &[0, 0, 1, 3]),
            runs,
            end: choose(
                rng,
                &[
                    TaskEnd::Finished,
                    TaskEnd::Finished,
                    TaskEnd::Finished,
                    TaskEnd::Finished,
                    TaskEnd::Failed,
                    TaskEnd::Crash,
                ],
            ),
        },
        killed_after,
    }
}

/// Calls a function with a value, for reading from left to right.
trait Pipe: Sized {
    fn pipe<T>(self, next: impl FnOnce(Self) -> T) -> T {
        next(self)
    }
}

impl Pipe for u64 {}
