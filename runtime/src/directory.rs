//! The actors of a node by name.

use std::hash::BuildHasher;
use std::sync::{Arc, RwLock};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table};
use runtime_core::Pid;

use crate::mailbox::Mailbox;
use crate::sync::{read, write};

/// Parts that are locked, and grow, apart from one another.
const SHARDS: usize = 64;

/// Finds mailboxes by their actors' names.
pub(crate) struct Directory {
    hasher: DefaultHashBuilder,
    shards: [RwLock<HashTable<Entry>>; SHARDS],
}

/// The name is the mailbox' own. Its hash is kept, so that a growing table need not look
/// at the mailboxes.
struct Entry {
    hash: u64,
    mailbox: Arc<Mailbox>,
}

impl Entry {
    fn is(&self, id: &str) -> bool {
        self.mailbox.pid.id.as_str() == id
    }
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: [const { RwLock::new(HashTable::new()) }; SHARDS],
        }
    }

    fn hash(&self, id: &str) -> u64 {
        self.hasher.hash_one(id)
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<Entry>> {
        // The tables themselves use the lowest and the highest bits.
        let [_, _, _, byte, ..] = hash.to_le_bytes();
        let [first, ..] = &self.shards;
        self.shards.get(usize::from(byte) % SHARDS).unwrap_or(first)
    }

    /// Adds a mailbox. False when its name is taken.
    pub(crate) fn insert(&self, mailbox: &Arc<Mailbox>) -> bool {
        let id = mailbox.pid.id.as_str();
        let hash = self.hash(id);
        let mut shard = write(self.shard(hash));
        match shard.entry(hash, |entry| entry.is(id), |entry| entry.hash) {
            hash_table::Entry::Occupied(_) => false,
            hash_table::Entry::Vacant(place) => {
                let mailbox = Arc::clone(mailbox);
                place.insert(Entry { hash, mailbox });
                true
            }
        }
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Mailbox>> {
        let hash = self.hash(id);
        read(self.shard(hash))
            .find(hash, |entry| entry.is(id))
            .map(|entry| Arc::clone(&entry.mailbox))
    }

    /// Removes a mailbox, unless another has taken its name.
    pub(crate) fn remove(&self, mailbox: &Arc<Mailbox>) {
        let hash = self.hash(mailbox.pid.id.as_str());
        let mut shard = write(self.shard(hash));
        if let Ok(entry) = shard.find_entry(hash, |entry| Arc::ptr_eq(&entry.mailbox, mailbox)) {
            entry.remove();
        }
    }

    /// All mailboxes, ordered by name.
    pub(crate) fn all(&self) -> Vec<Arc<Mailbox>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(read(shard).iter().map(|entry| Arc::clone(&entry.mailbox)));
        }
        all.sort_by(|a, b| a.pid.cmp(&b.pid));
        all
    }

    /// The actor for which the most events wait, and how many.
    pub(crate) fn busiest(&self) -> Option<(Pid, usize)> {
        let busiest_of = |shard: &RwLock<HashTable<Entry>>| {
            let shard = read(shard);
            let all = shard.iter().map(|entry| &entry.mailbox);
            let (waiting, pid) = all.map(|mailbox| (mailbox.depth(), &mailbox.pid)).max()?;
            Some((waiting, pid.clone()))
        };
        let (waiting, pid) = self.shards.iter().filter_map(busiest_of).max()?;
        Some((pid, waiting))
    }
}
