//! Durations and sizes as text (S31, S67).

use runtime_core::units::{Bytes, DurationText, parse_duration};

/// Sizes are read as they are written, and durations too but for the digits that upstream
/// does not print.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(duration) = parse_duration(&text) {
        let written = DurationText(duration).to_string();
        let again = parse_duration(&written).expect("what was written is a duration");
        let lost = again.abs_diff(duration).as_secs_f64();
        assert!(
            lost <= 1e-9 + duration.as_secs_f64() * 1e-12,
            "{written} is not {duration:?}"
        );
    }
    if let Ok(size) = text.parse::<Bytes>() {
        assert_eq!(size.to_string().parse(), Ok(size));
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"5mins",
        b"1.5hrs",
        b"90secs",
        b"0ns",
        b"15250.2weeks",
        b".5days",
        b"64MB",
        b"1025B",
        b"16777215TB",
        b"18446744073709551615B",
        b"-1secs",
        b"1e3ms",
    ])
}
