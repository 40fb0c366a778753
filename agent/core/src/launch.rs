//! Work meets its executor: a running one, or one that is launched for it (G21).

use std::path::PathBuf;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use messages::{internal, v1};
use model::executor_words::{EXECUTOR_TERMINATED, NO_EXECUTOR};
use model::ids::{ContainerId, ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;

use crate::admission::Refusal;
use crate::agent::Agent;
use crate::effect::{ContainerLaunch, Effect, Outgoing};
use crate::environment::executor_environment;
use crate::limits::EXITED_EXECUTORS_MAX;
use crate::paths;
use crate::run_task::sum;
use crate::state::{
    Executor, ExecutorConnection, ExecutorPhase, FrameworkPhase, PendingLaunch, Phase, Queued,
    Work, container_limits,
};
use crate::timer::Timer;
use crate::turn::Turn;

/// What to do with work, given its executor.
enum Plan {
    /// Launch an executor for it.
    Launch,
    /// Give it to the executor there is.
    Enqueue,
    /// Refuse it.
    Refuse(Refusal),
    /// Refuse it, and end the executor that should not be there.
    Replace(Refusal),
}

impl Agent {
    /// Launches work whose folders are ready.
    pub(crate) fn launch(
        &mut self,
        framework_id: &FrameworkId,
        launch: &PendingLaunch,
        turn: &mut Turn<'_, '_>,
    ) {
        let executor_id = ExecutorId::from(&launch.executor_info.executor_id);
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        if framework.phase == FrameworkPhase::Terminating {
            tracing::warn!(framework = %framework_id, "Ignoring running tasks: it is terminating");
            let executor = &launch.executor_info;
            self.launch_given_up(framework_id, executor, launch.launch_executor, turn);
            self.remove_framework_if_idle(framework_id, turn);
            return;
        }
        match plan(
            framework
                .executors
                .get(&executor_id)
                .map(|executor| &**executor),
            launch,
        ) {
            Plan::Refuse(refusal) => {
                let (executor, work) = (&launch.executor_info, &launch.work);
                self.refuse(framework_id, executor, work, refusal, turn);
                self.remove_framework_if_idle(framework_id, turn);
            }
            Plan::Replace(refusal) => {
                let (executor, work) = (&launch.executor_info, &launch.work);
                self.refuse(framework_id, executor, work, refusal, turn);
                self.end_unexpected_executor(framework_id, &executor_id, turn);
            }
            Plan::Enqueue => self.enqueue(framework_id, &executor_id, launch.work.clone(), turn),
            Plan::Launch => {
                self.launch_executor(framework_id, &executor_id, launch, turn);
                self.enqueue(framework_id, &executor_id, launch.work.clone(), turn);
            }
        }
    }

    /// A launch that will not happen: the master must not wait for the executor.
    pub(crate) fn launch_given_up(
        &mut self,
        framework_id: &FrameworkId,
        executor: &v1::ExecutorInfo,
        launch_executor: Option<bool>,
        turn: &mut Turn<'_, '_>,
    ) {
        if launch_executor == Some(true) {
            let executor_id = ExecutorId::from(&executor.executor_id);
            self.send_exited_executor(framework_id, &executor_id, None, turn);
        }
    }

    /// Tells the master that an executor is gone; once there is one that knows the agent.
    pub(crate) fn send_exited_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        status: Option<i32>,
        turn: &mut Turn<'_, '_>,
    ) {
        let message = internal::ExitedExecutorMessage {
            slave_id: self.agent_id(),
            framework_id: framework_id.to_proto(),
            executor_id: executor_id.to_proto(),
            status: status.unwrap_or(-1),
        };
        match (&self.state.master, self.state.phase) {
            // The message by which the agent last tried to register may list the executor.
            (_, Phase::Disconnected) => {
                if self.exited_executors.len() >= EXITED_EXECUTORS_MAX {
                    self.exited_executors.pop_front();
                }
                self.exited_executors.push_back(message);
            }
            (Some(master), _) => turn.send(&master.pid, Outgoing::ExitedExecutor(message)),
            (None, _) => {}
        }
    }

    /// Tells the master which executors are gone since the agent last tried to register.
    pub(crate) fn send_exited_executors(&mut self, turn: &mut Turn<'_, '_>) {
        let Some(master) = &self.state.master else {
            return;
        };
        for message in self.exited_executors.drain(..) {
            turn.send(&master.pid, Outgoing::ExitedExecutor(message));
        }
    }

    /// The master wanted a new executor where there is an old one.
    fn end_unexpected_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        turn: &mut Turn<'_, '_>,
    ) {
        match self
            .executor(framework_id, executor_id)
            .map(|executor| executor.phase)
        {
            Some(ExecutorPhase::Terminated) => {
                self.send_exited_executor(framework_id, executor_id, None, turn);
            }
            Some(ExecutorPhase::Registering | ExecutorPhase::Running) => {
                self.begin_shutdown(framework_id, executor_id, turn);
            }
            Some(ExecutorPhase::Terminating) | None => {}
        }
    }

    fn launch_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        launch: &PendingLaunch,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(agent_id) = self.state.id.clone() else {
            return;
        };
        let container_id = ContainerId::from(turn.env.uuid().to_string());
        let work_dir = &self.config.work_dir;
        let directory = paths::run(
            work_dir,
            &agent_id,
            framework_id,
            executor_id,
            &container_id,
        );
        let latest_link = paths::latest_run(work_dir, &agent_id, framework_id, executor_id);
        let Some(framework) = self.framework(framework_id) else {
            return;
        };
        let user = self.config.switch_user.then(|| {
            let own = launch
                .executor_info
                .command
                .as_ref()
                .and_then(|one| one.user.clone());
            own.unwrap_or_else(|| framework.info.user.clone())
        });
        let checkpoint = framework.info.checkpoint();
        let environment = executor_environment(
            &self.config,
            &agent_id,
            framework_id,
            &launch.executor_info,
            &directory,
            checkpoint,
        );
        let own = Resources::from_proto_lossy(&launch.executor_info.resources);
        let granted = own.clone() + &sum(launch.work.tasks());
        let mut executor_info = (*launch.executor_info).clone();
        executor_info.resources = granted.to_proto();
        if executor_info.container.is_none() {
            executor_info.container = self.config.default_container_info.clone();
        }
        let task_info = match &launch.work {
            Work::Task(task) if launch.generated => Some((**task).clone()),
            Work::Task(_) | Work::Group(_) => None,
        };
        let container = ContainerLaunch {
            container_id: container_id.clone(),
            framework_id: framework_id.clone(),
            executor_id: executor_id.clone(),
            command: executor_info.command.clone().unwrap_or_default(),
            container_info: executor_info.container.clone(),
            executor_info,
            task_info,
            resources: granted.clone(),
            limits: container_limits(
                &launch.executor_info.resources,
                launch.work.tasks().iter().map(Into::into),
            ),
            user: user.clone(),
            directory: directory.clone(),
            latest_link: latest_link.clone(),
            environment,
        };
        let executor = Executor {
            id: executor_id.clone(),
            framework_id: framework_id.clone(),
            info: Arc::clone(&launch.executor_info),
            container_id: container_id.clone(),
            directory: directory.clone(),
            user,
            generated: launch.generated,
            phase: ExecutorPhase::Registering,
            connection: ExecutorConnection::None,
            ever_sent_task: false,
            queued: Vector::new(),
            launched: OrdMap::new(),
            terminated: OrdMap::new(),
            completed: Vector::new(),
            pending_termination: None,
            container_status: None,
            early_updates: Vector::new(),
            allocated: own,
            granted,
            last_update: 0,
            applied_update: 0,
        };
        if let Some(framework) = self.framework_mut(framework_id) {
            framework
                .executors
                .insert(executor_id.clone(), Arc::new(executor));
        }
        self.containers.insert(
            container_id.clone(),
            (framework_id.clone(), executor_id.clone()),
        );
        tracing::info!(
            executor = %executor_id,
            framework = %framework_id,
            container = %container_id,
            "Launching executor"
        );
        let names = [
            latest_link.display().to_string(),
            paths::virtual_latest_run(framework_id, executor_id),
            paths::virtual_run(framework_id, executor_id, &container_id),
            directory.display().to_string(),
        ];
        for virtual_path in names {
            turn.effect(Effect::AttachFile {
                path: directory.clone(),
                virtual_path,
            });
        }
        turn.effect(Effect::LaunchContainer(Box::new(container)));
        turn.set_timer(
            Timer::ExecutorRegistration(container_id),
            self.config.executor_registration_timeout,
        );
    }

    /// Gives work to an executor; it is delivered as soon as it can be.
    fn enqueue(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        work: Work,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework) = self.framework_mut(framework_id) else {
            return;
        };
        for task in work.tasks() {
            framework
                .tasks
                .insert(TaskId::from(&task.task_id), executor_id.clone());
        }
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        executor.allocated += &sum(work.tasks());
        executor.queued.push_back(Queued {
            work,
            after_update: 0,
        });
        if executor.phase == ExecutorPhase::Running {
            self.grant(framework_id, executor_id, turn);
            self.deliver(framework_id, executor_id, turn);
        }
    }

    /// Launches what waited for folders that are gone now.
    pub(crate) fn launch_pending(&mut self, removed: &PathBuf, turn: &mut Turn<'_, '_>) {
        let waiting: Vec<FrameworkId> = self
            .state
            .frameworks
            .values()
            .filter(|framework| {
                framework
                    .pending
                    .iter()
                    .any(|launch| launch.waits_for.contains(removed))
            })
            .map(|framework| framework.id.clone())
            .collect();
        for framework_id in waiting {
            for launch in self.take_ready(&framework_id, removed) {
                self.launch(&framework_id, &launch, turn);
            }
        }
    }

    /// Takes the launches that nothing holds up any more out of the queue. Launches for one
    /// executor keep their order.
    fn take_ready(&mut self, id: &FrameworkId, removed: &PathBuf) -> Vec<Arc<PendingLaunch>> {
        let Some(framework) = self.framework_mut(id) else {
            return Vec::new();
        };
        let mut ready = Vec::new();
        let mut waiting: Vector<Arc<PendingLaunch>> = Vector::new();
        for mut launch in std::mem::take(&mut framework.pending) {
            Arc::make_mut(&mut launch)
                .waits_for
                .retain(|path| path != removed);
            let executor = &launch.executor_info.executor_id;
            let behind = waiting
                .iter()
                .any(|one| one.executor_info.executor_id == *executor);
            if launch.waits_for.is_empty() && !behind {
                ready.push(launch);
            } else {
                waiting.push_back(launch);
            }
        }
        framework.pending = waiting;
        ready
    }
}

fn plan(executor: Option<&Executor>, launch: &PendingLaunch) -> Plan {
    use v1::task_status::Reason;
    let Some(executor) = executor else {
        if launch.launch_executor == Some(false) && !launch.generated {
            return Plan::Refuse(Refusal::dropped(Reason::ExecutorTerminated, NO_EXECUTOR));
        }
        return Plan::Launch;
    };
    if launch.launch_executor.is_some() && launch.generated {
        return Plan::Refuse(Refusal::dropped(
            Reason::TaskInvalid,
            "Cannot reuse an already existing executor for a command task",
        ));
    }
    if launch.launch_executor == Some(true) {
        return Plan::Replace(Refusal::dropped(
            Reason::ExecutorTerminated,
            "Master wants to launch executor, but one already exists",
        ));
    }
    match executor.phase {
        ExecutorPhase::Registering | ExecutorPhase::Running => Plan::Enqueue,
        ExecutorPhase::Terminating => Plan::Refuse(Refusal::dropped(
            Reason::ExecutorTerminated,
            "Executor terminating",
        )),
        ExecutorPhase::Terminated => Plan::Refuse(Refusal::dropped(
            Reason::ExecutorTerminated,
            EXECUTOR_TERMINATED,
        )),
    }
}
