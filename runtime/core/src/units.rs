//! Text forms of durations and sizes, as flags and query parameters spell them (S31, S67).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000 * NANOSECOND;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// Units by name, smallest first.
const DURATION_UNITS: [(&str, u64); 8] = [
    ("ns", NANOSECOND),
    ("us", MICROSECOND),
    ("ms", MILLISECOND),
    ("secs", SECOND),
    ("mins", MINUTE),
    ("hrs", HOUR),
    ("days", DAY),
    ("weeks", WEEK),
];

/// The longest duration that has a text form: upstream counts nanoseconds in an `int64_t`.
pub const DURATION_MAX: Duration = Duration::from_nanos(i64::MAX as u64);

/// Digits after the point that count; more cannot change a whole number of nanoseconds
/// by more than one.
const FRACTION_DIGITS: usize = 18;

/// Significant digits of a fraction in print: those that a C++ `double` surely keeps.
const SIGNIFICANT_DIGITS: usize = 15;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DurationError {
    /// There is no number before the unit, or it is not one decimal number.
    #[error("Failed to convert '{number}' of duration '{text}' to number")]
    BadNumber {
        /// What stands where the number should.
        number: String,
        /// The whole text.
        text: String,
    },
    /// There is no unit after the number.
    #[error(
        "Invalid duration '{0}': a unit must follow the number, as in '5secs'; supported units \
         are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
    )]
    MissingUnit(String),
    /// The unit is none of those known.
    #[error(
        "Unknown duration unit '{0}'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', \
         'hrs', 'days', and 'weeks'"
    )]
    UnknownUnit(String),
    /// More than [`DURATION_MAX`].
    #[error("Duration '{0}' is too long: the limit is about 15250 weeks")]
    OutOfRange(String),
}

/// Reads a number and its unit without space between, such as `5mins` or `1.5hrs` (S31).
/// What is finer than a nanosecond is cut off.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(|| DurationError::MissingUnit(text.to_owned()))?;
    let (number, unit) = text.split_at(end);
    let factor = DURATION_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
        .ok_or_else(|| DurationError::UnknownUnit(unit.to_owned()))?;
    let nanos = decimal_times(number, factor).ok_or_else(|| DurationError::BadNumber {
        number: number.to_owned(),
        text: text.to_owned(),
    })?;
    match u64::try_from(nanos) {
        Ok(nanos) if nanos <= i64::MAX as u64 => Ok(Duration::from_nanos(nanos)),
        _ => Err(DurationError::OutOfRange(text.to_owned())),
    }
}

/// `number` times `factor`, rounded down, saturating; none if `number` is not decimal.
fn decimal_times(number: &str, factor: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let digits = |text: &str| {
        text.bytes().fold(0u128, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(u128::from(digit.saturating_sub(b'0')))
        })
    };
    let fraction = fraction.get(..FRACTION_DIGITS).unwrap_or(fraction);
    let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let factor = u128::from(factor);
    Some(
        digits(whole)
            .saturating_mul(factor)
            .saturating_add(digits(fraction) * factor / scale),
    )
}

/// Prints a duration as upstream does: in the unit of its magnitude, or one unit down when
/// only that gives a whole number (`300secs` is `5mins`, `90secs` is `90secs`); otherwise
/// with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationText(pub Duration);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let mut smaller = ("ns", NANOSECOND);
        let mut unit = smaller;
        for candidate in DURATION_UNITS {
            if nanos < u128::from(candidate.1) {
                break;
            }
            smaller = unit;
            unit = candidate;
        }
        let whole = |factor: u64| nanos.is_multiple_of(u128::from(factor));
        // Below a millisecond the smaller unit is always whole: it is the nanosecond.
        let (name, factor) = if !whole(unit.1) && whole(smaller.1) {
            smaller
        } else {
            unit
        };
        if whole(factor) {
            return write!(f, "{}{name}", nanos / u128::from(factor));
        }
        let before_point = (nanos / u128::from(factor)).to_string().len();
        let decimals = SIGNIFICANT_DIGITS.saturating_sub(before_point);
        let number = format!("{:.decimals$}", nanos as f64 / factor as f64);
        write!(
            f,
            "{}{name}",
            number.trim_end_matches('0').trim_end_matches('.')
        )
    }
}

const KILOBYTE: u64 = 1 << 10;
const MEGABYTE: u64 = 1 << 20;
const GIGABYTE: u64 = 1 << 30;
const TERABYTE: u64 = 1 << 40;

/// Units by name, largest first.
const BYTES_UNITS: [(&str, u64); 5] = [
    ("TB", TERABYTE),
    ("GB", GIGABYTE),
    ("MB", MEGABYTE),
    ("KB", KILOBYTE),
    ("B", 1),
];

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BytesError {
    /// Only whole numbers are read.
    #[error("Fractional bytes '{0}'")]
    Fractional(String),
    /// There is no number before the unit.
    #[error("Failed to convert '' of bytes '{0}' to number")]
    MissingNumber(String),
    /// There is no unit after the number.
    #[error(
        "Invalid bytes '{0}': a unit must follow the number, as in '64MB'; supported units are \
         'B', 'KB', 'MB', 'GB' and 'TB'"
    )]
    MissingUnit(String),
    /// The unit is none of those known.
    #[error("Unknown bytes unit '{0}'; supported units are 'B', 'KB', 'MB', 'GB' and 'TB'")]
    UnknownUnit(String),
    /// More than 2^64 - 1 bytes.
    #[error("Size '{0}' is too large: the limit is 16777215TB")]
    OutOfRange(String),
}

/// A size in bytes; its units grow by 1024 (S67).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 2^10 bytes, at most what fits.
    pub const fn kilobytes(count: u64) -> Self {
        Self(count.saturating_mul(KILOBYTE))
    }

    /// So many times 2^20 bytes, at most what fits.
    pub const fn megabytes(count: u64) -> Self {
        Self(count.saturating_mul(MEGABYTE))
    }

    /// So many times 2^30 bytes, at most what fits.
    pub const fn gigabytes(count: u64) -> Self {
        Self(count.saturating_mul(GIGABYTE))
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of megabytes (2^20), with its fraction.
    pub fn as_megabytes(self) -> f64 {
        self.0 as f64 / MEGABYTE as f64
    }
}

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(|| BytesError::MissingUnit(text.to_owned()))?;
        let (number, unit) = text.split_at(end);
        if unit.starts_with('.') {
            return Err(BytesError::Fractional(text.to_owned()));
        }
        if number.is_empty() {
            return Err(BytesError::MissingNumber(text.to_owned()));
        }
        let factor = BYTES_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, factor)| *factor)
            .ok_or_else(|| BytesError::UnknownUnit(unit.to_owned()))?;
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(|| BytesError::OutOfRange(text.to_owned()))
    }
}

/// The largest unit that loses nothing: `65536KB` is `64MB`, `1025B` stays.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = BYTES_UNITS
            .into_iter()
            .find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor))
            .unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        for (text, nanos) in [
            ("5mins", 300 * SECOND),
            ("1.5hrs", 90 * MINUTE),
            ("0.5hrs", 30 * MINUTE),
            (".5secs", SECOND / 2),
            ("2.weeks", 2 * WEEK),
            ("0.29mins", 17_400_000_000),
            ("0ns", 0),
            ("9223372036854775807ns", i64::MAX as u64),
            ("1.9999999999999999999999999ns", 1),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_nanos(nanos)),
                "{text}"
            );
        }
    }

    #[test]
    fn bad_durations_say_why() {
        assert_eq!(
            parse_duration("5m"),
            Err(DurationError::UnknownUnit("m".into()))
        );
        assert_eq!(
            parse_duration("5 min"),
            Err(DurationError::UnknownUnit(" min".into()))
        );
        assert_eq!(
            parse_duration("5"),
            Err(DurationError::MissingUnit("5".into()))
        );
        assert_eq!(
            parse_duration(""),
            Err(DurationError::MissingUnit("".into()))
        );
        for text in ["secs", "1.2.3secs", ".secs"] {
            assert!(
                matches!(parse_duration(text), Err(DurationError::BadNumber { .. })),
                "{text}"
            );
        }
        assert_eq!(
            parse_duration("-1secs"),
            Err(DurationError::UnknownUnit("-1secs".into()))
        );
        for text in [
            "16000weeks",
            "99999999999999999999999999999999999999999999weeks",
        ] {
            assert!(
                matches!(parse_duration(text), Err(DurationError::OutOfRange(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn durations_print_as_upstream_prints_them() {
        for (text, printed) in [
            ("300secs", "5mins"),
            ("90secs", "90secs"),
            ("0ns", "0ns"),
            ("1500us", "1500us"),
            ("1500ns", "1500ns"),
            ("1234567ns", "1.234567ms"),
            ("1.5secs", "1500ms"),
            ("1.0001secs", "1.0001secs"),
            ("61.5secs", "1.025mins"),
            ("10days", "10days"),
            ("3weeks", "3weeks"),
            ("25hrs", "25hrs"),
            ("100000secs", "1.15740740740741days"),
            ("20.000000001secs", "20.000000001secs"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(DurationText(duration).to_string(), printed, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_printed_in_steps_of_1024() {
        for (text, bytes, printed) in [
            ("64MB", 64 << 20, "64MB"),
            ("64mb", 64 << 20, "64MB"),
            ("4096B", 4096, "4KB"),
            ("1025B", 1025, "1025B"),
            ("0TB", 0, "0B"),
            ("2048GB", 2 << 40, "2TB"),
        ] {
            let size: Bytes = text.parse().unwrap();
            assert_eq!(size.get(), bytes);
            assert_eq!(size.to_string(), printed);
        }
    }

    #[test]
    fn bad_sizes_say_why() {
        assert_eq!(
            "1.5GB".parse::<Bytes>(),
            Err(BytesError::Fractional("1.5GB".into()))
        );
        assert_eq!(
            "MB".parse::<Bytes>(),
            Err(BytesError::MissingNumber("MB".into()))
        );
        assert_eq!(
            "64".parse::<Bytes>(),
            Err(BytesError::MissingUnit("64".into()))
        );
        assert_eq!(
            "64MiB".parse::<Bytes>(),
            Err(BytesError::UnknownUnit("MiB".into()))
        );
        for text in ["16777216TB", "99999999999999999999B"] {
            assert_eq!(
                text.parse::<Bytes>(),
                Err(BytesError::OutOfRange(text.into()))
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_as_far_as_its_digits_go(nanos in 0..=i64::MAX as u64) {
            let printed = DurationText(Duration::from_nanos(nanos)).to_string();
            let read = parse_duration(&printed).unwrap().as_nanos() as u64;
            prop_assert!(read.abs_diff(nanos) <= 1 + nanos / 100_000_000_000_000, "{}", printed);
        }

        #[test]
        fn sizes_round_trip(bytes: u64) {
            prop_assert_eq!(Bytes::new(bytes).to_string().parse(), Ok(Bytes::new(bytes)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse_duration(&text);
            let _ = text.parse::<Bytes>();
        }
    }
}
