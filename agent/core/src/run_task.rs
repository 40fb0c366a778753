//! A task, or a group of tasks, is to run here (G21).

use std::path::PathBuf;
use std::sync::Arc;

use messages::{internal, v1};
use model::capabilities::framework_roles;
use model::ids::{ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;
use runtime_core::Pid;

use crate::admission::Refusal;
use crate::agent::Agent;
use crate::command_executor;
use crate::gc::SandboxPath;
use crate::limits::PENDING_LAUNCHES_PER_FRAMEWORK_MAX;
use crate::state::{Framework, PendingLaunch, Phase, Work};
use crate::turn::Turn;

/// What the master asked for, before anything is looked at.
pub(crate) struct Request {
    pub(crate) framework: v1::FrameworkInfo,
    pub(crate) framework_id: FrameworkId,
    pub(crate) pid: Option<Pid>,
    pub(crate) executor: v1::ExecutorInfo,
    pub(crate) generated: bool,
    pub(crate) work: Work,
    pub(crate) launch_executor: Option<bool>,
    pub(crate) resource_versions: Vec<internal::ResourceVersionUuid>,
}

impl Agent {
    pub(crate) fn run_task(
        &mut self,
        from: &Pid,
        message: internal::RunTaskMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework_id) = self.may_run(from, &message.framework) else {
            return;
        };
        let mut task = message.task;
        add_allocation(&mut task.resources, &message.framework);
        let generated = task.executor.is_none();
        let executor = match &mut task.executor {
            Some(executor) => {
                add_allocation(&mut executor.resources, &message.framework);
                executor.clone()
            }
            None => command_executor::executor_info(
                &self.config,
                &message.framework,
                &framework_id,
                &task,
            ),
        };
        let request = Request {
            framework_id,
            pid: message.pid.as_deref().and_then(|pid| pid.parse().ok()),
            executor,
            generated,
            work: Work::Task(Arc::new(task)),
            launch_executor: message.launch_executor,
            resource_versions: message.resource_version_uuids,
            framework: message.framework,
        };
        self.run(request, turn);
    }

    pub(crate) fn run_task_group(
        &mut self,
        from: &Pid,
        message: internal::RunTaskGroupMessage,
        turn: &mut Turn<'_, '_>,
    ) {
        let Some(framework_id) = self.may_run(from, &message.framework) else {
            return;
        };
        let mut group = message.task_group;
        if group.tasks.is_empty() {
            tracing::error!(framework = %framework_id, "Ignoring a task group without tasks");
            return;
        }
        let mut executor = message.executor;
        add_allocation(&mut executor.resources, &message.framework);
        for task in &mut group.tasks {
            add_allocation(&mut task.resources, &message.framework);
            if let Some(executor) = &mut task.executor {
                add_allocation(&mut executor.resources, &message.framework);
            }
        }
        let request = Request {
            framework_id,
            pid: None,
            executor,
            generated: false,
            work: Work::Group(Arc::new(group)),
            launch_executor: message.launch_executor,
            resource_versions: message.resource_version_uuids,
            framework: message.framework,
        };
        self.run(request, turn);
    }

    /// The framework's id, if the message can be listened to at all.
    fn may_run(&self, from: &Pid, framework: &v1::FrameworkInfo) -> Option<FrameworkId> {
        if !self.is_master(from) {
            tracing::warn!(%from, "Ignoring a run task message: not the expected master");
            return None;
        }
        if framework.id.is_none() {
            tracing::error!(%from, "Ignoring a run task message: it has no framework id");
        }
        framework.id.as_ref().map(FrameworkId::from)
    }

    fn run(&mut self, mut request: Request, turn: &mut Turn<'_, '_>) {
        let framework_id = request.framework_id.clone();
        let named = &mut request.executor.framework_id;
        named.get_or_insert_with(|| framework_id.to_proto());
        let agent_id = self.agent_id();
        if let Some(task) = request
            .work
            .tasks()
            .iter()
            .find(|task| task.agent_id != agent_id)
        {
            tracing::warn!(
                task = %task.task_id.value,
                "Ignoring running a task: it was intended for old agent {}", task.agent_id.value
            );
            return;
        }
        match self.state.phase {
            Phase::Running => {}
            // It crossed with what the agent says of itself when it registers, and so of its
            // tasks: the master will find that this one is not among them.
            Phase::Disconnected => {
                tracing::warn!("Ignoring running tasks: the agent is not registered");
                return;
            }
            Phase::Terminating => {
                tracing::warn!("Ignoring running tasks: the agent is terminating");
                return;
            }
        }
        let known = self.framework(&framework_id);
        let duplicate = |task: &&v1::TaskInfo| {
            known.is_some_and(|known| known.has_task(&TaskId::from(&task.task_id)))
        };
        if let Some(task) = request.work.tasks().iter().find(duplicate) {
            tracing::warn!(task = %task.task_id.value, "Ignoring running a task: it is here already");
            return;
        }
        if self.is_outdated(&request.resource_versions) {
            // Its master may have given it up since, with the agent or before its own restart:
            // then its resources are others' by now. If it has not, or if it heard the agent's
            // messages in another order, registering again tells it what is here.
            tracing::warn!("Ignoring running tasks: the agent has registered again since");
            self.detect_again(turn);
            return;
        }
        for task in request.work.tasks() {
            // The master is done with an earlier task of this name, or it would not ask.
            self.streams
                .forget_task(&framework_id, &TaskId::from(&task.task_id));
        }
        let waits_for = self.unschedule_folders(&request);
        self.add_framework(&request);
        if let Err(refusal) = self.check(&request) {
            let executor = &request.executor;
            self.refuse(&framework_id, executor, &request.work, refusal, turn);
            self.launch_given_up(&framework_id, executor, request.launch_executor, turn);
            self.remove_framework_if_idle(&framework_id, turn);
            return;
        }
        let launch = Arc::new(PendingLaunch {
            resources: self.demand(&request),
            executor_info: Arc::new(request.executor),
            generated: request.generated,
            work: request.work,
            launch_executor: request.launch_executor,
            waits_for,
        });
        let Some(framework) = self.framework_mut(&framework_id) else {
            return;
        };
        let behind_another = framework
            .pending
            .iter()
            .any(|other| other.executor_info.executor_id == launch.executor_info.executor_id);
        if launch.waits_for.is_empty() && !behind_another {
            self.launch(&framework_id, &launch, turn);
            return;
        }
        if framework.pending.len() < PENDING_LAUNCHES_PER_FRAMEWORK_MAX {
            framework.pending.push_back(launch);
            return;
        }
        let refusal = Refusal::dropped(
            v1::task_status::Reason::GcError,
            "Too many tasks wait for directories scheduled for gc to be removed",
        );
        let (executor, work) = (launch.executor_info.clone(), launch.work.clone());
        self.refuse(&framework_id, &executor, &work, refusal, turn);
        self.launch_given_up(&framework_id, &executor, launch.launch_executor, turn);
    }

    /// Whether the master knew another state of the agent than the one that it was told last.
    /// Old masters say nothing of it.
    fn is_outdated(&self, versions: &[internal::ResourceVersionUuid]) -> bool {
        let current = self.state.resource_version.as_bytes().as_slice();
        let mut own = versions
            .iter()
            .filter(|version| version.resource_provider_id.is_none());
        own.any(|version| version.uuid.value != current)
    }

    /// Keeps the folders that the launch will use; gives what must be removed first.
    fn unschedule_folders(&mut self, request: &Request) -> Vec<PathBuf> {
        let Some(agent) = self.state.id.clone() else {
            return Vec::new();
        };
        let executor_id = ExecutorId::from(&request.executor.executor_id);
        let mut folders = Vec::new();
        if self.framework(&request.framework_id).is_none() {
            folders.push(SandboxPath::Framework(request.framework_id.clone()));
        }
        if self.executor(&request.framework_id, &executor_id).is_none() {
            let framework_id = request.framework_id.clone();
            folders.push(SandboxPath::Executor(framework_id, executor_id));
        }
        folders
            .into_iter()
            .flat_map(|folder| {
                let path = folder.to_path(&self.config.work_dir, &agent);
                self.gc.unschedule(&folder, &path)
            })
            .collect()
    }

    /// Knows the framework from now on; one that was completed gets its history back.
    fn add_framework(&mut self, request: &Request) {
        if self.framework(&request.framework_id).is_some() {
            return;
        }
        let mut framework = Framework::new(
            request.framework_id.clone(),
            Arc::new(request.framework.clone()),
            request.pid.clone(),
        );
        let completed = &mut self.state.completed_frameworks;
        if let Some(index) = completed
            .iter()
            .position(|one| one.id == request.framework_id)
        {
            framework.completed_executors = completed.remove(index).completed_executors.clone();
        }
        self.state
            .frameworks
            .insert(request.framework_id.clone(), Arc::new(framework));
    }

    /// What the launch will hold until its executor runs.
    fn demand(&self, request: &Request) -> Resources {
        let mut demand = sum(request.work.tasks());
        let executor_id = ExecutorId::from(&request.executor.executor_id);
        if self.executor(&request.framework_id, &executor_id).is_none() {
            demand += &Resources::from_proto_lossy(&request.executor.resources);
        }
        demand
    }
}

/// What tasks ask for together.
pub(crate) fn sum(tasks: &[v1::TaskInfo]) -> Resources {
    let mut sum = Resources::default();
    for task in tasks {
        sum += &Resources::from_proto_lossy(&task.resources);
    }
    sum
}

/// Masters before 1.2 do not say to which role resources are allocated; then the
/// framework has one role, and it is that.
fn add_allocation(resources: &mut [v1::Resource], framework: &v1::FrameworkInfo) {
    let Ok(roles) = framework_roles(framework) else {
        return;
    };
    let (1, Some(role)) = (roles.len(), roles.first()) else {
        return;
    };
    for resource in resources {
        resource
            .allocation_info
            .get_or_insert_with(|| v1::resource::AllocationInfo {
                role: Some(role.to_string()),
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Message;
    use crate::testing::{
        World, command_task, custom_executor, executor_task, framework_info, pid, resources, task,
    };
    use crate::timer::Timer;
    use std::time::Duration;

    fn run_message(task: v1::TaskInfo) -> internal::RunTaskMessage {
        internal::RunTaskMessage {
            framework: framework_info(),
            task,
            ..Default::default()
        }
    }

    #[test]
    fn a_command_task_gets_an_executor_of_its_own() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        let launches = world.launches();
        let [launch] = &launches[..] else {
            panic!("{launches:?}")
        };
        assert_eq!(launch.executor_id.as_str(), "t");
        assert_eq!(launch.task_info.as_ref().unwrap().task_id.value, "t");
        assert_eq!(launch.user.as_deref(), Some("nobody"));
        assert_eq!(launch.command.value(), "/l/mesos-executor");
        assert_eq!(launch.environment["MESOS_EXECUTOR_ID"], "t");
        let mut wanted = resources("cpus:1.1;mem:96");
        wanted.allocate(&model::Role::parse("web").unwrap());
        assert_eq!(launch.resources, wanted);
        assert!(launch.limits.is_empty());

        let executor = world.executor("t");
        assert!(executor.generated);
        assert_eq!(launch.directory, executor.directory);
        let registration = Timer::ExecutorRegistration(executor.container_id.clone());
        assert_eq!(
            world.timer_set(&registration),
            Some(Duration::from_secs(60))
        );
    }

    #[test]
    fn a_sandbox_can_be_read_by_several_names_before_anything_runs_in_it() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        let directory = world.executor("t").directory.display().to_string();
        let container = world.executor("t").container_id.clone();
        let names: Vec<String> = world
            .take()
            .into_iter()
            .map_while(|effect| match effect {
                crate::Effect::AttachFile { path, virtual_path } => {
                    assert_eq!(path.display().to_string(), directory);
                    Some(virtual_path)
                }
                _ => None,
            })
            .collect();
        assert_eq!(
            names,
            [
                "/w/slaves/m-S0/frameworks/m-0001/executors/t/runs/latest",
                "/frameworks/m-0001/executors/t/runs/latest",
                &format!("/frameworks/m-0001/executors/t/runs/{container}"),
                &directory,
            ]
        );
    }

    #[test]
    fn a_second_task_shares_a_running_executor_once_its_container_has_grown() {
        let mut world = World::registered();
        world.run(executor_task("t1", "e"));
        let container_id = world.launched("e");
        world.subscribe("e");
        world.take();
        world.run(executor_task("t2", "e"));
        assert!(world.launches().is_empty());
        assert!(world.events().is_empty(), "the container has not grown yet");
        let sequence = world
            .take()
            .into_iter()
            .find_map(|effect| match effect {
                crate::Effect::UpdateContainer {
                    sequence,
                    resources,
                    ..
                } => {
                    assert_eq!(resources.cpus().to_f64(), 2.5);
                    Some(sequence)
                }
                _ => None,
            })
            .unwrap();
        world.input(crate::Input::ContainerUpdated {
            container_id,
            sequence,
            result: Ok(()),
        });
        let events = world.events();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].launch.as_ref().unwrap().task.task_id.value, "t2");
    }

    #[test]
    fn a_container_that_does_not_grow_is_destroyed() {
        let mut world = World::registered();
        world.run(executor_task("t1", "e"));
        let container_id = world.launched("e");
        world.subscribe("e");
        world.run(executor_task("t2", "e"));
        world.take();
        let result = Err("no room".into());
        let container = container_id.clone();
        world.input(crate::Input::ContainerUpdated {
            container_id,
            sequence: 1,
            result,
        });
        assert!(world.destroyed(&container));
        world.take();
        world.exited(container, Default::default());
        let updates = world.updates();
        assert_eq!(updates.len(), 2);
        for update in updates {
            assert_eq!(update.status.state(), v1::TaskState::TaskLost);
            assert_eq!(
                update.status.reason(),
                v1::task_status::Reason::ContainerUpdateFailed
            );
            assert_eq!(
                update.status.message(),
                "Failed to update resources for container: no room"
            );
        }
    }

    #[test]
    fn a_group_is_launched_as_one() {
        let mut world = World::registered();
        world.run_group(custom_executor("e"), vec![task("a"), task("b")]);
        assert!(world.launches()[0].task_info.is_none());
        world.launched("e");
        world.subscribe("e");
        let events = world.events();
        let group = events[1].launch_group.as_ref().unwrap();
        assert_eq!(group.task_group.tasks.len(), 2);
        assert_eq!(world.executor("e").launched.len(), 2);
    }

    #[test]
    fn what_is_not_for_this_agent_is_ignored() {
        let mut world = World::registered();
        let mut stray = command_task("t", "true");
        stray.agent_id.value = "m-S7".into();
        world.run(stray);
        let message = run_message(command_task("t", "true"));
        world.message_from(&pid("other@127.0.0.1:1"), Message::RunTask(message));
        let mut nameless = run_message(command_task("t", "true"));
        nameless.framework.id = None;
        world.message(Message::RunTask(nameless));
        assert!(world.take().is_empty());
        assert!(world.agent.snapshot().state.frameworks.is_empty());
    }

    #[test]
    fn a_task_that_is_here_is_not_run_twice() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        world.take();
        world.run(command_task("t", "true"));
        assert!(world.take().is_empty());
    }

    /// A launch by a master that was told this of the agent.
    fn run_message_after(
        told: &internal::ReregisterSlaveMessage,
        id: &str,
    ) -> internal::RunTaskMessage {
        let uuid = told.resource_version_uuid.clone().unwrap();
        internal::RunTaskMessage {
            resource_version_uuids: vec![internal::ResourceVersionUuid {
                resource_provider_id: None,
                uuid,
            }],
            ..run_message(command_task(id, "true"))
        }
    }

    /// What the agent told its master, if it told it anything.
    fn told(world: &mut World) -> Option<internal::ReregisterSlaveMessage> {
        world.sent().into_iter().find_map(|message| match message {
            crate::Outgoing::Reregister(message) => Some(message),
            _ => None,
        })
    }

    fn welcome(world: &mut World) {
        world.message(Message::Reregistered(internal::SlaveReregisteredMessage {
            slave_id: world.agent.agent_id(),
            ..Default::default()
        }));
    }

    #[test]
    fn a_launch_from_before_the_agent_last_said_what_it_has_is_not_run() {
        let mut world = World::registered();
        world.input(crate::Input::MasterDetected(crate::testing::master()));
        world.take();
        // The first answer takes so long that the agent asks again, and the master may have
        // given it up in between.
        world.timer(Timer::Registration);
        let first = told(&mut world).unwrap();
        world.timer(Timer::Registration);
        welcome(&mut world);
        world.take();
        world.message(Message::RunTask(run_message_after(&first, "t1")));
        assert!(world.launches().is_empty());
        assert!(world.agent.snapshot().state.frameworks.is_empty());
        // Should the master count on it, or have heard the first message last, it learns better.
        assert_eq!(world.agent.snapshot().state.phase, Phase::Disconnected);
        world.input(crate::Input::MasterDetected(crate::testing::master()));
        world.timer(Timer::Registration);
        let again = told(&mut world).unwrap();
        welcome(&mut world);
        world.message(Message::RunTask(run_message_after(&again, "t2")));
        assert_eq!(world.launches().len(), 1);
    }

    #[test]
    fn the_master_and_the_agent_must_agree_about_executors() {
        let mut world = World::registered();
        let mut message = run_message(executor_task("t1", "e"));
        message.launch_executor = Some(false);
        world.message(Message::RunTask(message));
        let status = world.only_update().status;
        assert_eq!(
            status.message(),
            "No executor is expected to launch and there is none running"
        );

        world.run(executor_task("t2", "e"));
        world.take();
        let mut message = run_message(executor_task("t3", "e"));
        message.launch_executor = Some(true);
        world.message(Message::RunTask(message));
        let status = world.only_update().status;
        assert_eq!(
            status.message(),
            "Master wants to launch executor, but one already exists"
        );
        assert_eq!(
            world.executor("e").phase,
            crate::state::ExecutorPhase::Terminating
        );

        world.run(executor_task("t4", "e"));
        assert_eq!(world.only_update().status.message(), "Executor terminating");
    }
}
