//! Peers to which an actor's thread writes by itself.
//!
//! An actor with little to do writes what it sends: the thread that else would has to be
//! woken first. A busy one leaves it to that, and goes on; what it sends meanwhile is
//! written together. Unless it is the same thread: then it writes, too, when it has handled
//! what there was.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::connection::Peer;

/// Peers at most that an actor with little to do writes to. More at once are left to the
/// connections' tasks …
const FEW: usize = 2;
/// … as are more than so many of an actor that has the thread of these tasks.
const MANY: usize = 1024;

thread_local! {
    /// How many peers may be in the list; none, while no actor of the thread writes by itself.
    static ROOM: Cell<usize> = const { Cell::new(0) };
    /// Apart, since most work sends nothing to other nodes.
    static PEERS: RefCell<Vec<Arc<Peer>>> = const { RefCell::new(Vec::new()) };
    static IS_EMPTY: Cell<bool> = const { Cell::new(true) };
}

/// While it lives, the first few peers that this thread sends to are written to when it is
/// dropped.
pub(crate) struct Outbox(());

impl Outbox {
    /// For an actor with little to do.
    pub(crate) fn of_few() -> Self {
        ROOM.set(FEW);
        Self(())
    }

    /// For an actor on the thread that writes to all peers.
    pub(crate) fn of_many() -> Self {
        ROOM.set(MANY);
        Self(())
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        ROOM.set(0);
        if !IS_EMPTY.replace(true) {
            PEERS.with_borrow_mut(|peers| peers.drain(..).for_each(|peer| peer.write_at_once()));
        }
    }
}

/// Whether the thread has an open outbox with room, in which `peer` is now.
pub(super) fn take(peer: &Arc<Peer>) -> bool {
    let room = ROOM.get();
    room > 0
        && PEERS.with_borrow_mut(|peers| {
            let has_room = peers.len() < room;
            if has_room {
                peers.push(Arc::clone(peer));
                IS_EMPTY.set(false);
            }
            has_room
        })
}
