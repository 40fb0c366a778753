//! Sets of whole numbers, such as ports, as ranges (A20).

use std::fmt;

/// Whole numbers as ranges with both ends included: sorted, apart, and never
/// touching, so that equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// No number at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The numbers from `begin` to `end`, both included; none if `begin > end`.
    pub fn span(begin: u64, end: u64) -> Self {
        Self(if begin <= end {
            vec![(begin, end)]
        } else {
            Vec::new()
        })
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges in order, both ends included.
    pub fn as_slice(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// How many numbers there are; at most `u64::MAX`.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, (begin, end)| {
            sum.saturating_add((end - begin).saturating_add(1))
        })
    }

    /// Every number in order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|&(begin, end)| begin..=end)
    }

    /// Whether `number` is one of them.
    pub fn has(&self, number: u64) -> bool {
        let after = self.0.partition_point(|range| range.0 <= number);
        after
            .checked_sub(1)
            .and_then(|i| self.0.get(i))
            .is_some_and(|range| number <= range.1)
    }

    /// Whether every number of `other` is here too.
    pub fn contains(&self, other: &Ranges) -> bool {
        let mut mine = self.0.iter();
        let mut current = mine.next();
        other.0.iter().all(|&(begin, end)| {
            while current.is_some_and(|range| range.1 < begin) {
                current = mine.next();
            }
            current.is_some_and(|range| range.0 <= begin && end <= range.1)
        })
    }

    /// Takes in the numbers of `other`.
    pub fn add(&mut self, other: &Ranges) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        let mut all = Vec::with_capacity(self.0.len() + other.0.len());
        all.extend_from_slice(&self.0);
        all.extend_from_slice(&other.0);
        *self = all.into_iter().collect();
    }

    /// Takes out the numbers of `other`; those that are not here change nothing.
    pub fn sub(&mut self, other: &Ranges) {
        if self.is_empty() || other.is_empty() {
            return;
        }
        let mut left = Vec::with_capacity(self.0.len() + other.0.len());
        let mut holes = other.0.iter().peekable();
        for &(mut begin, end) in &self.0 {
            while holes.next_if(|hole| hole.1 < begin).is_some() {}
            let mut gone = false;
            while let Some(&&(hole_begin, hole_end)) = holes.peek() {
                if hole_begin > end {
                    break;
                }
                if begin < hole_begin {
                    left.push((begin, hole_begin - 1));
                }
                if hole_end >= end {
                    // The hole may reach into the next range: it stays.
                    gone = true;
                    break;
                }
                begin = hole_end + 1;
                holes.next();
            }
            if !gone {
                left.push((begin, end));
            }
        }
        self.0 = left;
    }
}

/// Sorts and joins; a range that is the wrong way round holds nothing.
impl FromIterator<(u64, u64)> for Ranges {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut all: Vec<_> = ranges
            .into_iter()
            .filter(|(begin, end)| begin <= end)
            .collect();
        all.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(all.len());
        for (begin, end) in all {
            match joined.last_mut() {
                Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => joined.push((begin, end)),
            }
        }
        Self(joined)
    }
}

/// `[1-5, 8-8]`
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, (begin, end)) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{begin}-{end}")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn ranges(list: &[(u64, u64)]) -> Ranges {
        list.iter().copied().collect()
    }

    fn naive(ranges: &Ranges) -> BTreeSet<u64> {
        ranges.numbers().collect()
    }

    #[test]
    fn touching_and_overlapping_ranges_are_joined() {
        assert_eq!(
            ranges(&[(5, 10), (1, 4), (8, 12), (20, 20)]).as_slice(),
            [(1, 12), (20, 20)]
        );
        assert_eq!(ranges(&[(5, 1)]), Ranges::new());
    }

    #[test]
    fn the_ends_of_the_number_line_do_not_overflow() {
        let all = Ranges::span(0, u64::MAX);
        assert_eq!(all.count(), u64::MAX);
        let mut rest = all.clone();
        rest.sub(&Ranges::span(u64::MAX, u64::MAX));
        assert_eq!(rest.as_slice(), [(0, u64::MAX - 1)]);
        rest.sub(&Ranges::span(0, 0));
        assert_eq!(rest.as_slice(), [(1, u64::MAX - 1)]);
        rest.add(&Ranges::span(u64::MAX, u64::MAX));
        rest.add(&Ranges::span(0, 0));
        assert_eq!(rest, all);
        rest.sub(&all);
        assert!(rest.is_empty());
    }

    #[test]
    fn printing() {
        assert_eq!(ranges(&[(8, 8), (1, 5)]).to_string(), "[1-5, 8-8]");
        assert_eq!(Ranges::new().to_string(), "[]");
    }

    prop_compose! {
        fn some_ranges()(list in prop::collection::vec((0u64..60, 0u64..12), 0..8)) -> Ranges {
            list.into_iter().map(|(begin, length)| (begin, begin + length)).collect()
        }
    }

    proptest! {
        #[test]
        fn as_a_naive_set(a in some_ranges(), b in some_ranges(), number in 0u64..80) {
            let (na, nb) = (naive(&a), naive(&b));
            let (mut sum, mut difference) = (a.clone(), a.clone());
            sum.add(&b);
            difference.sub(&b);
            prop_assert_eq!(naive(&sum), na.union(&nb).copied().collect());
            prop_assert_eq!(naive(&difference), na.difference(&nb).copied().collect());
            prop_assert_eq!(a.contains(&b), na.is_superset(&nb));
            prop_assert_eq!(a.has(number), na.contains(&number));
            prop_assert_eq!(a.count(), na.len() as u64);
        }

        #[test]
        fn always_sorted_and_apart(a in some_ranges(), b in some_ranges()) {
            let (mut sum, mut difference) = (a.clone(), a);
            sum.add(&b);
            difference.sub(&b);
            for ranges in [sum, difference] {
                for pair in ranges.as_slice().windows(2) {
                    prop_assert!(pair[0].1 + 1 < pair[1].0);
                }
            }
        }
    }
}
