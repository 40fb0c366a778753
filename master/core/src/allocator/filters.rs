//! Offer filters: what a framework refused of an agent for a role, and until when (A10).
//!
//! A filter stands with its agent, where each run asks for it, and is found by time and
//! by framework too, so that neither expiry nor a revival looks at anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::Resources;
use smallvec::SmallVec;

use super::Allocator;
use super::roles::ClientKey;
use super::slots::Slot;

/// How many filters a framework may have on one agent for one role, not counting what
/// others include. Beyond that the one that would expire first goes, and the agent is
/// offered the sooner. A framework that launches one task after the other on an agent, and
/// refuses the rest each time, has a dozen.
const FILTERS_PER_CLIENT_MAX: usize = 64;

/// Refused resources.
#[derive(Debug, Clone)]
struct Filter {
    id: u64,
    expires: Duration,
    refused: Arc<Resources>,
}

/// The filters on one agent.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentFilters {
    by_client: BTreeMap<ClientKey, SmallVec<[Filter; 1]>>,
    /// What was refused last. One framework after the other refuses the same of an agent
    /// that nobody wants, so that it is kept, and compared, once for all.
    last: Option<Arc<Resources>>,
}

/// The last answer to whether refused resources contain an offer; good as long as both
/// are there and the offer stays the same.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Contained(Option<(*const Resources, bool)>);

impl AgentFilters {
    /// Whether an offer is withheld: all of it was refused before.
    pub(super) fn withhold(
        &self,
        key: ClientKey,
        offer: &Resources,
        contained: &mut Contained,
    ) -> bool {
        if self.by_client.is_empty() {
            return false;
        }
        let Some(filters) = self.by_client.get(&key) else {
            return false;
        };
        filters.iter().any(|filter| {
            let refused = Arc::as_ptr(&filter.refused);
            match contained.0 {
                Some((same, answer)) if std::ptr::eq(same, refused) => answer,
                _ => {
                    let answer = filter.refused.contains(offer);
                    contained.0 = Some((refused, answer));
                    answer
                }
            }
        })
    }

    fn take(&mut self, key: ClientKey) -> SmallVec<[Filter; 1]> {
        let taken = self.by_client.remove(&key).unwrap_or_default();
        if self.by_client.is_empty() {
            self.last = None;
        }
        taken
    }

    fn share(&mut self, refused: Resources) -> Arc<Resources> {
        match &self.last {
            Some(last) if **last == refused => Arc::clone(last),
            _ => Arc::clone(self.last.insert(Arc::new(refused))),
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = ClientKey> + '_ {
        self.by_client.keys().copied()
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

    /// Adds a filter, and gives by how many there are more now: of two of which one refuses
    /// all that the other does, and no shorter, only that one is kept.
    pub(super) fn add(
        &mut self,
        agent: Slot,
        filters: &mut AgentFilters,
        key: ClientKey,
        refused: Resources,
        expires: Duration,
    ) -> isize {
        let own = filters.by_client.get(&key).into_iter().flatten();
        let mut own = own.filter(|old| old.expires >= expires);
        if own.any(|old| old.refused.contains(&refused)) {
            return 0;
        }
        let refused = filters.share(refused);
        let own = filters.by_client.entry(key).or_default();
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
        let dropped = filters.take(key);
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
        let Some(own) = filters.by_client.get_mut(&key) else {
            return false;
        };
        own.retain(|filter| filter.id != id);
        let empty = own.is_empty();
        if empty {
            filters.take(key);
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

    /// Removes what has expired, and notes where that may make a difference.
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
            self.marks.client_on(agent_slot, key);
        }
    }

    /// Drops the filters of a framework for a role.
    pub(super) fn drop_client_filters(&mut self, key: ClientKey) {
        let Some(framework) = self.frameworks.get(key.framework) else {
            return;
        };
        for agent in framework.filters.agents(key.role) {
            self.drop_filters(agent, key);
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

    fn withholds(filters: &AgentFilters, offer: &str) -> bool {
        filters.withhold(KEY, &resources(offer), &mut Contained::default())
    }

    #[test]
    fn filters_of_one_client_are_limited_and_the_longest_stay() {
        let mut expiry = Expiry::default();
        let mut filters = AgentFilters::default();
        let mut count = 0;
        let most = FILTERS_PER_CLIENT_MAX as u64;
        let all = 2 * most;
        for number in 1..=all {
            // None covers another.
            let refused = resources(&format!("cpus:{number};mem:{}", all + 1 - number));
            count += expiry.add(3, &mut filters, KEY, refused, Duration::from_secs(number));
        }
        assert_eq!(count, FILTERS_PER_CLIENT_MAX as isize);
        assert_eq!(expiry.by_time.len(), FILTERS_PER_CLIENT_MAX);
        assert_eq!(expiry.next(), Some(Duration::from_secs(all - most + 1)));
        assert!(withholds(&filters, &format!("cpus:{all};mem:1")));
        assert!(!withholds(&filters, &format!("cpus:1;mem:{all}")));
    }

    #[test]
    fn what_another_filter_refuses_as_long_needs_none() {
        let mut expiry = Expiry::default();
        let mut filters = AgentFilters::default();
        let mut add = |refused, seconds| {
            let until = Duration::from_secs(seconds);
            expiry.add(3, &mut filters, KEY, resources(refused), until)
        };
        assert_eq!(add("cpus:2", 20), 1);
        assert_eq!(add("cpus:1", 20), 0);
        assert_eq!(add("cpus:1", 30), 1, "it lasts longer");
        assert_eq!(add("cpus:2", 10), 0);
        assert_eq!(add("cpus:4", 40), -1, "both are in it");
        assert_eq!(expiry.by_time.len(), 1);
        assert!(withholds(&filters, "cpus:3"));
    }

    #[test]
    fn what_many_refuse_is_kept_once() {
        let mut expiry = Expiry::default();
        let mut filters = AgentFilters::default();
        for framework in 0..3 {
            let key = ClientKey { role: 0, framework };
            expiry.add(
                3,
                &mut filters,
                key,
                resources("cpus:1"),
                Duration::from_secs(20),
            );
        }
        assert_eq!(filters.last.as_ref().map(Arc::strong_count), Some(4));
        for framework in 0..3 {
            expiry.drop(&mut filters, ClientKey { role: 0, framework });
        }
        assert!(filters.last.is_none());
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
        assert!(withholds(&filters, "cpus:1"));
        assert!(!withholds(&filters, "mem:1"));
        let (_, key, id) = expiry.pop(Duration::from_secs(30)).unwrap();
        assert!(Expiry::remove(&mut filters, key, id));
        assert_eq!(filters.keys().count(), 0);
    }
}
