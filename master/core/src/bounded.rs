//! A map that forgets its oldest entries.

use std::borrow::Borrow;
use std::fmt;

use imbl::OrdMap;

/// A map of at most so many entries: putting one in beyond that drops the one put in
/// first. Cheap to clone.
#[derive(Clone)]
pub struct Bounded<K, V> {
    limit: usize,
    next: u64,
    entries: OrdMap<K, (u64, V)>,
    order: OrdMap<u64, K>,
}

impl<K: Ord + Clone, V: Clone> Bounded<K, V> {
    /// A map of at most `limit` entries.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            next: 0,
            entries: OrdMap::new(),
            order: OrdMap::new(),
        }
    }

    /// The value at `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Whether there is an entry at `key`.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.entries.contains_key(key)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The values, oldest first.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.order.values().filter_map(|key| self.get(key))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.limit == 0 {
            return Some(value);
        }
        self.remove(&key);
        self.order.insert(self.next, key.clone());
        self.entries.insert(key, (self.next, value));
        self.next += 1;
        if self.entries.len() <= self.limit {
            return None;
        }
        let oldest = self.order.get_min().map(|(_, key)| key.clone())?;
        self.remove(&oldest)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (order, value) = self.entries.remove(key)?;
        self.order.remove(&order);
        Some(value)
    }

    /// Takes all values out, oldest first.
    pub(crate) fn drain(&mut self) -> Vec<V> {
        let values = self.values().cloned().collect();
        self.entries.clear();
        self.order.clear();
        values
    }
}

impl<K: Ord + Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Bounded<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first() {
        let mut map = Bounded::new(2);
        assert_eq!(map.insert("a", 1), None);
        assert_eq!(map.insert("b", 2), None);
        assert_eq!(map.insert("a", 3), None);
        assert_eq!(map.insert("c", 4), Some(2));
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(map.drain(), [3, 4]);
        assert!(map.is_empty());
    }

    #[test]
    fn a_map_for_nothing_keeps_nothing() {
        let mut map = Bounded::new(0);
        assert_eq!(map.insert("a", 1), Some(1));
        assert_eq!(map.len(), 0);
    }
}
