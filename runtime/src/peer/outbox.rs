//! Peers to which an actor's thread writes by itself.
//!
//! An actor with little to do writes what it sends: the thread that else would has to be
//! woken first. A busy one leaves it to that, and goes on; what it sends meanwhile is
//! written together.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::connection::Peer;

/// More peers at once are left to the connections' tasks.
const FEW: usize = 2;

thread_local! {
    /// An actor of the thread is at work that has little to do.
    static IS_OPEN: Cell<bool> = const { Cell::new(false) };
    /// Apart, since most work sends nothing to other nodes.
    static PEERS: RefCell<Vec<Arc<Peer>>> = const { RefCell::new(Vec::new()) };
    static IS_EMPTY: Cell<bool> = const { Cell::new(true) };
}

/// While it lives, the first few peers that this thread sends to are written to when it is
/// dropped.
pub(crate) struct Outbox(());

impl Outbox {
    pub(crate) fn open() -> Self {
        IS_OPEN.set(true);
        Self(())
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        IS_OPEN.set(false);
        if !IS_EMPTY.replace(true) {
            PEERS.with_borrow_mut(|peers| peers.drain(..).for_each(|peer| peer.write_at_once()));
        }
    }
}

/// Whether the thread has an open outbox with room, in which `peer` is now.
pub(super) fn take(peer: &Arc<Peer>) -> bool {
    IS_OPEN.get()
        && PEERS.with_borrow_mut(|peers| {
            let has_room = peers.len() < FEW;
            if has_room {
                peers.push(Arc::clone(peer));
                IS_EMPTY.set(false);
            }
            has_room
        })
}
