//! Updates of executors that are faster than the report that their containers run. They wait
//! for it, since they are to tell of it.

use messages::v1;
use model::ids::{ExecutorId, FrameworkId};

use crate::agent::Agent;
use crate::limits::EARLY_UPDATES_MAX;
use crate::state::ExecutorPhase;
use crate::turn::Turn;

impl Agent {
    /// An executor says something about one of its tasks.
    pub(crate) fn executor_update(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        status: v1::TaskStatus,
        turn: &mut Turn<'_, '_>,
    ) {
        let is_early = self.executor(framework_id, executor_id).is_some_and(|it| {
            it.container_status.is_none() && it.phase != ExecutorPhase::Terminated
        });
        if is_early && let Some(executor) = self.executor_mut(framework_id, executor_id) {
            executor.early_updates.push_back(status);
            if executor.early_updates.len() > EARLY_UPDATES_MAX {
                self.take_early_updates(framework_id, executor_id, turn);
            }
            return;
        }
        self.take_update(framework_id, executor_id, status, turn);
    }

    /// Takes the updates that waited for the container.
    pub(crate) fn take_early_updates(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let executor = self.executor(framework_id, executor_id);
        if executor.is_none_or(|it| it.early_updates.is_empty()) {
            return;
        }
        let executor = self.executor_mut(framework_id, executor_id);
        let early = executor.map(|it| std::mem::take(&mut it.early_updates));
        for status in early.unwrap_or_default() {
            self.take_update(framework_id, executor_id, status, turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::testing::{World, command_task, uuid};
    use v1::TaskState;

    /// An executor that has subscribed, of whose container nothing is known.
    fn world() -> World {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.subscribe("t");
        world.take();
        world
    }

    #[test]
    fn an_executor_faster_than_its_launch_is_located_all_the_same() {
        let mut world = world();
        world.update("t", "t", TaskState::TaskRunning, uuid(1));
        assert!(world.sent().is_empty());
        world.launched("t");
        let status = world.only_update().status.container_status.unwrap();
        let container_id = &world.executor("t").container_id;
        assert_eq!(status.container_id, Some(container_id.to_proto()));
        assert_eq!(status.executor_pid, Some(42));
        assert_eq!(status.network_infos.len(), 1);
    }

    #[test]
    fn what_came_early_is_told_though_the_container_was_never_reported() {
        let mut world = world();
        world.update("t", "t", TaskState::TaskFinished, uuid(1));
        assert!(world.sent().is_empty());
        let container_id = world.executor("t").container_id.clone();
        world.input(Input::ContainerLaunchFailed {
            container_id,
            message: "lost".to_owned(),
        });
        let status = world.only_update().status;
        assert_eq!(status.state(), TaskState::TaskFinished);
    }

    #[test]
    fn not_more_than_some_updates_wait() {
        let mut world = world();
        for number in 0..EARLY_UPDATES_MAX {
            world.update("t", "t", TaskState::TaskRunning, uuid(number as u8));
        }
        assert!(world.sent().is_empty());
        world.update("t", "t", TaskState::TaskRunning, uuid(255));
        assert!(world.executor("t").early_updates.is_empty());
        let first = world.only_update().status.uuid;
        assert_eq!(first, Some(uuid(0).as_bytes().to_vec().into()));
    }
}
