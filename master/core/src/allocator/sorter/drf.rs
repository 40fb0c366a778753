//! Dominant resource fairness: the walk that takes the lowest share first (A4).

use smallvec::SmallVec;

use super::super::slots::Slot;
use super::Fairness;
use super::tree::{DEPTH_USUAL, NodeId, Tree};

/// A walk over the active leaves, at each node in the order of the children's shares.
#[derive(Debug)]
pub(in super::super) struct Cursor {
    /// The nodes from the root down, each with how many of its children were visited.
    path: SmallVec<[(NodeId, usize); DEPTH_USUAL]>,
}

impl Cursor {
    pub(super) fn new(tree: &Tree) -> Self {
        Self {
            path: smallvec::smallvec![(tree.root(), 0)],
        }
    }

    pub(super) fn next(&mut self, tree: &mut Tree, fairness: &Fairness) -> Option<Slot> {
        loop {
            let (node, visited) = self.path.last_mut()?;
            let Some(child) = tree.child_in_order(*node, *visited, fairness) else {
                self.path.pop();
                continue;
            };
            *visited += 1;
            match tree.nodes.get(child)?.client {
                Some(client) => return Some(client),
                None => self.path.push((child, 0)),
            }
        }
    }
}
