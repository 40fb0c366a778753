//! Tests of the allocator, after the behaviours of Mesos' own hierarchical allocator
//! tests: one file for each subject.

mod agents;
mod capabilities;
mod drf;
mod figures;
mod filters;
mod frameworks;
mod invariants;
mod minimums;
mod reservations;
mod roles;
mod updates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ::messages::v1;
use model::{Resources, Role};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::description::Description;

pub(super) fn resources(text: &str) -> Resources {
    Resources::parse(text, &Role::any()).unwrap()
}

pub(super) fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn revocable(text: &str) -> Resources {
    resources(text).map(|resource| resource.set_revocable(true))
}

pub(super) fn shared(text: &str) -> Resources {
    resources(text).map(|resource| resource.set_shared(true))
}

/// A cluster around an allocator, with a clock that stands still by itself.
pub(super) struct Cluster {
    pub(super) allocator: Allocator,
    pub(super) now: Duration,
    rng: StdRng,
}

impl Cluster {
    pub(super) fn new() -> Self {
        Self::with(Config {
            min_allocatable: parse_min_allocatable("cpus:0.01|mem:32").unwrap(),
            ..Config::default()
        })
    }

    pub(super) fn with(config: Config) -> Self {
        Self {
            allocator: Allocator::new(config),
            now: seconds(1000),
            rng: StdRng::seed_from_u64(1),
        }
    }

    pub(super) fn tell(&mut self, input: impl Into<Input>) {
        self.allocator.handle(input.into(), self.now).unwrap();
    }

    pub(super) fn run(&mut self) -> Vec<Offered> {
        self.allocator.run(self.now, &mut self.rng)
    }

    pub(super) fn run_all(&mut self) -> Vec<Offered> {
        self.allocator.run_all(self.now, &mut self.rng)
    }

    /// Lets time pass, and looks at everything then.
    pub(super) fn after(&mut self, time: Duration) -> Vec<Offered> {
        self.now += time;
        self.run_all()
    }

    pub(super) fn add_agent(&mut self, id: &str, total: &str) {
        self.tell(agent(id, resources(total)));
    }

    pub(super) fn add_framework(&mut self, id: &str, roles: &[&str]) {
        self.tell(framework(id, facts(roles)));
    }

    pub(super) fn recover(&mut self, offer: &Offered, refuse: Option<Duration>) {
        self.tell(RecoverResources {
            framework_id: offer.framework_id.clone(),
            agent_id: offer.agent_id.clone(),
            resources: offer.resources.clone(),
            refuse,
        });
    }

    pub(super) fn suppress(&mut self, framework: &str, roles: &[&str]) {
        let roles = roles.iter().map(|text| role(text)).collect();
        self.tell(SuppressOffers {
            framework_id: framework.into(),
            roles,
        });
    }

    pub(super) fn revive(&mut self, framework: &str, roles: &[&str]) {
        let roles = roles.iter().map(|text| role(text)).collect();
        self.tell(ReviveOffers {
            framework_id: framework.into(),
            roles,
        });
    }

    /// The one offer that there is now.
    #[track_caller]
    pub(super) fn one_offer(&mut self) -> Offered {
        let mut offers = self.run();
        assert_eq!(offers.len(), 1, "{offers:?}");
        offers.remove(0)
    }

    #[track_caller]
    pub(super) fn no_offer(&mut self) {
        assert_eq!(self.run(), []);
    }
}

pub(super) fn agent(id: &str, total: Resources) -> AddAgent {
    AddAgent {
        agent_id: id.into(),
        facts: AgentFacts {
            info: Arc::new(Description::new(&v1::AgentInfo {
                hostname: id.to_owned(),
                ..Default::default()
            })),
            capabilities: AgentCapabilities::ALL,
        },
        total: Arc::new(total),
        used: BTreeMap::new(),
    }
}

pub(super) fn facts(roles: &[&str]) -> FrameworkFacts {
    FrameworkFacts {
        roles: roles.iter().map(|text| role(text)).collect(),
        suppressed: BTreeSet::new(),
        capabilities: FrameworkCapabilities {
            multi_role: true,
            ..Default::default()
        },
        min_allocatable: BTreeMap::new(),
        constraints: BTreeMap::new(),
    }
}

pub(super) fn framework(id: &str, facts: FrameworkFacts) -> AddFramework {
    AddFramework {
        framework_id: id.into(),
        facts,
        active: true,
    }
}

/// What an offer should be.
pub(super) fn offered(framework: &str, role_name: &str, agent: &str, text: &str) -> Offered {
    Offered {
        framework_id: framework.into(),
        role: role(role_name),
        agent_id: agent.into(),
        resources: resources(text).allocated(&role(role_name)),
    }
}

/// Who is offered which agent.
pub(super) fn pairs(offers: &[Offered]) -> BTreeSet<(&str, &str)> {
    offers
        .iter()
        .map(|offer| (offer.framework_id.as_str(), offer.agent_id.as_str()))
        .collect()
}
