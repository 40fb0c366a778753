//! What a container uses, counted over its processes (E15).

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use messages::v1::ResourceStatistics;

use crate::isolation::{Isolation, Isolator};
use crate::process_table::{Entry, ProcessTable};

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Processors.
    pub cpus: Option<f64>,
    /// Memory, in bytes.
    pub mem_bytes: Option<u64>,
}

/// Adds up what the processes below `root` use. Processor time includes that of children that
/// have ended, so that it never falls while the container lives.
pub(crate) fn statistics(
    table: &ProcessTable,
    root: i32,
    limits: Limits,
    isolation: &Isolation,
) -> ResourceStatistics {
    let members = table.members(root, &mut BTreeSet::new());
    let sum = |count: fn(&Entry) -> u64| members.iter().map(|entry| count(entry)).sum::<u64>();
    let seconds = |ticks: u64| ticks as f64 / rustix::param::clock_ticks_per_second() as f64;

    let mut statistics = ResourceStatistics {
        timestamp: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since_epoch| since_epoch.as_secs_f64()),
        cpus_limit: limits.cpus,
        mem_limit_bytes: limits.mem_bytes,
        ..ResourceStatistics::default()
    };
    if isolation.has(Isolator::PosixCpu) {
        statistics.cpus_user_time_secs = Some(seconds(sum(|entry| entry.user_ticks)));
        statistics.cpus_system_time_secs = Some(seconds(sum(|entry| entry.system_ticks)));
        let living = members.iter().filter(|entry| !entry.zombie).count();
        statistics.processes = u32::try_from(living).ok();
        statistics.threads = u32::try_from(sum(|entry| entry.threads)).ok();
    }
    if isolation.has(Isolator::PosixMem) {
        let pages = sum(|entry| entry.resident_pages);
        statistics.mem_rss_bytes = Some(pages * rustix::param::page_size() as u64);
    }
    statistics
}
