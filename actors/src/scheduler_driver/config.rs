//! What a framework subscribes with.

use std::sync::Arc;
use std::time::Duration;

use messages::v1::FrameworkInfo;

use crate::detector::Detector;
use crate::http_client::{Authorization, ContentType};

/// What a framework subscribes with.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    /// Tells who leads.
    pub detector: Arc<dyn Detector>,
    /// The framework. Its id is unset for a new one; to go on after a restart, it is the id
    /// that a former life was given, and comes within the `failover_timeout` (M29).
    pub framework_info: FrameworkInfo,
    /// Roles that get no offers at first.
    pub suppressed_roles: Vec<String>,
    /// How master and framework talk.
    pub transport: Transport,
    /// Who acknowledges updates.
    pub acknowledgements: Acknowledgements,
    /// How long to wait before trying again.
    pub backoff: Backoff,
}

impl SchedulerConfig {
    /// The usual way: v1 HTTP with protobuf, updates acknowledged automatically.
    pub fn new(detector: impl Detector + 'static, framework_info: FrameworkInfo) -> Self {
        Self {
            detector: Arc::new(detector),
            framework_info,
            suppressed_roles: Vec::new(),
            transport: Transport::default(),
            acknowledgements: Acknowledgements::default(),
            backoff: Backoff::default(),
        }
    }
}

/// How master and framework talk.
#[derive(Debug, Clone)]
pub enum Transport {
    /// The v1 scheduler API (V7–V13). Works from a node without a port.
    Http {
        /// How calls and events are written.
        content_type: ContentType,
        /// The framework's credentials, if it has any.
        authorization: Option<Authorization>,
    },
    /// libprocess messages, as Mesos' native driver speaks them (M1, M2). The master talks
    /// back, so the node must have a port that the master reaches. There are no heartbeats:
    /// a broken connection tells that the master is gone, and after two minutes of silence
    /// the driver subscribes again. Without credentials: a master that wants frameworks
    /// authenticated does not take it.
    Libprocess,
}

impl Default for Transport {
    fn default() -> Self {
        Self::Http {
            content_type: ContentType::Protobuf,
            authorization: None,
        }
    }
}

/// Who acknowledges updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledgements {
    /// The driver, when [`update`](super::SchedulerActor::update) has returned.
    #[default]
    Automatic,
    /// The framework, by [`acknowledge`](super::SchedulerDriver::acknowledge). It hears an
    /// update each time that the agent sends it.
    Explicit,
}

/// How long to wait before trying again: a random part of a time that doubles from try to
/// try, so that frameworks that lost one master do not come all at once (M33).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the first new try.
    pub first: Duration,
    /// The longest wait ever.
    pub most: Duration,
}

impl Backoff {
    /// The longest wait after this many failures in a row.
    pub(super) fn after(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1));
        let grown = factor.and_then(|factor| self.first.checked_mul(factor));
        grown.unwrap_or(self.most).min(self.most)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            most: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most() {
        let backoff = Backoff::default();
        let waits: Vec<_> = (1..8).map(|n| backoff.after(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.after(u32::MAX), backoff.most);
    }
}
