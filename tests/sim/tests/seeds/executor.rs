//! An executor without processes: its tasks live as their data says.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use actors::executor_driver::{ExecutorActor, ExecutorDriver, ExecutorEnvironment, ShutdownReason};
use actors::http_client::ContentType;
use containerizer::ContainerConfig;
use containerizer::fake::{FakeContainerizer, Happening};
use messages::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskState, TaskStatus};
use model::Resources;
use model::ids::{ContainerId, FrameworkId};
use model::task_state::TaskStateExt as _;
use runtime::{Actor, Context, Declaration, Node, Placement};

use crate::events::Event;
use crate::framework::{EXECUTOR_RESOURCES, parse};
use crate::observer::Observer;
use crate::plan::{TaskEnd, TaskPlan};
use crate::seams::{Seam, Seams};

/// How long an executor of a framework's own stays without a task.
const IDLE: Duration = Duration::from_secs(3);
/// How long an executor takes to end when it is asked to.
const FAREWELL: Duration = Duration::from_millis(300);

/// A containerizer of agent number `agent`, whose containers are executors on `node`.
pub fn containerizer(
    agent: usize,
    node: Node,
    observer: Observer,
    seams: Seams,
) -> FakeContainerizer {
    FakeContainerizer::observed(move |fake, happening| match happening {
        Happening::Launched(config) => start(
            agent,
            config,
            fake.clone(),
            &node,
            observer.clone(),
            seams.clone(),
        ),
        Happening::Destroyed(container) => {
            observer.note(Event::Exited {
                container: container.to_string(),
                how: "destroyed",
            });
            node.terminate(&node.pid(container.to_string().as_str()));
        }
        Happening::Updated(..) => {}
    })
}

fn start(
    agent: usize,
    config: &ContainerConfig,
    fake: FakeContainerizer,
    node: &Node,
    observer: Observer,
    seams: Seams,
) {
    let variable = |name: &'static str| {
        let found = config.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let environment =
        ExecutorEnvironment::read(variable).expect("the agent gives executors what they need");
    let is_own = environment.executor_id.as_str().contains("-e");
    let framework = environment.framework_id.clone();
    if is_own {
        observer.note(Event::Began {
            agent,
            framework: framework.clone(),
            container: config.container_id.to_string(),
            resources: parse(EXECUTOR_RESOURCES),
        });
    }
    let executor = Executor {
        agent,
        framework,
        seams,
        driver: ExecutorDriver::new(&environment, ContentType::Protobuf),
        container: config.container_id.clone(),
        fake,
        observer,
        is_own,
        idle: 0,
        tasks: BTreeMap::new(),
    };
    node.spawn(
        config.container_id.to_string().as_str(),
        executor,
        Placement::Here,
    )
    .expect("container ids are unique");
}

/// Kills an executor's process.
pub fn kill(container: &ContainerId, fake: &FakeContainerizer, node: &Node, observer: &Observer) {
    observer.note(Event::Exited {
        container: container.to_string(),
        how: "killed",
    });
    node.terminate(&node.pid(container.to_string().as_str()));
    fake.exit(container, ExitStatus::from_raw(9));
}

struct Executor {
    agent: usize,
    framework: FrameworkId,
    seams: Seams,
    driver: ExecutorDriver,
    container: ContainerId,
    fake: FakeContainerizer,
    observer: Observer,
    /// Whether it is a framework's own, for several tasks.
    is_own: bool,
    /// Counts the times that a task came: what was idle before may not be now.
    idle: u64,
    tasks: BTreeMap<String, Running>,
}

struct Running {
    plan: TaskPlan,
    sequence: u32,
    state: TaskState,
}

impl Executor {
    fn say(&mut self, task: &str, state: TaskState, context: &mut Context<'_, Self>) {
        let Some(running) = self.tasks.get_mut(task) else {
            return;
        };
        if running.state.is_terminal() {
            return;
        }
        running.state = state;
        running.sequence += 1;
        let sequence = running.sequence;
        self.observer.note(Event::Said {
            container: self.container.to_string(),
            task: task.into(),
            sequence,
            state,
        });
        let status = TaskStatus {
            task_id: TaskId {
                value: task.to_owned(),
            },
            state: state.into(),
            data: Some(sequence.to_be_bytes().to_vec().into()),
            ..TaskStatus::default()
        };
        self.driver
            .update(status, context)
            .expect("tasks say only little");
    }

    /// A task is to be run.
    fn begin(&mut self, task: TaskInfo, context: &mut Context<'_, Self>) {
        self.idle += 1;
        let id = task.task_id.value;
        let mut resources = Resources::from_proto_lossy(&task.resources);
        resources.unallocate();
        self.observer.note(Event::Launched {
            agent: self.agent,
            framework: self.framework.clone(),
            container: self.container.to_string(),
            task: id.as_str().into(),
            resources,
        });
        let data = String::from_utf8(task.data.unwrap_or_default().to_vec());
        let plan = TaskPlan::decode(&data.expect("a plan is text")).expect("a plan can be read");
        let starts = plan.starts;
        self.tasks.insert(
            id.clone(),
            Running {
                plan,
                sequence: 0,
                state: TaskState::TaskStaging,
            },
        );
        self.say(&id, TaskState::TaskStarting, context);
        context.after(starts, move |executor, context| executor.run(id, context));
    }

    /// The task has come to where it runs.
    fn run(&mut self, task: String, context: &mut Context<'_, Self>) {
        let Some(running) = self.tasks.get(&task) else {
            return;
        };
        let plan = running.plan.clone();
        self.say(&task, TaskState::TaskRunning, context);
        for part in 1..=plan.updates {
            let after = plan.runs * part / (plan.updates + 1);
            let task = task.clone();
            context.after(after, move |executor, context| {
                executor.say(&task, TaskState::TaskRunning, context);
            });
        }
        context.after(plan.runs, move |executor, context| {
            let running = executor.tasks.get(&task);
            if running.is_none_or(|running| running.state.is_terminal()) {
                return;
            }
            match plan.end {
                TaskEnd::Finished => executor.say(&task, TaskState::TaskFinished, context),
                TaskEnd::Failed => executor.say(&task, TaskState::TaskFailed, context),
                TaskEnd::Crash => executor.exit(9, "crashed", context),
            }
        });
    }

    fn rest(&mut self, context: &mut Context<'_, Self>) {
        let is_busy = self.tasks.values().any(|task| !task.state.is_terminal());
        if is_busy || !self.driver.is_settled() {
            return;
        }
        if !self.is_own {
            return self.exit(0, "ended", context);
        }
        let idle = self.idle;
        context.after(IDLE, move |executor, context| {
            if executor.idle == idle {
                executor.exit(0, "ended", context);
            }
        });
    }

    fn exit(&mut self, status: i32, how: &'static str, context: &mut Context<'_, Self>) {
        self.observer.note(Event::Exited {
            container: self.container.to_string(),
            how,
        });
        context.stop();
        if self.seams.pass(Seam::Exit) {
            self.fake
                .exit(&self.container, ExitStatus::from_raw(status));
        }
    }
}

impl Actor for Executor {
    const KIND: &'static str = "executor";

    fn declare(_: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl ExecutorActor for Executor {
    fn driver(&mut self) -> &mut ExecutorDriver {
        &mut self.driver
    }

    fn launch(&mut self, task: TaskInfo, context: &mut Context<'_, Self>) {
        let mut tasks = vec![task];
        if self.seams.pass(Seam::Launch(&mut tasks)) {
            for task in tasks {
                self.begin(task, context);
            }
        }
    }

    fn launch_group(&mut self, _: TaskGroupInfo, _: &mut Context<'_, Self>) {}

    fn kill(&mut self, task: TaskId, _: Option<KillPolicy>, context: &mut Context<'_, Self>) {
        if self.seams.pass(Seam::Kill(&task.value)) {
            self.say(&task.value, TaskState::TaskKilled, context);
        }
    }

    fn acknowledged(&mut self, update: TaskStatus, context: &mut Context<'_, Self>) {
        if !self.seams.pass(Seam::Taken(&update)) {
            return;
        }
        let data = update.data.as_deref().and_then(|data| data.try_into().ok());
        self.observer.note(Event::Taken {
            container: self.container.to_string(),
            task: (&update.task_id).into(),
            sequence: data.map(u32::from_be_bytes).unwrap_or_default(),
        });
        self.rest(context);
    }

    fn shutdown(&mut self, reason: ShutdownReason, context: &mut Context<'_, Self>) {
        if !reason.is_agent_there() {
            return self.exit(1, "left alone", context);
        }
        let tasks: Vec<_> = self.tasks.keys().cloned().collect();
        for task in tasks {
            self.say(&task, TaskState::TaskKilled, context);
        }
        context.after(FAREWELL, |executor, context| {
            executor.exit(0, "shut down", context);
        });
    }
}
