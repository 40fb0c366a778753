//! A v1 protobuf scheduler as fast as a plain one can be: one thread reads events,
//! another makes calls, pipelined a little.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use messages::binary;
use messages::v1;
use messages::v1::scheduler::{Call, Event, call};

use crate::connection::Connection;

/// Calls written before their answers are read. The original does not survive deep
/// pipelines.
const PIPELINE: usize = 32;

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

/// A subscribed scheduler.
pub struct Scheduler {
    events: Connection,
    calls: Sender<Call>,
    framework: v1::FrameworkId,
}

fn post(master: &Master, stream: Option<&str>, call: &Call) -> Vec<u8> {
    let body = binary::encode(call);
    let stream = stream.map_or(String::new(), |id| format!("Mesos-Stream-Id: {id}\r\n"));
    let mut bytes = format!(
        "POST {}/api/v1/scheduler HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-protobuf\r\n\
         Accept: application/x-protobuf\r\n{stream}Content-Length: {}\r\n\r\n",
        master.prefix,
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
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
        let mut events = Connection::open(master.address)?;
        events.send(&post(master, None, &subscribe))?;
        let (status, headers) = events.head()?;
        if status != 200 {
            return Err(io::Error::other(format!("SUBSCRIBE: {status}")));
        }
        let stream = headers
            .into_iter()
            .find(|(name, _)| name == "mesos-stream-id")
            .map(|(_, value)| value)
            .ok_or_else(|| io::Error::other("no Mesos-Stream-Id"))?;
        let (calls, waiting) = channel();
        let mut scheduler = Self {
            events,
            calls,
            framework: v1::FrameworkId::default(),
        };
        let subscribed = scheduler
            .event()?
            .subscribed
            .ok_or_else(|| io::Error::other("not subscribed"))?;
        scheduler.framework = subscribed.framework_id;
        let connection = Connection::open(master.address)?;
        let master = master.clone();
        thread::spawn(move || make_calls(&master, &stream, connection, &waiting));
        Ok(scheduler)
    }

    /// The next event.
    pub fn event(&mut self) -> io::Result<Event> {
        let chunk = self.events.chunk()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let newline = chunk
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or_default();
        binary::decode(&chunk[newline + 1..]).map_err(io::Error::other)
    }

    fn call(&self, of: call::Type, fill: impl FnOnce(&mut Call)) {
        let mut call = Call {
            r#type: Some(of.into()),
            framework_id: Some(self.framework.clone()),
            ..Default::default()
        };
        fill(&mut call);
        let _ = self.calls.send(call);
    }

    /// Launches tasks on offers; what is left over is not refused.
    pub fn accept(&self, offers: Vec<v1::OfferId>, tasks: Vec<v1::TaskInfo>, refuse_seconds: f64) {
        self.call(call::Type::Accept, |call| {
            let launch = v1::offer::Operation {
                r#type: Some(v1::offer::operation::Type::Launch.into()),
                launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
                ..Default::default()
            };
            call.accept = Some(call::Accept {
                offer_ids: offers,
                operations: vec![launch],
                filters: Some(v1::Filters {
                    refuse_seconds: Some(refuse_seconds),
                }),
            });
        });
    }

    /// Acknowledges a status, if it wants to be.
    pub fn acknowledge(&self, status: &v1::TaskStatus) {
        let (Some(uuid), Some(agent_id)) = (status.uuid.clone(), status.agent_id.clone()) else {
            return;
        };
        let task_id = status.task_id.clone();
        self.call(call::Type::Acknowledge, |call| {
            call.acknowledge = Some(call::Acknowledge {
                agent_id,
                task_id,
                uuid,
            });
        });
    }

    /// Ends the framework.
    pub fn teardown(&mut self) {
        self.call(call::Type::Teardown, |_| {});
        while self.events.chunk().is_ok_and(|chunk| chunk.is_some()) {}
    }
}

fn make_calls(master: &Master, stream: &str, mut connection: Connection, calls: &Receiver<Call>) {
    while let Ok(first) = calls.recv() {
        let mut bytes = post(master, Some(stream), &first);
        let mut count = 1;
        while count < PIPELINE
            && let Ok(next) = calls.try_recv()
        {
            bytes.extend_from_slice(&post(master, Some(stream), &next));
            count += 1;
        }
        if connection.send(&bytes).is_err() {
            return;
        }
        for _ in 0..count {
            match connection.answer() {
                Ok(202) => {}
                other => {
                    eprintln!("a call was answered {other:?}");
                    return;
                }
            }
        }
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
