//! Where views write to.

use std::ops::{Deref, DerefMut};

/// What is passed on at once.
const PART: usize = 256 << 10;
/// Room for what is written beyond a part before that is noticed.
const BEYOND: usize = 32 << 10;

/// Bytes that grow, and may be passed on in parts while they do, so that a large answer is
/// sent while it is being written.
#[derive(Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// Takes each part; without one all is kept.
    take: Option<Box<dyn FnMut(Vec<u8>)>>,
}

impl Output {
    /// All that `write` writes.
    pub fn whole(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut output = Self::default();
        write(&mut output);
        output.bytes
    }

    /// Gives what `write` writes to `take`, part by part.
    pub fn in_parts(take: impl FnMut(Vec<u8>) + 'static, write: impl FnOnce(&mut Self)) {
        let mut output = Self {
            bytes: Vec::with_capacity(PART + BEYOND),
            take: Some(Box::new(take)),
        };
        write(&mut output);
        if let Some(take) = &mut output.take {
            take(output.bytes);
        }
    }

    /// Passes on what is there if it is enough for a part. For whom will not come back to it:
    /// a part that was passed on cannot be cut or changed any more.
    #[inline]
    pub(crate) fn pass_on(&mut self) {
        if self.bytes.len() >= PART
            && let Some(take) = &mut self.take
        {
            let next = Vec::with_capacity(PART + BEYOND);
            take(std::mem::replace(&mut self.bytes, next));
        }
    }
}

impl Deref for Output {
    type Target = Vec<u8>;

    fn deref(&self) -> &Self::Target {
        &self.bytes
    }
}

impl DerefMut for Output {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_that_is_written() {
        let write = |out: &mut Output| {
            for number in 0..200_000_u32 {
                out.extend_from_slice(&number.to_be_bytes());
                out.pass_on();
            }
        };
        let (sender, parts) = std::sync::mpsc::channel();
        Output::in_parts(move |part| sender.send(part).unwrap(), write);
        let parts: Vec<_> = parts.iter().collect();
        assert_eq!(parts.concat(), Output::whole(write));
        let (last, full) = parts.split_last().unwrap();
        assert!(full.iter().all(|part| part.len() == PART));
        assert_eq!((full.len(), last.len()), (3, 800_000 - 3 * PART));
    }
}
