//! What the agent may know of the world while it decides: time and chance.

use std::time::Duration;

use uuid::Uuid;

/// Time and randomness for one input. The shell makes one for each call of
/// [`Agent::handle`](crate::Agent::handle); within it time stands still.
pub struct Env<'a> {
    /// Monotonic time since any fixed moment.
    pub now: Duration,
    /// Wall-clock time since the Unix epoch.
    pub wall: Duration,
    /// A source of uniformly distributed numbers.
    pub random: &'a mut dyn FnMut() -> u64,
}

impl Env<'_> {
    /// A fresh RFC 4122 version 4 uuid.
    pub fn uuid(&mut self) -> Uuid {
        let (high, low) = ((self.random)(), (self.random)());
        let bits = Uuid::from_u64_pair(high, low).into_bytes();
        uuid::Builder::from_random_bytes(bits).into_uuid()
    }

    /// A duration drawn uniformly from `[0, limit]`.
    pub fn up_to(&mut self, limit: Duration) -> Duration {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        match nanos.checked_add(1) {
            Some(bound) => Duration::from_nanos((self.random)() % bound),
            None => Duration::from_nanos((self.random)()),
        }
    }

    /// Wall-clock time in seconds, the form of all timestamps in messages (D14).
    pub fn timestamp(&self) -> f64 {
        self.wall.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4() {
        let mut next = 0u64;
        let mut random = || {
            next += 1;
            next
        };
        let mut env = Env {
            now: Duration::ZERO,
            wall: Duration::ZERO,
            random: &mut random,
        };
        let (first, second) = (env.uuid(), env.uuid());
        assert_eq!(first.get_version_num(), 4);
        assert_ne!(first, second);
    }

    #[test]
    fn backoff_stays_within_its_limit() {
        let mut random = || u64::MAX;
        let mut env = Env {
            now: Duration::ZERO,
            wall: Duration::ZERO,
            random: &mut random,
        };
        assert!(env.up_to(Duration::from_secs(1)) <= Duration::from_secs(1));
        assert_eq!(env.up_to(Duration::ZERO), Duration::ZERO);
    }
}
