//! Tests that stand between actors (L25): they see every message that a simulated node's
//! actors send, and may keep it, change it, or send others in its place.

use std::any::Any;
use std::fmt::Debug;

use runtime_core::{Message, Pid};

use crate::node::Node;
use crate::world::World;

/// Stands between the actors of a simulated node and their peers, those of the same node
/// included. See [`World::filtered`].
pub trait MessageFilter: Debug + Send + Sync + 'static {
    /// Is called with each typed message before it is sent. False keeps it from being sent.
    /// What the filter sends itself goes by [`Node::send_unfiltered`].
    fn passes(&self, mail: &Mail<'_>, message: &mut dyn Any) -> bool;
}

/// What is known of a message besides itself.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// The sender's node.
    pub node: &'a Node,
    /// The sender.
    pub from: &'a Pid,
    /// The receiver.
    pub to: &'a Pid,
    /// The message's wire name.
    pub name: &'static str,
}

/// Whether a message is to be sent.
pub(crate) fn passes<M: Message>(node: &Node, from: &Pid, to: &Pid, message: &mut M) -> bool {
    let World::Simulated(simulated) = node.world() else {
        return true;
    };
    let name = M::NAME;
    let mail = Mail {
        node,
        from,
        to,
        name,
    };
    simulated
        .filter
        .as_ref()
        .is_none_or(|filter| filter.passes(&mail, message))
}
