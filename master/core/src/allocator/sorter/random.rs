//! The random order: a weighted shuffle of the active clients, new for each walk (A5).

use rand::{Rng, RngExt};

use super::super::slots::Slot;
use super::tree::Tree;

/// How many clients of a walk are drawn one by one. A walk rarely goes beyond the first
/// few; from here on what is left is shuffled at once.
const DRAWS_MAX: usize = 8;

/// How often a draw may hit a client that was drawn before.
const MISSES_MAX: usize = 16;

/// The active clients, each with its part of all weight.
#[derive(Debug, Clone, Default)]
pub(super) struct Lottery {
    tree_version: u64,
    clients: Vec<Slot>,
    weights: Vec<f64>,
    /// The sum of the weights up to and with each client.
    sums: Vec<f64>,
}

impl Lottery {
    /// Follows the tree. A client's chance is, level by level, its weight among its
    /// active siblings.
    pub(super) fn refresh(&mut self, tree: &Tree) {
        if self.tree_version == tree.version() {
            return;
        }
        self.tree_version = tree.version();
        self.clients.clear();
        self.weights.clear();
        self.sums.clear();
        let mut sum = 0.0;
        let mut left = vec![(tree.root(), 1.0)];
        while let Some((id, part)) = left.pop() {
            let Some(node) = tree.nodes.get(id) else {
                continue;
            };
            if let Some(client) = node.client {
                sum += part;
                self.clients.push(client);
                self.weights.push(part);
                self.sums.push(sum);
                continue;
            }
            let weight = |child| tree.nodes.get(child).map_or(0.0, |child| child.weight);
            let siblings: f64 = node.order.iter().map(|&child| weight(child)).sum();
            if siblings > 0.0 {
                left.extend(
                    node.order
                        .iter()
                        .map(|&child| (child, part * weight(child) / siblings)),
                );
            }
        }
    }

    fn draw(&self, rng: &mut impl Rng) -> Option<usize> {
        let ticket = rng.random::<f64>() * self.sums.last()?;
        let index = self.sums.partition_point(|&sum| sum <= ticket);
        Some(index.min(self.sums.len() - 1))
    }
}

/// One walk: clients without repetition.
#[derive(Debug, Default)]
pub(in super::super) struct Draw {
    drawn: Vec<usize>,
    /// What was left when single draws stopped, last first.
    rest: Option<Vec<usize>>,
}

impl Draw {
    pub(super) fn next(&mut self, lottery: &Lottery, rng: &mut impl Rng) -> Option<Slot> {
        if self.rest.is_none()
            && let Some(index) = self.draw_one(lottery, rng)
        {
            self.drawn.push(index);
            return lottery.clients.get(index).copied();
        }
        let rest = self
            .rest
            .get_or_insert_with(|| shuffled(lottery, &self.drawn, rng));
        lottery.clients.get(rest.pop()?).copied()
    }

    fn draw_one(&self, lottery: &Lottery, rng: &mut impl Rng) -> Option<usize> {
        if self.drawn.len() >= DRAWS_MAX {
            return None;
        }
        (0..MISSES_MAX)
            .map_while(|_| lottery.draw(rng))
            .find(|index| !self.drawn.contains(index))
    }
}

/// All but the drawn ones, shuffled by weight, last first: each waits for a time that is
/// exponentially distributed by its weight, and the shorter waits come first.
fn shuffled(lottery: &Lottery, drawn: &[usize], rng: &mut impl Rng) -> Vec<usize> {
    let mut keyed: Vec<(f64, usize)> = lottery
        .weights
        .iter()
        .enumerate()
        .filter(|(index, _)| !drawn.contains(index))
        .map(|(index, weight)| (-rng.random::<f64>().ln() / weight, index))
        .collect();
    keyed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    keyed.into_iter().map(|(_, index)| index).collect()
}
