//! Bugs that are planted at the seams, and what finds each: a check of the auditor. One
//! that no seed finds shows a hole in what is watched, or in what is done to the cluster.

mod agent;
mod allocator;
mod master;

use crate::cluster;
use crate::plan::Plan;
use crate::seams::{Bug, Seams};

/// Within so many seeds each bug must be found.
const FOUND_WITHIN: u64 = 1_000;

/// A bug, and the invariants that may find it.
struct Planted {
    name: &'static str,
    bug: Bug,
    found_by: &'static [&'static str],
}

macro_rules! planted {
    ($($room:ident::$name:ident => $($found_by:literal)|+),+ $(,)?) => {
        &[$(Planted {
            name: stringify!($name),
            bug: $room::$name,
            found_by: &[$($found_by),+],
        }),+]
    };
}

const BUGS: &[Planted] = planted![
    // Found by few seeds: first, so that the others are looked for meanwhile.
    master::forgets_the_version => "machines" | "tasks",
    master::drops_an_acknowledgement => "settled",
    master::acknowledges_by_itself => "acknowledgements" | "updates",
    master::forgets_a_kill => "settled",
    master::forgets_a_launch => "settled",
    master::overtakes_a_launch => "settled",
    master::takes_the_dead_for_alive => "unreachable",
    master::forgets_to_mark_unreachable => "unreachable" | "settled",
    master::lets_a_dead_frameworks_tasks_run => "settled" | "machines",
    master::skips_a_rescind => "offers" | "filters",
    master::offers_twice => "offers",
    master::offers_to_two => "offers",
    master::repeats_what_was_before_the_end => "tasks" | "updates",
    master::lets_the_gone_stay => "settled",
    master::forgets_who_is_gone => "gone",
    master::offers_after_its_end => "masters",
    master::panics => "panics",
    master::floods_its_agents => "peers",
    allocator::leaks_an_allocation => "settled",
    allocator::forgets_a_filter => "filters",
    allocator::recovers_twice => "resources",
    allocator::loses_offers => "settled",
    allocator::offers_twice => "resources",
    allocator::forgets_what_a_returning_agent_runs => "resources",
    allocator::forgets_a_revival => "settled",
    allocator::forgets_to_activate_a_framework => "settled",
    allocator::forgets_to_activate_an_agent => "settled",
    allocator::is_flooded => "mailboxes",
    agent::reorders_updates => "updates",
    agent::loses_an_update => "updates" | "settled",
    agent::misnames_an_update => "settled",
    agent::tells_another_state => "updates",
    agent::repeats_an_acknowledged_update => "updates",
    agent::launches_twice => "tasks",
    agent::forgets_to_take => "settled",
    agent::ignores_a_kill => "settled",
    agent::misses_an_exit => "settled",
    agent::forgets_to_tell_of_an_exit => "settled",
    agent::returns_without_tasks => "tasks" | "machines" | "settled" | "resources",
    agent::returns_as_it_was => "tasks" | "machines" | "settled" | "resources" | "updates",
    agent::returns_with_the_ended => "tasks" | "machines" | "settled" | "resources" | "updates",
    agent::boasts => "machines" | "resources",
];

/// Which seed finds a bug, and by which invariant.
fn find(planted: &Planted) -> Option<(u64, String)> {
    (0..FOUND_WITHIN).find_map(|seed| {
        let plan = Plan::new(seed);
        let outcome = cluster::run(&plan, Seams::with(planted.bug, seed), false);
        let first = outcome.violations.into_iter().next()?;
        Some((seed, first))
    })
}

#[test]
fn planted_bugs_are_found() {
    let only = std::env::var("SIM_BUG").ok();
    let is_meant = |it: &&Planted| only.as_deref().is_none_or(|name| it.name == name);
    let bugs: Vec<_> = BUGS.iter().filter(is_meant).collect();
    let found = crate::in_parallel(&bugs, |planted| find(planted));
    let mut unfound = Vec::new();
    for (planted, found) in bugs.iter().zip(found) {
        let name = planted.name;
        match found {
            None => {
                println!("{name}: not found");
                unfound.push(name);
            }
            Some((seed, first)) => {
                let short: String = first.chars().take(150).collect();
                println!("{name}: seed {seed}, {short}");
                let by = first.split(' ').next().unwrap_or_default();
                if !planted.found_by.contains(&by) {
                    unfound.push(name);
                }
            }
        }
    }
    assert!(
        unfound.is_empty(),
        "not found as they should be: {unfound:?}"
    );
}
