//! Times the allocator on clusters of several sizes:
//! `cargo run --release -p master-core --example allocator_cycles`.
//!
//! Each line is the median of several rounds. `cycle` offers every agent once and is a
//! whole allocation run; the other columns are single events, from the event to the offer
//! that answers it.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program for people"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use master_core::Description;
use master_core::allocator::{
    AddAgent, AddFramework, AgentCapabilities, AgentFacts, Allocator, Config,
    FrameworkCapabilities, FrameworkFacts, Input, Offered, RecoverResources, RemoveAgent,
    ReviveOffers, SorterKind, SuppressOffers, parse_min_allocatable,
};
use messages::v1;
use model::{Resources, Role};
use rand::SeedableRng;
use rand::rngs::StdRng;

const ROUNDS: usize = 9;

struct Cluster {
    allocator: Allocator,
    now: Duration,
    rng: StdRng,
}

impl Cluster {
    /// `roles` roles, each with the same number of frameworks.
    fn new(agents: usize, frameworks: usize, roles: usize, sorter: SorterKind) -> Self {
        let allocator = Allocator::new(Config {
            min_allocatable: parse_min_allocatable("cpus:0.01|mem:32").expect("a minimum"),
            role_sorter: sorter,
            framework_sorter: sorter,
            ..Config::default()
        });
        let mut cluster = Self {
            allocator,
            now: Duration::from_secs(1),
            rng: StdRng::seed_from_u64(1),
        };
        for number in 0..agents {
            cluster.tell(agent(number));
        }
        for number in 0..frameworks {
            let role = Role::parse(&format!("role{}", number % roles)).expect("a role");
            cluster.tell(AddFramework {
                framework_id: framework_id(number).as_str().into(),
                facts: FrameworkFacts {
                    roles: [role].into(),
                    suppressed: BTreeSet::new(),
                    capabilities: FrameworkCapabilities {
                        multi_role: true,
                        ..FrameworkCapabilities::default()
                    },
                    min_allocatable: BTreeMap::new(),
                    constraints: BTreeMap::new(),
                },
                active: true,
            });
        }
        cluster
    }

    fn tell(&mut self, input: impl Into<Input>) {
        self.allocator
            .handle(input.into(), self.now)
            .expect("an event that fits");
    }

    fn run(&mut self) -> Vec<Offered> {
        self.allocator.run(self.now, &mut self.rng)
    }

    fn recover(&mut self, offer: &Offered, refuse: Option<Duration>) {
        self.tell(RecoverResources {
            framework_id: offer.framework_id.clone(),
            agent_id: offer.agent_id.clone(),
            resources: offer.resources.clone(),
            refuse,
        });
    }

    fn recover_all(&mut self, offers: &[Offered], refuse: Option<Duration>) {
        for offer in offers {
            self.recover(offer, refuse);
        }
    }
}

fn agent(number: usize) -> AddAgent {
    AddAgent {
        agent_id: format!("20261122-214100-16842879-5050-1-S{number}").into(),
        facts: AgentFacts {
            info: Arc::new(Description::new(&v1::AgentInfo {
                hostname: format!("host{number}"),
                ..Default::default()
            })),
            capabilities: AgentCapabilities::ALL,
        },
        total: Arc::new(
            Resources::parse(
                "cpus:24;mem:4096;disk:4096;ports:[31000-32000]",
                &Role::any(),
            )
            .expect("resources"),
        ),
        used: BTreeMap::new(),
    }
}

fn framework_id(number: usize) -> String {
    format!("20261122-214100-16842879-5050-1-{number:04}")
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times
        .get(times.len() / 2)
        .map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    times.push(start.elapsed());
    result
}

/// Every agent offered once, and given back in between.
fn cycle(cluster: &mut Cluster) -> (f64, f64) {
    let (mut offering, mut recovering) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let offers = timed(&mut offering, || cluster.run());
        timed(&mut recovering, || cluster.recover_all(&offers, None));
    }
    (median(offering), median(recovering))
}

/// One agent freed of many that are held, and offered again.
fn one_freed(cluster: &mut Cluster) -> f64 {
    let mut held = cluster.run();
    let mut times = Vec::new();
    for turn in 0..2_000 {
        let index = turn * 7919 % held.len();
        let offer = held.swap_remove(index);
        held.extend(timed(&mut times, || {
            cluster.recover(&offer, None);
            cluster.run()
        }));
    }
    median(times)
}

/// An agent that leaves and comes back, which changes every share.
fn one_replaced(cluster: &mut Cluster, agents: usize) -> f64 {
    let mut times = Vec::new();
    for number in (0..agents).step_by(agents.div_ceil(200)) {
        timed(&mut times, || {
            cluster.tell(RemoveAgent {
                agent_id: agent(number).agent_id,
            });
            cluster.tell(agent(number));
            cluster.run()
        });
    }
    median(times)
}

/// A batch when every framework refused every agent.
fn all_refused(cluster: &mut Cluster, frameworks: usize) -> (f64, f64) {
    let long = Some(Duration::from_secs(3600));
    for _ in 0..frameworks {
        let offers = cluster.run();
        cluster.recover_all(&offers, long);
    }
    cluster.run();
    let mut times = Vec::new();
    for _ in 0..3 {
        timed(&mut times, || {
            cluster.allocator.run_all(cluster.now, &mut cluster.rng)
        });
    }
    let mut revivals = Vec::new();
    for number in 0..3 {
        let framework_id = framework_id(number).as_str().into();
        let offers = timed(&mut revivals, || {
            cluster.tell(ReviveOffers {
                framework_id,
                roles: BTreeSet::new(),
            });
            cluster.run()
        });
        cluster.recover_all(&offers, long);
        cluster.run();
    }
    (median(times), median(revivals))
}

fn main() {
    println!("cycle: whole runs, microseconds (median of {ROUNDS})");
    println!(
        "{:>7} {:>10} {:>6} {:>7} {:>10} {:>10}",
        "agents", "frameworks", "roles", "sorter", "run", "recover"
    );
    for (agents, frameworks, roles) in [
        (1_000, 100, 1),
        (1_000, 1_000, 1),
        (10_000, 100, 1),
        (10_000, 100, 100),
        (10_000, 1_000, 1),
        (10_000, 1_000, 50),
        (10_000, 6_000, 1),
        (50_000, 1_000, 1),
    ] {
        for sorter in [SorterKind::Drf, SorterKind::Random] {
            let mut cluster = Cluster::new(agents, frameworks, roles, sorter);
            let (run, recover) = cycle(&mut cluster);
            println!(
                "{agents:>7} {frameworks:>10} {roles:>6} {:>7} {run:>10.0} {recover:>10.0}",
                format!("{sorter:?}")
            );
        }
    }

    println!("\nsingle events, microseconds");
    println!(
        "{:>7} {:>10} {:>12} {:>12}",
        "agents", "frameworks", "one freed", "one replaced"
    );
    for (agents, frameworks) in [
        (100, 1_000),
        (1_000, 1_000),
        (10_000, 1_000),
        (50_000, 1_000),
    ] {
        let mut cluster = Cluster::new(agents, frameworks, 1, SorterKind::Drf);
        let freed = one_freed(&mut cluster);
        let replaced = one_replaced(&mut cluster, agents);
        println!("{agents:>7} {frameworks:>10} {freed:>12.2} {replaced:>12.2}");
    }

    println!("\n10000 agents, 1000 frameworks, 99 % suppressed: run, microseconds");
    for suppressed in [true, false] {
        let frameworks = if suppressed { 1_000 } else { 10 };
        let mut cluster = Cluster::new(10_000, frameworks, 10, SorterKind::Drf);
        for number in 10..frameworks {
            cluster.tell(SuppressOffers {
                framework_id: framework_id(number).as_str().into(),
                roles: BTreeSet::new(),
            });
        }
        let (run, recover) = cycle(&mut cluster);
        let text = if suppressed {
            "990 suppressed"
        } else {
            "without them"
        };
        println!("{text:>15} {run:>10.0} {recover:>10.0}");
    }

    println!("\neverything refused: a batch over all agents, one revival; microseconds");
    for (agents, frameworks) in [(1_000, 10), (1_000, 100), (10_000, 100)] {
        let mut cluster = Cluster::new(agents, frameworks, 1, SorterKind::Drf);
        let (batch, revival) = all_refused(&mut cluster, frameworks);
        println!("{agents:>7} {frameworks:>10} {batch:>10.0} {revival:>10.0}");
    }
}
