//! A few values made from texts that come again and again.

/// How many texts are remembered.
const SLOTS: usize = 8;

/// Remembers what the last few texts were read as. Messages of one connection mostly have
/// the same sender, receiver and name: they need not be read, nor allocated, each time.
#[derive(Debug)]
pub(super) struct Recent<T> {
    slots: Vec<(Box<[u8]>, T)>,
    next: usize,
}

impl<T: Clone> Recent<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            next: 0,
        }
    }

    /// The value of `text`, made now if it is not remembered.
    pub(super) fn get<E>(
        &mut self,
        text: &[u8],
        make: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        for (known, value) in &self.slots {
            if **known == *text {
                return Ok(value.clone());
            }
        }
        let value = make(text)?;
        let remembered = (text.into(), value.clone());
        match self.slots.get_mut(self.next) {
            Some(slot) => *slot = remembered,
            None => {
                // Most connections have one of a kind.
                self.slots.reserve_exact(1);
                self.slots.push(remembered);
            }
        }
        self.next = (self.next + 1) % SLOTS;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_while_its_text_is_recent() {
        let mut recent = Recent::new();
        let mut made = 0;
        let mut get = |recent: &mut Recent<usize>, text: usize| {
            let value = recent.get(text.to_string().as_bytes(), |_| {
                made += 1;
                Ok::<_, ()>(text)
            });
            assert_eq!(value, Ok(text));
            made
        };
        for text in [0, 1, 0, 1] {
            get(&mut recent, text);
        }
        assert_eq!(get(&mut recent, 0), 2);
        for text in 10..10 + SLOTS {
            get(&mut recent, text);
        }
        assert_eq!(get(&mut recent, 0), 3 + SLOTS);
        assert_eq!(recent.get(b"bad", |_| Err("no")), Err("no"));
    }
}
