//! Actors whose names differ in a number only: `slave(16)` to `slave(31)`.

use std::sync::Arc;

use crate::mailbox::Mailbox;

/// Neighbours that are kept together.
const SIZE: usize = 16;

/// A name with a number, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered<'n> {
    pub(super) stem: &'n str,
    /// Which of the stem's blocks.
    pub(super) block: u64,
    /// Which place of the block.
    place: usize,
}

impl<'n> Numbered<'n> {
    /// None if the name has no number, or one that is written in another way than numbers
    /// are by [`Node::next_id`](crate::Node::next_id): each name has one place only.
    pub(super) fn parse(id: &'n str) -> Option<Self> {
        let (stem, digits) = id.strip_suffix(')')?.rsplit_once('(')?;
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        let number: u64 = digits.parse().ok().filter(|_| is_plain)?;
        Some(Self {
            stem,
            block: number / SIZE as u64,
            place: usize::try_from(number % SIZE as u64).ok()?,
        })
    }
}

/// The actors of neighbouring numbers.
pub(super) struct Block {
    hash: u64,
    stem: Box<str>,
    block: u64,
    actors: [Option<Arc<Mailbox>>; SIZE],
}

impl Block {
    pub(super) fn new(hash: u64, of: &Numbered<'_>) -> Self {
        Self {
            hash,
            stem: of.stem.into(),
            block: of.block,
            actors: [const { None }; SIZE],
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether this is the block of a name, whose hash is given.
    pub(super) fn is(&self, hash: u64, of: &Numbered<'_>) -> bool {
        self.hash == hash && self.block == of.block && *self.stem == *of.stem
    }

    /// False when the name is taken.
    pub(super) fn insert(&mut self, name: &Numbered<'_>, mailbox: &Arc<Mailbox>) -> bool {
        match self.actors.get_mut(name.place) {
            Some(place @ None) => {
                *place = Some(Arc::clone(mailbox));
                true
            }
            _ => false,
        }
    }

    pub(super) fn find(&self, name: &Numbered<'_>) -> Option<&Arc<Mailbox>> {
        self.actors.get(name.place)?.as_ref()
    }

    /// Removes a mailbox, unless another has taken its name.
    pub(super) fn remove(&mut self, name: &Numbered<'_>, mailbox: &Arc<Mailbox>) {
        if let Some(place) = self.actors.get_mut(name.place) {
            place.take_if(|known| Arc::ptr_eq(known, mailbox));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.actors.iter().all(Option::is_none)
    }

    pub(super) fn mailboxes(&self) -> impl Iterator<Item = &Arc<Mailbox>> {
        self.actors.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_with_a_number_has_one_place() {
        let parsed = Numbered::parse("slave(33)").unwrap();
        assert_eq!((parsed.stem, parsed.block, parsed.place), ("slave", 2, 1));
        let nested = Numbered::parse("a(1)(0)").unwrap();
        assert_eq!((nested.stem, nested.block, nested.place), ("a(1)", 0, 0));
        for plain in [
            "slave",
            "slave()",
            "slave(007)",
            "slave(+7)",
            "slave(7",
            "slave7)",
            "slave(x)",
            "slave(99999999999999999999)",
            "",
        ] {
            assert_eq!(Numbered::parse(plain), None, "{plain}");
        }
    }
}
