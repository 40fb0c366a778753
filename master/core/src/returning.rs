//! What an agent says when it returns, with its tasks as they came: they are most of it, and
//! most of a task is kept in its binary form.

use messages::binary;
use messages::internal::ReregisterSlaveMessage;
use messages::v1;
use messages::wire::{Reader, Value, put_bytes};
use prost::Message as _;
use runtime_core::{Codec, DecodeError, EncodeError, Message};

use crate::encoded_task::EncodedTask;

/// A [`ReregisterSlaveMessage`] whose tasks are not decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Returning {
    /// All but the tasks.
    pub(crate) message: ReregisterSlaveMessage,
    /// What ran on the agent.
    pub(crate) tasks: EncodedTasks,
}

/// Tasks in their binary form, each as `prost` writes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EncodedTasks {
    /// As fields of a message.
    bytes: Vec<u8>,
    count: usize,
}

/// The number of `ReregisterSlaveMessage.tasks`.
const TASKS: u32 = 3;

impl EncodedTasks {
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = EncodedTask<'_>> {
        self.encoded().map(EncodedTask::read)
    }

    fn encoded(&self) -> impl Iterator<Item = &[u8]> {
        let mut reader = Reader::new(&self.bytes);
        std::iter::from_fn(move || match reader.field() {
            Ok(Some((_, Value::Length(task)))) => Some(task),
            _ => None,
        })
    }

    fn push(&mut self, task: &[u8]) {
        put_bytes(&mut self.bytes, TASKS, task);
        self.count += 1;
    }
}

impl Returning {
    /// Reads the protobuf form, unless a task is written otherwise than `prost` would.
    fn read(body: &[u8]) -> Option<Result<Self, DecodeError>> {
        let mut tasks = EncodedTasks {
            bytes: Vec::with_capacity(body.len()),
            count: 0,
        };
        let mut rest = Vec::new();
        let mut reader = Reader::new(body);
        loop {
            let before = reader.rest();
            let Some((number, value)) = reader.field().ok()? else {
                break;
            };
            let raw = before.get(..before.len() - reader.rest().len())?;
            match value {
                Value::Length(task) if number == TASKS => {
                    if !binary::is_plain::<v1::Task>(task) {
                        return None;
                    }
                    tasks.push(task);
                }
                _ => rest.extend_from_slice(raw),
            }
        }
        Some(binary::decode(&rest).map(|message| Self { message, tasks }))
    }
}

impl From<ReregisterSlaveMessage> for Returning {
    fn from(mut message: ReregisterSlaveMessage) -> Self {
        let mut tasks = EncodedTasks::default();
        for task in std::mem::take(&mut message.tasks) {
            tasks.push(&task.encode_to_vec());
        }
        Self { message, tasks }
    }
}

impl Message for Returning {
    const NAME: &'static str = ReregisterSlaveMessage::NAME;
    const CODEC: Codec = ReregisterSlaveMessage::CODEC;

    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let tasks = self.tasks.encoded().map(v1::Task::decode);
        let message = ReregisterSlaveMessage {
            tasks: tasks.filter_map(Result::ok).collect(),
            ..self.message.clone()
        };
        Message::encode(&message, codec, out)
    }

    fn decode(codec: Codec, body: &[u8]) -> Result<Self, DecodeError> {
        let read = (codec == Codec::Protobuf)
            .then(|| Self::read(body))
            .flatten();
        match read {
            Some(result) => result,
            None => <ReregisterSlaveMessage as Message>::decode(codec, body).map(Self::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use messages::v1::TaskState;
    use model::ids::{AgentId, FrameworkId};

    use super::*;
    use crate::testing::{report, reported_task};

    fn message() -> ReregisterSlaveMessage {
        let (agent, framework) = (AgentId::from("a"), FrameworkId::from("f"));
        let task = |id| reported_task(id, &agent, &framework, TaskState::TaskRunning);
        ReregisterSlaveMessage {
            tasks: vec![task("one"), task("two")],
            ..report(1, &agent, "cpus:4")
        }
    }

    fn decode(body: &[u8]) -> Result<Returning, DecodeError> {
        <Returning as Message>::decode(Codec::Protobuf, body)
    }

    #[test]
    fn both_ways_of_reading_agree() {
        let whole = message();
        let body = whole.encode_to_vec();
        assert!(Returning::read(&body).is_some());
        let returning = decode(&body).unwrap();
        assert_eq!(returning, Returning::from(whole.clone()));
        let ids: Vec<_> = returning
            .tasks
            .iter()
            .map(|task| task.id.to_owned())
            .collect();
        assert_eq!(ids, ["one", "two"]);
        for codec in [Codec::Protobuf, Codec::Json, Codec::MessagePack] {
            let mut out = Vec::new();
            Message::encode(&returning, codec, &mut out).unwrap();
            let read = <Returning as Message>::decode(codec, &out).unwrap();
            assert_eq!(read, returning);
        }
    }

    #[test]
    fn a_task_that_is_written_otherwise_is_decoded() {
        let mut whole = message();
        let mut task = whole.tasks.pop().unwrap().encode_to_vec();
        // Of a field that comes twice the last counts; an unknown one is passed over.
        put_bytes(&mut task, 1, b"renamed");
        put_bytes(&mut task, 200, b"unknown");
        let mut body = whole.encode_to_vec();
        put_bytes(&mut body, TASKS, &task);
        assert!(Returning::read(&body).is_none());
        let returning = decode(&body).unwrap();
        let names: Vec<_> = returning
            .tasks
            .iter()
            .map(|task| task.name.to_owned())
            .collect();
        assert_eq!(names, ["one", "renamed"]);
    }

    #[test]
    fn bad_messages_are_refused_as_ever() {
        let mut no_text = message().encode_to_vec();
        put_bytes(&mut no_text, TASKS, &[0x0a, 1, 0xff]);
        let mut no_agent = Vec::new();
        put_bytes(
            &mut no_agent,
            TASKS,
            &message().tasks.pop().unwrap().encode_to_vec(),
        );
        for body in [no_text.as_slice(), &no_agent, b"\xff", b"\x1a\x05ab"] {
            let wanted = <ReregisterSlaveMessage as Message>::decode(Codec::Protobuf, body);
            let found = decode(body);
            assert_eq!(
                found.unwrap_err().to_string(),
                wanted.unwrap_err().to_string()
            );
        }
    }
}
