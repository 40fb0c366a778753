//! A clock for what is only shown in milliseconds.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment, of which some milliseconds are not known: the system counts such moments by
/// itself, and to read one costs a fifth of reading an [`Instant`](std::time::Instant).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Coarse(Duration);

impl Coarse {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::MonotonicCoarse);
        Self(Duration::try_from(now).unwrap_or_default())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn it_goes_on() {
        let (began, since) = (Instant::now(), Coarse::now());
        while since.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        assert!(began.elapsed() > Duration::from_millis(5));
        assert!(Coarse::now() > since);
    }
}
