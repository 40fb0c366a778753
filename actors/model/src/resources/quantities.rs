//! Amounts by name, without any other property: what sorters, quota and
//! minimums are counted in.

use std::{
    collections::BTreeMap,
    fmt,
    ops::{Add, AddAssign, Sub, SubAssign},
    sync::Arc,
};

use super::{ResourceError, Scalar};
use crate::text;

/// A name that nearly all amounts have. They live in a plain array, so that
/// counting them needs neither a search nor memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Cpus,
    Disk,
    Gpus,
    Mem,
    Ports,
}

/// The text of each [`Known`], in its order, which is alphabetical.
const KNOWN: [&str; 5] = ["cpus", "disk", "gpus", "mem", "ports"];

/// Amounts by resource name. An amount of zero is the same as none, and no
/// amount is negative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quantities {
    known: [Scalar; KNOWN.len()],
    /// Present only while there is a name that is not known; never empty.
    // Behind a pointer, since it is nearly always absent: so all fits one cache line.
    #[allow(clippy::box_collection)]
    other: Option<Box<BTreeMap<Arc<str>, Scalar>>>,
}

impl Quantities {
    /// Nothing of anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `cpus:0.01;mem:32`. Amounts of zero are dropped.
    pub fn parse(input: &str) -> Result<Self, ResourceError> {
        let mut quantities = Self::new();
        for token in text::tokens(input, ";") {
            let pair: Vec<_> = text::tokens(token, ":").collect();
            let [name, value] = pair.as_slice() else {
                return Err(ResourceError::QuantityPair(token.to_owned()));
            };
            let problem = |reason: String| ResourceError::Quantity {
                text: (*value).to_owned(),
                reason,
            };
            match text::parse_value(value).map_err(|error| problem(error.to_string()))? {
                text::Value::Scalar(amount) => {
                    let amount =
                        Scalar::from_f64(amount).map_err(|error| problem(error.to_string()))?;
                    quantities.add_amount(name.trim(), amount);
                }
                _ => return Err(problem("only scalar values are allowed".to_owned())),
            }
        }
        Ok(quantities)
    }

    /// The amount of `name`; zero if there is none.
    pub fn get(&self, name: &str) -> Scalar {
        if let Some(known) = KNOWN.iter().position(|known| *known == name) {
            return self.known.get(known).copied().unwrap_or_default();
        }
        self.other
            .as_ref()
            .and_then(|other| other.get(name))
            .copied()
            .unwrap_or_default()
    }

    /// Adds an amount of `name`. Negative amounts are ignored.
    pub fn add_amount(&mut self, name: &str, amount: Scalar) {
        if amount <= Scalar::ZERO {
            return;
        }
        if let Some(slot) = self.known_mut(name) {
            *slot += amount;
            return;
        }
        let other = self.other.get_or_insert_default();
        match other.get_mut(name) {
            Some(slot) => *slot += amount,
            None => {
                other.insert(name.into(), amount);
            }
        }
    }

    /// Adds an amount of a known name. Negative amounts are ignored.
    pub(super) fn add_known(&mut self, name: Known, amount: Scalar) {
        if let Some(slot) = self.known.get_mut(name as usize) {
            *slot += amount.max(Scalar::ZERO);
        }
    }

    /// Takes an amount of `name` away, but not below zero.
    pub fn sub_amount(&mut self, name: &str, amount: Scalar) {
        if amount <= Scalar::ZERO {
            return;
        }
        if let Some(slot) = self.known_mut(name) {
            *slot = slot.saturating_sub(amount);
            return;
        }
        let Some(other) = &mut self.other else { return };
        if let Some(slot) = other.get_mut(name) {
            *slot = slot.saturating_sub(amount);
            if slot.is_zero() {
                other.remove(name);
            }
        }
        if other.is_empty() {
            self.other = None;
        }
    }

    fn known_mut(&mut self, name: &str) -> Option<&mut Scalar> {
        let index = KNOWN.iter().position(|known| *known == name)?;
        self.known.get_mut(index)
    }

    /// Whether there is nothing of anything.
    pub fn is_empty(&self) -> bool {
        self.other.is_none() && self.known.iter().all(|amount| amount.is_zero())
    }

    /// Whether there is at least as much of everything as in `other`.
    pub fn contains(&self, other: &Quantities) -> bool {
        self.known
            .iter()
            .zip(&other.known)
            .all(|(mine, theirs)| mine >= theirs)
            && other
                .other
                .iter()
                .flat_map(|names| names.iter())
                .all(|(name, amount)| self.get(name) >= *amount)
    }

    /// The largest fraction that an amount is of the same name's in `whole`. What there
    /// is none of in `whole` does not count.
    pub fn largest_fraction_of(&self, whole: &Quantities) -> f64 {
        let known = self
            .known
            .iter()
            .zip(&whole.known)
            .map(|(part, whole)| (*part, *whole));
        let others = whole.other.iter().flat_map(|names| names.iter());
        known
            .chain(others.map(|(name, whole)| (self.get(name), *whole)))
            .filter(|(_, whole)| !whole.is_zero())
            .map(|(part, whole)| part.to_f64() / whole.to_f64())
            .fold(0.0, f64::max)
    }

    /// The names with their amounts, in alphabetical order, without zeros.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Scalar)> {
        let mut known = KNOWN
            .iter()
            .copied()
            .zip(self.known)
            .filter(|(_, amount)| !amount.is_zero())
            .peekable();
        let mut other = self
            .other
            .iter()
            .flat_map(|names| names.iter())
            .map(|(name, amount)| (name.as_ref(), *amount))
            .peekable();
        std::iter::from_fn(move || match (known.peek(), other.peek()) {
            (Some(mine), Some(theirs)) if theirs.0 < mine.0 => other.next(),
            (Some(_), _) => known.next(),
            (None, _) => other.next(),
        })
    }
}

impl AddAssign<&Quantities> for Quantities {
    fn add_assign(&mut self, other: &Quantities) {
        for (mine, theirs) in self.known.iter_mut().zip(other.known) {
            *mine += theirs;
        }
        for (name, amount) in other.other.iter().flat_map(|names| names.iter()) {
            self.add_amount(name, *amount);
        }
    }
}

/// Takes away what is there; what is not there stays at zero.
impl SubAssign<&Quantities> for Quantities {
    fn sub_assign(&mut self, other: &Quantities) {
        for (mine, theirs) in self.known.iter_mut().zip(other.known) {
            *mine = mine.saturating_sub(theirs);
        }
        for (name, amount) in other.other.iter().flat_map(|names| names.iter()) {
            self.sub_amount(name, *amount);
        }
    }
}

impl Add<&Quantities> for Quantities {
    type Output = Quantities;

    fn add(mut self, other: &Quantities) -> Quantities {
        self += other;
        self
    }
}

impl Sub<&Quantities> for Quantities {
    type Output = Quantities;

    fn sub(mut self, other: &Quantities) -> Quantities {
        self -= other;
        self
    }
}

impl<'a> FromIterator<(&'a str, Scalar)> for Quantities {
    fn from_iter<I: IntoIterator<Item = (&'a str, Scalar)>>(amounts: I) -> Self {
        let mut quantities = Self::new();
        for (name, amount) in amounts {
            quantities.add_amount(name, amount);
        }
        quantities
    }
}

/// `cpus:1; mem:32`, or `{}` for nothing.
impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (i, (name, amount)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{name}:{amount}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Quantities {
        Quantities::parse(text).unwrap()
    }

    #[test]
    fn parsing() {
        let quantities = parse("mem:32; zinc:5;cpus:0.01;disk:0;argon:1;cpus:1");
        assert_eq!(quantities.to_string(), "argon:1; cpus:1.01; mem:32; zinc:5");
        assert_eq!(quantities.get("cpus").to_f64(), 1.01);
        assert_eq!(quantities.get("disk"), Scalar::ZERO);
        assert_eq!(parse(""), Quantities::new());
        for bad in [
            "cpus",
            "cpus:1:2",
            "cpus:[1-2]",
            "cpus:{a}",
            "cpus:x",
            "cpus:-1",
            "cpus:nan",
        ] {
            assert!(Quantities::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Quantities::parse("cpus").unwrap_err().to_string(),
            "Failed to parse 'cpus': missing or extra ':'"
        );
        assert_eq!(
            Quantities::parse("cpus:{a}").unwrap_err().to_string(),
            "Failed to parse '{a}' to quantity: only scalar values are allowed"
        );
    }

    #[test]
    fn the_largest_fraction() {
        let whole = parse("cpus:10;mem:100;zinc:4");
        assert_eq!(parse("cpus:1;mem:20").largest_fraction_of(&whole), 0.2);
        assert_eq!(
            parse("cpus:1;zinc:3;gpus:5;argon:7").largest_fraction_of(&whole),
            0.75
        );
        assert_eq!(parse("gpus:5").largest_fraction_of(&whole), 0.0);
    }

    #[test]
    fn what_is_not_there_is_not_taken_away() {
        let mut quantities = parse("cpus:1;zinc:5");
        quantities -= &parse("cpus:2;mem:3;zinc:5");
        assert_eq!(quantities, Quantities::new());
        assert!(quantities.is_empty());
    }

    prop_compose! {
        fn some_quantities()(
            list in prop::collection::vec(
                (prop::sample::select(vec!["cpus", "mem", "argon", "zinc", "ports"]), 0i64..5000),
                0..6,
            )
        ) -> Quantities {
            list.into_iter().map(|(name, n)| (name, Scalar::from_thousandths(n))).collect()
        }
    }

    proptest! {
        #[test]
        fn subtracting_undoes_adding(a in some_quantities(), b in some_quantities()) {
            prop_assert_eq!(a.clone() + &b - &b, a.clone());
            prop_assert!((a.clone() + &b).contains(&a));
        }

        #[test]
        fn containing_is_a_partial_order(a in some_quantities(), b in some_quantities()) {
            prop_assert!(a.contains(&a));
            prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
        }

        #[test]
        fn text_keeps_everything(a in some_quantities()) {
            let text = if a.is_empty() { String::new() } else { a.to_string() };
            prop_assert_eq!(Quantities::parse(&text), Ok(a));
        }

        #[test]
        fn names_come_in_order(a in some_quantities()) {
            prop_assert!(a.iter().map(|(name, _)| name).is_sorted());
        }
    }
}
