//! What is done to the cluster: drawn from the seed, carried out between two steps.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use turmoil::Sim;

use crate::events::Event;
use crate::observer::Observer;
use crate::plan::millis;

/// How long a daemon that ended by itself stays down.
const SUPERVISOR_PAUSE: Duration = Duration::from_secs(1);

/// Something that goes wrong for a while.
#[derive(Debug, Clone)]
pub struct Fault {
    pub at: Duration,
    pub lasts: Duration,
    pub kind: Kind,
}

/// What goes wrong. Hosts go by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Segments between two wait, as TCP makes them wait for a network that is away.
    Hold(String, String),
    /// Segments of one direction wait.
    HoldOneWay(String, String),
    /// Segments between two are lost, and with them the connections that they belong to,
    /// though neither end hears of it.
    Lose(String, String),
    /// Segments of one direction are lost.
    LoseOneWay(String, String),
    /// Segments between two take long.
    Delay(String, String, Duration),
    /// A process is killed, and started again.
    Crash(String),
    /// A machine loses its power: its peers do not hear of it.
    PowerLoss(String),
    /// One container of an agent ends at once, or the next one cannot be launched.
    Container(usize),
    /// The next launch of an agent fails.
    Launch(usize),
    /// An operator gives an agent up for good.
    Gone(usize),
}

/// Draws faults, all of them over at `until`.
pub fn draw(rng: &mut StdRng, agents: usize, frameworks: usize, until: Duration) -> Vec<Fault> {
    let mut kinds: Vec<u32> = (0..10).collect();
    // Seeds differ in what goes wrong at all, or else every one of them were the same soup.
    let few = rng.random_range(0..=4);
    while kinds.len() > few {
        kinds.remove(rng.random_range(0..kinds.len()));
    }
    if kinds.is_empty() {
        return Vec::new();
    }
    let end = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
    let mut faults: Vec<_> = (0..rng.random_range(1..=12.max(agents)))
        .flat_map(|_| {
            let at = millis(rng, 0, end);
            let longest = end - u64::try_from(at.as_millis()).unwrap_or(0);
            let most = longest.min([500, 5_000, 40_000][rng.random_range(0..3)]);
            let kind = kinds[rng.random_range(0..kinds.len())];
            let lasts = millis(rng, 0, most);
            // Switches have more than one port: sometimes many are hit at once.
            let hit = match rng.random_bool(0.1) {
                true => rng.random_range(1..=agents),
                false => 1,
            };
            let all: Vec<_> = (0..hit)
                .map(|_| {
                    let pair = pair(rng, agents, frameworks);
                    let kind = one(rng, kind, pair, agents, frameworks);
                    Fault { at, lasts, kind }
                })
                .collect();
            all
        })
        .collect();
    faults.sort_by_key(|fault| fault.at);
    faults
}

fn one(
    rng: &mut StdRng,
    kind: u32,
    (a, b): (String, String),
    agents: usize,
    frameworks: usize,
) -> Kind {
    match kind {
        0 => Kind::Hold(a, b),
        1 => Kind::HoldOneWay(a, b),
        2 => Kind::Lose(a, b),
        3 => Kind::LoseOneWay(a, b),
        4 => Kind::Delay(a, b, millis(rng, 100, 5_000)),
        5 => Kind::Crash(host(rng, agents, frameworks)),
        6 => Kind::PowerLoss(host(rng, agents, frameworks)),
        7 => Kind::Container(rng.random_range(0..agents)),
        8 => Kind::Launch(rng.random_range(0..agents)),
        _ => Kind::Gone(rng.random_range(0..agents)),
    }
}

/// The master and another, in any order: those two talk.
fn pair(rng: &mut StdRng, agents: usize, frameworks: usize) -> (String, String) {
    let other = match rng.random_bool(0.6) {
        true => agent(rng.random_range(0..agents)),
        false => framework(rng.random_range(0..frameworks)),
    };
    match rng.random_bool(0.5) {
        true => ("master".to_owned(), other),
        false => (other, "master".to_owned()),
    }
}

fn host(rng: &mut StdRng, agents: usize, frameworks: usize) -> String {
    match rng.random_range(0..3) {
        0 => "master".to_owned(),
        1 => agent(rng.random_range(0..agents)),
        _ => framework(rng.random_range(0..frameworks)),
    }
}

/// The host of an agent.
pub fn agent(number: usize) -> String {
    format!("agent-{number}")
}

/// The host of a framework.
pub fn framework(number: usize) -> String {
    format!("framework-{number}")
}

/// One of the hosts, and where it is: to look that up for all of them costs more than a step
/// in which nothing happens.
pub struct Host {
    pub name: String,
    pub address: IpAddr,
}

impl Host {
    pub fn is_running(&self, sim: &mut Sim<'_>) -> bool {
        sim.is_host_running(self.address)
    }
}

/// Carries faults out.
pub struct Faults {
    waiting: Vec<Fault>,
    /// Network faults that are on, and until when.
    on: Vec<(Duration, Kind)>,
    /// Hosts that are down, and until when.
    down: BTreeMap<String, Duration>,
    /// The master, the agents, and all others.
    hosts: Vec<Host>,
    latency: Duration,
    observer: Observer,
}

/// What is done to one agent.
pub trait Agents {
    /// Ends one of its containers.
    fn kill_one(&self, agent: usize);
    fn fail_next_launch(&self, agent: usize);
    /// Has it given up.
    fn give_up(&self, agent: usize);
}

impl Faults {
    pub fn new(
        mut waiting: Vec<Fault>,
        hosts: Vec<Host>,
        latency: Duration,
        observer: Observer,
    ) -> Self {
        waiting.reverse();
        Self {
            waiting,
            on: Vec::new(),
            down: BTreeMap::new(),
            hosts,
            latency,
            observer,
        }
    }

    /// Between two steps: does what is due.
    pub fn act(&mut self, sim: &mut Sim<'_>, agents: &impl Agents) {
        let now = sim.elapsed();
        let (over, on) = std::mem::take(&mut self.on)
            .into_iter()
            .partition(|(until, _)| *until <= now);
        self.on = on;
        for (_, kind) in over {
            self.end(sim, &kind);
        }
        while self.waiting.last().is_some_and(|next| next.at <= now) {
            if let Some(fault) = self.waiting.pop() {
                self.begin(sim, fault, agents);
            }
        }
        self.supervise(sim, now);
        self.let_one_way_pass(sim);
    }

    /// Everything is well again from now on.
    pub fn heal(&mut self, sim: &mut Sim<'_>) {
        self.waiting.clear();
        for (_, kind) in std::mem::take(&mut self.on) {
            self.end(sim, &kind);
        }
        for until in self.down.values_mut() {
            *until = Duration::ZERO;
        }
        self.observer.note(Event::Healed);
        self.supervise(sim, sim.elapsed());
    }

    fn begin(&mut self, sim: &mut Sim<'_>, fault: Fault, agents: &impl Agents) {
        let until = fault.at + fault.lasts;
        match &fault.kind {
            Kind::Crash(host) | Kind::PowerLoss(host) => {
                if self.down.contains_key(host) {
                    return;
                }
                self.observer
                    .note(Event::Fault(format!("{:?}", fault.kind)));
                let cut = match fault.kind {
                    Kind::PowerLoss(_) => self.healthy_links(host),
                    _ => Vec::new(),
                };
                // What is on its way is lost, and so is what the host says while it falls.
                for other in &cut {
                    sim.partition(host.as_str(), other.as_str());
                }
                sim.crash(host.as_str());
                for other in &cut {
                    sim.repair(host.as_str(), other.as_str());
                }
                self.down.insert(host.clone(), until);
            }
            Kind::Container(agent) => {
                self.observer
                    .note(Event::Fault(format!("{:?}", fault.kind)));
                agents.kill_one(*agent);
            }
            Kind::Launch(agent) => {
                self.observer
                    .note(Event::Fault(format!("{:?}", fault.kind)));
                agents.fail_next_launch(*agent);
            }
            Kind::Gone(agent) => {
                self.observer
                    .note(Event::Fault(format!("{:?}", fault.kind)));
                agents.give_up(*agent);
            }
            kind => {
                // One fault at a time on each link: the simulator knows no more.
                if self.on.iter().any(|(_, other)| other.link() == kind.link()) {
                    return;
                }
                self.observer.note(Event::Fault(format!("{kind:?}")));
                match kind {
                    Kind::Hold(a, b) | Kind::HoldOneWay(a, b) => sim.hold(a.as_str(), b.as_str()),
                    Kind::Lose(a, b) => sim.partition(a.as_str(), b.as_str()),
                    Kind::LoseOneWay(a, b) => sim.partition_oneway(a.as_str(), b.as_str()),
                    Kind::Delay(a, b, delay) => {
                        sim.set_link_max_message_latency(a.as_str(), b.as_str(), *delay);
                    }
                    _ => {}
                }
                self.on.push((until, fault.kind));
            }
        }
    }

    fn end(&self, sim: &mut Sim<'_>, kind: &Kind) {
        self.observer.note(Event::Fault(format!("end of {kind:?}")));
        match kind {
            Kind::Hold(a, b) | Kind::HoldOneWay(a, b) => sim.release(a.as_str(), b.as_str()),
            Kind::Lose(a, b) | Kind::LoseOneWay(a, b) => sim.repair(a.as_str(), b.as_str()),
            Kind::Delay(a, b, _) => {
                sim.set_link_max_message_latency(a.as_str(), b.as_str(), self.latency);
            }
            _ => {}
        }
    }

    /// The master, and then the agents.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// Marks the agents of which the master hears nothing.
    pub fn mark_away(&self, sim: &mut Sim<'_>, away: &mut [bool]) {
        for (agent, is_away) in self.hosts.iter().skip(1).zip(away) {
            let silences = |(_, kind): &(Duration, Kind)| kind.silences(&agent.name);
            *is_away = !agent.is_running(sim) || self.on.iter().any(silences);
        }
    }

    /// The hosts to which `host` has a link without a fault on it.
    fn healthy_links(&self, host: &str) -> Vec<String> {
        let is_healthy = |other: &str| {
            let link = Some(BTreeSet::from([host, other]));
            !self.on.iter().any(|(_, kind)| kind.link() == link)
        };
        let others = self.hosts.iter().map(|other| &other.name);
        others
            .filter(|other| *other != host && is_healthy(other))
            .cloned()
            .collect()
    }

    /// Starts what is down, if its time has come.
    fn supervise(&mut self, sim: &mut Sim<'_>, now: Duration) {
        for host in &self.hosts {
            if !host.is_running(sim) && !self.down.contains_key(&host.name) {
                self.down.insert(host.name.clone(), now + SUPERVISOR_PAUSE);
            }
        }
        self.down.retain(|host, until| {
            let is_due = *until <= now;
            if is_due {
                self.observer.note(Event::Fault(format!("start {host}")));
                sim.bounce(host.as_str());
            }
            !is_due
        });
    }

    /// A link that holds one direction holds both for the simulator: the other one's
    /// segments are let through here.
    fn let_one_way_pass(&self, sim: &Sim<'_>) {
        let ways: Vec<(IpAddr, IpAddr)> = self
            .on
            .iter()
            .filter_map(|(_, kind)| match kind {
                Kind::HoldOneWay(from, to) => {
                    Some((sim.lookup(to.as_str()), sim.lookup(from.as_str())))
                }
                _ => None,
            })
            .collect();
        if ways.is_empty() {
            return;
        }
        sim.links(|links| {
            for sent in links.flatten() {
                let (from, to) = sent.pair();
                if ways.contains(&(from.ip(), to.ip())) {
                    sent.deliver();
                }
            }
        });
    }
}

impl Kind {
    /// Whether nothing that `host` says is heard.
    fn silences(&self, host: &str) -> bool {
        match self {
            Self::Hold(a, b) | Self::Lose(a, b) => a == host || b == host,
            Self::HoldOneWay(from, _) | Self::LoseOneWay(from, _) => from == host,
            _ => false,
        }
    }

    fn link(&self) -> Option<BTreeSet<&str>> {
        match self {
            Self::Hold(a, b)
            | Self::HoldOneWay(a, b)
            | Self::Lose(a, b)
            | Self::LoseOneWay(a, b)
            | Self::Delay(a, b, _) => Some(BTreeSet::from([a.as_str(), b.as_str()])),
            _ => None,
        }
    }
}
