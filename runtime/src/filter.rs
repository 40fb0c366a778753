//! Tests that stand between actors (L25): they see every message that a node's actors send, and
//! may keep it, delay it, change it, or send others in its place.

mod rules;

use std::any::Any;
use std::fmt::Debug;
use std::time::Duration;

use runtime_core::Pid;

pub use rules::{Pattern, Rule, Rules};

use crate::node::Node;

/// Stands between the actors of a node and their peers, those of the same node included. Given
/// to a node by [`NodeConfig::filter`](crate::NodeConfig) or, in a simulation, by
/// [`World::filtered`](crate::World). [`Rules`] is one that will do for most tests.
pub trait MessageFilter: Debug + Send + Sync + 'static {
    /// Is called with each typed message before it is sent. False keeps it from being sent.
    /// What the filter sends itself goes by [`Node::send_unfiltered`].
    fn passes(&self, mail: &Mail<'_>, message: &mut dyn Any) -> bool;

    /// How much later a message that passes is sent; others overtake it.
    fn delay(&self, _mail: &Mail<'_>) -> Duration {
        Duration::ZERO
    }
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
