//! What the machine has to give, where the operator does not say.

use std::path::Path;

/// What was found out about the machine. None is what could not be.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Machine {
    /// Processors on line.
    pub cpus: Option<u64>,
    /// Memory, in bytes.
    pub mem: Option<u64>,
    /// Size of the work directory's file system, in bytes.
    pub disk: Option<u64>,
}

impl Machine {
    /// Looks at this machine.
    pub fn probe(work_dir: &Path) -> Self {
        let figures = runtime::system::statistics();
        let disk = rustix::fs::statvfs(work_dir).ok();
        Self {
            cpus: figures.cpus_total.filter(|count| *count > 0),
            mem: figures.mem_total_bytes,
            disk: disk.map(|found| found.f_frsize.saturating_mul(found.f_blocks)),
        }
    }
}
