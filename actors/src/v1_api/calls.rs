//! HTTP calls that wait for an actor's answer.

use std::collections::BTreeMap;

/// All calls that wait, each under a number of its own. Each is taken out once to be
/// answered, or dropped with the actor.
#[derive(Debug)]
pub struct Calls<C> {
    waiting: BTreeMap<u64, C>,
    next: u64,
}

impl<C> Default for Calls<C> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<C> Calls<C> {
    /// Keeps a call. Its number is never used again.
    pub fn add(&mut self, call: C) -> u64 {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, call);
        number
    }

    /// Takes a call out, to answer it.
    pub fn take(&mut self, number: u64) -> Option<C> {
        self.waiting.remove(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_answered_once() {
        let mut calls = Calls::default();
        let (first, second) = (calls.add("a"), calls.add("b"));
        assert_eq!(calls.take(first), Some("a"));
        assert_eq!(calls.take(first), None);
        assert_ne!(calls.add("c"), second);
        assert_eq!(calls.take(second), Some("b"));
    }
}
