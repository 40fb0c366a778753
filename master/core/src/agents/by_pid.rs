//! Which agent is at a pid.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use imbl::OrdMap;
use model::ids::AgentId;
use runtime_core::Pid;

use super::Agent;

/// Finds registered agents by their pids, which stand in their records only.
#[derive(Debug, Default)]
pub(super) struct ByPid {
    entries: HashTable<Entry>,
    hasher: DefaultHashBuilder,
}

/// The hash of the pid is kept, so that a growing table need not look at the agents, nor a
/// search at those of other pids.
#[derive(Debug)]
struct Entry {
    hash: u64,
    agent: AgentId,
}

impl ByPid {
    /// The agent of `registered` at this pid: the one that was put in last.
    pub(super) fn get<'a>(
        &self,
        pid: &Pid,
        registered: &'a OrdMap<AgentId, Arc<Agent>>,
    ) -> Option<&'a Arc<Agent>> {
        let hash = self.hasher.hash_one(pid);
        let mut found = None;
        self.entries.find(hash, |entry| {
            found = at(entry, hash, pid, registered);
            found.is_some()
        });
        found
    }

    /// An agent of `registered` is at this pid, as its record says. Whoever was there is not.
    pub(super) fn insert(
        &mut self,
        pid: &Pid,
        agent: AgentId,
        registered: &OrdMap<AgentId, Arc<Agent>>,
    ) {
        let hash = self.hasher.hash_one(pid);
        let other = |entry: &Entry| at(entry, hash, pid, registered).is_some();
        if let Some(entry) = self.entries.find_mut(hash, other) {
            entry.agent = agent;
        } else {
            self.entries
                .insert_unique(hash, Entry { hash, agent }, |entry| entry.hash);
        }
    }

    /// The agent is not at this pid any more.
    pub(super) fn remove(&mut self, pid: &Pid, agent: &AgentId) {
        let hash = self.hasher.hash_one(pid);
        let is_it = |entry: &Entry| entry.hash == hash && entry.agent == *agent;
        if let Ok(entry) = self.entries.find_entry(hash, is_it) {
            entry.remove();
        }
    }
}

/// The agent of an entry, if it is at this pid.
fn at<'a>(
    entry: &Entry,
    hash: u64,
    pid: &Pid,
    registered: &'a OrdMap<AgentId, Arc<Agent>>,
) -> Option<&'a Arc<Agent>> {
    if entry.hash != hash {
        return None;
    }
    registered
        .get(&entry.agent)
        .filter(|agent| agent.pid == *pid)
}
