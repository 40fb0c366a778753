//! A sender of libprocess messages that is only a socket: to measure receivers alone, ours
//! and others.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use memchr::memmem;
use runtime::{Message as _, Pid};
use runtime_core::libprocess::Encoder;

use crate::cases::tick::Tick;

/// An actor of every Apache Mesos process; it throws away messages that it does not know.
pub const REFERENCE_ACTOR: &str = "metrics";

const READ: usize = 64 << 10;
const ACCEPTED: &[u8] = b"HTTP/1.1 202";

/// Sends numbered messages to one actor.
pub struct Sender {
    socket: TcpStream,
    encoder: Encoder,
    from: Pid,
    to: Pid,
    body: Vec<u8>,
    waiting: Vec<u8>,
}

impl Sender {
    /// Connects.
    pub fn open(address: SocketAddr, to: &str) -> Option<Self> {
        let socket = TcpStream::connect(address).ok()?;
        socket.set_nodelay(true).ok()?;
        Some(Self {
            from: Pid::new("raw", socket.local_addr().ok()?),
            to: Pid::new(to, address),
            socket,
            encoder: Encoder::default(),
            body: Vec::new(),
            waiting: Vec::new(),
        })
    }

    /// The answers to what is sent.
    pub fn answers(&self) -> Option<Answers> {
        self.socket.try_clone().ok().map(Answers)
    }

    /// Puts a message behind those that wait, and tells how many bytes these are.
    pub fn add(&mut self, number: u64) -> usize {
        self.body.clear();
        let _ = Tick(number).encode(Tick::CODEC, &mut self.body);
        self.encoder.encode(
            &self.from,
            &self.to,
            Tick::NAME,
            Tick::CODEC,
            &self.body,
            &mut self.waiting,
        );
        self.waiting.len()
    }

    /// Writes what waits, at once.
    pub fn write(&mut self) -> Option<()> {
        self.socket.write_all(&self.waiting).ok()?;
        self.waiting.clear();
        Some(())
    }

    /// Nothing more will be written.
    pub fn finish(&mut self) -> Option<()> {
        self.socket.shutdown(Shutdown::Write).ok()
    }
}

/// Answers to messages.
pub struct Answers(TcpStream);

impl Answers {
    /// Reads until so many messages have been accepted. None if one was refused.
    pub fn accepted(mut self, mut count: u64) -> Option<()> {
        let mut buffer = vec![0; READ];
        // The end of what was read before may begin an answer.
        let mut kept = 0;
        while count > 0 {
            let length = self.0.read(&mut buffer[kept..]).ok().filter(|&n| n > 0)? + kept;
            let text = &buffer[..length];
            if memmem::find(text, b"HTTP/1.1 4").is_some() {
                return None;
            }
            count = count.checked_sub(memmem::find_iter(text, ACCEPTED).count() as u64)?;
            kept = length.min(ACCEPTED.len() - 1);
            buffer.copy_within(length - kept..length, 0);
        }
        Some(())
    }
}
