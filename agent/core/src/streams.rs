//! Status update streams: for each task, updates go to the master one at a time and in
//! order, again and again until each is acknowledged (M35, M38).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::internal::StatusUpdate;
use model::ids::{FrameworkId, TaskId};
use model::task_state::TaskStateExt;
use thiserror::Error;
use uuid::Uuid;

use crate::limits::{
    PENDING_UPDATES_PER_TASK_MAX, REMEMBERED_UPDATES_PER_TASK_MAX, STATUS_RETRY_INTERVAL_MAX,
    STATUS_RETRY_INTERVAL_MIN,
};
use crate::timer::Timer;
use crate::turn::Turn;

type Key = (FrameworkId, TaskId);

/// All streams of an agent. They begin paused: there is no master to tell.
#[derive(Debug)]
pub(crate) struct StatusStreams {
    paused: bool,
    streams: BTreeMap<Key, Stream>,
    /// When the head of which stream is sent again.
    due: BTreeSet<(Duration, Key)>,
    /// When the timer fires.
    armed: Option<Duration>,
}

/// The updates of one task.
#[derive(Debug, Default)]
struct Stream {
    /// Not acknowledged, the oldest first; only that one is outstanding.
    pending: VecDeque<(Uuid, StatusUpdate)>,
    /// Acknowledged, the oldest first.
    acknowledged: VecDeque<Uuid>,
    /// When the head is sent again, if it was sent.
    deadline: Option<Duration>,
    /// How long the last wait was.
    interval: Duration,
}

/// What became of an update that was handed in.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    /// It is the head: send it.
    Send(Box<StatusUpdate>),
    /// It waits for its turn.
    Queued,
    /// It was here before.
    Duplicate,
    /// There are too many; it was not taken.
    Overflow,
}

/// What an acknowledgement did.
#[derive(Debug, PartialEq)]
pub(crate) struct Acknowledged {
    /// It was for the terminal update: the stream is closed.
    pub(crate) terminal: bool,
    /// The update to send now.
    pub(crate) next: Option<Box<StatusUpdate>>,
}

/// Why an acknowledgement is ignored.
#[derive(Debug, PartialEq, Error)]
pub(crate) enum AcknowledgeError {
    /// There is no such task, or its stream is closed.
    #[error("Cannot find the task status update stream for task {task} of framework {framework}")]
    UnknownTask {
        task: TaskId,
        framework: FrameworkId,
    },
    /// Nothing is outstanding.
    #[error("Unexpected task status update acknowledgement {0}: no update is outstanding")]
    Unexpected(Uuid),
    /// Another update is outstanding.
    #[error(
        "Unexpected task status update acknowledgement (received {received}, expecting {expected})"
    )]
    NotTheHead { received: Uuid, expected: Uuid },
}

impl Default for StatusStreams {
    fn default() -> Self {
        Self {
            paused: true,
            streams: BTreeMap::new(),
            due: BTreeSet::new(),
            armed: None,
        }
    }
}

impl StatusStreams {
    /// Takes an update with its uuid.
    pub(crate) fn update(&mut self, uuid: Uuid, update: StatusUpdate, now: Duration) -> Taken {
        let key = key_of(&update);
        let stream = self.streams.entry(key.clone()).or_default();
        if stream.knows(&uuid) {
            return Taken::Duplicate;
        }
        let terminal = update.status.state().is_terminal();
        if stream.pending.len() >= PENDING_UPDATES_PER_TASK_MAX && !terminal {
            return Taken::Overflow;
        }
        let head = stream.pending.is_empty();
        stream.pending.push_back((uuid, update));
        if self.paused || !head {
            return Taken::Queued;
        }
        match self.send_head(&key, STATUS_RETRY_INTERVAL_MIN, now) {
            Some(update) => Taken::Send(update),
            None => Taken::Queued,
        }
    }

    /// Whether an update was taken before.
    pub(crate) fn knows(&self, framework: &FrameworkId, task: &TaskId, uuid: &Uuid) -> bool {
        let key = (framework.clone(), task.clone());
        self.streams
            .get(&key)
            .is_some_and(|stream| stream.knows(uuid))
    }

    /// The scheduler has got an update.
    pub(crate) fn acknowledge(
        &mut self,
        framework: &FrameworkId,
        task: &TaskId,
        uuid: Uuid,
        now: Duration,
    ) -> Result<Acknowledged, AcknowledgeError> {
        let key = (framework.clone(), task.clone());
        let Some(stream) = self.streams.get_mut(&key) else {
            return Err(AcknowledgeError::UnknownTask {
                task: task.clone(),
                framework: framework.clone(),
            });
        };
        let (expected, update) = stream
            .pending
            .front()
            .ok_or(AcknowledgeError::Unexpected(uuid))?;
        if *expected != uuid {
            return Err(AcknowledgeError::NotTheHead {
                received: uuid,
                expected: *expected,
            });
        }
        let terminal = update.status.state().is_terminal();
        stream.pending.pop_front();
        stream.remember(uuid);
        if let Some(deadline) = stream.deadline.take() {
            self.due.remove(&(deadline, key.clone()));
        }
        if terminal {
            self.streams.remove(&key);
            return Ok(Acknowledged {
                terminal,
                next: None,
            });
        }
        let next = match self.paused {
            true => None,
            false => self.send_head(&key, STATUS_RETRY_INTERVAL_MIN, now),
        };
        Ok(Acknowledged { terminal, next })
    }

    /// There is no master: keep everything.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
        self.due.clear();
        for stream in self.streams.values_mut() {
            stream.deadline = None;
        }
    }

    /// There is a master, or it may have forgotten: the heads to send now.
    pub(crate) fn resume(&mut self, now: Duration) -> Vec<StatusUpdate> {
        self.paused = false;
        let keys: Vec<Key> = self.streams.keys().cloned().collect();
        keys.iter()
            .filter_map(|key| self.send_head(key, STATUS_RETRY_INTERVAL_MIN, now))
            .map(|update| *update)
            .collect()
    }

    /// The heads that have waited long enough for their acknowledgement.
    pub(crate) fn retry(&mut self, now: Duration) -> Vec<StatusUpdate> {
        self.armed = None;
        let mut updates = Vec::new();
        while let Some((deadline, key)) = self.due.first().cloned() {
            if deadline > now {
                break;
            }
            self.due.pop_first();
            let Some(stream) = self.streams.get_mut(&key) else {
                continue;
            };
            stream.deadline = None;
            let interval = (stream.interval * 2).min(STATUS_RETRY_INTERVAL_MAX);
            updates.extend(self.send_head(&key, interval, now).map(|update| *update));
        }
        updates
    }

    /// Forgets a framework's streams, acknowledged or not.
    pub(crate) fn forget(&mut self, framework: &FrameworkId) {
        let first = (framework.clone(), TaskId::from(""));
        let keys: Vec<Key> = self
            .streams
            .range(first..)
            .take_while(|((owner, _), _)| owner == framework)
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            if let Some(deadline) = self.streams.remove(&key).and_then(|stream| stream.deadline) {
                self.due.remove(&(deadline, key));
            }
        }
    }

    /// Sets the timer if it is not set, or set too late. One that fires too early does no
    /// harm, and costs less than moving it with every acknowledgement.
    pub(crate) fn arm(&mut self, turn: &mut Turn<'_, '_>) {
        let Some((deadline, _)) = self.due.first() else {
            return;
        };
        if self.armed.is_none_or(|armed| *deadline < armed) {
            self.armed = Some(*deadline);
            turn.set_timer(Timer::StatusRetry, deadline.saturating_sub(turn.env.now));
        }
    }

    /// The head of a stream, and a deadline for its acknowledgement.
    fn send_head(
        &mut self,
        key: &Key,
        interval: Duration,
        now: Duration,
    ) -> Option<Box<StatusUpdate>> {
        let stream = self.streams.get_mut(key)?;
        let (_, update) = stream.pending.front()?;
        let update = Box::new(update.clone());
        if let Some(deadline) = stream.deadline.take() {
            self.due.remove(&(deadline, key.clone()));
        }
        stream.interval = interval;
        stream.deadline = Some(now + interval);
        self.due.insert((now + interval, key.clone()));
        Some(update)
    }
}

impl Stream {
    fn knows(&self, uuid: &Uuid) -> bool {
        self.acknowledged.contains(uuid) || self.pending.iter().any(|(pending, _)| pending == uuid)
    }

    fn remember(&mut self, uuid: Uuid) {
        if self.acknowledged.len() >= REMEMBERED_UPDATES_PER_TASK_MAX {
            self.acknowledged.pop_front();
        }
        self.acknowledged.push_back(uuid);
    }
}

fn key_of(update: &StatusUpdate) -> Key {
    (
        FrameworkId::from(&update.framework_id),
        TaskId::from(&update.status.task_id),
    )
}
