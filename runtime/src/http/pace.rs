//! How soon a connection is read again.
//!
//! A sender that writes each small message by itself, and many of them, is read message by
//! message: a wake, a read and TCP's acknowledgement for each, and the sender is slowed down by
//! all three. Read a little later, they come together, and the sender's system, too, puts
//! together what has not been acknowledged. But a sender that waits until its last messages had
//! an effect would only be held up: so what comes must not become much less by the rests; if it
//! does, the connection is read at once for a while.

use std::time::{Duration, Instant};

/// How long what may come is left to gather.
pub(super) const REST: Duration = Duration::from_millis(1);
/// So many reads, each of which left nothing behind, …
const READS: u32 = 64;
/// … within this time are many: no peer asks and is answered as often as this …
const HASTE: Duration = Duration::from_micros(1280);
/// … and who sends more bytes at a time than this has gathered them.
const LITTLE: u32 = 1 << 10;
/// So many rests are judged together: the first of them fills the system's buffers, which then
/// grow.
const RESTS: u32 = 8;
/// How long there is no rest after some that held the sender up, at first; twice as long each
/// time.
const PATIENCE: Duration = Duration::from_secs(1);
const DOUBLINGS_MAX: u32 = 6;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Pace {
    /// Since when the next two are counted.
    since: Instant,
    reads: u32,
    bytes: u32,
    /// What came in so much time before the connection rested, while it does.
    resting: Option<Box<Rate>>,
    /// How often in a row rests held the sender up.
    failed: u32,
}

#[derive(Debug)]
struct Rate {
    bytes: u32,
    time: Duration,
}

impl Rate {
    /// Whether this is at least half as much for its time as `other`.
    fn is_much_beside(&self, other: &Self) -> bool {
        let weight = |bytes: u32, time: Duration| u128::from(bytes) * time.as_nanos();
        2 * weight(self.bytes, other.time) >= weight(other.bytes, self.time)
    }
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            reads: 0,
            bytes: 0,
            resting: None,
            failed: 0,
        }
    }

    /// Notes that so many bytes came, after which the connection had no more to say. Whether it
    /// should rest before it is read again.
    pub(super) fn emptied(&mut self, bytes: usize, now: impl FnOnce() -> Instant) -> bool {
        self.came(bytes);
        self.reads += 1;
        let enough = if self.resting.is_some() { RESTS } else { READS };
        if self.reads < enough {
            return self.resting.is_some();
        }
        let now = now();
        let came = Rate {
            bytes: self.bytes,
            // What is not known yet, after a rest that failed, is not haste.
            time: now.checked_duration_since(self.since).unwrap_or(HASTE),
        };
        self.begin(now);
        match &self.resting {
            None if came.time < HASTE && came.bytes < READS * LITTLE => {
                self.resting = Some(Box::new(came))
            }
            None => {}
            Some(before) if came.is_much_beside(before) => self.failed = 0,
            Some(_) => {
                self.resting = None;
                self.since = now + PATIENCE * (1 << self.failed.min(DOUBLINGS_MAX));
                self.failed += 1;
            }
        }
        self.resting.is_some()
    }

    /// Notes that so many bytes came, and there may be more.
    pub(super) fn came(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn begin(&mut self, now: Instant) {
        self.reads = 0;
        self.bytes = 0;
        // Beyond, while there is to be no rest.
        self.since = self.since.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection that is read, and a clock.
    struct Read {
        pace: Pace,
        now: Instant,
    }

    impl Read {
        fn new() -> Self {
            let now = Instant::now();
            let pace = Pace::new(now);
            Self { pace, now }
        }

        /// So many bytes come after so much time. Whether the connection rests then.
        fn after(&mut self, micros: u64, bytes: usize) -> bool {
            self.now += Duration::from_micros(micros);
            let now = self.now;
            self.pace.emptied(bytes, || now)
        }

        /// As many small messages as are looked at before it may rest.
        fn hasty(&mut self) -> bool {
            (0..READS).fold(false, |_, _| self.after(5, 300))
        }
    }

    #[test]
    fn many_small_messages_are_left_to_gather_as_long_as_they_come() {
        let mut read = Read::new();
        for _ in 1..READS {
            assert!(!read.after(5, 300));
        }
        assert!(read.after(5, 300));
        for _ in 0..10 * RESTS {
            assert!(read.after(1500, 90_000));
        }
        // Nobody rests for what does not come.
        let rested = (0..).take_while(|_| read.after(1500, 300)).count();
        assert!(rested < 2 * RESTS as usize, "{rested}");
    }

    #[test]
    fn one_poor_rest_among_good_ones_does_not_count() {
        let mut read = Read::new();
        assert!(read.hasty());
        for number in 0..10 * RESTS {
            let bytes = if number % 3 == 0 { 300 } else { 90_000 };
            assert!(read.after(1500, bytes));
        }
    }

    #[test]
    fn what_comes_slowly_is_read_at_once() {
        let mut read = Read::new();
        assert!((0..100 * READS).all(|_| !read.after(50, 300)));
    }

    #[test]
    fn a_sender_that_waits_is_held_up_ever_more_rarely() {
        let mut read = Read::new();
        let began = read.now;
        let mut begun = Vec::new();
        while read.now - began < PATIENCE * 40 {
            // Its window holds three messages, and it is quick.
            if read.after(15, 900) {
                begun.push(read.now - began);
                let rests = 1 + (0..).take_while(|_| read.after(1500, 900)).count();
                assert_eq!(rests, RESTS as usize);
            }
        }
        assert_eq!(begun.len(), 6, "{begun:?}");
        assert!(begun.windows(2).all(|two| two[1] >= two[0] + PATIENCE));
    }
}
