//! Who is linked to whom over one connection.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use hashbrown::{DefaultHashBuilder, HashTable};
use runtime_core::{ActorId, Pid};

use crate::mailbox::{Event, Mailbox};

/// Links in the order they were made; each pair once.
#[derive(Default)]
pub(super) struct Links {
    /// Who is linked to which actor of the peer's node.
    links: Vec<(Weak<Mailbox>, ActorId)>,
    /// Where in `links` they are, to find a pair, once there are many: most connections have
    /// one link. Boxed, since it is rarely there.
    known: Option<Box<Known>>,
    /// How many there may be before those of ended linkers are looked for.
    prune_at: usize,
}

/// The most links among which a pair is looked for one by one.
const FEW: usize = 8;
/// The fewest links that are looked through for ended linkers.
const PRUNE_FROM: usize = 64;

/// Places of links. A mailbox' address names it: what is listed keeps it.
#[derive(Default)]
struct Known {
    places: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

impl Known {
    fn of(links: &[(Weak<Mailbox>, ActorId)]) -> Box<Self> {
        let mut known = Box::<Self>::default();
        for (place, (linker, id)) in links.iter().enumerate() {
            known.insert(links, place, linker, id);
        }
        known
    }

    fn hash(hasher: &DefaultHashBuilder, linker: &Weak<Mailbox>, id: &ActorId) -> u64 {
        hasher.hash_one((linker.as_ptr().addr(), id))
    }

    fn has(
        &self,
        links: &[(Weak<Mailbox>, ActorId)],
        linker: &Weak<Mailbox>,
        id: &ActorId,
    ) -> bool {
        let hash = Self::hash(&self.hasher, linker, id);
        let is_it = |&place: &usize| {
            let link = links.get(place);
            link.is_some_and(|(known, to)| Weak::ptr_eq(known, linker) && to == id)
        };
        self.places.find(hash, is_it).is_some()
    }

    fn insert(
        &mut self,
        links: &[(Weak<Mailbox>, ActorId)],
        place: usize,
        linker: &Weak<Mailbox>,
        id: &ActorId,
    ) {
        let Self { places, hasher } = self;
        let hash = Self::hash(hasher, linker, id);
        places.insert_unique(hash, place, |&place| {
            let link = links.get(place);
            link.map_or(0, |(linker, id)| Self::hash(hasher, linker, id))
        });
    }
}

impl Links {
    /// Adds a link, unless it is there.
    pub(super) fn add(&mut self, linker: &Arc<Mailbox>, peer: &ActorId) {
        let linker = Arc::downgrade(linker);
        let Self { links, known, .. } = self;
        if known.is_none() && links.len() >= FEW {
            *known = Some(Known::of(links));
        }
        let is_known = match known {
            Some(known) => known.has(links, &linker, peer),
            None => links
                .iter()
                .any(|(known, id)| Weak::ptr_eq(known, &linker) && id == peer),
        };
        if is_known {
            return;
        }
        if let Some(known) = known {
            known.insert(links, links.len(), &linker, peer);
        }
        if links.is_empty() {
            links.reserve_exact(1);
        }
        links.push((linker, peer.clone()));
        if links.len() > self.prune_at {
            self.prune();
            self.prune_at = PRUNE_FROM.max(self.links.len() * 2);
        }
    }

    /// Whether no living actor is linked.
    pub(super) fn is_empty(&mut self) -> bool {
        self.prune();
        self.links.is_empty()
    }

    /// Tells every living linker, once for each actor of the node at `address` that it linked
    /// to.
    pub(super) fn tell_exited(self, address: SocketAddr) {
        for (linker, id) in self.links {
            if let Some(linker) = linker.upgrade() {
                linker.push(Event::Exited(Box::new(Pid { id, address })));
            }
        }
    }

    /// `linker -> linked`, of living linkers.
    pub(super) fn describe(&self, address: SocketAddr) -> Vec<String> {
        self.links
            .iter()
            .filter_map(|(linker, id)| {
                Some(format!("{} -> {id}@{address}", linker.upgrade()?.pid.id))
            })
            .collect()
    }

    fn prune(&mut self) {
        let Self { links, known, .. } = self;
        let before = links.len();
        links.retain(|(linker, _)| linker.strong_count() > 0);
        if links.len() < before && known.is_some() {
            *known = Some(Known::of(links));
        }
    }
}
