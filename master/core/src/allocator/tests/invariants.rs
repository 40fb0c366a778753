//! What holds whatever happens: nothing is lost, nothing is given twice, sharing is fair.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ROLES: [&str; 4] = ["a", "a/b", "c", "*"];
const TOTALS: [&str; 4] = [
    "cpus:4;mem:1024;ports:[1-100]",
    "cpus:1;mem:64;cpus(a):1",
    "cpus:8;mem(c):512;disk:100",
    "cpus:2;mem:2048;disk(a/b):10",
];

#[derive(Debug, Clone)]
enum Step {
    AddAgent(usize, usize),
    RemoveAgent(usize),
    Resize(usize, usize),
    ToggleAgent(usize, bool),
    AddFramework(usize, usize),
    RemoveFramework(usize),
    Retake(usize, usize),
    ToggleFramework(usize, bool),
    Decline(usize, u64),
    DeclinePart(usize, u64),
    Suppress(usize),
    Revive(usize),
    Weigh(usize, u8),
    Pass(u64),
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    let (agent, framework) = (0..4usize, 0..4usize);
    let (total, roles) = (0..TOTALS.len(), 0..ROLES.len());
    prop_oneof![
        4 => (agent.clone(), total.clone()).prop_map(|(id, total)| Step::AddAgent(id, total)),
        1 => agent.clone().prop_map(Step::RemoveAgent),
        1 => (agent.clone(), total).prop_map(|(id, total)| Step::Resize(id, total)),
        1 => (agent, any::<bool>()).prop_map(|(id, on)| Step::ToggleAgent(id, on)),
        4 => (framework.clone(), roles.clone()).prop_map(|(id, role)| Step::AddFramework(id, role)),
        1 => framework.clone().prop_map(Step::RemoveFramework),
        1 => (framework.clone(), roles.clone()).prop_map(|(id, role)| Step::Retake(id, role)),
        1 => (framework.clone(), any::<bool>()).prop_map(|(id, on)| Step::ToggleFramework(id, on)),
        5 => (0..50usize, 0..20u64).prop_map(|(offer, time)| Step::Decline(offer, time)),
        3 => (0..50usize, 0..20u64).prop_map(|(offer, time)| Step::DeclinePart(offer, time)),
        1 => framework.clone().prop_map(Step::Suppress),
        1 => framework.prop_map(Step::Revive),
        1 => (roles, 1..5u8).prop_map(|(role, weight)| Step::Weigh(role, weight)),
        2 => (0..10u64).prop_map(Step::Pass),
        6 => Just(Step::Run),
    ]
}

/// A cluster beside plain books of what is there and who holds it.
struct Audit {
    cluster: Cluster,
    totals: BTreeMap<AgentId, Resources>,
    held: Vec<Offered>,
}

impl Audit {
    fn try_tell(&mut self, input: impl Into<Input>) -> bool {
        self.cluster
            .allocator
            .handle(input.into(), self.cluster.now)
            .is_ok()
    }

    fn step(&mut self, step: &Step) {
        let agent_id = |number: &usize| AgentId::from(format!("agent{number}"));
        let framework_id = |number: &usize| FrameworkId::from(format!("framework{number}"));
        match step {
            Step::AddAgent(id, total) => {
                let total = resources(TOTALS[*total]);
                if self.try_tell(agent(agent_id(id).as_str(), total.clone())) {
                    self.totals.insert(agent_id(id), total);
                }
            }
            Step::RemoveAgent(id) => {
                self.try_tell(RemoveAgent {
                    agent_id: agent_id(id),
                });
                self.totals.remove(&agent_id(id));
                self.held.retain(|offer| offer.agent_id != agent_id(id));
            }
            Step::Resize(id, total) => {
                let total = resources(TOTALS[*total]);
                let update = UpdateAgent {
                    agent_id: agent_id(id),
                    facts: None,
                    total: Some(total.clone().into()),
                };
                if self.try_tell(update) {
                    self.totals.insert(agent_id(id), total);
                }
            }
            Step::ToggleAgent(id, on) => {
                let agent_id = agent_id(id);
                if *on {
                    self.try_tell(ActivateAgent { agent_id });
                } else {
                    self.try_tell(DeactivateAgent { agent_id });
                }
            }
            Step::AddFramework(id, role) => {
                self.try_tell(framework(framework_id(id).as_str(), facts(&[ROLES[*role]])));
            }
            Step::RemoveFramework(id) => {
                self.try_tell(RemoveFramework {
                    framework_id: framework_id(id),
                });
                self.held
                    .retain(|offer| offer.framework_id != framework_id(id));
            }
            Step::Retake(id, role) => {
                let facts = facts(&[ROLES[*role], "c"]);
                self.try_tell(UpdateFramework {
                    framework_id: framework_id(id),
                    facts,
                });
            }
            Step::ToggleFramework(id, on) => {
                let framework_id = framework_id(id);
                if *on {
                    self.try_tell(ActivateFramework { framework_id });
                } else {
                    self.try_tell(DeactivateFramework { framework_id });
                }
            }
            Step::Decline(index, time) if !self.held.is_empty() => {
                let offer = self.held.swap_remove(index % self.held.len());
                self.cluster.recover(&offer, Some(seconds(*time)));
            }
            Step::DeclinePart(index, time) if !self.held.is_empty() => {
                let index = index % self.held.len();
                let part: Resources = self.held[index].resources.iter().take(1).cloned().collect();
                self.held[index].resources -= &part;
                let part = Offered {
                    resources: part,
                    ..self.held[index].clone()
                };
                self.held.retain(|offer| !offer.resources.is_empty());
                self.cluster.recover(&part, Some(seconds(*time)));
            }
            Step::Suppress(id) => {
                let roles = BTreeSet::new();
                self.try_tell(SuppressOffers {
                    framework_id: framework_id(id),
                    roles,
                });
            }
            Step::Revive(id) => {
                let roles = BTreeSet::new();
                self.try_tell(ReviveOffers {
                    framework_id: framework_id(id),
                    roles,
                });
            }
            Step::Weigh(name, weight) => {
                let weights = [(role(ROLES[*name]), f64::from(*weight))].into();
                self.try_tell(UpdateWeights { weights });
            }
            Step::Pass(time) => self.cluster.now += seconds(*time),
            Step::Run => {
                let offers = self.cluster.run();
                self.held.extend(offers);
            }
            Step::Decline(..) | Step::DeclinePart(..) => {}
        }
    }

    /// What the books say is held of an agent.
    fn held_of(&self, id: &AgentId) -> Resources {
        self.held
            .iter()
            .filter(|offer| offer.agent_id == *id)
            .map(|offer| offer.resources.unallocated())
            .sum()
    }

    fn check(&self) {
        let allocator = &self.cluster.allocator;
        assert_eq!(allocator.agents.len(), self.totals.len());
        let mut total = Quantities::new();
        let mut held_in_all = Quantities::new();
        for (slot, agent) in allocator.agents.iter() {
            let held = self.held_of(&agent.id);
            assert_eq!(agent.total(), &self.totals[&agent.id]);
            assert_eq!(agent.available(), &(agent.total() - &held), "{}", agent.id);
            assert_eq!(
                allocator.marks.is_leftover(slot),
                !agent.available().is_empty()
            );
            total += &agent.total().scalar_quantities();
            held_in_all += &held.scalar_quantities();
        }
        assert_eq!(allocator.total(), &total);
        assert_eq!(allocator.held, held_in_all);
        assert_eq!(allocator.roles.held(), Some(&held_in_all));
        assert_eq!(allocator.roles.sorted(), allocator.roles.entries.len());
        let filters: usize = allocator.figures().filters.values().sum();
        assert_eq!(filters == 0, allocator.deadline().is_none());
    }
}

proptest! {
    /// Held and free make the total, on every agent and in every sum; no more is offered
    /// than is free; what comes back is free again.
    #[test]
    fn resources_are_conserved(steps in prop::collection::vec(step(), 0..80)) {
        let mut audit =
            Audit { cluster: Cluster::new(), totals: BTreeMap::new(), held: Vec::new() };
        for step in &steps {
            audit.step(step);
            audit.check();
        }
        for offer in std::mem::take(&mut audit.held) {
            audit.cluster.recover(&offer, None);
        }
        audit.check();
    }

    /// Marked agents are enough: after a run, looking at all agents finds nothing more.
    #[test]
    fn a_run_misses_nothing(steps in prop::collection::vec(step(), 0..80)) {
        let mut audit =
            Audit { cluster: Cluster::new(), totals: BTreeMap::new(), held: Vec::new() };
        for step in &steps {
            audit.step(step);
            if matches!(step, Step::Run) {
                prop_assert_eq!(audit.cluster.run_all(), []);
            }
        }
    }

    /// Looking for some clients only gives the same offers as looking for everybody: on
    /// one agent, where chance has no part.
    #[test]
    fn looking_for_some_is_as_good_as_looking_for_all(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut audit =
            Audit { cluster: Cluster::new(), totals: BTreeMap::new(), held: Vec::new() };
        for step in &steps {
            match step {
                Step::AddAgent(id, _) if *id > 0 => {}
                Step::Run => {
                    let mut clone = audit.cluster.allocator.clone();
                    let all = clone.run_all(audit.cluster.now, &mut StdRng::seed_from_u64(3));
                    let some = audit.cluster.run();
                    prop_assert_eq!(&some, &all);
                    audit.held.extend(some);
                }
                step => audit.step(step),
            }
        }
    }

    /// Frameworks with tasks of their own sizes, each taking one task of an offer, have
    /// dominant shares by weight that never differ by more than one task.
    #[test]
    fn sharing_is_fair_within_one_task(
        tasks in prop::collection::vec((1..4u32, 1..4u32, 1..3u32), 2..5),
    ) {
        const TOTAL: u32 = 100;
        let mut cluster = Cluster::with(Config::default());
        cluster.add_agent("agent1", &format!("cpus:{TOTAL};mem:{TOTAL}"));
        for (number, &(_, _, weight)) in tasks.iter().enumerate() {
            let name = format!("role{number}");
            cluster.tell(UpdateWeights { weights: [(role(&name), f64::from(weight))].into() });
            cluster.add_framework(&format!("framework{number}"), &[&name]);
        }
        loop {
            let offer = cluster.one_offer();
            let number = offer.role.as_str().trim_start_matches("role").parse::<usize>().unwrap();
            let (cpus, mem, _) = tasks[number];
            let task = resources(&format!("cpus:{cpus};mem:{mem}")).allocated(&offer.role);
            if !offer.resources.contains(&task) {
                break;
            }
            let rest = &offer.resources - &task;
            if rest.is_empty() {
                break;
            }
            cluster.recover(&Offered { resources: rest, ..offer }, None);

            let shares = cluster.allocator.figures().dominant_shares;
            let lowest = shares.values().copied().fold(f64::INFINITY, f64::min);
            for (share, &(cpus, mem, weight)) in shares.values().zip(&tasks) {
                let task = f64::from(cpus.max(mem)) / f64::from(TOTAL) / f64::from(weight);
                prop_assert!(share - lowest <= task + 1e-9, "{share}, lowest {lowest}");
            }
        }
    }
}
