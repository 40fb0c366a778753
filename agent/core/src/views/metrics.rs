//! The agent's metrics by their names (E21).

use std::collections::BTreeMap;
use std::time::Duration;

use messages::v1;
use model::resources::Resources;

use crate::agent::Snapshot;
use crate::state::{ExecutorPhase, Phase, State};

/// The scalars that have metrics.
const RESOURCES: [&str; 4] = ["cpus", "disk", "gpus", "mem"];

/// All of them, at a moment of wall-clock time since the Unix epoch.
pub fn metrics(snapshot: &Snapshot, wall: Duration) -> BTreeMap<String, f64> {
    let state = &snapshot.state;
    let mut metrics = BTreeMap::new();
    let mut set = |name: &str, value: f64| metrics.insert(name.to_owned(), value);

    set(
        "slave/uptime_secs",
        wall.saturating_sub(state.start_time).as_secs_f64(),
    );
    set(
        "slave/registered",
        f64::from(u8::from(state.phase == Phase::Running)),
    );
    set("slave/frameworks_active", count(state.frameworks.len()));
    set(
        "slave/executor_directory_max_allowed_age_secs",
        state.sandbox_max_age.as_secs_f64(),
    );
    set("gc/path_removals_pending", count(snapshot.pending_removals));

    let executors = |phase| state.executors().filter(|one| one.phase == phase).count();
    set(
        "slave/executors_registering",
        count(executors(ExecutorPhase::Registering)),
    );
    set(
        "slave/executors_running",
        count(executors(ExecutorPhase::Running)),
    );
    set(
        "slave/executors_terminating",
        count(executors(ExecutorPhase::Terminating)),
    );

    set(
        "slave/tasks_staging",
        count(waiting(state) + launched(state, v1::TaskState::TaskStaging)),
    );
    set(
        "slave/tasks_starting",
        count(launched(state, v1::TaskState::TaskStarting)),
    );
    set(
        "slave/tasks_running",
        count(launched(state, v1::TaskState::TaskRunning)),
    );
    set(
        "slave/tasks_killing",
        count(launched(state, v1::TaskState::TaskKilling)),
    );

    let counters = &state.counters;
    for (name, value) in [
        ("slave/tasks_finished", counters.tasks_finished),
        ("slave/tasks_failed", counters.tasks_failed),
        ("slave/tasks_killed", counters.tasks_killed),
        ("slave/tasks_lost", counters.tasks_lost),
        ("slave/tasks_gone", counters.tasks_gone),
        ("slave/executors_terminated", counters.executors_terminated),
        ("slave/executors_preempted", counters.executors_preempted),
        ("slave/valid_status_updates", counters.valid_status_updates),
        (
            "slave/invalid_status_updates",
            counters.invalid_status_updates,
        ),
        (
            "slave/valid_framework_messages",
            counters.valid_framework_messages,
        ),
        (
            "slave/invalid_framework_messages",
            counters.invalid_framework_messages,
        ),
        (
            "slave/container_launch_errors",
            counters.container_launch_errors,
        ),
        ("slave/recovery_errors", counters.recovery_errors),
        (
            "gc/path_removals_succeeded",
            counters.path_removals_succeeded,
        ),
        ("gc/path_removals_failed", counters.path_removals_failed),
    ] {
        set(name, value as f64);
    }

    let used = state.used();
    shares(
        "",
        &state.total.non_revocable(),
        &used.non_revocable(),
        &mut set,
    );
    shares(
        "_revocable",
        &state.total.revocable(),
        &used.revocable(),
        &mut set,
    );
    metrics
}

/// Total, used and the part used of each resource.
fn shares(
    suffix: &str,
    total: &Resources,
    used: &Resources,
    set: &mut impl FnMut(&str, f64) -> Option<f64>,
) {
    for name in RESOURCES {
        let (total, used) = (total.scalar(name).to_f64(), used.scalar(name).to_f64());
        set(&format!("slave/{name}{suffix}_total"), total);
        set(&format!("slave/{name}{suffix}_used"), used);
        let part = if total > 0.0 { used / total } else { 0.0 };
        set(&format!("slave/{name}{suffix}_percent"), part);
    }
}

/// Delivered tasks in a state.
fn launched(state: &State, wanted: v1::TaskState) -> usize {
    let tasks = state
        .executors()
        .flat_map(|executor| executor.launched.values());
    tasks.filter(|task| task.state() == wanted).count()
}

/// Tasks that are not delivered yet.
fn waiting(state: &State) -> usize {
    let queued: usize = state
        .executors()
        .map(|executor| executor.queued_tasks().count())
        .sum();
    let launches = state
        .frameworks
        .values()
        .flat_map(|framework| &framework.pending);
    queued
        + launches
            .map(|launch| launch.work.tasks().len())
            .sum::<usize>()
}

fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{WALL_SECS, World, command_task, uuid};

    #[test]
    fn tasks_executors_and_resources_are_counted() {
        let mut world = World::registered();
        world.running_command_task("t");
        world.update("t", "t", v1::TaskState::TaskRunning, uuid(1));
        world.run(command_task("waiting", "true"));
        let wall = Duration::from_secs(WALL_SECS + 30);
        let metrics = metrics(&world.agent.snapshot(), wall);
        for (name, value) in [
            ("slave/uptime_secs", 30.0),
            ("slave/registered", 1.0),
            ("slave/frameworks_active", 1.0),
            ("slave/executors_registering", 1.0),
            ("slave/executors_running", 1.0),
            ("slave/tasks_staging", 1.0),
            ("slave/tasks_running", 1.0),
            ("slave/valid_status_updates", 1.0),
            ("slave/cpus_total", 4.0),
            ("slave/cpus_used", 2.2),
            ("slave/cpus_percent", 0.55),
            ("slave/mem_revocable_total", 0.0),
            ("slave/gpus_percent", 0.0),
        ] {
            assert!(
                (metrics[name] - value).abs() < 1e-9,
                "{name} {}",
                metrics[name]
            );
        }
    }
}
