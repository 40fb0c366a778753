//! What an agent says to what the master tells it.

use std::time::{SystemTime, UNIX_EPOCH};

use messages::internal::{
    PingSlaveMessage, RunTaskMessage, SlaveRegisteredMessage, SlaveReregisteredMessage,
    StatusUpdateAcknowledgementMessage,
};
use messages::v1::TaskState;
use messages::wire::{Reader, Value};
use runtime_core::libprocess::{Incoming, encode};
use runtime_core::{ActorId, Codec, Message as _, Pid};

use super::messages::{PONG, STATUS_UPDATE, Status, pid_text, status_update};

/// What the bench waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Registered,
    Reregistered,
}

/// Answers messages for all agents of a port.
#[derive(Clone)]
pub struct Answers {
    me: Pid,
    master: Pid,
    /// Seconds since 1970.
    now: f64,
    updates: u64,
}

impl Answers {
    pub fn new(me: Pid, master: Pid) -> Self {
        Self {
            me,
            master,
            now: 0.0,
            updates: 0,
        }
    }

    /// Looks at the clock, once for many messages.
    pub fn tick(&mut self) {
        self.now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
    }

    /// Appends what the agent answers to `out`.
    pub fn answer(&mut self, message: &Incoming, out: &mut Vec<u8>) -> Option<Told> {
        match &*message.name {
            SlaveRegisteredMessage::NAME => return Some(Told::Registered),
            SlaveReregisteredMessage::NAME => return Some(Told::Reregistered),
            PingSlaveMessage::NAME => self.send(&message.to, PONG, &[], out),
            RunTaskMessage::NAME => self.run_task(message, out).unwrap_or_default(),
            StatusUpdateAcknowledgementMessage::NAME => {
                self.acknowledged(message, out).unwrap_or_default();
            }
            _ => {}
        }
        None
    }

    fn run_task(&mut self, message: &Incoming, out: &mut Vec<u8>) -> Option<()> {
        let task = field(&message.body, 4)?;
        let framework = field(&message.body, 2).and_then(|info| field(info, 3));
        self.update(
            &message.to,
            Status {
                framework: framework.or_else(|| field(&message.body, 1))?,
                agent: field(task, 3)?,
                task: field(task, 2)?,
                state: TaskState::TaskRunning,
            },
            out,
        );
        Some(())
    }

    fn acknowledged(&mut self, message: &Incoming, out: &mut Vec<u8>) -> Option<()> {
        let uuid = field(&message.body, 4)?;
        if uuid.first() == Some(&(TaskState::TaskRunning as u8)) {
            self.update(
                &message.to,
                Status {
                    framework: field(&message.body, 2)?,
                    agent: field(&message.body, 1)?,
                    task: field(&message.body, 3)?,
                    state: TaskState::TaskFinished,
                },
                out,
            );
        }
        Some(())
    }

    /// The state stands in the uuid: its acknowledgement tells what comes next.
    fn update(&mut self, agent: &ActorId, status: Status<'_>, out: &mut Vec<u8>) {
        // Version 4 of RFC 4122, as others check.
        let mut uuid = [0; 16];
        uuid[0] = status.state as u8;
        uuid[6] = 0x40;
        uuid[8..].copy_from_slice(&(self.updates | 1 << 63).to_be_bytes());
        self.updates += 1;
        let pid = pid_text(agent, &self.me);
        let body = status_update(&status, self.now, &uuid, &pid);
        self.send(agent, STATUS_UPDATE, &body, out);
    }

    fn send(&self, agent: &ActorId, name: &str, body: &[u8], out: &mut Vec<u8>) {
        let from = Pid {
            id: agent.clone(),
            address: self.me.address,
        };
        encode(&from, &self.master, name, Codec::Protobuf, body, out);
    }
}

/// The first message or text of this number.
fn field(message: &[u8], wanted: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(message);
    while let Ok(Some((number, value))) = reader.field() {
        if let (true, Value::Length(bytes)) = (number == wanted, value) {
            return Some(bytes);
        }
    }
    None
}
