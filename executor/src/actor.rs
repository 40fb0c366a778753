//! The shell of the command executor.

use std::collections::BTreeMap;

use actors::executor_driver::{ExecutorActor, ExecutorDriver, ExecutorEnvironment, ShutdownReason};
use actors::http_client::ContentType;
use messages::v1::executor::event::Subscribed;
use messages::v1::framework_info::capability::Type;
use messages::v1::{KillPolicy, TaskGroupInfo, TaskId, TaskInfo, TaskStatus};
use model::capabilities::framework_has;
use runtime::{Actor, Context, Declaration, Instant, Timer};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::command::Setting;
use crate::core::{Alarm, Core, Effect, Input};
use crate::machine::{Blow, Machine};

/// The actor that is the command executor.
pub struct CommandExecutor<M: Machine> {
    core: Core,
    driver: ExecutorDriver,
    machine: M,
    alarms: BTreeMap<Alarm, Timer>,
    started: Option<Instant>,
    /// What comes while the command is about to be started, which is for one turn of the event
    /// loop; decided on afterwards.
    held: Option<Vec<Input>>,
    /// Where the exit status goes, once.
    over: Option<oneshot::Sender<u8>>,
}

impl<M: Machine> CommandExecutor<M> {
    /// An executor, and where its exit status will come from.
    pub fn new(
        environment: &ExecutorEnvironment,
        setting: Setting,
        machine: M,
    ) -> (Self, oneshot::Receiver<u8>) {
        let (over, exit) = oneshot::channel();
        let executor = Self {
            core: Core::new(setting, environment.shutdown_grace_period),
            driver: ExecutorDriver::new(environment, ContentType::Protobuf),
            machine,
            alarms: BTreeMap::new(),
            started: None,
            held: None,
            over: Some(over),
        };
        (executor, exit)
    }

    fn handle(&mut self, input: Input, context: &mut Context<'_, Self>) {
        if let Some(held) = &mut self.held {
            return held.push(input);
        }
        let now = context.now();
        let started = *self.started.get_or_insert(now);
        for effect in self.core.handle(input, now.duration_since(started)) {
            self.carry_out(effect, context);
        }
    }

    fn carry_out(&mut self, effect: Effect, context: &mut Context<'_, Self>) {
        match effect {
            Effect::Update(status) => {
                if let Err(error) = self.driver.update(*status, context) {
                    warn!(%error, "an update was not sent");
                }
            }
            Effect::Start(command) => {
                // To start it takes this thread for a while; the update made before goes out
                // first, and is on its way meanwhile.
                self.held = Some(Vec::new());
                context.run(
                    tokio::task::yield_now(),
                    move |executor: &mut Self, (), context| {
                        executor.start(&command, context);
                    },
                );
            }
            Effect::Strike(blow) => match self.machine.strike(blow) {
                Ok(count) => info!(?blow, count, "signalled the task's processes"),
                Err(error) => warn!(%error, "the task's processes cannot be found"),
            },
            Effect::Set(alarm, after) => {
                self.cancel(alarm, context);
                let timer = context.after(after, move |executor: &mut Self, context| {
                    executor.alarms.remove(&alarm);
                    executor.handle(Input::Rang(alarm), context);
                });
                self.alarms.insert(alarm, timer);
            }
            Effect::Cancel(alarm) => self.cancel(alarm, context),
            Effect::Exit(status) => {
                if self.machine.has_leftovers()
                    && let Err(error) = self.machine.strike(Blow::Kill)
                {
                    warn!(%error, "what the task left cannot be found");
                }
                // The process ends by this, with the actor in it: connections closed one by one
                // would only cost time.
                if let Some(over) = self.over.take() {
                    let _ = over.send(status);
                }
            }
        }
    }

    fn cancel(&mut self, alarm: Alarm, context: &mut Context<'_, Self>) {
        if let Some(timer) = self.alarms.remove(&alarm) {
            context.cancel(timer);
        }
    }

    fn start(&mut self, command: &crate::command::Command, context: &mut Context<'_, Self>) {
        let held = self.held.take();
        let input = match self.machine.start(command) {
            Ok(pid) => {
                context.run(
                    self.machine.exit(pid),
                    |executor: &mut Self, exit, context| {
                        let exit = exit.map_err(|error| error.to_string());
                        executor.handle(Input::Exited(exit), context);
                    },
                );
                Input::Started(pid)
            }
            Err(error) => Input::NotStarted(error.to_string()),
        };
        self.handle(input, context);
        for input in held.into_iter().flatten() {
            self.handle(input, context);
        }
    }
}

impl<M: Machine> Actor for CommandExecutor<M> {
    const KIND: &'static str = "command-executor";

    fn declare(_declaration: &mut Declaration<Self>) {}

    fn initialize(&mut self, context: &mut Context<'_, Self>) {
        self.driver.start(context);
    }
}

impl<M: Machine> ExecutorActor for CommandExecutor<M> {
    fn driver(&mut self) -> &mut ExecutorDriver {
        &mut self.driver
    }

    fn subscribed(&mut self, subscribed: Subscribed, context: &mut Context<'_, Self>) {
        info!(
            agent = subscribed.agent_info.hostname,
            "subscribed with the agent"
        );
        let knows_killing = framework_has(&subscribed.framework_info, Type::TaskKillingState);
        self.handle(Input::Subscribed { knows_killing }, context);
    }

    fn disconnected(&mut self, _reason: &str, context: &mut Context<'_, Self>) {
        self.handle(Input::Disconnected, context);
    }

    fn launch(&mut self, task: TaskInfo, context: &mut Context<'_, Self>) {
        self.handle(Input::Launch(Box::new(task)), context);
    }

    fn launch_group(&mut self, _group: TaskGroupInfo, context: &mut Context<'_, Self>) {
        self.handle(Input::LaunchGroup, context);
    }

    fn kill(&mut self, task: TaskId, policy: Option<KillPolicy>, context: &mut Context<'_, Self>) {
        self.handle(Input::Kill(task, policy), context);
    }

    fn acknowledged(&mut self, update: TaskStatus, context: &mut Context<'_, Self>) {
        let state = update.state();
        self.handle(Input::Acknowledged(update.task_id, state), context);
    }

    fn shutdown(&mut self, reason: ShutdownReason, context: &mut Context<'_, Self>) {
        info!(%reason, "the executor is to shut down");
        self.handle(
            Input::Shutdown {
                is_agent_there: reason.is_agent_there(),
            },
            context,
        );
    }
}
