//! Sets of names (A20).

use std::fmt;

/// Names, each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set(Vec<Box<str>>);

impl Set {
    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The names in order.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Whether `name` is one of them.
    pub fn has(&self, name: &str) -> bool {
        self.0
            .binary_search_by(|item| item.as_ref().cmp(name))
            .is_ok()
    }

    /// Whether every name of `other` is here too.
    pub fn contains(&self, other: &Set) -> bool {
        other.items().all(|name| self.has(name))
    }

    /// Takes in the names of `other`.
    pub fn add(&mut self, other: &Set) {
        self.0.extend(other.0.iter().cloned());
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Takes out the names of `other`; those that are not here change nothing.
    pub fn sub(&mut self, other: &Set) {
        self.0.retain(|name| !other.has(name));
    }
}

impl<T: Into<Box<str>>> FromIterator<T> for Set {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let mut all: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }
}

/// `{a, b}`
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Set {
        names.iter().copied().collect()
    }

    #[test]
    fn algebra() {
        let mut all = set(&["b", "a", "b"]);
        assert_eq!(all.to_string(), "{a, b}");
        all.add(&set(&["c", "a"]));
        assert_eq!(all, set(&["a", "b", "c"]));
        assert!(all.contains(&set(&["c", "b"])));
        assert!(!set(&["c"]).contains(&all));
        all.sub(&set(&["b", "z"]));
        assert_eq!(all, set(&["a", "c"]));
        assert!(all.has("c") && !all.has("b"));
        assert_eq!(all.len(), 2);
    }
}
