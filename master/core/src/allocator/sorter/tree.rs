//! The tree of clients: who is below whom, what each was given, who may be offered.
//!
//! Clients are leaves. A role's own place is a leaf named [`OWN`] below the role's
//! node, so that it competes with the role's children (A16); frameworks are leaves
//! right below the root of their role's tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Quantities;

use super::super::slots::{Slot, Slots};
use super::Fairness;

/// A node's place in its tree.
pub(in super::super) type NodeId = Slot;

/// The name of the leaf that stands for a role itself beside the role's children.
pub(in super::super) const OWN: &str = ".";

/// How deep role trees usually are, with root and leaf.
pub(super) const DEPTH_USUAL: usize = 4;

/// The weight of what no weight was set for (A17).
pub(super) const WEIGHT_DEFAULT: f64 = 1.0;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: Arc<str>,
    pub(super) parent: Option<NodeId>,
    children: BTreeMap<Arc<str>, NodeId>,
    /// The client of a leaf.
    pub(super) client: Option<Slot>,
    /// How many active leaves there are here and below: a node without any is never
    /// walked, so that what is suppressed costs nothing.
    pub(super) active: u32,
    pub(super) weight: f64,
    /// How often this node was given something.
    pub(super) count: u64,
    pub(super) amounts: Quantities,
    /// The dominant share by weight, as of the parent's `sorted_at`.
    pub(super) share: f64,
    /// The active children; by share if `sorted_at` is the fairness' version.
    pub(super) order: Vec<NodeId>,
    pub(super) sorted_at: u64,
}

impl Node {
    fn new(name: Arc<str>, parent: Option<NodeId>, weight: f64) -> Self {
        Self {
            name,
            parent,
            children: BTreeMap::new(),
            client: None,
            active: 0,
            weight,
            count: 0,
            amounts: Quantities::default(),
            share: 0.0,
            order: Vec::new(),
            sorted_at: 0,
        }
    }
}

/// The clients of one sorter.
#[derive(Debug, Clone)]
pub(in super::super) struct Tree {
    pub(super) nodes: Slots<Node>,
    root: NodeId,
    /// By path; also of paths that are not in the tree now.
    weights: BTreeMap<String, f64>,
    /// Grows when a client becomes active or inactive, or a weight changes.
    version: u64,
}

impl Default for Tree {
    fn default() -> Self {
        let mut nodes = Slots::default();
        let root = nodes.insert(Node::new("".into(), None, WEIGHT_DEFAULT));
        Self {
            nodes,
            root,
            weights: BTreeMap::new(),
            version: 1,
        }
    }
}

impl Tree {
    pub(in super::super) fn root(&self) -> NodeId {
        self.root
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Adds an inactive client at a path that no other client has.
    pub(in super::super) fn add<'a>(
        &mut self,
        path: impl IntoIterator<Item = &'a str>,
        client: Slot,
    ) -> NodeId {
        let mut node = self.root;
        let mut full = String::new();
        for name in path {
            if !full.is_empty() {
                full.push('/');
            }
            full.push_str(name);
            node = self.child(node, name, &full);
        }
        if let Some(leaf) = self.nodes.get_mut(node) {
            leaf.client = Some(client);
        }
        node
    }

    fn child(&mut self, parent: NodeId, name: &str, path: &str) -> NodeId {
        if let Some(&child) = self
            .nodes
            .get(parent)
            .and_then(|node| node.children.get(name))
        {
            return child;
        }
        let weight = self.weights.get(path).copied().unwrap_or(WEIGHT_DEFAULT);
        let name: Arc<str> = name.into();
        let child = self
            .nodes
            .insert(Node::new(Arc::clone(&name), Some(parent), weight));
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.children.insert(name, child);
        }
        child
    }

    /// Removes a client, what it still holds, and the nodes that were there only for it.
    pub(in super::super) fn remove(&mut self, leaf: NodeId, fairness: &Fairness) {
        self.deactivate(leaf, fairness);
        if let Some(amounts) = self.nodes.get(leaf).map(|leaf| leaf.amounts.clone()) {
            self.charge(leaf, fairness, |node| node.amounts -= &amounts);
        }
        let mut node = leaf;
        while node != self.root {
            let Some(removed) = self.nodes.remove(node) else {
                return;
            };
            let Some(parent) = removed.parent else { return };
            let Some(above) = self.nodes.get_mut(parent) else {
                return;
            };
            above.children.remove(&removed.name);
            if !above.children.is_empty() {
                return;
            }
            node = parent;
        }
    }

    /// Lets a client be offered resources.
    pub(in super::super) fn activate(&mut self, leaf: NodeId, fairness: &Fairness) {
        if self.is_active(leaf) {
            return;
        }
        self.version += 1;
        let mut node = Some(leaf);
        while let Some(id) = node {
            let Some(current) = self.nodes.get_mut(id) else {
                return;
            };
            current.active += 1;
            node = current.parent;
            if current.active == 1
                && let Some(parent) = current.parent
            {
                self.insert_in_order(parent, id, fairness);
            }
        }
    }

    /// Stops a client from being offered resources. What it holds stays charged to it.
    pub(in super::super) fn deactivate(&mut self, leaf: NodeId, fairness: &Fairness) {
        if !self.is_active(leaf) {
            return;
        }
        self.version += 1;
        let mut node = Some(leaf);
        while let Some(id) = node {
            let Some(current) = self.nodes.get_mut(id) else {
                return;
            };
            current.active = current.active.saturating_sub(1);
            node = current.parent;
            if current.active == 0
                && let Some(parent) = current.parent
                && let Some(index) = self.position(parent, id, fairness)
                && let Some(parent) = self.nodes.get_mut(parent)
            {
                parent.order.remove(index);
            }
        }
    }

    fn is_active(&self, node: NodeId) -> bool {
        self.nodes.get(node).is_some_and(|node| node.active > 0)
    }

    /// Whether any client may be offered resources.
    pub(in super::super) fn has_active(&self) -> bool {
        self.is_active(self.root)
    }

    /// Sets the weight of a path, now and for whenever the path is added (A17).
    pub(in super::super) fn set_weight(&mut self, path: &str, weight: f64, fairness: &Fairness) {
        if weight == WEIGHT_DEFAULT {
            self.weights.remove(path);
        } else {
            self.weights.insert(path.to_owned(), weight);
        }
        self.version += 1;
        if let Some(node) = self.find(path.split('/')) {
            self.charge_one(node, fairness, |node| node.weight = weight);
        }
    }

    fn find<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<NodeId> {
        path.into_iter().try_fold(self.root, |node, name| {
            self.nodes.get(node)?.children.get(name).copied()
        })
    }

    /// Charges a client, and all above it, for what it was offered.
    pub(in super::super) fn allocated(
        &mut self,
        leaf: NodeId,
        amounts: &Quantities,
        fairness: &Fairness,
    ) {
        self.charge(leaf, fairness, |node| {
            node.amounts += amounts;
            node.count += 1;
        });
    }

    /// Takes back what a client was charged.
    pub(in super::super) fn unallocated(
        &mut self,
        leaf: NodeId,
        amounts: &Quantities,
        fairness: &Fairness,
    ) {
        self.charge(leaf, fairness, |node| node.amounts -= amounts);
    }

    /// Replaces a part of what a client is charged, when an operation converted it.
    pub(in super::super) fn updated(
        &mut self,
        leaf: NodeId,
        old: &Quantities,
        new: &Quantities,
        fairness: &Fairness,
    ) {
        self.charge(leaf, fairness, |node| {
            node.amounts -= old;
            node.amounts += new;
        });
    }

    /// What a node and all below it are charged.
    #[cfg(test)]
    pub(in super::super) fn amounts(&self, node: NodeId) -> Option<&Quantities> {
        self.nodes.get(node).map(|node| &node.amounts)
    }

    /// A node's dominant share by weight.
    pub(in super::super) fn share(&self, node: NodeId, fairness: &Fairness) -> Option<f64> {
        self.nodes.get(node).map(|node| node.fresh_share(fairness))
    }

    /// The node that stands for a role in the eyes of its siblings: the one above the
    /// role's own leaf, unless roles below it hold a part of what is charged there.
    pub(in super::super) fn whole_of(&self, leaf: NodeId) -> NodeId {
        let above = self.nodes.get(leaf).and_then(|leaf| leaf.parent);
        above
            .filter(|&above| {
                self.nodes
                    .get(above)
                    .is_some_and(|node| node.children.len() == 1)
            })
            .unwrap_or(leaf)
    }

    #[cfg(test)]
    pub(in super::super) fn clients(&self) -> usize {
        self.nodes
            .iter()
            .filter(|(_, node)| node.client.is_some())
            .count()
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    fn charge(&mut self, leaf: NodeId, fairness: &Fairness, change: impl Fn(&mut Node)) {
        let mut node = Some(leaf);
        while let Some(id) = node {
            self.charge_one(id, fairness, &change);
            node = self.nodes.get(id).and_then(|node| node.parent);
        }
    }

    /// Changes one node and moves it to where it then belongs among its siblings.
    fn charge_one(&mut self, id: NodeId, fairness: &Fairness, change: impl Fn(&mut Node)) {
        let sorted_parent = self.nodes.get(id).and_then(|node| {
            let parent = node.parent?;
            let sorted = self.nodes.get(parent)?.sorted_at == fairness.version;
            (sorted && node.active > 0).then_some(parent)
        });
        let place =
            sorted_parent.and_then(|parent| Some((parent, self.position(parent, id, fairness)?)));
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        change(node);
        if let Some((parent, index)) = place {
            node.refresh_share(fairness);
            self.move_in_order(parent, index);
        }
    }
}
