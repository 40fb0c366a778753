//! Simulated agents that speak libprocess' wire form to any master: they register or come
//! back with tasks, answer pings, and turn each task into RUNNING and then FINISHED.
//!
//! All of them live behind one port and cost next to nothing: messages are put together
//! field by field, and what a message brings is answered without a look at any state.

mod answers;
mod messages;

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use runtime_core::http::Limits;
use runtime_core::libprocess::{
    ACCEPTED, ACCEPTED_WITH_OFFER, Answering, MessageReader, Received, encode,
};
use runtime_core::{Codec, Pid};

pub use messages::Load;

use crate::scheduler::Master;
use answers::{Answers, Told};

/// How much is read at once.
const READ_AT_ONCE: usize = 256 << 10;
/// A master that wants few answers gets one in this time.
const RARELY: Duration = Duration::from_secs(10);

/// Agents under way.
pub struct Swarm {
    count: usize,
    me: Pid,
    master: Pid,
    to_master: Arc<Mutex<TcpStream>>,
    told: Receiver<Told>,
}

impl Swarm {
    /// Opens the port and the connection of `count` agents, which say nothing yet.
    pub fn open(master: &Master, count: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let me = Pid::new("slave(1)", listener.local_addr()?);
        let to_master = Arc::new(Mutex::new(connect(master)?));
        let master = Pid::new("master", master.address);
        let (tell, told) = channel();
        let from_master = Inbound {
            answers: Answers::new(me.clone(), master.clone()),
            to_master: Arc::clone(&to_master),
            tell,
        };
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let from_master = from_master.clone();
                thread::spawn(move || from_master.serve(socket));
            }
        });
        Ok(Self {
            count,
            me,
            master,
            to_master,
            told,
        })
    }

    /// Opens the connection anew, to a master that was started again at its address.
    pub fn reconnect(&self, master: &Master) -> io::Result<()> {
        let socket = connect(master)?;
        *self
            .to_master
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = socket;
        Ok(())
    }

    /// All agents register and are in when this returns.
    pub fn register(&self) -> io::Result<()> {
        let port = self.me.address.port();
        self.say(self.chorus(|_| messages::register(port)));
        self.wait(|told| matches!(told, Told::Registered))
    }

    /// Puts together what all agents say when they come back with `load` on them.
    pub fn returning(&self, load: &Load) -> Returning<'_> {
        let port = self.me.address.port();
        Returning {
            swarm: self,
            words: self.chorus(|agent| messages::reregister(port, agent, load)),
        }
    }

    /// All agents leave for good.
    pub fn leave(&self, load: &Load) {
        self.say(self.chorus(|agent| messages::unregister(agent, load)));
    }

    /// One message of each agent.
    fn chorus(&self, message: impl Fn(usize) -> (&'static str, Vec<u8>)) -> Vec<u8> {
        let mut words = Vec::new();
        for agent in 1..=self.count {
            let from = Pid::new(format!("slave({agent})").as_str(), self.me.address);
            let (name, body) = message(agent);
            encode(
                &from,
                &self.master,
                name,
                Codec::Protobuf,
                &body,
                &mut words,
            );
        }
        words
    }

    fn say(&self, words: Vec<u8>) {
        let to_master = Arc::clone(&self.to_master);
        thread::spawn(move || {
            // In one piece: what else an agent says must not come in between.
            let mut socket = to_master.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = socket.write_all(&words);
        });
    }

    fn wait(&self, is_it: impl Fn(Told) -> bool) -> io::Result<()> {
        let mut left = self.count;
        while left > 0 {
            let told = self.told.recv().map_err(io::Error::other)?;
            left -= usize::from(is_it(told));
        }
        Ok(())
    }
}

/// Agents that are about to come back.
pub struct Returning<'a> {
    swarm: &'a Swarm,
    words: Vec<u8>,
}

impl Returning<'_> {
    /// They all do, and are in again when this returns.
    pub fn go(self) -> io::Result<()> {
        self.swarm.say(self.words);
        self.swarm.wait(|told| matches!(told, Told::Reregistered))
    }
}

/// Starts `count` agents and waits until all are registered.
pub fn start(master: &Master, count: usize) -> io::Result<Swarm> {
    let swarm = Swarm::open(master, count)?;
    swarm.register()?;
    Ok(swarm)
}

/// Opens a connection for what agents say.
fn connect(master: &Master) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(master.address)?;
    socket.set_nodelay(true)?;
    let accepted = socket.try_clone()?;
    thread::spawn(move || discard(accepted));
    Ok(socket)
}

/// Reads what answers messages come, and forgets them.
fn discard(mut socket: TcpStream) {
    let mut buffer = vec![0; READ_AT_ONCE];
    while socket.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// What comes from the master.
#[derive(Clone)]
struct Inbound {
    answers: Answers,
    to_master: Arc<Mutex<TcpStream>>,
    tell: Sender<Told>,
}

impl Inbound {
    fn serve(mut self, mut socket: TcpStream) {
        let _ = socket.set_nodelay(true);
        let mut reader = MessageReader::new(Limits::default());
        let mut buffer = BytesMut::new();
        let mut part = vec![0; READ_AT_ONCE];
        let mut accepted = Accepted::new();
        let mut out = Vec::new();
        while let Ok(count @ 1..) = socket.read(&mut part) {
            buffer.extend_from_slice(&part[..count]);
            self.answers.tick();
            while let Ok(Received::Message {
                message: Ok(message),
                ..
            }) = reader.read(&mut buffer)
            {
                accepted.add(message.answering);
                if let Some(told) = self.answers.answer(&message, &mut out) {
                    let _ = self.tell.send(told);
                }
            }
            if !out.is_empty() {
                let mut to_master = self
                    .to_master
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if to_master.write_all(&out).is_err() {
                    return;
                }
                out.clear();
            }
            if !accepted.bytes.is_empty() {
                if socket.write_all(&accepted.bytes).is_err() {
                    return;
                }
                accepted.bytes.clear();
            }
        }
    }
}

/// Answers to messages, as our agents give them: to each, or now and then to a master that
/// wants it so.
struct Accepted {
    bytes: Vec<u8>,
    has_offered: bool,
    is_rare: bool,
    last: Instant,
}

impl Accepted {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            has_offered: false,
            is_rare: false,
            last: Instant::now(),
        }
    }

    fn add(&mut self, answering: Answering) {
        self.is_rare |= answering == Answering::Rarely;
        if self.is_rare && self.last.elapsed() < RARELY {
            return;
        }
        self.last = Instant::now();
        let offers = !std::mem::replace(&mut self.has_offered, true);
        self.bytes.extend_from_slice(if offers {
            ACCEPTED_WITH_OFFER
        } else {
            ACCEPTED
        });
    }
}
