//! Offer filters: what a framework refused of an agent for a role, and until when (A10).
//!
//! A filter stands with its agent, where each run asks for it, and is found by time and
//! by framework too, so that neither expiry nor a revival looks at anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Resources;
use smallvec::SmallVec;

use super::Allocator;
use super::roles::ClientKey;
use super::slots::Slot;

/// How many filters a framework may have on one agent for one role. Beyond that the one
/// that would expire first goes, and the agent is offered the sooner.
const FILTERS_PER_CLIENT_MAX: usize = 8;

/// Refused resources.
#[derive(Debug, Clone)]
struct Filter {
    id: u64,
    expires: Duration,
    refused: Resources,
}

/// The filters on one agent.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentFilters(BTreeMap<ClientKey, SmallVec<[Filter; 1]>>);

impl AgentFilters {
    /// Whether an offer is withheld: all of it was refused before.
    pub(super) fn withhold(&self, key: ClientKey, offer: &Resources) -> bool {
        !self.0.is_empty()
            && self
                .0
                .get(&key)
                .is_some_and(|filters| filters.iter().any(|filter| filter.refused.contains(offer)))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = ClientKey> + '_ {
        self.0.keys().copied()
    }
}

/// The agents on which one framework has filters, by role.
#[derive(Debug, Clone, Default)]
pub(super) struct FrameworkFilters(BTreeSet<(Slot, Slot)>);

impl FrameworkFilters {
    /// The agents filtered for one role.
    pub(super) fn agents(&self, role: Slot) -> Vec<Slot> {
        self.0
            .range((role, Slot::MIN)..=(role, Slot::MAX))
            .map(|&(_, agent)| agent)
            .collect()
    }

    pub(super) fn insert(&mut self, role: Slot, agent: Slot) {
        self.0.insert((role, agent));
    }

    pub(super) fn remove(&mut self, role: Slot, agent: Slot) {
        self.0.remove(&(role, agent));
    }
}

/// All filters by the time they expire.
#[derive(Debug, Clone, Default)]
pub(super) struct Expiry {
    last_id: u64,
    by_time: BTreeMap<(Duration, u64), (Slot, ClientKey)>,
}

impl Expiry {
    /// When the next filter expires.
    pub(super) fn next(&self) -> Option<Duration> {
        self.by_time.keys().next().map(|&(time, _)| time)
    }

    /// Adds a filter, and gives by how many there are more now: one that refuses all that
    /// an older one does, and longer, takes its place.
    pub(super) fn add(
        &mut self,
        agent: Slot,
        filters: &mut AgentFilters,
        key: ClientKey,
        refused: Resources,
        expires: Duration,
    ) -> isize {
        let own = filters.0.entry(key).or_default();
        let before = own.len();
        own.retain(|old| {
            let stays = old.expires > expires || !refused.contains(&old.refused);
            if !stays {
                self.by_time.remove(&(old.expires, old.id));
            }
            stays
        });
        if own.len() >= FILTERS_PER_CLIENT_MAX
            && let Some(first) = (0..own.len()).min_by_key(|&at| own.get(at).map(|f| f.expires))
        {
            let old = own.swap_remove(first);
            self.by_time.remove(&(old.expires, old.id));
        }
        self.last_id += 1;
        let id = self.last_id;
        own.push(Filter {
            id,
            expires,
            refused,
        });
        self.by_time.insert((expires, id), (agent, key));
        own.len() as isize - before as isize
    }

    /// Drops a client's filters on an agent, and gives how many there were.
    pub(super) fn drop(&mut self, filters: &mut AgentFilters, key: ClientKey) -> usize {
        let dropped = filters.0.remove(&key).unwrap_or_default();
        for filter in &dropped {
            self.by_time.remove(&(filter.expires, filter.id));
        }
        dropped.len()
    }

    /// Takes one filter that has expired off the list. It is to be removed from its agent
    /// by [`Expiry::remove`] then.
    pub(super) fn pop(&mut self, now: Duration) -> Option<(Slot, ClientKey, u64)> {
        let entry = self.by_time.first_entry()?;
        let (time, id) = *entry.key();
        (time <= now).then(|| {
            let (agent, key) = entry.remove();
            (agent, key, id)
        })
    }

    /// Removes an expired filter from its agent, and gives whether the client has none
    /// left there.
    pub(super) fn remove(filters: &mut AgentFilters, key: ClientKey, id: u64) -> bool {
        let Some(own) = filters.0.get_mut(&key) else {
            return false;
        };
        own.retain(|filter| filter.id != id);
        let empty = own.is_empty();
        if empty {
            filters.0.remove(&key);
        }
        empty
    }
}

impl Allocator {
    pub(super) fn add_filter(
        &mut self,
        agent_slot: Slot,
        key: ClientKey,
        refused: Resources,
        expires: Duration,
    ) {
        let Some(agent) = self.agents.get_mut(agent_slot) else {
            return;
        };
        let Some(framework) = self.frameworks.get_mut(key.framework) else {
            return;
        };
        let more = self
            .expiry
            .add(agent_slot, &mut agent.filters, key, refused, expires);
        framework.filters.insert(key.role, agent_slot);
        if let Some(role) = self.roles.entries.get_mut(key.role) {
            role.filters = role.filters.saturating_add_signed(more);
        }
    }

    /// Removes what has expired, and marks the agents where that may make a difference.
    pub(super) fn expire_filters(&mut self, now: Duration) {
        while let Some((agent_slot, key, id)) = self.expiry.pop(now) {
            let Some(agent) = self.agents.get_mut(agent_slot) else {
                continue;
            };
            if Expiry::remove(&mut agent.filters, key, id)
                && let Some(framework) = self.frameworks.get_mut(key.framework)
            {
                framework.filters.remove(key.role, agent_slot);
            }
            self.count_filters_less(key.role, 1);
            self.mark_if_leftover(agent_slot);
        }
    }

    /// Drops the filters of a framework for a role, and marks the agents they were on.
    pub(super) fn drop_client_filters(&mut self, key: ClientKey) {
        let Some(framework) = self.frameworks.get(key.framework) else {
            return;
        };
        for agent in framework.filters.agents(key.role) {
            self.drop_filters(agent, key);
            self.mark_if_leftover(agent);
        }
    }

    /// Drops all filters on an agent.
    pub(super) fn drop_agent_filters(&mut self, agent_slot: Slot) {
        let Some(agent) = self.agents.get(agent_slot) else {
            return;
        };
        for key in agent.filters.keys().collect::<Vec<_>>() {
            self.drop_filters(agent_slot, key);
        }
    }

    fn drop_filters(&mut self, agent_slot: Slot, key: ClientKey) {
        let Some(agent) = self.agents.get_mut(agent_slot) else {
            return;
        };
        let dropped = self.expiry.drop(&mut agent.filters, key);
        if let Some(framework) = self.frameworks.get_mut(key.framework) {
            framework.filters.remove(key.role, agent_slot);
        }
        self.count_filters_less(key.role, dropped);
    }

    fn count_filters_less(&mut self, role: Slot, less: usize) {
        if let Some(role) = self.roles.entries.get_mut(role) {
            role.filters = role.filters.saturating_sub(less);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ClientKey = ClientKey {
        role: 0,
        framework: 0,
    };

    fn resources(text: &str) -> Resources {
        Resources::parse(text, &model::Role::any()).unwrap()
    }

    #[test]
    fn filters_of_one_client_are_limited_and_the_longest_stay() {
        let mut expiry = Expiry::default();
        let mut filters = AgentFilters::default();
        let mut count = 0;
        for number in 1..40 {
            // None covers another.
            let refused = resources(&format!("cpus:{number};mem:{}", 40 - number));
            count += expiry.add(3, &mut filters, KEY, refused, Duration::from_secs(number));
        }
        assert_eq!(count, FILTERS_PER_CLIENT_MAX as isize);
        assert_eq!(expiry.by_time.len(), FILTERS_PER_CLIENT_MAX);
        assert_eq!(expiry.next(), Some(Duration::from_secs(32)));
        assert!(filters.withhold(KEY, &resources("cpus:39;mem:1")));
        assert!(!filters.withhold(KEY, &resources("cpus:1;mem:39")));
    }

    #[test]
    fn filters_expire_in_time_order_and_leave_nothing() {
        let mut expiry = Expiry::default();
        let mut filters = AgentFilters::default();
        expiry.add(
            3,
            &mut filters,
            KEY,
            resources("cpus:1"),
            Duration::from_secs(20),
        );
        expiry.add(
            3,
            &mut filters,
            KEY,
            resources("mem:1"),
            Duration::from_secs(10),
        );
        assert_eq!(expiry.pop(Duration::from_secs(9)), None);
        let (agent, key, id) = expiry.pop(Duration::from_secs(10)).unwrap();
        assert_eq!((agent, key), (3, KEY));
        assert!(!Expiry::remove(&mut filters, key, id));
        assert!(filters.withhold(KEY, &resources("cpus:1")));
        assert!(!filters.withhold(KEY, &resources("mem:1")));
        let (_, key, id) = expiry.pop(Duration::from_secs(30)).unwrap();
        assert!(Expiry::remove(&mut filters, key, id));
        assert_eq!(filters.keys().count(), 0);
    }
}
