//! What happens in a simulated cluster, as those see it who take part.

use std::fmt;

use messages::v1::{TaskState, TaskStatus, task_status};
use model::Resources;
use model::ids::{AgentId, FrameworkId, OfferId, TaskId};

/// Something that happened, as its maker saw it.
#[derive(Debug, Clone)]
#[allow(dead_code)] // Much of it is only for the trace.
pub enum Event {
    /// A daemon began.
    Started(String),
    /// A daemon ended by itself.
    Ended(String, String),
    /// The simulator did something to the cluster.
    Fault(String),
    /// An operator asked for an agent to be given up, and was answered so.
    Operated(AgentId, Option<u16>),
    /// Nothing more is done to the cluster.
    Healed,
    /// A framework was accepted.
    Subscribed(usize, FrameworkId),
    /// A framework has no master.
    Disconnected(usize, String),
    /// A framework is not wanted any more; it begins anew, without its tasks.
    Refused(usize, String),
    /// A framework got an offer.
    Offered(usize, OfferSeen),
    /// An offer is void.
    Rescinded(usize, OfferId),
    /// A framework asked for tasks to be launched on an offer.
    Accepted(usize, OfferId, Vec<(TaskId, AgentId)>),
    /// A framework gave an offer back, for so many seconds.
    Declined(usize, OfferSeen, f64),
    /// A framework lifted its filters.
    Revived(usize),
    /// A framework ends itself and all its tasks.
    Left(usize),
    /// A second scheduler subscribes in a framework's name.
    Doubled(usize),
    /// A framework asked for a task to be killed.
    Killed(usize, TaskId),
    /// A framework heard of a task.
    Updated(usize, Update),
    /// A framework acknowledged an update.
    Acknowledged(usize, Update),
    /// The master did not take a framework's call.
    CallRefused(usize, String),
    /// A framework is done with a task and will start its work anew, if it is to be done.
    GivenUp(usize, TaskId),
    /// An executor was told to run a task.
    Launched {
        agent: usize,
        framework: FrameworkId,
        container: String,
        task: TaskId,
        resources: Resources,
    },
    /// An executor begins; what it takes itself, if it is a framework's own.
    Began {
        agent: usize,
        framework: FrameworkId,
        container: String,
        resources: Resources,
    },
    /// An executor said something of a task, for the `sequence`th time.
    Said {
        container: String,
        task: TaskId,
        sequence: u32,
        state: TaskState,
    },
    /// An executor heard that what it said was taken.
    Taken {
        container: String,
        task: TaskId,
        sequence: u32,
    },
    /// An executor ended, and how.
    Exited {
        container: String,
        how: &'static str,
    },
}

impl Event {
    /// What kind of hardship this is, if it is one.
    pub fn hardship(&self) -> Option<String> {
        let kind = match self {
            Self::Fault(text) => {
                let (kind, of) = text.split_once('(')?;
                if kind.contains(' ') {
                    return None;
                }
                let host = of.trim_matches(|c| !char::is_alphabetic(c));
                return Some(match kind {
                    "Crash" | "PowerLoss" => format!("{kind} of {host}"),
                    _ => kind.to_owned(),
                });
            }
            Self::Ended(..) => "DaemonEnds",
            Self::Doubled(_) => "SecondScheduler",
            Self::Left(_) => "Teardown",
            Self::Refused(..) => "FrameworkRefused",
            Self::Operated(_, Some(200)) => "AgentGivenUp",
            Self::CallRefused(..) => "CallRefused",
            Self::Rescinded(..) => "OfferRescinded",
            _ => return None,
        };
        Some(kind.to_owned())
    }
}

/// An offer as its framework got it.
#[derive(Debug, Clone)]
pub struct OfferSeen {
    pub id: OfferId,
    pub agent: AgentId,
    pub resources: Resources,
}

/// A status as a framework got it.
#[derive(Clone)]
pub struct Update {
    pub task: TaskId,
    pub state: TaskState,
    /// Set if the update wants to be acknowledged.
    pub uuid: Option<Vec<u8>>,
    /// How many-eth of the things that the executor said; none if the executor did not.
    pub sequence: Option<u32>,
    pub source: task_status::Source,
    pub reason: Option<task_status::Reason>,
    pub message: String,
}

impl Update {
    pub fn of(status: &TaskStatus) -> Self {
        let data = status.data.as_deref().and_then(|data| data.try_into().ok());
        Self {
            task: TaskId::from(&status.task_id),
            state: status.state(),
            uuid: status.uuid.as_ref().map(|uuid| uuid.to_vec()),
            sequence: data.map(u32::from_be_bytes),
            source: status.source(),
            reason: status.reason.map(|_| status.reason()),
            message: status.message().to_owned(),
        }
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.task, self.state.as_str_name())?;
        if let Some(sequence) = self.sequence {
            write!(f, " #{sequence}")?;
        }
        if let Some(uuid) = &self.uuid {
            let hex = uuid.iter().take(4).map(|byte| format!("{byte:02x}"));
            write!(f, " {}", hex.collect::<String>())?;
        }
        write!(f, " {}", self.source.as_str_name())?;
        if let Some(reason) = self.reason {
            write!(f, " {}", reason.as_str_name())?;
        }
        write!(f, " '{}'", self.message)
    }
}
