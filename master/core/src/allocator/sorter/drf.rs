//! Dominant resource fairness: active children in the order of their shares, kept step by
//! step, and the walk that takes the lowest first (A4).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::super::slots::Slot;
use super::Fairness;
use super::tree::{DEPTH_USUAL, Node, NodeId, Tree};

impl Node {
    /// Who comes first: the smaller share, then who was given something less often,
    /// then the name (A4).
    fn cmp(&self, other: &Self) -> Ordering {
        self.share
            .total_cmp(&other.share)
            .then_with(|| self.cmp_turns(other))
    }

    fn cmp_turns(&self, other: &Self) -> Ordering {
        self.count
            .cmp(&other.count)
            .then_with(|| self.name.cmp(&other.name))
    }

    pub(super) fn fresh_share(&self, fairness: &Fairness) -> f64 {
        fairness.dominant_share(&self.amounts) / self.weight
    }

    pub(super) fn refresh_share(&mut self, fairness: &Fairness) {
        self.share = self.fresh_share(fairness);
    }
}

impl Tree {
    /// Which of two leaves a walk by share meets first.
    pub(in super::super) fn compare(&self, a: NodeId, b: NodeId, fairness: &Fairness) -> Ordering {
        let (from_a, from_b) = (self.path(a), self.path(b));
        let parted = from_a
            .iter()
            .rev()
            .zip(from_b.iter().rev())
            .find(|(a, b)| a != b);
        let Some((&a, &b)) = parted else {
            return Ordering::Equal;
        };
        match (self.nodes.get(a), self.nodes.get(b)) {
            (Some(a), Some(b)) => a
                .fresh_share(fairness)
                .total_cmp(&b.fresh_share(fairness))
                .then_with(|| a.cmp_turns(b)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// A node and all above it.
    fn path(&self, node: NodeId) -> SmallVec<[NodeId; DEPTH_USUAL]> {
        std::iter::successors(Some(node), |&node| self.nodes.get(node)?.parent).collect()
    }

    /// Where `child` stands among its parent's active children.
    pub(super) fn position(
        &self,
        parent: NodeId,
        child: NodeId,
        fairness: &Fairness,
    ) -> Option<usize> {
        let parent = self.nodes.get(parent)?;
        if parent.sorted_at == fairness.version {
            let node = self.nodes.get(child)?;
            let index = parent
                .order
                .partition_point(|&other| self.is_before(other, node));
            if parent.order.get(index) == Some(&child) {
                return Some(index);
            }
        }
        parent.order.iter().position(|&other| other == child)
    }

    fn is_before(&self, id: NodeId, other: &Node) -> bool {
        self.nodes
            .get(id)
            .is_some_and(|node| node.cmp(other) == Ordering::Less)
    }

    pub(super) fn insert_in_order(&mut self, parent: NodeId, child: NodeId, fairness: &Fairness) {
        if let Some(node) = self.nodes.get_mut(child) {
            node.refresh_share(fairness);
        }
        let Some(index) = self.nodes.get(parent).and_then(|parent| {
            let node = self.nodes.get(child)?;
            Some(if parent.sorted_at == fairness.version {
                parent
                    .order
                    .partition_point(|&other| self.is_before(other, node))
            } else {
                parent.order.len()
            })
        }) else {
            return;
        };
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.order.insert(index, child);
        }
    }

    /// Moves the child at `index`, the only one out of order, to where it belongs.
    pub(super) fn move_in_order(&mut self, parent: NodeId, index: usize) {
        let Some((before, after)) = self.nodes.get(parent).and_then(|parent| {
            let node = self.nodes.get(*parent.order.get(index)?)?;
            let (head, tail) = parent.order.split_at_checked(index)?;
            let before = head.partition_point(|&other| self.is_before(other, node));
            let after = tail
                .get(1..)?
                .partition_point(|&other| self.is_before(other, node));
            Some((before, index + after))
        }) else {
            return;
        };
        let Some(parent) = self.nodes.get_mut(parent) else {
            return;
        };
        if after > index
            && let Some(passed) = parent.order.get_mut(index..=after)
        {
            passed.rotate_left(1);
        } else if let Some(passed) = parent.order.get_mut(before..=index) {
            passed.rotate_right(1);
        }
    }

    /// The active child at `index` of a node whose children are brought in order first.
    pub(super) fn child_in_order(
        &mut self,
        node: NodeId,
        index: usize,
        fairness: &Fairness,
    ) -> Option<NodeId> {
        if self.nodes.get(node)?.sorted_at != fairness.version {
            self.sort_children(node, fairness);
        }
        self.nodes.get(node)?.order.get(index).copied()
    }

    fn sort_children(&mut self, node: NodeId, fairness: &Fairness) {
        let Some(parent) = self.nodes.get_mut(node) else {
            return;
        };
        parent.sorted_at = fairness.version;
        let mut order = std::mem::take(&mut parent.order);
        for &child in &order {
            if let Some(child) = self.nodes.get_mut(child) {
                child.refresh_share(fairness);
            }
        }
        order.sort_unstable_by(|&a, &b| match (self.nodes.get(a), self.nodes.get(b)) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
        if let Some(parent) = self.nodes.get_mut(node) {
            parent.order = order;
        }
    }
}

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
