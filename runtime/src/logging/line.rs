//! Lines in glog's form: `I1122 21:28:52.123456 12345 file.rs:12] text`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Severity;

/// The longest line, in bytes; the rest is cut off.
const LINE_BYTES: usize = 30_000;

const SECONDS_PER_DAY: u64 = 86_400;

/// A formatted line, with its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    severity: Severity,
    text: String,
}

impl Line {
    /// A line by the current thread.
    pub(super) fn new(
        severity: Severity,
        now: SystemTime,
        file: &Path,
        line: u32,
        message: &str,
    ) -> Self {
        THREAD_ID.with(|thread| Self::by(severity, now, *thread, file, line, message))
    }

    fn by(
        severity: Severity,
        now: SystemTime,
        thread: i32,
        file: &Path,
        line: u32,
        message: &str,
    ) -> Self {
        let letter = severity.name().get(..1).unwrap_or_default();
        let at = Moment::of(now);
        let file = file.file_name().unwrap_or_default().to_string_lossy();
        let mut text = String::with_capacity(64 + message.len());
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{letter}{:02}{:02} {:02}:{:02}:{:02}.{:06} {thread:>5} {file}:{line}] {message}",
            at.month, at.day, at.hour, at.minute, at.second, at.micros
        );
        if text.len() >= LINE_BYTES {
            text.truncate(text.floor_char_boundary(LINE_BYTES - 1));
        }
        text.push('\n');
        Self { severity, text }
    }

    pub(super) fn severity(&self) -> Severity {
        self.severity
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

thread_local! {
    /// The kernel's number of this thread.
    static THREAD_ID: i32 = rustix::thread::gettid().as_raw_nonzero().get();
}

/// A moment in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: u64,
    pub(super) month: u64,
    pub(super) day: u64,
    pub(super) hour: u64,
    pub(super) minute: u64,
    pub(super) second: u64,
    pub(super) micros: u32,
}

impl Moment {
    /// Takes a time before 1970 for 1970.
    pub(super) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (
            since.as_secs() / SECONDS_PER_DAY,
            since.as_secs() % SECONDS_PER_DAY,
        );
        // Counting years from March puts the leap day at the end. 719468 days lie between
        // 1 March of year 0 and 1970; 146097 days are 400 years.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            micros: since.subsec_micros(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_has_the_form_of_glog() {
        let now = UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_042);
        let file = Path::new("master/src/main.rs");
        let line = Line::by(Severity::Warning, now, 123, file, 12, "hello");
        assert_eq!(
            line.text(),
            "W1114 22:13:20.000042   123 main.rs:12] hello\n"
        );
        assert_eq!(line.severity(), Severity::Warning);
    }

    #[test]
    fn a_long_line_is_cut_at_a_character() {
        let text = "é".repeat(LINE_BYTES);
        let line = Line::new(Severity::Info, UNIX_EPOCH, Path::new("a.rs"), 1, &text);
        assert!((LINE_BYTES - 3..=LINE_BYTES).contains(&line.text().len()));
        assert!(line.text().ends_with("é\n"));
    }

    #[test]
    fn threads_have_numbers() {
        let mine = THREAD_ID.with(|id| *id);
        let other = std::thread::spawn(|| THREAD_ID.with(|id| *id))
            .join()
            .unwrap();
        assert!(mine > 0 && other > 0 && mine != other);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, year, month, day) in [
            (0, 1970, 1, 1),
            (951_782_400, 2000, 2, 29),
            (951_868_800, 2000, 3, 1),
            (1_735_603_200, 2024, 12, 31),
            (1_735_689_600, 2025, 1, 1),
            (4_107_542_400, 2100, 3, 1),
            (4_107_456_000, 2100, 2, 28),
        ] {
            let moment = Moment::of(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(
                (moment.year, moment.month, moment.day),
                (year, month, day),
                "{seconds}"
            );
        }
    }
}
