//! Executors end: asked to, given time, then killed (G26).

use messages::internal;
use model::ids::{ContainerId, ExecutorId, FrameworkId};
use runtime_core::Pid;

use crate::agent::Agent;
use crate::effect::Effect;
use crate::environment::shutdown_grace_period;
use crate::events;
use crate::gc::SandboxPath;
use crate::paths;
use crate::state::{ExecutorConnection, ExecutorPhase, FrameworkPhase, Phase};
use crate::timer::Timer;
use crate::turn::Turn;

impl Agent {
    pub(crate) fn shutdown_executor(
        &mut self,
        from: &Pid,
        message: &internal::ShutdownExecutorMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let (Some(framework_id), Some(executor_id)) = (&message.framework_id, &message.executor_id)
        else {
            tracing::warn!(%from, "Ignoring a shutdown executor message without ids");
            return;
        };
        if !self.is_master(from) || self.state.phase == Phase::Disconnected {
            tracing::warn!(%from, "Ignoring a shutdown executor message: not registered there");
            return;
        }
        let framework_id = FrameworkId::from(framework_id);
        let executor_id = ExecutorId::from(executor_id);
        let Some(framework) = self.framework(&framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.get(&executor_id) else {
            return;
        };
        if framework.phase == FrameworkPhase::Running && executor.phase.is_live() {
            self.begin_shutdown(&framework_id, &executor_id, turn);
        }
    }

    /// Asks an executor to shut down, and gives it its grace period.
    pub(crate) fn begin_shutdown(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        tracing::info!(executor = %executor_id, framework = %framework_id, "Shutting down executor");
        executor.phase = ExecutorPhase::Terminating;
        if executor.connection != ExecutorConnection::None {
            turn.tell(executor, events::shutdown());
        }
        let container_id = executor.container_id.clone();
        let info = executor.info.clone();
        let grace = shutdown_grace_period(&self.config, &info);
        turn.set_timer(Timer::ExecutorShutdown(container_id), grace);
    }

    pub(crate) fn executor_shutdown_timeout(
        &mut self,
        container_id: &ContainerId,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some((framework_id, executor_id)) = self.owner_of(container_id) else {
            return;
        };
        let Some(executor) = self.executor(&framework_id, &executor_id) else {
            return;
        };
        if executor.phase == ExecutorPhase::Terminating {
            tracing::info!(executor = %executor_id, framework = %framework_id, "Killing executor");
            turn.effect(Effect::DestroyContainer(container_id.clone()));
        }
    }

    /// An executor becomes history; its sandbox will be removed one day.
    pub(crate) fn remove_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        let limit = self.config.max_completed_executors_per_framework;
        let Some(framework) = self.framework_mut(framework_id) else {
            return;
        };
        let Some(executor) = framework.executors.remove(executor_id) else {
            return;
        };
        tracing::info!(executor = %executor_id, framework = %framework_id, "Cleaning up executor");
        let tasks = executor
            .launched
            .keys()
            .chain(executor.terminated.keys())
            .cloned();
        let queued = executor.queued_tasks().map(|task| (&task.task_id).into());
        for task in tasks.chain(queued).collect::<Vec<model::ids::TaskId>>() {
            framework.tasks.remove(&task);
        }
        let container_id = executor.container_id.clone();
        let reused = framework
            .pending
            .iter()
            .any(|launch| launch.executor_info.executor_id.value == executor_id.as_str());
        framework.completed_executors.push_back(executor);
        while framework.completed_executors.len() > limit {
            framework.completed_executors.pop_front();
        }
        let delay = self.config.gc_delay;
        let (framework_id, executor_id) = (framework_id.clone(), executor_id.clone());
        let run = SandboxPath::Run(framework_id.clone(), executor_id.clone(), container_id);
        self.gc.schedule(run, delay, turn.env.now);
        if !reused {
            let folder = SandboxPath::Executor(framework_id, executor_id);
            self.gc.schedule(folder, delay, turn.env.now);
        }
    }

    /// The names under which clients may still read a folder that is gone.
    pub(crate) fn detach_folder(&self, folder: &SandboxPath, turn: &mut Turn<'_, '_>) {
        let Some(agent) = &self.state.id else { return };
        let work_dir = &self.config.work_dir;
        let names = match folder {
            SandboxPath::Framework(_) | SandboxPath::Former(_) => Vec::new(),
            SandboxPath::Executor(framework, executor) => vec![
                paths::latest_run(work_dir, agent, framework, executor)
                    .display()
                    .to_string(),
                paths::virtual_latest_run(framework, executor),
            ],
            SandboxPath::Run(framework, executor, container) => vec![
                folder.to_path(work_dir, agent).display().to_string(),
                paths::virtual_run(framework, executor, container),
            ],
        };
        for virtual_path in names {
            turn.effect(Effect::DetachFile { virtual_path });
        }
    }
}

impl ExecutorPhase {
    /// Neither ended nor ending.
    pub(crate) fn is_live(self) -> bool {
        matches!(self, Self::Registering | Self::Running)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use messages::v1;
    use v1::executor::event::Type as EventType;

    use super::*;
    use crate::testing::{World, custom_executor, executor_task, framework_id, uuid};

    fn shutdown(world: &mut World, executor: &str) {
        world.message(crate::Message::ShutdownExecutor(
            internal::ShutdownExecutorMessage {
                framework_id: Some(framework_id().to_proto()),
                executor_id: Some(ExecutorId::from(executor).to_proto()),
            },
        ));
    }

    #[test]
    fn an_executor_is_asked_then_killed() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        let container_id = world.launched("e");
        world.subscribe("e");
        world.take();
        shutdown(&mut world, "e");
        assert_eq!(world.event_types(), [EventType::Shutdown]);
        let timer = Timer::ExecutorShutdown(container_id.clone());
        assert_eq!(world.timer_set(&timer), Some(Duration::from_secs(5)));
        world.take();
        shutdown(&mut world, "e");
        assert!(world.take().is_empty(), "once is enough");
        world.timer(timer);
        assert!(world.destroyed(&container_id));
    }

    #[test]
    fn its_own_grace_period_counts() {
        let mut world = World::registered();
        let mut executor = custom_executor("e");
        executor.shutdown_grace_period = Some(v1::DurationInfo {
            nanoseconds: 1_000_000_000,
        });
        let mut task = executor_task("t", "e");
        task.executor = Some(executor);
        world.run(task);
        let container_id = world.launched("e");
        shutdown(&mut world, "e");
        let timer = Timer::ExecutorShutdown(container_id);
        assert_eq!(world.timer_set(&timer), Some(Duration::from_secs(1)));
    }

    #[test]
    fn an_executor_told_to_end_before_it_ran_is_killed_when_it_runs() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        shutdown(&mut world, "e");
        let container_id = world.launched("e");
        assert!(world.destroyed(&container_id));
    }

    #[test]
    fn a_dying_executor_that_subscribes_is_told_again() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        shutdown(&mut world, "e");
        world.take();
        let stream = world.subscribe("e");
        assert_eq!(world.event_types(), [EventType::Shutdown]);
        assert!(
            world.effects.iter().any(|effect| {
                matches!(effect, Effect::CloseStream(closed) if *closed == stream)
            })
        );
    }

    #[test]
    fn an_ended_executor_stays_until_all_is_acknowledged() {
        let mut world = World::registered();
        world.run(executor_task("t", "e"));
        let container_id = world.launched("e");
        world.subscribe("e");
        world.update("e", "t", v1::TaskState::TaskRunning, uuid(1));
        world.take();
        world.exited(container_id, Default::default());
        assert_eq!(world.executor("e").phase, ExecutorPhase::Terminated);
        world.acknowledge("t", uuid(1));
        let update = world.only_update();
        assert_eq!(update.status.state(), v1::TaskState::TaskFailed);
        world.acknowledge_sent(&update);
        let state = world.agent.snapshot().state;
        assert!(state.frameworks.is_empty());
        assert_eq!(
            state.completed_frameworks[0].completed_executors[0]
                .completed
                .len(),
            1
        );
        assert!(state.used().is_empty());
    }
}
