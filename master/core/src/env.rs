//! What a decision may know of the world: the two clocks and randomness.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point of monotonic time, counted from an arbitrary beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(Duration);

impl Moment {
    /// The moment `since_start` after the beginning.
    pub const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// The moment so much later.
    pub(crate) const fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }

    /// How long after the beginning.
    pub const fn since_start(self) -> Duration {
        self.0
    }
}

/// A point of wall-clock time, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Time(u64);

impl Time {
    /// `nanoseconds` after the epoch.
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// `seconds` after the epoch; times before it, and what is not a number, are the
    /// epoch itself.
    pub fn from_seconds(seconds: f64) -> Self {
        Self(Duration::try_from_secs_f64(seconds).map_or(0, |since| {
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        }))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// Seconds since the epoch, as the JSON of `/state` shows them (E10).
    pub fn seconds(self) -> f64 {
        Duration::from_nanos(self.0).as_secs_f64()
    }

    /// How long after `earlier`; zero when it was not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The world as one input finds it.
pub struct Env<'a> {
    /// Monotonic time, for rate limits.
    pub now: Moment,
    /// Wall-clock time, for what people and other programs read.
    pub time: Time,
    random: &'a mut dyn FnMut() -> u64,
}

impl<'a> Env<'a> {
    /// The world at `now` (wall clock `time`), drawing randomness from `random`.
    pub fn new(now: Moment, time: Time, random: &'a mut dyn FnMut() -> u64) -> Self {
        Self { now, time, random }
    }

    /// A random (version 4) UUID.
    pub fn uuid(&mut self) -> Uuid {
        let random = (u128::from((self.random)()) << 64) | u128::from((self.random)());
        let bits = (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
        Uuid(bits.to_be_bytes())
    }
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("now", &self.now)
            .field("time", &self.time)
            .finish()
    }
}

/// A universally unique identifier (RFC 4122). As bytes, since a number would make room around it
/// in each task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The sixteen bytes, as they travel in messages.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// Reads sixteen bytes; `None` when there are more or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        let part = |shift: u32, digits: u32| (bits >> shift) & ((1 << (4 * digits)) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 8),
            part(80, 4),
            part(64, 4),
            part(48, 4),
            part(0, 12)
        )
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_version_four_and_print_as_such() {
        let mut ones = || u64::MAX;
        let uuid = Env::new(Moment::default(), Time::default(), &mut ones).uuid();
        assert_eq!(uuid.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(Uuid::from_bytes(&uuid.bytes()), Some(uuid));
        assert_eq!(Uuid::from_bytes(b"short"), None);
    }

    #[test]
    fn times_before_the_epoch_are_the_epoch() {
        assert_eq!(Time::from_seconds(-1.0), Time::default());
        assert_eq!(Time::from_seconds(f64::NAN), Time::default());
        assert_eq!(Time::from_seconds(1.5).nanoseconds(), 1_500_000_000);
    }
}
