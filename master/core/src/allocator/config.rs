//! What the allocator is told once, when it starts.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Quantities;

use super::sorter::SorterKind;

/// Allocations that are worth an offer: at least one of these must be contained (A7).
/// An empty list lets everything pass.
pub type MinAllocatable = Vec<Quantities>;

/// The allocator's settings, from the master's flags.
#[derive(Debug, Clone)]
pub struct Config {
    /// The time between two batches; no filter lasts shorter (A1, A10).
    pub allocation_interval: Duration,
    /// `--min_allocatable_resources`; a framework may have its own for a role (A7).
    pub min_allocatable: MinAllocatable,
    /// `--role_sorter` (A5).
    pub role_sorter: SorterKind,
    /// `--framework_sorter` (A5).
    pub framework_sorter: SorterKind,
    /// `--fair_sharing_excluded_resource_names`: what no share is made of (A4).
    pub fairness_excluded: BTreeSet<String>,
    /// `--filter_gpu_resources`: agents with GPUs only for frameworks that know of
    /// them (A13).
    pub filter_gpu: bool,
    /// The region of the master's own `--domain`: agents of another one are remote (A13).
    pub region: Option<String>,
}

impl Default for Config {
    /// The defaults of the master's flags, but for the minimum: it is text there.
    fn default() -> Self {
        Self {
            allocation_interval: Duration::from_secs(1),
            min_allocatable: MinAllocatable::new(),
            role_sorter: SorterKind::Drf,
            framework_sorter: SorterKind::Drf,
            fairness_excluded: BTreeSet::new(),
            filter_gpu: true,
            region: None,
        }
    }
}

/// Reads `--min_allocatable_resources`: `cpus:0.01|mem:32`, where `|` parts alternatives
/// and `;` what must come together (A7).
pub fn parse_min_allocatable(text: &str) -> Result<MinAllocatable, model::ResourceError> {
    text.split('|')
        .map(str::trim)
        .filter(|alternative| !alternative.is_empty())
        .map(Quantities::parse)
        .collect()
}
