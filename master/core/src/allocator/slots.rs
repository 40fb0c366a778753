//! Dense storage: things are found by small numbers inside the allocator, and by
//! their ids only at its edge.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// The place of a thing in its [`Slots`]. Places are reused after a removal, so one
/// is kept only as long as the thing it names is there.
pub(super) type Slot = u32;

/// Things in numbered places.
#[derive(Debug, Clone)]
pub(super) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<Slot>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Puts a thing into a free place.
    pub(super) fn insert(&mut self, value: T) -> Slot {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.places.get_mut(slot as usize) {
                *place = Some(value);
            }
            return slot;
        }
        self.places.push(Some(value));
        (self.places.len() - 1) as Slot
    }

    /// Takes a thing out; its place becomes free.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<T> {
        let value = self.places.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(value)
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        self.places.get(slot as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.places.get_mut(slot as usize)?.as_mut()
    }

    /// All things, by place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        self.places
            .iter()
            .enumerate()
            .filter_map(|(slot, place)| Some((slot as Slot, place.as_ref()?)))
    }

    /// All things, by place.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Slot, &mut T)> {
        self.places
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, place)| Some((slot as Slot, place.as_mut()?)))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

/// A thing that has an id.
pub(super) trait HasId {
    type Id: Hash + Eq;

    fn id(&self) -> &Self::Id;
}

/// [`Slots`] whose things have ids.
///
/// The table is only ever asked for one id at a time: its order is no order, and everything
/// that walks goes by place. It holds places only: a table that has just grown is mostly empty.
#[derive(Debug, Clone)]
pub(super) struct Named<T> {
    slots: Slots<T>,
    by_id: HashTable<Slot>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            slots: Slots::default(),
            by_id: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<T: HasId> Named<T> {
    /// Puts a thing in; its id must be new.
    pub(super) fn insert(&mut self, value: T) -> Slot {
        let hash = self.hasher.hash_one(value.id());
        let Self {
            slots,
            by_id,
            hasher,
        } = self;
        let slot = slots.insert(value);
        by_id.insert_unique(hash, slot, |&slot| {
            slots.get(slot).map_or(0, |it| hasher.hash_one(it.id()))
        });
        slot
    }

    pub(super) fn remove(&mut self, id: &T::Id) -> Option<T> {
        let hash = self.hasher.hash_one(id);
        let Self { slots, by_id, .. } = self;
        let found = by_id.find_entry(hash, |&slot| {
            slots.get(slot).is_some_and(|it| it.id() == id)
        });
        let (slot, _) = found.ok()?.remove();
        slots.remove(slot)
    }

    /// The place of the thing with this id.
    pub(super) fn slot(&self, id: &T::Id) -> Option<Slot> {
        let hash = self.hasher.hash_one(id);
        let is_it = |&slot: &Slot| self.get(slot).is_some_and(|it| it.id() == id);
        self.by_id.find(hash, is_it).copied()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        self.slots.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.slots.get_mut(slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        self.slots.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Slot, &mut T)> {
        self.slots.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }
}

/// A set of places that is filled, emptied and walked at a cost that depends only on
/// what is in it. Its order depends on nothing but what was done to it.
#[derive(Debug, Clone, Default)]
pub(super) struct SlotSet {
    members: Vec<Slot>,
    /// Where in `members` a slot stands, plus one; 0 for a slot that is not there.
    positions: Vec<u32>,
}

impl SlotSet {
    pub(super) fn contains(&self, slot: Slot) -> bool {
        self.positions
            .get(slot as usize)
            .is_some_and(|&position| position != 0)
    }

    pub(super) fn insert(&mut self, slot: Slot) {
        if self.contains(slot) {
            return;
        }
        let index = slot as usize;
        if self.positions.len() <= index {
            self.positions.resize(index + 1, 0);
        }
        self.members.push(slot);
        if let Some(position) = self.positions.get_mut(index) {
            *position = self.members.len() as u32;
        }
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(position) = self.positions.get_mut(slot as usize) else {
            return;
        };
        if *position == 0 {
            return;
        }
        let index = *position as usize - 1;
        *position = 0;
        self.members.swap_remove(index);
        if let Some(&moved) = self.members.get(index)
            && let Some(position) = self.positions.get_mut(moved as usize)
        {
            *position = index as u32 + 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.members.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Empties the set and gives what was in it.
    pub(super) fn drain(&mut self) -> Vec<Slot> {
        for &slot in &self.members {
            if let Some(position) = self.positions.get_mut(slot as usize) {
                *position = 0;
            }
        }
        std::mem::take(&mut self.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_reused() {
        let mut slots = Slots::default();
        let first = slots.insert("a");
        let second = slots.insert("b");
        assert_eq!(slots.remove(first), Some("a"));
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.insert("c"), first);
        assert_eq!(
            slots.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            ["c", "b"]
        );
        assert_eq!(slots.get(second), Some(&"b"));
        assert_eq!(slots.len(), 2);
    }

    #[derive(Debug, PartialEq)]
    struct Thing(u32);

    impl HasId for Thing {
        type Id = u32;

        fn id(&self) -> &u32 {
            &self.0
        }
    }

    #[test]
    fn things_are_found_by_their_ids_until_they_are_removed() {
        let mut things = Named::default();
        let slots: Vec<_> = (0..100).map(|id| things.insert(Thing(id))).collect();
        assert_eq!(things.remove(&7), Some(Thing(7)));
        assert_eq!(things.remove(&7), None);
        assert_eq!(things.slot(&7), None);
        assert_eq!(things.insert(Thing(100)), slots[7]);
        for id in (0..100).filter(|id| *id != 7) {
            assert_eq!(things.slot(&id), Some(slots[id as usize]));
        }
        assert_eq!(things.get(slots[7]), Some(&Thing(100)));
        assert_eq!(things.len(), 100);
    }

    #[test]
    fn a_set_holds_each_slot_once_and_forgets_what_was_removed() {
        let mut set = SlotSet::default();
        for slot in [5, 3, 5, 9] {
            set.insert(slot);
        }
        set.remove(5);
        set.remove(5);
        set.remove(77);
        assert_eq!(set.len(), 2);
        assert!(!set.contains(5) && set.contains(3) && set.contains(9));
        let mut drained = set.drain();
        drained.sort_unstable();
        assert_eq!(drained, [3, 9]);
        assert!(set.is_empty() && !set.contains(3));
    }
}
