//! Which updates were told already.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

/// How many updates are remembered: an agent repeats only the first unacknowledged update
/// of each task, so repetitions of older ones do not come.
const UPDATES_MAX: usize = 10_000;

/// The uuids of the latest updates.
#[derive(Debug, Default)]
pub(super) struct Told {
    known: BTreeSet<Bytes>,
    order: VecDeque<Bytes>,
}

impl Told {
    /// Remembers an update; false when it is known.
    pub(super) fn add(&mut self, uuid: &Bytes) -> bool {
        if self.known.contains(uuid) {
            return false;
        }
        // A copy: the update's bytes may be a part of a large buffer.
        let uuid = Bytes::copy_from_slice(uuid);
        self.known.insert(uuid.clone());
        self.order.push_back(uuid);
        if self.order.len() > UPDATES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_and_no_more() {
        let uuid = |number: usize| Bytes::from(number.to_be_bytes().to_vec());
        let mut told = Told::default();
        assert!(told.add(&uuid(0)));
        assert!(!told.add(&uuid(0)));
        for number in 1..=UPDATES_MAX {
            assert!(told.add(&uuid(number)));
        }
        assert_eq!(told.known.len(), UPDATES_MAX);
        assert!(told.add(&uuid(0)));
        assert!(!told.add(&uuid(UPDATES_MAX)));
    }
}
