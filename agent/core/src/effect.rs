//! What an agent wants done.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use messages::{internal, v1};
use model::ids::{AgentId, ContainerId, ExecutorId, FrameworkId};
use model::resources::Resources;
use runtime_core::Pid;

use crate::timer::Timer;

/// Names an HTTP call of an executor and, once it is answered by a stream, the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One thing to do. The shell carries effects out in their order; whatever comes of one
/// comes back as an [`Input`](crate::Input).
#[derive(Debug)]
pub enum Effect {
    /// Open, or use, a connection to `Pid` and report its end as
    /// [`Input::PeerExited`](crate::Input::PeerExited) (L13).
    Link(Pid),
    /// Send a message over libprocess.
    Send {
        /// The receiver.
        to: Pid,
        /// The message.
        message: Box<Outgoing>,
    },
    /// Answer an executor's call.
    Answer {
        /// Which.
        call_id: CallId,
        /// How.
        answer: Answer,
    },
    /// Send an event on a stream that was opened by [`Answer::Stream`]; one record, one
    /// chunk. If the stream is closed already, nothing happens.
    SendEvent {
        /// Which stream.
        stream: CallId,
        /// The event.
        event: Box<v1::executor::Event>,
    },
    /// End a stream after what was sent on it. No [`Input::StreamClosed`](crate::Input) need follow.
    CloseStream(CallId),
    /// Set a timer, or move it.
    SetTimer {
        /// Which.
        timer: Timer,
        /// From now.
        after: Duration,
    },
    /// Unset a timer; it need not be set.
    CancelTimer(Timer),
    /// Detect the leading master anew, as if none was known; its answer is
    /// [`Input::MasterDetected`](crate::Input::MasterDetected) even if it is the same one (M17).
    DetectMaster,
    /// Create a sandbox and start a container in it.
    LaunchContainer(Box<ContainerLaunch>),
    /// Tell a launched container its new resources.
    UpdateContainer {
        /// Which.
        container_id: ContainerId,
        /// Repeated in the answer. Updates of one container are applied in their order.
        sequence: u64,
        /// All of its resources from now on.
        resources: Resources,
        /// Its limits from now on, `cpus` and `mem`, where above the resources (G4).
        limits: BTreeMap<String, f64>,
    },
    /// Kill everything in a container. If it still is being launched, its launch fails.
    DestroyContainer(ContainerId),
    /// Make a path readable below `/files/` under a virtual name (E18).
    AttachFile {
        /// The folder.
        path: PathBuf,
        /// Its name for clients.
        virtual_path: String,
    },
    /// Undo [`Effect::AttachFile`].
    DetachFile {
        /// The name for clients.
        virtual_path: String,
    },
    /// Measure the disk below the work directory.
    CheckDisk,
    /// Find what agents with other ids left below the work directory; the answer is
    /// [`Input::FormerAgents`](crate::Input::FormerAgents).
    FindFormerAgents,
    /// Remove a folder and all below it, but never what is mounted there (U15).
    RemovePath(PathBuf),
    /// The agent was given its id: create its folder below the work directory.
    AgentRegistered(AgentId),
    /// The agent has ended its work: stop the process.
    Stop {
        /// Why, for people.
        reason: String,
        /// The process' exit code.
        exit_code: i32,
    },
}

/// The answer to an executor's call (V15, V16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200 and a stream of events, in the accepted codec.
    Stream,
    /// 202, empty.
    Accepted,
    /// 400 with this text.
    BadRequest(String),
    /// 403 with this text.
    Forbidden(String),
    /// 501, empty.
    NotImplemented,
}

/// The messages that an agent sends (M3, M5).
#[derive(Debug, Clone, PartialEq)]
pub enum Outgoing {
    /// First registration.
    Register(internal::RegisterSlaveMessage),
    /// Registration of an agent that has an id.
    Reregister(internal::ReregisterSlaveMessage),
    /// The agent leaves for good.
    Unregister(internal::UnregisterSlaveMessage),
    /// Answer to a ping.
    Pong(internal::PongSlaveMessage),
    /// A task's state.
    StatusUpdate(internal::StatusUpdateMessage),
    /// An executor is gone.
    ExitedExecutor(internal::ExitedExecutorMessage),
    /// An executor's own message for its framework; goes to the framework's driver if it
    /// has a pid, else to the master (M54).
    ExecutorToFramework(internal::ExecutorToFrameworkMessage),
    /// To an executor's driver (M5): it is registered.
    ExecutorRegistered(Box<internal::ExecutorRegisteredMessage>),
    /// To an executor's driver: it is registered again.
    ExecutorReregistered(Box<internal::ExecutorReregisteredMessage>),
    /// To an executor's driver: run a task.
    RunTask(Box<internal::RunTaskMessage>),
    /// To an executor's driver: kill a task.
    KillTask(internal::KillTaskMessage),
    /// To an executor's driver: a status update will not get lost any more.
    StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage),
    /// To an executor's driver: a message of its framework.
    FrameworkToExecutor(internal::FrameworkToExecutorMessage),
    /// To an executor's driver: end.
    ShutdownExecutor(internal::ShutdownExecutorMessage),
}

/// All that a containerizer must know to start an executor.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerLaunch {
    /// The new container.
    pub container_id: ContainerId,
    /// Whose executor it holds.
    pub framework_id: FrameworkId,
    /// The executor.
    pub executor_id: ExecutorId,
    /// The executor, its resources those of its first tasks included.
    pub executor_info: v1::ExecutorInfo,
    /// What to run.
    pub command: v1::CommandInfo,
    /// How to isolate it, if the executor or the agent's default says so.
    pub container_info: Option<v1::ContainerInfo>,
    /// The task, if the executor was made by the agent for this one command task.
    pub task_info: Option<v1::TaskInfo>,
    /// Everything that the container may use: its executor and its first tasks.
    pub resources: Resources,
    /// Limits, `cpus` and `mem`, where above the resources (G4).
    pub limits: BTreeMap<String, f64>,
    /// Run as this user and give it the sandbox; none: as the agent's own.
    pub user: Option<String>,
    /// The sandbox, to be created with mode 0750 (G9).
    pub directory: PathBuf,
    /// A symbolic link to be pointed at the sandbox.
    pub latest_link: PathBuf,
    /// The executor's environment, complete but for what isolators and the command's own
    /// environment add (G22).
    pub environment: BTreeMap<String, String>,
}
