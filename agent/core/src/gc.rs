//! Garbage collection of sandboxes: each is kept for a while after its end, for less the
//! fuller the disk (G12).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId};

use crate::agent::Agent;
use crate::effect::Effect;
use crate::limits::{REMOVALS_AT_ONCE_MAX, SCHEDULED_PATHS_MAX};
use crate::paths;
use crate::timer::Timer;
use crate::turn::Turn;

/// A folder below the work directory, by what it belongs to; much smaller than its path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SandboxPath {
    /// All of a framework.
    Framework(FrameworkId),
    /// All runs of an executor.
    Executor(FrameworkId, ExecutorId),
    /// One run: a sandbox.
    Run(FrameworkId, ExecutorId, ContainerId),
    /// All that an agent with another id left here.
    Former(AgentId),
}

/// What there is to remove, and when.
#[derive(Debug, Default)]
pub(crate) struct Gc {
    /// When each scheduled folder is removed, in time since the same moment as `now`.
    scheduled: BTreeMap<SandboxPath, Duration>,
    /// The same, by time.
    by_time: BTreeSet<(Duration, SandboxPath)>,
    /// Folders whose removal is due.
    due: BTreeSet<SandboxPath>,
    /// The same in the order in which they became due; and some that are wanted again.
    due_in_order: VecDeque<SandboxPath>,
    /// Folders whose removal has begun.
    removing: BTreeMap<PathBuf, SandboxPath>,
    armed: Option<Duration>,
}

impl SandboxPath {
    pub(crate) fn to_path(&self, work_dir: &Path, agent: &AgentId) -> PathBuf {
        match self {
            Self::Framework(framework) => paths::framework(work_dir, agent, framework),
            Self::Executor(framework, executor) => {
                paths::executor(work_dir, agent, framework, executor)
            }
            Self::Run(framework, executor, container) => {
                paths::run(work_dir, agent, framework, executor, container)
            }
            Self::Former(agent) => paths::agent(work_dir, agent),
        }
    }
}

impl Gc {
    /// Plans the removal of a folder; an earlier plan for it is forgotten.
    pub(crate) fn schedule(&mut self, folder: SandboxPath, after: Duration, now: Duration) {
        self.forget(&folder);
        let when = now.saturating_add(after);
        self.scheduled.insert(folder.clone(), when);
        self.by_time.insert((when, folder));
        if self.scheduled.len() > SCHEDULED_PATHS_MAX
            && let Some((_, oldest)) = self.by_time.first().cloned()
        {
            self.remove_soon(oldest);
        }
    }

    /// Keeps a folder that is to be used again. What is returned is being removed, the
    /// folder with it, and must be gone first.
    pub(crate) fn unschedule(&mut self, folder: &SandboxPath, path: &Path) -> Vec<PathBuf> {
        self.forget(folder);
        self.due.remove(folder);
        path.ancestors()
            .filter(|part| self.removing.contains_key(*part))
            .map(Path::to_path_buf)
            .collect()
    }

    /// Everything that would be removed within `margin` goes now.
    fn prune(&mut self, margin: Duration, now: Duration) {
        let limit = now.saturating_add(margin);
        while let Some((when, folder)) = self.by_time.first().cloned() {
            if when > limit {
                break;
            }
            self.remove_soon(folder);
        }
    }

    /// The timer has fired.
    pub(crate) fn remove_due(&mut self, turn: &mut Turn<'_, '_>) {
        self.armed = None;
        self.prune(Duration::ZERO, turn.env.now);
    }

    /// How many folders wait for their removal (E21).
    pub(crate) fn pending(&self) -> usize {
        self.scheduled.len() + self.due.len() + self.removing.len()
    }

    /// Sets the timer if it is not set, or set too late.
    pub(crate) fn arm(&mut self, turn: &mut Turn<'_, '_>) {
        let Some((when, _)) = self.by_time.first() else {
            return;
        };
        if self.armed.is_none_or(|armed| *when < armed) {
            self.armed = Some(*when);
            turn.set_timer(Timer::Gc, when.saturating_sub(turn.env.now));
        }
    }

    fn remove_soon(&mut self, folder: SandboxPath) {
        self.forget(&folder);
        if self.due.insert(folder.clone()) {
            self.due_in_order.push_back(folder);
        }
    }

    /// The next folder to remove, if one may be removed now.
    fn next_due(&mut self) -> Option<SandboxPath> {
        while self.removing.len() < REMOVALS_AT_ONCE_MAX {
            let folder = self.due_in_order.pop_front()?;
            if self.due.remove(&folder) {
                return Some(folder);
            }
        }
        None
    }

    fn forget(&mut self, folder: &SandboxPath) {
        if let Some(when) = self.scheduled.remove(folder) {
            self.by_time.remove(&(when, folder.clone()));
        }
    }
}

impl Agent {
    /// Begins the removal of folders that are due, a few at a time.
    pub(crate) fn begin_removals(&mut self, turn: &mut Turn<'_, '_>) {
        let Some(agent) = self.state.id.clone() else {
            return;
        };
        while let Some(folder) = self.gc.next_due() {
            let path = folder.to_path(&self.config.work_dir, &agent);
            turn.effect(Effect::RemovePath(path.clone()));
            self.gc.removing.insert(path, folder);
        }
    }

    pub(crate) fn path_removed(
        &mut self,
        path: &PathBuf,
        result: Result<(), String>,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(folder) = self.gc.removing.remove(path) else {
            return;
        };
        match result {
            Ok(()) => self.state.counters.path_removals_succeeded += 1,
            Err(error) => {
                tracing::warn!(path = %path.display(), "Failed to delete: {error}");
                self.state.counters.path_removals_failed += 1;
            }
        }
        self.detach_folder(&folder, turn);
        self.launch_pending(path, turn);
    }

    /// Folders of agents that were here before, and how long ago each last changed. They
    /// are kept as long as if their last executor had ended then.
    pub(crate) fn former_agents(
        &mut self,
        found: Vec<(AgentId, Duration)>,
        turn: &mut Turn<'_, '_>,
    ) {
        for (id, age) in found {
            if self.state.id.as_ref() != Some(&id) {
                let after = self.config.gc_delay.saturating_sub(age);
                self.gc
                    .schedule(SandboxPath::Former(id), after, turn.env.now);
            }
        }
    }

    pub(crate) fn disk_usage(&mut self, usage: Result<f64, String>, turn: &mut Turn<'_, '_>) {
        match usage {
            Ok(usage) => {
                let delay = self.config.gc_delay;
                let age = max_age(delay, self.config.gc_disk_headroom, usage);
                self.state.sandbox_max_age = age;
                self.gc.prune(delay.saturating_sub(age), turn.env.now);
            }
            Err(error) => tracing::error!("Failed to get disk usage: {error}"),
        }
        turn.set_timer(Timer::DiskWatch, self.config.disk_watch_interval);
    }
}

/// How old sandboxes may get while the disk is this full (G12).
fn max_age(delay: Duration, headroom: f64, usage: f64) -> Duration {
    let part = (1.0 - headroom - usage).clamp(0.0, 1.0);
    if part.is_nan() {
        delay
    } else {
        delay.mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::limits::COMPLETED_TASKS_PER_EXECUTOR_MAX;
    use crate::testing::{World, command_task, config};

    const RUN_FOLDER: &str = "/w/slaves/m-S0/frameworks/m-0001/executors/t/runs";

    fn world_with_finished_task() -> World {
        let mut world = World::registered();
        let container = world.running_command_task("t");
        world.take();
        world.exited(container, Default::default());
        let update = world.only_update();
        world.acknowledge_sent(&update);
        world
    }

    fn removals(world: &mut World) -> Vec<PathBuf> {
        let path = |effect| match effect {
            Effect::RemovePath(path) => Some(path),
            _ => None,
        };
        world.take().into_iter().filter_map(path).collect()
    }

    #[test]
    fn age_depends_on_the_disk() {
        let day = Duration::from_secs(24 * 3600);
        assert_eq!(max_age(day * 10, 0.1, 0.0), day * 9);
        assert_eq!(max_age(day * 10, 0.0, 0.5), day * 5);
        assert_eq!(max_age(day, 0.1, 0.95), Duration::ZERO);
        assert_eq!(max_age(day, 0.1, f64::NAN), day);
    }

    #[test]
    fn what_former_agents_left_goes_by_its_age() {
        let mut world = World::registered();
        let delay = config().gc_delay;
        let day = Duration::from_secs(24 * 3600);
        world.take();
        world.input(Input::FormerAgents(vec![
            (AgentId::from("m-S0"), delay * 2),
            (AgentId::from("old-S1"), day),
            (AgentId::from("older-S2"), delay * 2),
        ]));
        world.timer(Timer::Gc);
        assert_eq!(removals(&mut world), [Path::new("/w/slaves/older-S2")]);
        world.now += delay - day;
        world.timer(Timer::Gc);
        assert_eq!(removals(&mut world), [Path::new("/w/slaves/old-S1")]);
    }

    #[test]
    fn sandboxes_go_when_their_time_has_come() {
        let mut world = world_with_finished_task();
        let delay = config().gc_delay;
        assert_eq!(world.timer_set(&Timer::Gc), Some(delay));
        world.take();
        world.now += delay;
        world.timer(Timer::Gc);
        let removed = removals(&mut world);
        assert_eq!(removed.len(), 3, "{removed:?}");
        assert_eq!(removed[0], Path::new("/w/slaves/m-S0/frameworks/m-0001"));
        assert_eq!(removed[1], Path::new(RUN_FOLDER).parent().unwrap());
        assert_eq!(removed[2].parent().unwrap(), Path::new(RUN_FOLDER));
        assert_eq!(world.agent.gc.pending(), 3);

        for path in removed {
            world.input(Input::PathRemoved {
                path,
                result: Ok(()),
            });
        }
        let detached = |name: &str| {
            world.effects.iter().any(|effect| {
                matches!(effect, Effect::DetachFile { virtual_path } if virtual_path == name)
            })
        };
        assert!(detached("/frameworks/m-0001/executors/t/runs/latest"));
        assert!(detached(&format!("{RUN_FOLDER}/latest")));
        assert_eq!(
            world
                .agent
                .snapshot()
                .state
                .counters
                .path_removals_succeeded,
            3
        );
        assert_eq!(world.agent.gc.pending(), 0);
    }

    #[test]
    fn a_full_disk_empties_all() {
        let mut world = world_with_finished_task();
        world.take();
        world.input(Input::DiskUsage(Ok(0.95)));
        assert_eq!(
            world.timer_set(&Timer::DiskWatch),
            Some(config().disk_watch_interval)
        );
        assert_eq!(removals(&mut world).len(), 3);
        assert_eq!(world.agent.snapshot().state.sandbox_max_age, Duration::ZERO);
    }

    #[test]
    fn an_unknown_usage_removes_nothing() {
        let mut world = world_with_finished_task();
        world.take();
        world.input(Input::DiskUsage(Err("no such disk".into())));
        assert!(world.timer_set(&Timer::DiskWatch).is_some());
        assert!(removals(&mut world).is_empty());
    }

    #[test]
    fn folders_in_use_again_stay() {
        let mut world = world_with_finished_task();
        world.run(command_task("t", "true"));
        world.take();
        world.now += config().gc_delay;
        world.timer(Timer::Gc);
        let removed = removals(&mut world);
        assert_eq!(removed.len(), 1, "only the old run: {removed:?}");
        assert!(removed[0].starts_with(RUN_FOLDER));
    }

    #[test]
    fn a_launch_waits_for_its_folder_to_be_gone() {
        let mut world = world_with_finished_task();
        world.take();
        world.now += config().gc_delay;
        world.timer(Timer::Gc);
        let removed = removals(&mut world);
        world.run(command_task("t", "true"));
        assert!(world.launches().is_empty());
        assert_eq!(world.framework().pending.len(), 1);
        for path in removed {
            world.input(Input::PathRemoved {
                path,
                result: Ok(()),
            });
        }
        assert_eq!(world.launches().len(), 1);
        assert!(world.framework().pending.is_empty());
    }

    #[test]
    fn a_waiting_launch_can_be_killed() {
        let mut world = world_with_finished_task();
        world.take();
        world.now += config().gc_delay;
        world.timer(Timer::Gc);
        let removed = removals(&mut world);
        world.run(command_task("t", "true"));
        world.kill("t");
        let update = world.only_update();
        assert_eq!(
            update.status.message(),
            "Killed before delivery to the executor"
        );
        for path in removed {
            world.input(Input::PathRemoved {
                path,
                result: Ok(()),
            });
        }
        assert!(world.launches().is_empty());
    }

    #[test]
    fn few_folders_are_removed_at_once() {
        let mut world = World::registered();
        for number in 0..20 {
            let container = world.running_command_task(&format!("t{number}"));
            world.take();
            world.exited(container, Default::default());
            let update = world.only_update();
            world.acknowledge_sent(&update);
        }
        world.take();
        world.input(Input::DiskUsage(Ok(1.0)));
        let mut begun = removals(&mut world);
        let mut removed = 0;
        while !begun.is_empty() {
            assert_eq!(begun.len(), REMOVALS_AT_ONCE_MAX.min(41 - removed));
            let path = begun.remove(0);
            world.input(Input::PathRemoved {
                path,
                result: Ok(()),
            });
            removed += 1;
            begun.extend(removals(&mut world));
        }
        assert_eq!(removed, 41, "20 runs, 20 executors and the framework");
        assert_eq!(world.agent.gc.pending(), 0);
    }

    #[test]
    fn histories_are_bounded() {
        let mut world = World::registered();
        for number in 0..10 {
            let id = format!("t{number}");
            let container = world.running_command_task(&id);
            world.take();
            world.exited(container, Default::default());
            let update = world.only_update();
            world.acknowledge_sent(&update);
        }
        let state = world.agent.snapshot().state;
        let completed = &state.completed_frameworks[0].completed_executors;
        assert_eq!(
            completed.len(),
            config().max_completed_executors_per_framework
        );
        assert_eq!(completed.last().unwrap().id.as_str(), "t9");
        assert!(completed[0].completed.len() <= COMPLETED_TASKS_PER_EXECUTOR_MAX);
    }
}
