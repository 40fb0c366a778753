//! How much an archive may unpack to. A few kilobytes can be made to unpack to terabytes.

use std::io::{self, Read};

/// What any archive may unpack to.
const UNPACKED_FREE_BYTES: u64 = 1 << 30;
/// How much larger than itself an archive may be unpacked, beyond that. Text compresses ten
/// or twentyfold, logs at times a hundredfold.
const UNPACKED_RATIO_MAX: u64 = 200;
/// How many files, folders and links an archive may hold.
const ENTRIES_MAX: u64 = 1_000_000;

/// What is left of the allowance of one archive.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: u64,
    bytes: u64,
    entries: u64,
}

impl Budget {
    /// The allowance of an archive of `packed_bytes`.
    pub(crate) fn of_archive(packed_bytes: u64) -> Self {
        let limit_bytes = packed_bytes
            .saturating_mul(UNPACKED_RATIO_MAX)
            .max(UNPACKED_FREE_BYTES);
        Self::new(limit_bytes, ENTRIES_MAX)
    }

    /// An allowance of so many bytes and entries.
    pub(crate) fn new(limit_bytes: u64, entries: u64) -> Self {
        Budget {
            limit_bytes,
            bytes: limit_bytes,
            entries,
        }
    }

    /// Takes one entry from the allowance.
    pub(crate) fn take_entry(&mut self) -> Result<(), io::Error> {
        self.entries = self.entries.checked_sub(1).ok_or_else(|| {
            io::Error::other(format!(
                "it holds more than {ENTRIES_MAX} files, folders and links"
            ))
        })?;
        Ok(())
    }

    /// `reader`, whose bytes are taken from the allowance.
    pub(crate) fn meter<R: Read>(&mut self, reader: R) -> Metered<'_, R> {
        Metered {
            reader,
            budget: self,
        }
    }
}

/// A reader that ends in an error where the allowance does.
pub(crate) struct Metered<'a, R> {
    reader: R,
    budget: &'a mut Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, io::Error> {
        let read = self.reader.read(buffer)?;
        self.budget.bytes = self.budget.bytes.checked_sub(read as u64).ok_or_else(|| {
            let limit = self.budget.limit_bytes;
            io::Error::other(format!(
                "it unpacks to more than the {limit} bytes allowed for it"
            ))
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_archives_may_unpack_to_much_and_large_ones_to_their_multiple() {
        assert_eq!(Budget::of_archive(0).bytes, 1 << 30);
        assert_eq!(Budget::of_archive(1 << 30).bytes, 200 << 30);
        assert_eq!(Budget::of_archive(u64::MAX).bytes, u64::MAX);
    }

    #[test]
    fn reading_ends_with_the_allowance() {
        let mut budget = Budget::new(10, 1);
        let mut out = Vec::new();
        budget.meter(&[0; 6][..]).read_to_end(&mut out).unwrap();
        let error = budget.meter(&[0; 6][..]).read_to_end(&mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it unpacks to more than the 10 bytes allowed for it"
        );
    }

    #[test]
    fn entries_are_counted() {
        let mut budget = Budget::new(10, 1);
        budget.take_entry().unwrap();
        assert!(budget.take_entry().is_err());
    }
}
