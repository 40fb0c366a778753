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

    /// The update of a task that is to be acknowledged next, whether it was sent yet or not.
    pub(crate) fn head(&self, framework: &FrameworkId, task: &TaskId) -> Option<&StatusUpdate> {
        let stream = self.streams.get(&(framework.clone(), task.clone()))?;
        stream.pending.front().map(|(_, update)| update)
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
            self.close(key);
        }
    }

    /// Forgets what was said of an earlier task of the same name.
    pub(crate) fn forget_task(&mut self, framework: &FrameworkId, task: &TaskId) {
        self.close((framework.clone(), task.clone()));
    }

    fn close(&mut self, key: Key) {
        if let Some(deadline) = self.streams.remove(&key).and_then(|stream| stream.deadline) {
            self.due.remove(&(deadline, key));
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

#[cfg(test)]
mod tests {
    use messages::v1;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{framework_id, uuid};

    const START: Duration = Duration::from_secs(100);

    fn update(task: &str, state: v1::TaskState, number: u8) -> (Uuid, StatusUpdate) {
        let status = v1::TaskStatus {
            task_id: TaskId::from(task).to_proto(),
            state: state as i32,
            ..Default::default()
        };
        let update = StatusUpdate {
            framework_id: framework_id().to_proto(),
            uuid: Some(uuid(number).as_bytes().to_vec().into()),
            status,
            ..Default::default()
        };
        (uuid(number), update)
    }

    fn resumed() -> StatusStreams {
        let mut streams = StatusStreams::default();
        assert!(streams.resume(START).is_empty());
        streams
    }

    fn take(streams: &mut StatusStreams, state: v1::TaskState, number: u8) -> Taken {
        let (uuid, update) = update("t", state, number);
        streams.update(uuid, update, START)
    }

    fn acknowledge(
        streams: &mut StatusStreams,
        number: u8,
    ) -> Result<Acknowledged, AcknowledgeError> {
        streams.acknowledge(&framework_id(), &TaskId::from("t"), uuid(number), START)
    }

    #[test]
    fn only_the_head_is_outstanding() {
        let mut streams = resumed();
        let starting = take(&mut streams, v1::TaskState::TaskStarting, 1);
        assert!(matches!(starting, Taken::Send(_)));
        assert_eq!(
            take(&mut streams, v1::TaskState::TaskRunning, 2),
            Taken::Queued
        );
        assert_eq!(
            take(&mut streams, v1::TaskState::TaskRunning, 2),
            Taken::Duplicate
        );
        assert_eq!(
            acknowledge(&mut streams, 2),
            Err(AcknowledgeError::NotTheHead {
                received: uuid(2),
                expected: uuid(1)
            })
        );
        let next = acknowledge(&mut streams, 1).unwrap().next.unwrap();
        assert_eq!(next.status.state(), v1::TaskState::TaskRunning);
        assert_eq!(
            take(&mut streams, v1::TaskState::TaskStarting, 1),
            Taken::Duplicate
        );
    }

    #[test]
    fn the_terminal_acknowledgement_closes_the_stream() {
        let mut streams = resumed();
        take(&mut streams, v1::TaskState::TaskFinished, 1);
        let done = acknowledge(&mut streams, 1).unwrap();
        assert_eq!(
            done,
            Acknowledged {
                terminal: true,
                next: None
            }
        );
        assert!(streams.due.is_empty());
        assert!(matches!(
            acknowledge(&mut streams, 1),
            Err(AcknowledgeError::UnknownTask { .. })
        ));
    }

    #[test]
    fn a_head_is_sent_again_after_ever_longer_waits() {
        let mut streams = resumed();
        take(&mut streams, v1::TaskState::TaskRunning, 1);
        let mut now = START;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let (deadline, _) = streams.due.first().cloned().unwrap();
            assert!(
                streams
                    .retry(deadline - Duration::from_millis(1))
                    .is_empty()
            );
            assert_eq!(streams.retry(deadline).len(), 1);
            waits.push((deadline - now).as_secs());
            now = deadline;
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    }

    #[test]
    fn nothing_is_sent_without_a_master() {
        let mut streams = resumed();
        take(&mut streams, v1::TaskState::TaskStarting, 1);
        streams.pause();
        assert!(streams.retry(START + Duration::from_secs(1000)).is_empty());
        assert_eq!(
            take(&mut streams, v1::TaskState::TaskRunning, 2),
            Taken::Queued
        );
        assert_eq!(acknowledge(&mut streams, 1).unwrap().next, None);
        let heads = streams.resume(START);
        assert_eq!(heads.len(), 1);
        assert_eq!(heads[0].status.state(), v1::TaskState::TaskRunning);
    }

    #[test]
    fn too_many_unacknowledged_updates_are_not_taken_unless_terminal() {
        let mut streams = resumed();
        let (_, template) = update("t", v1::TaskState::TaskRunning, 0);
        for number in 0..PENDING_UPDATES_PER_TASK_MAX as u128 {
            streams.update(Uuid::from_u128(number), template.clone(), START);
        }
        assert_eq!(
            take(&mut streams, v1::TaskState::TaskRunning, 1),
            Taken::Overflow
        );
        assert_eq!(
            take(&mut streams, v1::TaskState::TaskFailed, 2),
            Taken::Queued
        );
    }

    #[test]
    fn a_forgotten_framework_leaves_nothing() {
        let mut streams = resumed();
        take(&mut streams, v1::TaskState::TaskRunning, 1);
        streams.forget(&FrameworkId::from("m-0000"));
        assert_eq!(streams.streams.len(), 1);
        streams.forget(&framework_id());
        assert!(streams.streams.is_empty() && streams.due.is_empty());
    }

    proptest! {
        /// Whatever is lost on the way and repeated, what is acknowledged is the order in
        /// which updates were made, with none missing and none twice.
        #[test]
        fn updates_arrive_in_order(script in prop::collection::vec(0u8..5, 0..200)) {
            let mut streams = resumed();
            let mut now = START;
            let mut made = 0u8;
            let mut seen: Vec<u8> = Vec::new();
            let mut wire: Vec<StatusUpdate> = Vec::new();
            for step in script {
                match step {
                    0 if made < 250 => {
                        made += 1;
                        let (uuid, update) = update("t", v1::TaskState::TaskRunning, made);
                        if let Taken::Send(update) = streams.update(uuid, update, now) {
                            wire.push(*update);
                        }
                    }
                    1 => wire.clear(),
                    2 => {
                        now += Duration::from_secs(700);
                        wire.extend(streams.retry(now));
                    }
                    3 => {
                        streams.pause();
                        wire.extend(streams.resume(now));
                    }
                    _ => {
                        let Some(update) = wire.pop() else { continue };
                        let uuid = Uuid::from_slice(update.uuid.as_ref().unwrap()).unwrap();
                        let number = uuid.as_bytes()[0];
                        let done =
                            streams.acknowledge(&framework_id(), &TaskId::from("t"), uuid, now);
                        if let Ok(done) = done {
                            seen.push(number);
                            wire.extend(done.next.map(|update| *update));
                        }
                    }
                }
            }
            prop_assert_eq!(seen.clone(), (1..=seen.len() as u8).collect::<Vec<_>>());
        }
    }
}
