//! A task, or a group of tasks, is to run here (G21).

use std::path::PathBuf;
use std::sync::Arc;

use messages::{internal, v1};
use model::capabilities::framework_roles;
use model::ids::{ExecutorId, FrameworkId, TaskId};
use model::resources::Resources;
use runtime_core::Pid;

use crate::agent::Agent;
use crate::command_executor;
use crate::gc::SandboxPath;
use crate::launch::Refusal;
use crate::limits::PENDING_LAUNCHES_PER_FRAMEWORK_MAX;
use crate::state::{Framework, PendingLaunch, Phase, Work};
use crate::turn::Turn;

/// What the master asked for, before anything is looked at.
struct Request {
    framework: v1::FrameworkInfo,
    framework_id: FrameworkId,
    pid: Option<Pid>,
    executor: v1::ExecutorInfo,
    generated: bool,
    work: Work,
    launch_executor: Option<bool>,
    resource_versions: Vec<internal::ResourceVersionUuid>,
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
        if self.state.phase == Phase::Terminating {
            tracing::warn!("Ignoring running tasks: the agent is terminating");
            return;
        }
        let known = self.framework(&framework_id);
        let duplicate = |task: &&v1::TaskInfo| {
            known.is_some_and(|known| known.has_task(&TaskId::from(&task.task_id)))
        };
        if let Some(task) = request.work.tasks().iter().find(duplicate) {
            tracing::warn!(task = %task.task_id.value, "Ignoring running a task: it is here already");
            return;
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

    /// Keeps the folders that the launch will use; gives those that are being removed.
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
            .map(|folder| (folder.to_path(&self.config.work_dir, &agent), folder))
            .filter(|(path, folder)| self.gc.unschedule(folder, path).is_being_removed())
            .map(|(path, _)| path)
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

    /// What this agent can never run.
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        use v1::task_status::Reason;
        let tasks = request.work.tasks();
        let is_group = matches!(request.work, Work::Group(_));
        if request.executor.r#type() == v1::executor_info::Type::Default {
            let reason = if is_group {
                Reason::TaskGroupInvalid
            } else {
                Reason::TaskInvalid
            };
            return Err(Refusal::error(
                reason,
                "Executors of type DEFAULT are not supported by this agent",
            ));
        }
        if !is_group
            && tasks
                .iter()
                .any(|task| task.executor.is_some() == task.command.is_some())
        {
            return Err(Refusal::error(
                Reason::TaskInvalid,
                "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
            ));
        }
        for resources in tasks
            .iter()
            .map(|task| &task.resources)
            .chain([&request.executor.resources])
        {
            if let Err(error) = Resources::from_proto(resources) {
                return Err(Refusal::error(Reason::TaskInvalid, error.to_string()));
            }
        }
        for task in tasks {
            self.check_limits(task)?;
        }
        self.check_resource_versions(&request.resource_versions)?;
        check_reservations(tasks, &request.executor)
    }

    /// Limits above the request need an isolator that enforces them (G4).
    fn check_limits(&self, task: &v1::TaskInfo) -> Result<(), Refusal> {
        let docker = task
            .container
            .as_ref()
            .is_some_and(|container| container.r#type() == v1::container_info::Type::Docker);
        let message = if docker {
            return Ok(());
        } else if task.limits.contains_key("cpus") && !self.config.cpu_limits {
            "CPU limits can only be set on tasks launched in Mesos containers when the agent \
             has loaded the 'cgroups/cpu' isolator"
        } else if task.limits.contains_key("mem") && !self.config.mem_limits {
            "Memory limits can only be set on tasks launched in Mesos containers when the agent \
             has loaded the 'cgroups/mem' isolator"
        } else {
            return Ok(());
        };
        Err(Refusal::dropped(v1::task_status::Reason::GcError, message))
    }

    /// The master must have known the agent's resources as they are now.
    fn check_resource_versions(
        &self,
        versions: &[internal::ResourceVersionUuid],
    ) -> Result<(), Refusal> {
        let own = versions
            .iter()
            .find(|version| version.resource_provider_id.is_none());
        let current = self.state.resource_version.as_bytes().as_slice();
        match own {
            Some(version) if version.uuid.value != current => Err(Refusal::dropped(
                v1::task_status::Reason::InvalidOffers,
                "Task assumes outdated resource state",
            )),
            _ => Ok(()),
        }
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

/// Reservations and volumes made by operations must be known to the agent. It keeps
/// none, so a task that uses one was meant for another state of the agent.
fn check_reservations(tasks: &[v1::TaskInfo], executor: &v1::ExecutorInfo) -> Result<(), Refusal> {
    let made_by_operation = |resources: &Vec<v1::Resource>| {
        Resources::from_proto_lossy(resources)
            .iter()
            .any(|resource| resource.is_dynamically_reserved() || resource.is_persistent_volume())
    };
    let message = if tasks.iter().any(|task| made_by_operation(&task.resources)) {
        "The checkpointed resources being used by the task or task group are unknown to the agent"
    } else if made_by_operation(&executor.resources) {
        "The checkpointed resources being used by the executor are unknown to the agent"
    } else {
        return Ok(());
    };
    Err(Refusal::dropped(
        v1::task_status::Reason::ResourcesUnknown,
        message,
    ))
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
    fn a_sandbox_can_be_read_by_three_names_before_anything_runs_in_it() {
        let mut world = World::registered();
        world.run(command_task("t", "true"));
        let directory = world.executor("t").directory.display().to_string();
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
    fn default_executors_are_refused() {
        let mut world = World::registered();
        let mut executor = custom_executor("e");
        executor.r#type = Some(v1::executor_info::Type::Default as i32);
        executor.command = None;
        world.message(Message::RunTaskGroup(internal::RunTaskGroupMessage {
            framework: framework_info(),
            executor,
            task_group: v1::TaskGroupInfo {
                tasks: vec![task("a"), task("b")],
            },
            launch_executor: Some(true),
            ..Default::default()
        }));
        let sent = world.sent();
        assert_eq!(sent.len(), 3);
        for message in &sent[..2] {
            let crate::Outgoing::StatusUpdate(message) = message else {
                panic!("{message:?}")
            };
            assert_eq!(message.update.status.state(), v1::TaskState::TaskError);
            assert!(message.update.status.message().contains("DEFAULT"));
        }
        assert!(matches!(&sent[2], crate::Outgoing::ExitedExecutor(_)));
        assert!(world.agent.snapshot().state.frameworks.is_empty());
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

    fn refusal_of(message: internal::RunTaskMessage) -> v1::TaskStatus {
        let mut world = World::registered();
        world.message(Message::RunTask(message));
        assert!(world.launches().is_empty());
        world.only_update().status
    }

    #[test]
    fn limits_need_an_isolator() {
        let mut limited = command_task("t", "true");
        limited
            .limits
            .insert("cpus".into(), v1::value::Scalar { value: 2.0 });
        let status = refusal_of(run_message(limited));
        assert_eq!(status.state(), v1::TaskState::TaskLost);
        assert!(status.message().contains("'cgroups/cpu' isolator"));
    }

    #[test]
    fn outdated_offers_are_refused() {
        let mut message = run_message(command_task("t", "true"));
        message
            .resource_version_uuids
            .push(internal::ResourceVersionUuid {
                resource_provider_id: None,
                uuid: v1::Uuid {
                    value: vec![0; 16].into(),
                },
            });
        let status = refusal_of(message);
        assert_eq!(status.message(), "Task assumes outdated resource state");
        assert_eq!(status.reason(), v1::task_status::Reason::InvalidOffers);
    }

    #[test]
    fn bad_tasks_are_errors() {
        let mut odd = command_task("t", "true");
        odd.executor = Some(custom_executor("e"));
        let status = refusal_of(run_message(odd));
        assert_eq!(status.state(), v1::TaskState::TaskError);

        let mut negative = command_task("t", "true");
        negative.resources[0].scalar = Some(v1::value::Scalar { value: -1.0 });
        let status = refusal_of(run_message(negative));
        assert_eq!(status.state(), v1::TaskState::TaskError);
        assert_eq!(status.reason(), v1::task_status::Reason::TaskInvalid);
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
