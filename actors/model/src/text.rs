//! The text form of values: `4.5`, `[1-5, 8-9]`, `{a, b}`, anything else (A20).
//!
//! Resources, quantities and attributes share it.

/// A value as read, before any check of what it means.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number that is not negative.
    Scalar(f64),
    /// Ranges as written: perhaps overlapping, perhaps the wrong way round.
    Ranges(Vec<(u64, u64)>),
    /// Names as written, perhaps more than once.
    Set(Vec<String>),
    /// Anything else, without its spaces.
    Text(String),
}

/// Why a text is no value. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Nothing but spaces.
    #[error("Expecting non-empty string")]
    Empty,
    /// A bracket without its partner.
    #[error("Mismatched brackets")]
    Brackets,
    /// An odd number of ends.
    #[error("Expecting one or more \"ranges\"")]
    Ranges,
    /// An end that is no whole number.
    #[error("Expecting non-negative integers in '{0}'")]
    RangeEnd(String),
    /// A number too small to be told from zero.
    #[error("Subnormal values not supported")]
    Subnormal,
    /// A bracket in the middle.
    #[error("Unexpected '{0}' found")]
    Unexpected(char),
}

/// The parts of `text` between any of `delimiters`, without the empty ones.
pub fn tokens<'a>(text: &'a str, delimiters: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(move |c| delimiters.contains(c))
        .filter(|token| !token.is_empty())
}

/// Reads one value. Spaces do not count, not even inside.
pub fn parse_value(text: &str) -> Result<Value, ValueError> {
    let text = text.replace(' ', "");
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if !brackets_match(&text, '{', '}')
        || !brackets_match(&text, '[', ']')
        || !brackets_match(&text, '(', ')')
    {
        return Err(ValueError::Brackets);
    }
    if text.starts_with('[') {
        return parse_ranges(&text);
    }
    if text.contains('[') {
        return Err(ValueError::Unexpected('['));
    }
    if text.starts_with('{') {
        return Ok(Value::Set(
            tokens(&text, "{},\n").map(str::to_owned).collect(),
        ));
    }
    if text.contains('{') {
        return Err(ValueError::Unexpected('{'));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_subnormal() => Err(ValueError::Subnormal),
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(Value::Scalar(number)),
        _ => Ok(Value::Text(text)),
    }
}

fn parse_ranges(text: &str) -> Result<Value, ValueError> {
    let ends: Vec<_> = tokens(text, "[]-,\n").collect();
    let ranges = ends.chunks(2).map(|pair| match pair {
        [begin, end] => match (begin.parse(), end.parse()) {
            (Ok(begin), Ok(end)) => Ok((begin, end)),
            _ => Err(ValueError::RangeEnd((*begin).to_owned())),
        },
        _ => Err(ValueError::Ranges),
    });
    // An odd number of ends is the more telling complaint, so it comes first.
    if !ends.len().is_multiple_of(2) {
        return Err(ValueError::Ranges);
    }
    ranges.collect::<Result<_, _>>().map(Value::Ranges)
}

fn brackets_match(text: &str, open: char, close: char) -> bool {
    let mut depth = 0usize;
    for c in text.chars() {
        if c == open {
            depth += 1;
        } else if c == close {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            }
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_value() {
        assert_eq!(parse_value("45.55"), Ok(Value::Scalar(45.55)));
        assert_eq!(parse_value(" 1 0 "), Ok(Value::Scalar(10.0)));
        assert_eq!(
            parse_value("[1-5, 8-9]"),
            Ok(Value::Ranges(vec![(1, 5), (8, 9)]))
        );
        assert_eq!(parse_value("[]"), Ok(Value::Ranges(vec![])));
        assert_eq!(
            parse_value("{a, b}"),
            Ok(Value::Set(vec!["a".into(), "b".into()]))
        );
        for text in ["rack", "-1", "inf", "nan", "1,5"] {
            assert_eq!(parse_value(text), Ok(Value::Text(text.into())));
        }
    }

    #[test]
    fn refusals() {
        let cases = [
            (" ", ValueError::Empty),
            ("[1-2", ValueError::Brackets),
            ("}a{", ValueError::Brackets),
            ("[1-2-3]", ValueError::Ranges),
            ("[a-b]", ValueError::RangeEnd("a".into())),
            ("[1-99999999999999999999]", ValueError::RangeEnd("1".into())),
            ("1e-310", ValueError::Subnormal),
            ("a{b}", ValueError::Unexpected('{')),
            ("a[1-2]", ValueError::Unexpected('[')),
        ];
        for (text, error) in cases {
            assert_eq!(parse_value(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_value(&text);
        }
    }
}
