//! What can happen to an agent.

use std::path::PathBuf;
use std::time::Duration;

use messages::{internal, v1};
use model::ids::{AgentId, ContainerId};
use runtime_core::Pid;

use crate::effect::CallId;
use crate::timer::Timer;

/// One thing that happened. The shell turns every message, call, timer and answer of
/// the machine into one of these and gives it to [`Agent::handle`](crate::Agent::handle).
#[derive(Debug)]
// Masters are detected rarely: boxing them would cost every reader more than it saves.
#[allow(clippy::large_enum_variant)]
pub enum Input {
    /// The agent begins. Exactly once, before all else.
    Start,
    /// A leading master was detected; also given when the same one is detected anew.
    MasterDetected(Master),
    /// There is no leading master now.
    MasterLost,
    /// A message came over libprocess.
    Message {
        /// Who sent it.
        from: Pid,
        /// What it says.
        message: Box<Message>,
    },
    /// A peer that the agent linked to is gone, or its connection broke.
    PeerExited(Pid),
    /// A call to `/api/v1/executor`, decoded but not yet validated.
    ExecutorCall {
        /// Names the call in [`Effect::Answer`](crate::Effect::Answer) and, if it becomes a
        /// stream, the stream. Never used twice.
        call_id: CallId,
        /// The call.
        call: Box<v1::executor::Call>,
    },
    /// The executor at the other end of a stream has gone away.
    StreamClosed(CallId),
    /// A container runs. Answer to [`Effect::LaunchContainer`](crate::Effect::LaunchContainer).
    ContainerLaunched {
        /// Which.
        container_id: ContainerId,
        /// What the containerizer knows of it: the executor's process, addresses. Goes into
        /// the status updates of its tasks.
        status: Box<v1::ContainerStatus>,
    },
    /// A container could not be launched. The other answer to
    /// [`Effect::LaunchContainer`](crate::Effect::LaunchContainer); whatever was made of it is
    /// already gone, and no [`Input::ContainerExited`] follows.
    ContainerLaunchFailed {
        /// Which.
        container_id: ContainerId,
        /// Why, for people.
        message: String,
    },
    /// Answer to [`Effect::UpdateContainer`](crate::Effect::UpdateContainer).
    ContainerUpdated {
        /// Which.
        container_id: ContainerId,
        /// The number given in the effect.
        sequence: u64,
        /// Why the new resources could not be applied, if so; the container is then destroyed.
        /// One that has ended already takes every update.
        result: Result<(), String>,
    },
    /// A launched container and every process of it are gone. Exactly once for each
    /// container that was launched, whether it ended by itself or was destroyed.
    ContainerExited {
        /// Which.
        container_id: ContainerId,
        /// How it ended.
        termination: Box<Termination>,
    },
    /// A timer set by [`Effect::SetTimer`](crate::Effect::SetTimer) fired.
    Timer(Timer),
    /// Answer to [`Effect::CheckDisk`](crate::Effect::CheckDisk): the used part of the
    /// disk below the work directory, in `[0, 1]`, or why it is not known.
    DiskUsage(Result<f64, String>),
    /// Answer to [`Effect::FindFormerAgents`](crate::Effect::FindFormerAgents): whose folders
    /// were found, and how long ago each last changed.
    FormerAgents(Vec<(AgentId, Duration)>),
    /// Answer to [`Effect::RemovePath`](crate::Effect::RemovePath). A path that did not exist
    /// is a success.
    PathRemoved {
        /// The path given in the effect.
        path: PathBuf,
        /// Why it is still there, if so.
        result: Result<(), String>,
    },
    /// The operator asks the agent to kill everything and leave the cluster (`SIGUSR1`, G19).
    Unregister,
}

/// A leading master as the detector sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Master {
    /// Where it receives messages.
    pub pid: Pid,
    /// What it says about itself; empty but for its address if only that is known.
    pub info: v1::MasterInfo,
}

impl Master {
    /// The name it is shown under; its address if it does not say.
    pub fn hostname(&self) -> String {
        let address = || self.pid.address.ip().to_string();
        self.info.hostname.clone().unwrap_or_else(address)
    }
}

/// The messages that an agent understands (M4, M5).
#[derive(Debug)]
// Inputs carry messages boxed.
#[allow(clippy::large_enum_variant)]
pub enum Message {
    /// First registration accepted.
    Registered(internal::SlaveRegisteredMessage),
    /// Re-registration accepted.
    Reregistered(internal::SlaveReregisteredMessage),
    /// The master's sign of life (M17).
    Ping(internal::PingSlaveMessage),
    /// Run a task.
    RunTask(internal::RunTaskMessage),
    /// Run a group of tasks in one executor.
    RunTaskGroup(internal::RunTaskGroupMessage),
    /// Kill a task.
    KillTask(internal::KillTaskMessage),
    /// Shut an executor down.
    ShutdownExecutor(internal::ShutdownExecutorMessage),
    /// Shut down all of a framework.
    ShutdownFramework(internal::ShutdownFrameworkMessage),
    /// A framework's own message for its executor.
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    /// A framework's info or pid changed.
    UpdateFramework(internal::UpdateFrameworkMessage),
    /// A framework has got a status update.
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    /// The master wants this agent gone.
    Shutdown(internal::ShutdownMessage),
    /// The reservations and volumes that the agent is to keep: all of them.
    CheckpointResources(internal::CheckpointResourcesMessage),
    /// An executor's driver has started (M5).
    RegisterExecutor(internal::RegisterExecutorMessage),
    /// An executor's driver comes back.
    ReregisterExecutor(internal::ReregisterExecutorMessage),
    /// An executor's driver tells the state of a task.
    StatusUpdate(internal::StatusUpdateMessage),
    /// An executor's own message for its framework.
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
}

/// How a container ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Termination {
    /// The wait status of the executor's process, as `waitpid` gives it; none if unknown.
    pub status: Option<i32>,
    /// The state that its tasks get, if the containerizer knows better than `TASK_FAILED`.
    pub state: Option<v1::TaskState>,
    /// Why, if the containerizer ended it itself: a limit was broken.
    pub reason: Option<v1::task_status::Reason>,
    /// Why, for people.
    pub message: Option<String>,
    /// The resources whose limit was broken.
    pub limited_resources: Vec<v1::Resource>,
}
