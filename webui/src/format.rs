//! Numbers and times as people read them.

/// `7.9`, `8`, `0.125`: at most three decimals, none that say nothing.
pub(crate) fn amount(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Megabytes in the unit that fits: `512 MB`, `7.5 GB`.
pub(crate) fn megabytes(value: f64) -> String {
    let (value, unit) = if value >= 1024.0 * 1024.0 {
        (value / (1024.0 * 1024.0), "TB")
    } else if value >= 1024.0 {
        (value / 1024.0, "GB")
    } else {
        (value, "MB")
    };
    format!("{} {unit}", amount((value * 10.0).round() / 10.0))
}

/// How long ago, in the two largest units: `3 h 12 min`.
pub(crate) fn ago(seconds: f64) -> String {
    let total = if seconds.is_finite() && seconds > 0.0 {
        seconds
    } else {
        0.0
    };
    let part = |unit: f64, of: f64| ((total / unit) % of).floor();
    if total >= 86_400.0 {
        format!("{} d {} h", (total / 86_400.0).floor(), part(3600.0, 24.0))
    } else if total >= 3600.0 {
        format!("{} h {} min", part(3600.0, 24.0), part(60.0, 60.0))
    } else if total >= 60.0 {
        format!("{} min {} s", part(60.0, 60.0), part(1.0, 60.0))
    } else {
        format!("{} s", total.floor())
    }
}

/// The end of an id, enough to tell it from its neighbours; pages hold the whole in a
/// tooltip.
pub(crate) fn short(id: &str) -> String {
    let mut start = id.len().saturating_sub(13);
    while !id.is_char_boundary(start) {
        start += 1;
    }
    match id.get(start..) {
        Some(end) if start > 0 => format!("…{end}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_no_more_than_they_know() {
        assert_eq!(amount(8.0), "8");
        assert_eq!(amount(0.1 + 0.2), "0.3");
        assert_eq!(megabytes(512.0), "512 MB");
        assert_eq!(megabytes(7680.0), "7.5 GB");
        assert_eq!(ago(59.9), "59 s");
        assert_eq!(ago(3720.0), "1 h 2 min");
        assert_eq!(ago(90_000.0), "1 d 1 h");
        assert_eq!(ago(f64::NAN), "0 s");
        assert_eq!(short("abc"), "abc");
        assert_eq!(short("0123456789-0123456789-S0"), "…0123456789-S0");
    }
}
