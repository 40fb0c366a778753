//! Which flag somebody may have meant.

/// Longer names are not compared: they cannot be slips of the pen.
const COMPARED_MAX: usize = 100;

/// The candidate that takes the fewest edits to become `name`, if it takes few.
pub(super) fn nearest(
    name: &str,
    candidates: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    if name.len() > COMPARED_MAX {
        return None;
    }
    let most = (name.len() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= most)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// How many bytes must be added, dropped or changed to make `a` of `b`.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, byte) in a.bytes().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (pair, other) in row.windows(2).zip(b.bytes()) {
            if let &[diagonal, above] = pair {
                left = (diagonal + usize::from(byte != other))
                    .min(above + 1)
                    .min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, count) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edits(a, b), count);
        }
    }

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let names = || ["work_dir", "port", "zk"].into_iter();
        assert_eq!(nearest("workdir", names()), Some("work_dir"));
        assert_eq!(nearest("prot", names()), None);
        assert_eq!(nearest("ports", names()), Some("port"));
        assert_eq!(nearest("foo", names()), None);
    }
}
