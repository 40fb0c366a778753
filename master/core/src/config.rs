//! What the operator has decided: the flags that decisions depend on.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Role;

use crate::limits;

/// The flags of the daemon that change what the master decides. Defaults are
/// upstream's (M52).
#[derive(Debug, Clone)]
pub struct Config {
    /// `--agent_ping_timeout`: how long an agent may take to answer a ping (M16).
    pub agent_ping_timeout: Duration,
    /// `--max_agent_ping_timeouts`: unanswered pings before an agent is unreachable (M16).
    pub max_agent_ping_timeouts: u32,
    /// `--agent_reregister_timeout`: how long a known agent may stay away after a master
    /// failover or a broken connection (M19).
    pub agent_reregister_timeout: Duration,
    /// `--recovery_agent_removal_limit` as a fraction, 0..=1 (M19).
    pub recovery_agent_removal_limit: f64,
    /// `--agent_removal_rate_limit`: the least time between two agents being marked
    /// unreachable, if limited (M16).
    pub agent_removal_interval: Option<Duration>,
    /// `--offer_timeout`: how long an offer may stay unanswered, if limited.
    pub offer_timeout: Option<Duration>,
    /// `--registry_gc_interval` (M20).
    pub registry_gc_interval: Duration,
    /// `--registry_max_agent_age` (M20).
    pub registry_max_agent_age: Duration,
    /// `--registry_max_agent_count` (M20).
    pub registry_max_agent_count: usize,
    /// `--max_completed_frameworks` (M52).
    pub max_completed_frameworks: usize,
    /// `--max_completed_tasks_per_framework` (M52).
    pub max_completed_tasks_per_framework: usize,
    /// `--max_unreachable_tasks_per_framework` (M52).
    pub max_unreachable_tasks_per_framework: usize,
    /// `--max_operator_event_stream_subscribers` (M52).
    pub max_operator_streams: usize,
    /// `--roles`: the only roles that frameworks may have, if limited (M50).
    pub roles: Option<BTreeSet<Role>>,
    /// `--root_submissions`: whether frameworks may run as `root` (M50).
    pub root_submissions: bool,
    /// `--publish_per_framework_metrics`: whether each framework has metrics of its own.
    pub publish_per_framework_metrics: bool,
    /// `--weights`: used when the registry holds none.
    pub weights: Vec<(Role, f64)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_secs(10 * 60),
            recovery_agent_removal_limit: 1.0,
            agent_removal_interval: None,
            offer_timeout: None,
            registry_gc_interval: Duration::from_secs(15 * 60),
            registry_max_agent_age: Duration::from_secs(14 * 24 * 60 * 60),
            registry_max_agent_count: 100 * 1024,
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            max_operator_streams: limits::OPERATOR_STREAMS_MAX,
            roles: None,
            root_submissions: true,
            publish_per_framework_metrics: true,
            weights: Vec::new(),
        }
    }
}

impl Config {
    /// How long an agent may hear nothing before it must think itself cut off (M17).
    pub fn total_ping_timeout(&self) -> Duration {
        self.agent_ping_timeout
            .saturating_mul(self.max_agent_ping_timeouts)
    }
}
