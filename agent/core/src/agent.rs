//! The agent: its state, and which handler takes which input.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use messages::{internal, v1};
use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId};
use runtime_core::Pid;

use crate::config::Config;
use crate::effect::{CallId, Effect};
use crate::env::Env;
use crate::gc::Gc;
use crate::input::{Input, Message};
use crate::limits::TOTAL_PING_TIMEOUT;
use crate::metrics::Counters;
use crate::registration;
use crate::state::{Executor, Framework, Phase, State};
use crate::streams::StatusStreams;
use crate::timer::Timer;
use crate::turn::Turn;

/// An agent. Give it inputs one at a time and carry out the effects.
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: Arc<Config>,
    pub(crate) state: State,
    /// Status updates on their way to the master (M35).
    pub(crate) streams: StatusStreams,
    /// Folders to be removed (G12).
    pub(crate) gc: Gc,
    /// The upper end of the next wait between registrations (M10).
    pub(crate) backoff: Duration,
    /// How long the master may be silent; the master says (M17).
    pub(crate) ping_timeout: Duration,
    /// Whose executor runs in a container that has not ended.
    pub(crate) containers: BTreeMap<ContainerId, (FrameworkId, ExecutorId)>,
    /// Which container's executor is at the other end of a stream.
    pub(crate) streams_by_call: BTreeMap<CallId, ContainerId>,
    /// Executors that ended since the agent last tried to register: the master may think that
    /// they run.
    pub(crate) exited_executors: VecDeque<internal::ExitedExecutorMessage>,
}

/// What readers see: the agent's state at one moment, shared and unchanging.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The settings.
    pub config: Arc<Config>,
    /// The state.
    pub state: State,
    /// How many folders are to be removed one day, or are being removed (G12).
    pub pending_removals: usize,
}

impl Agent {
    /// An agent that has not begun; the first input must be [`Input::Start`].
    pub fn new(config: Config, env: &mut Env<'_>) -> Self {
        let state = State {
            phase: Phase::Disconnected,
            id: None,
            info: Arc::new(registration::agent_info(&config)),
            master: None,
            start_time: env.wall,
            total: config.resources.clone(),
            resource_version: env.uuid(),
            frameworks: imbl::OrdMap::new(),
            completed_frameworks: imbl::Vector::new(),
            sandbox_max_age: config.gc_delay,
            counters: Counters::default(),
        };
        Self {
            backoff: config.registration_backoff_factor,
            config: Arc::new(config),
            state,
            streams: StatusStreams::default(),
            gc: Gc::default(),
            ping_timeout: TOTAL_PING_TIMEOUT,
            containers: BTreeMap::new(),
            streams_by_call: BTreeMap::new(),
            exited_executors: VecDeque::new(),
        }
    }

    /// Takes one input and appends what is to be done about it.
    pub fn handle(&mut self, input: Input, env: &mut Env<'_>, effects: &mut Vec<Effect>) {
        let turn = &mut Turn { env, effects };
        match input {
            Input::Start => {
                turn.effect(Effect::CheckDisk);
                turn.effect(Effect::FindFormerAgents);
            }
            Input::MasterDetected(master) => self.master_detected(master, turn),
            Input::MasterLost => self.master_lost(turn),
            Input::Message { from, message } => self.message(&from, *message, turn),
            Input::PeerExited(pid) => self.peer_exited(&pid, turn),
            Input::ExecutorCall { call_id, call } => self.executor_call(call_id, *call, turn),
            Input::StreamClosed(stream) => self.stream_closed(stream, turn),
            Input::ContainerLaunched {
                container_id,
                status,
            } => {
                self.container_launched(&container_id, *status, turn);
            }
            Input::ContainerLaunchFailed {
                container_id,
                message,
            } => {
                self.container_launch_failed(&container_id, &message, turn);
            }
            Input::ContainerUpdated {
                container_id,
                sequence,
                result,
            } => {
                self.container_updated(&container_id, sequence, result, turn);
            }
            Input::ContainerExited {
                container_id,
                termination,
            } => {
                self.container_exited(&container_id, Some(&termination), turn);
            }
            Input::Timer(timer) => self.timer(timer, turn),
            Input::FormerAgents(found) => self.former_agents(found, turn),
            Input::DiskUsage(usage) => self.disk_usage(usage, turn),
            Input::PathRemoved { path, result } => self.path_removed(&path, result, turn),
            Input::Unregister => self.unregister(turn),
        }
        self.streams.arm(turn);
        self.gc.arm(turn);
        self.begin_removals(turn);
    }

    /// What readers may see now. Cheap: it shares all that is big.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            config: Arc::clone(&self.config),
            state: self.state.clone(),
            pending_removals: self.gc.pending(),
        }
    }

    fn message(&mut self, from: &Pid, message: Message, turn: &mut Turn<'_, '_>) {
        match message {
            Message::Registered(message) => self.registered(from, message, turn),
            Message::Reregistered(message) => self.reregistered(from, message, turn),
            Message::Ping(message) => self.ping(from, message.connected, turn),
            Message::RunTask(message) => self.run_task(from, message, turn),
            Message::RunTaskGroup(message) => self.run_task_group(from, message, turn),
            Message::KillTask(message) => self.kill_task(from, &message, turn),
            Message::ShutdownExecutor(message) => self.shutdown_executor(from, &message, turn),
            Message::ShutdownFramework(message) => {
                self.shutdown_framework_message(from, &message, turn);
            }
            Message::FrameworkToExecutor(message) => self.framework_to_executor(message, turn),
            Message::UpdateFramework(message) => self.update_framework(message, turn),
            Message::StatusUpdateAcknowledgement(message) => {
                self.acknowledgement(from, &message, turn);
            }
            Message::Shutdown(message) => self.shutdown_message(from, &message, turn),
            Message::CheckpointResources(message) => self.checkpoint_resources(from, &message),
            Message::RegisterExecutor(message) => self.register_executor(from, &message, turn),
            Message::ReregisterExecutor(message) => self.reregister_executor(from, message, turn),
            Message::StatusUpdate(message) => self.driver_update(from, message.update, turn),
            Message::ExecutorToFramework(message) => self.driver_message(message, turn),
        }
    }

    fn timer(&mut self, timer: Timer, turn: &mut Turn<'_, '_>) {
        match timer {
            Timer::Registration => self.register(turn),
            Timer::Ping => self.ping_timeout(turn),
            Timer::ExecutorRegistration(id) => self.executor_registration_timeout(&id, turn),
            Timer::ExecutorShutdown(id) => self.executor_shutdown_timeout(&id, turn),
            Timer::ExecutorHeartbeat(id) => self.heartbeat(&id, turn),
            Timer::StatusRetry => self.retry_status_updates(turn),
            Timer::DiskWatch => turn.effect(Effect::CheckDisk),
            Timer::Gc => self.gc.remove_due(turn),
        }
    }

    /// Whether a message comes from the master that the agent believes in.
    pub(crate) fn is_master(&self, from: &Pid) -> bool {
        self.state
            .master
            .as_ref()
            .is_some_and(|master| master.pid == *from)
    }

    pub(crate) fn framework(&self, id: &FrameworkId) -> Option<&Framework> {
        self.state.frameworks.get(id).map(|framework| &**framework)
    }

    pub(crate) fn framework_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.state.frameworks.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn executor(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<&Executor> {
        self.state.executor(framework, executor)
    }

    pub(crate) fn executor_mut(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Option<&mut Executor> {
        self.framework_mut(framework)?
            .executors
            .get_mut(executor)
            .map(Arc::make_mut)
    }

    /// The framework and executor whose container this is, while it has not ended.
    pub(crate) fn owner_of(&self, container: &ContainerId) -> Option<(FrameworkId, ExecutorId)> {
        self.containers.get(container).cloned()
    }

    /// The agent's id as messages carry it; empty before the first registration.
    pub(crate) fn agent_id(&self) -> v1::AgentId {
        let value = self
            .state
            .id
            .as_ref()
            .map(AgentId::to_string)
            .unwrap_or_default();
        v1::AgentId { value }
    }
}
