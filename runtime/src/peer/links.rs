//! Who is linked to whom over one connection.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use runtime_core::Pid;

use crate::mailbox::{Event, Mailbox};

/// Links in the order they were made; each pair once.
#[derive(Default)]
pub(super) struct Links {
    links: Vec<(Weak<Mailbox>, Pid)>,
    /// The same, to find a pair, once there are many: most connections have one link. A
    /// mailbox's place names it: what is listed keeps it. Boxed, since it is rarely there.
    #[allow(clippy::box_collection)]
    known: Option<Box<HashSet<(usize, Pid)>>>,
    /// How many there may be before those of ended linkers are looked for.
    prune_at: usize,
}

/// The most links among which a pair is looked for one by one.
const FEW: usize = 8;
/// The fewest links that are looked through for ended linkers.
const PRUNE_FROM: usize = 64;

fn place(linker: &Weak<Mailbox>) -> usize {
    linker.as_ptr().addr()
}

impl Links {
    /// Adds a link, unless it is there.
    pub(super) fn add(&mut self, linker: &Arc<Mailbox>, peer: &Pid) {
        let linker = Arc::downgrade(linker);
        let Self { links, known, .. } = self;
        let of = |(linker, pid): &(Weak<Mailbox>, Pid)| (place(linker), pid.clone());
        let is_new = if known.is_none() && links.len() < FEW {
            !links
                .iter()
                .any(|(known, pid)| Weak::ptr_eq(known, &linker) && pid == peer)
        } else {
            known
                .get_or_insert_with(|| Box::new(links.iter().map(of).collect()))
                .insert((place(&linker), peer.clone()))
        };
        if !is_new {
            return;
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

    /// Tells every living linker, once for each pid that it linked to.
    pub(super) fn tell_exited(self) {
        for (linker, pid) in self.links {
            if let Some(linker) = linker.upgrade() {
                linker.push(Event::Exited(Box::new(pid)));
            }
        }
    }

    /// `linker -> linked`, of living linkers.
    pub(super) fn describe(&self) -> Vec<String> {
        self.links
            .iter()
            .filter_map(|(linker, pid)| Some(format!("{} -> {pid}", linker.upgrade()?.pid.id)))
            .collect()
    }

    fn prune(&mut self) {
        let Self { links, known, .. } = self;
        links.retain(|(linker, pid)| {
            let lives = linker.strong_count() > 0;
            if let Some(known) = known.as_mut().filter(|_| !lives) {
                known.remove(&(place(linker), pid.clone()));
            }
            lives
        });
    }
}
