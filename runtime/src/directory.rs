//! The actors of a node by name.

mod block;

use std::hash::BuildHasher;
use std::sync::{Arc, RwLock};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table};
use runtime_core::Pid;

use crate::directory::block::{Block, Numbered};
use crate::mailbox::Mailbox;
use crate::sync::{read, write};

/// Parts that are locked, and grow, apart from one another.
const SHARDS: usize = 64;

/// Finds mailboxes by their actors' names. Names with a number, `slave(7)`, are kept in
/// blocks of neighbours: those of a million actors are mostly spawned in a row, and each
/// would be somewhere else in memory.
pub(crate) struct Directory {
    hasher: DefaultHashBuilder,
    shards: [RwLock<Shard>; SHARDS],
}

struct Shard {
    plain: HashTable<Entry>,
    numbered: HashTable<Box<Block>>,
}

impl Shard {
    fn mailboxes(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        let plain = self.plain.iter().map(|entry| &entry.mailbox);
        plain.chain(self.numbered.iter().flat_map(|block| block.mailboxes()))
    }
}

/// The name is the mailbox' own. Its hash is kept, so that a growing table need not look
/// at the mailboxes, nor a search at those of other names.
struct Entry {
    hash: u64,
    mailbox: Arc<Mailbox>,
}

impl Entry {
    fn is(&self, hash: u64, id: &str) -> bool {
        self.hash == hash && self.mailbox.pid.id.as_str() == id
    }
}

impl Directory {
    pub(crate) fn new() -> Self {
        let shard = || {
            RwLock::new(Shard {
                plain: HashTable::new(),
                numbered: HashTable::new(),
            })
        };
        Self {
            hasher: DefaultHashBuilder::default(),
            shards: std::array::from_fn(|_| shard()),
        }
    }

    fn hash(&self, id: &str, numbered: Option<&Numbered<'_>>) -> u64 {
        match numbered {
            None => self.hasher.hash_one(id),
            Some(Numbered { stem, block, .. }) => self.hasher.hash_one((stem, block)),
        }
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // The tables themselves use the lowest and the highest bits.
        let [_, _, _, byte, ..] = hash.to_le_bytes();
        let [first, ..] = &self.shards;
        self.shards.get(usize::from(byte) % SHARDS).unwrap_or(first)
    }

    /// Adds a mailbox. False when its name is taken.
    pub(crate) fn insert(&self, mailbox: &Arc<Mailbox>) -> bool {
        let id = mailbox.pid.id.as_str();
        let numbered = Numbered::parse(id);
        let hash = self.hash(id, numbered.as_ref());
        let mut shard = write(self.shard(hash));
        let Some(numbered) = numbered else {
            let is = |entry: &Entry| entry.is(hash, id);
            return match shard.plain.entry(hash, is, |entry| entry.hash) {
                hash_table::Entry::Occupied(_) => false,
                hash_table::Entry::Vacant(place) => {
                    let mailbox = Arc::clone(mailbox);
                    place.insert(Entry { hash, mailbox });
                    true
                }
            };
        };
        shard
            .numbered
            .entry(
                hash,
                |block| block.is(hash, &numbered),
                |block| block.hash(),
            )
            .or_insert_with(|| Box::new(Block::new(hash, &numbered)))
            .into_mut()
            .insert(&numbered, mailbox)
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Mailbox>> {
        let numbered = Numbered::parse(id);
        let hash = self.hash(id, numbered.as_ref());
        let shard = read(self.shard(hash));
        let mailbox = match numbered {
            None => {
                let entry = shard.plain.find(hash, |entry| entry.is(hash, id))?;
                &entry.mailbox
            }
            Some(numbered) => {
                let block = shard.numbered.find(hash, |it| it.is(hash, &numbered))?;
                block.find(&numbered)?
            }
        };
        Some(Arc::clone(mailbox))
    }

    /// Removes a mailbox, unless another has taken its name.
    pub(crate) fn remove(&self, mailbox: &Arc<Mailbox>) {
        let id = mailbox.pid.id.as_str();
        let numbered = Numbered::parse(id);
        let hash = self.hash(id, numbered.as_ref());
        let mut shard = write(self.shard(hash));
        match numbered {
            None => {
                let is = |entry: &Entry| Arc::ptr_eq(&entry.mailbox, mailbox);
                if let Ok(entry) = shard.plain.find_entry(hash, is) {
                    entry.remove();
                }
            }
            Some(numbered) => {
                let found = shard.numbered.find_entry(hash, |it| it.is(hash, &numbered));
                if let Ok(mut entry) = found {
                    entry.get_mut().remove(&numbered, mailbox);
                    if entry.get().is_empty() {
                        entry.remove();
                    }
                }
            }
        }
    }

    /// All mailboxes, ordered by name.
    pub(crate) fn all(&self) -> Vec<Arc<Mailbox>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(read(shard).mailboxes().cloned());
        }
        all.sort_by(|a, b| a.pid.cmp(&b.pid));
        all
    }

    /// The actor for which the most events ever waited at once, and how many; none if
    /// nothing did.
    pub(crate) fn busiest(&self) -> Option<(Pid, usize)> {
        let busiest_of = |shard: &RwLock<Shard>| {
            let shard = read(shard);
            let busy = shard
                .mailboxes()
                .map(|mailbox| (mailbox.deepest(), &mailbox.pid))
                .filter(|(waiting, _)| *waiting > 0);
            let (waiting, pid) = busy.max()?;
            Some((waiting, pid.clone()))
        };
        let (waiting, pid) = self.shards.iter().filter_map(busiest_of).max()?;
        Some((pid, waiting))
    }
}
