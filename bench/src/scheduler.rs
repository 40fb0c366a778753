//! A v1 protobuf scheduler that costs as little as it can: one thread, one connection of
//! events, one of calls. It writes what it has to say when it has read all that came.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use bytes::{Bytes, BytesMut};
use messages::v1::TaskState;
use messages::v1::scheduler::{Call, call, event};
use messages::wire::{Reader, Value, put_bytes, put_message, put_varint};
use messages::{binary, v1};
use runtime_core::http::{BodyEvent, BodyReader, Framing};
use runtime_core::recordio;
use rustix::event::{PollFd, PollFlags, poll};

use crate::connection::Connection;

/// Calls written whose answers have not been read. The original does not survive deep
/// pipelines.
const PIPELINE: usize = 256;
/// How much is read at once.
const READ_AT_ONCE: usize = 256 << 10;
/// The longest event that is read.
const EVENT_MAX: usize = 1 << 30;

/// A master's address and the path in front of its endpoints.
#[derive(Debug, Clone)]
pub struct Master {
    /// Where it listens.
    pub address: SocketAddr,
    /// `/master` where endpoints keep their process' prefix, else empty.
    pub prefix: String,
}

impl Master {
    /// Reads `host:port[/prefix]`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, format!("/{prefix}")),
            None => (text, String::new()),
        };
        let address = address.to_socket_addrs().ok()?.next()?;
        Some(Self { address, prefix })
    }
}

/// What a scheduler is told, as far as a bench looks at it.
#[derive(Debug, Default)]
pub struct Event {
    /// What may be used.
    pub offers: Option<event::Offers>,
    /// A task's state changed.
    pub update: Option<Update>,
}

/// A task's new state.
#[derive(Debug)]
pub struct Update {
    /// The status.
    pub status: Status,
}

/// A status of which only some fields are read; the rest is there if somebody asks.
#[derive(Debug)]
pub struct Status {
    bytes: Bytes,
    state: TaskState,
    /// Encoded `TaskID`.
    task: Bytes,
    /// Encoded `AgentID`.
    agent: Bytes,
    uuid: Bytes,
}

impl Status {
    fn read(bytes: Bytes) -> Option<Self> {
        let mut status = Self {
            state: TaskState::TaskUnknown,
            task: Bytes::new(),
            agent: Bytes::new(),
            uuid: Bytes::new(),
            bytes: bytes.clone(),
        };
        let mut reader = Reader::new(&bytes);
        while let Some((number, value)) = reader.field().ok()? {
            match (number, value) {
                (1, Value::Length(part)) => status.task = bytes.slice_ref(part),
                (2, Value::Varint(state)) => {
                    status.state = TaskState::try_from(state as i32).ok()?;
                }
                (5, Value::Length(part)) => status.agent = bytes.slice_ref(part),
                (11, Value::Length(part)) => status.uuid = bytes.slice_ref(part),
                _ => {}
            }
        }
        Some(status)
    }

    /// The state.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// Why it is so.
    pub fn message(&self) -> String {
        binary::decode::<v1::TaskStatus>(&self.bytes)
            .ok()
            .and_then(|status| status.message)
            .unwrap_or_default()
    }

    /// The number at the end of the task's id.
    pub fn number(&self) -> usize {
        let digits = self.task.rsplit(|byte| !byte.is_ascii_digit()).next();
        digits
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
            .unwrap_or_default()
    }
}

/// A subscribed scheduler.
pub struct Scheduler {
    events: TcpStream,
    unread: BytesMut,
    body: BodyReader,
    records: recordio::Decoder,
    calls: TcpStream,
    /// What stands before the length of each call's body.
    head: Vec<u8>,
    framework: v1::FrameworkId,
    /// Calls that wait for room among those that are not answered yet.
    waiting: VecDeque<Vec<u8>>,
    unanswered: usize,
    outgoing: Vec<u8>,
    answers: Vec<u8>,
    part: Vec<u8>,
}

fn head(master: &Master, stream: Option<&str>) -> Vec<u8> {
    let stream = stream.map_or(String::new(), |id| format!("Mesos-Stream-Id: {id}\r\n"));
    format!(
        "POST {}/api/v1/scheduler HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-protobuf\r\n\
         Accept: application/x-protobuf\r\n{stream}Content-Length: ",
        master.prefix,
    )
    .into_bytes()
}

fn post(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(head.len() + body.len() + 16);
    bytes.extend_from_slice(head);
    let _ = write!(bytes, "{}\r\n\r\n", body.len());
    bytes.extend_from_slice(body);
    bytes
}

impl Scheduler {
    /// Subscribes with a name.
    pub fn subscribe(master: &Master, name: &str) -> io::Result<Self> {
        let info = v1::FrameworkInfo {
            user: "root".to_owned(),
            name: name.to_owned(),
            ..Default::default()
        };
        let subscribe = Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(call::Subscribe {
                framework_info: info,
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut connection = Connection::open(master.address)?;
        connection.send(&post(&head(master, None), &binary::encode(&subscribe)))?;
        let (status, headers) = connection.head()?;
        if status != 200 {
            return Err(io::Error::other(format!("SUBSCRIBE: {status}")));
        }
        let stream = headers
            .into_iter()
            .find(|(name, _)| name == "mesos-stream-id")
            .map(|(_, value)| value)
            .ok_or_else(|| io::Error::other("no Mesos-Stream-Id"))?;
        let (events, unread) = connection.into_parts();
        let calls = TcpStream::connect(master.address)?;
        calls.set_nodelay(true)?;
        calls.set_nonblocking(true)?;
        events.set_nonblocking(true)?;
        let mut scheduler = Self {
            events,
            unread: BytesMut::from(unread.as_slice()),
            body: BodyReader::new(Framing::Chunked, u64::MAX),
            records: recordio::Decoder::new(EVENT_MAX),
            calls,
            head: head(master, Some(&stream)),
            framework: v1::FrameworkId::default(),
            waiting: VecDeque::new(),
            unanswered: 0,
            outgoing: Vec::new(),
            answers: Vec::new(),
            part: vec![0; READ_AT_ONCE],
        };
        let first: v1::scheduler::Event =
            binary::decode(&scheduler.record()?).map_err(io::Error::other)?;
        let subscribed = first
            .subscribed
            .ok_or_else(|| io::Error::other("not subscribed"))?;
        scheduler.framework = subscribed.framework_id;
        Ok(scheduler)
    }

    /// The next event. What was called before is sent no later than this waits.
    pub fn event(&mut self) -> io::Result<Event> {
        let record = self.record()?;
        let mut event = Event::default();
        let mut reader = Reader::new(&record);
        while let Some((number, value)) = reader.field().map_err(io::Error::other)? {
            match (number, value) {
                (3, Value::Length(bytes)) => {
                    event.offers = Some(binary::decode(bytes).map_err(io::Error::other)?);
                }
                (5, Value::Length(update)) => {
                    if let Ok(Some((1, Value::Length(status)))) = Reader::new(update).field() {
                        event.update =
                            Status::read(record.slice_ref(status)).map(|status| Update { status });
                    }
                }
                _ => {}
            }
        }
        Ok(event)
    }

    fn record(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(record) = self.records.next_record().map_err(io::Error::other)? {
                return Ok(record);
            }
            match self.body.read(&mut self.unread).map_err(io::Error::other)? {
                BodyEvent::Piece(piece) => self.records.feed(&piece),
                BodyEvent::End => return Err(io::ErrorKind::UnexpectedEof.into()),
                BodyEvent::Incomplete => self.exchange()?,
            }
        }
    }

    /// Writes what there is room for, and waits until something comes.
    fn exchange(&mut self) -> io::Result<()> {
        while self.unanswered < PIPELINE
            && let Some(call) = self.waiting.pop_front()
        {
            self.outgoing.extend_from_slice(&call);
            self.unanswered += 1;
        }
        let mut wanted = PollFlags::IN;
        if !self.outgoing.is_empty() {
            match self.calls.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if !self.outgoing.is_empty() {
                wanted |= PollFlags::OUT;
            }
        }
        let mut ready = [
            PollFd::new(&self.events, PollFlags::IN),
            PollFd::new(&self.calls, wanted),
        ];
        poll(&mut ready, None)?;
        let [events, calls] = ready.map(|fd| fd.revents());
        if !events.is_empty() {
            let count = self.events.read(&mut self.part)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&self.part[..count]);
        }
        if calls.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            let count = self.calls.read(&mut self.part)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.answers.extend_from_slice(&self.part[..count]);
            self.read_answers()?;
        }
        Ok(())
    }

    /// Every call must be answered 202, which has no body.
    fn read_answers(&mut self) -> io::Result<()> {
        let mut read = 0;
        while let Some(end) = memchr::memmem::find(&self.answers[read..], b"\r\n\r\n") {
            let answer = &self.answers[read..read + end];
            if !answer.starts_with(b"HTTP/1.1 202") {
                let text = String::from_utf8_lossy(&self.answers[read..]).into_owned();
                return Err(io::Error::other(format!("a call was answered {text}")));
            }
            self.unanswered -= 1;
            read += end + 4;
        }
        self.answers.drain(..read);
        Ok(())
    }

    fn call(&mut self, of: call::Type, number: u32, fill: impl FnOnce(&mut Vec<u8>)) {
        let mut body = Vec::with_capacity(256);
        let framework = &self.framework.value;
        let Ok(()) = put_message::<Infallible>(&mut body, 1, |id| {
            put_bytes(id, 1, framework.as_bytes());
            Ok(())
        });
        put_varint(&mut body, 2, of as u64);
        if number > 0 {
            let Ok(()) = put_message::<Infallible>(&mut body, number, |call| {
                fill(call);
                Ok(())
            });
        }
        self.waiting.push_back(post(&self.head, &body));
    }

    /// Launches tasks on offers; what is left over is not refused.
    pub fn accept(
        &mut self,
        offers: Vec<v1::OfferId>,
        tasks: Vec<v1::TaskInfo>,
        refuse_seconds: f64,
    ) {
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch.into()),
            launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids: offers,
            operations: vec![launch],
            filters: Some(v1::Filters {
                refuse_seconds: Some(refuse_seconds),
            }),
        };
        self.call(call::Type::Accept, 4, |out| {
            out.extend_from_slice(&binary::encode(&accept));
        });
    }

    /// Acknowledges a status, if it wants to be.
    pub fn acknowledge(&mut self, status: &Status) {
        if status.uuid.is_empty() {
            return;
        }
        self.call(call::Type::Acknowledge, 8, |out| {
            put_bytes(out, 1, &status.agent);
            put_bytes(out, 2, &status.task);
            put_bytes(out, 3, &status.uuid);
        });
    }

    /// Asks for the state of a task.
    pub fn reconcile(&mut self, task: &str) {
        let reconcile = call::Reconcile {
            tasks: vec![call::reconcile::Task {
                task_id: v1::TaskId {
                    value: task.to_owned(),
                },
                agent_id: None,
            }],
        };
        self.call(call::Type::Reconcile, 9, |out| {
            out.extend_from_slice(&binary::encode(&reconcile));
        });
    }

    /// Ends the framework.
    pub fn teardown(&mut self) {
        self.call(call::Type::Teardown, 0, |_| {});
        while self.event().is_ok() {}
    }
}

/// How many such tasks fit into an offer.
pub fn room(offer: &v1::Offer) -> usize {
    let amount = |name: &str| -> f64 {
        let of_name = offer
            .resources
            .iter()
            .filter(|resource| resource.name == name);
        of_name
            .filter_map(|resource| resource.scalar.as_ref())
            .map(|scalar| scalar.value)
            .sum()
    };
    ((amount("cpus") / CPUS).min(amount("mem") / MEM) + 1e-6) as usize
}

/// What each task takes.
const CPUS: f64 = 0.01;
const MEM: f64 = 1.0;

/// A task of a shell command.
pub fn task(id: String, agent: &v1::AgentId, command: &str) -> v1::TaskInfo {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    };
    v1::TaskInfo {
        name: "bench".to_owned(),
        task_id: v1::TaskId { value: id },
        agent_id: agent.clone(),
        resources: vec![scalar("cpus", CPUS), scalar("mem", MEM)],
        command: Some(v1::CommandInfo {
            value: Some(command.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
