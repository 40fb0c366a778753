//! A libprocess peer that does nothing but listen, and keeps every byte.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use bytes::BytesMut;
use runtime_core::http::Limits;
use runtime_core::libprocess::{ACCEPTED, MessageReader, Received, encode};
use runtime_core::{Codec, Pid};
use tests::process::PATIENCE;

/// Listens at an address of its own.
pub struct Ear {
    /// Where it listens.
    pub address: SocketAddr,
    heard: Receiver<Heard>,
}

/// One message, as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The actor it was for.
    pub to: Pid,
    /// Whom it came from.
    pub from: Pid,
    /// Its name.
    pub name: String,
    /// Its body.
    pub body: Vec<u8>,
    /// The whole request.
    pub request: Vec<u8>,
}

impl Ear {
    /// Begins to listen.
    pub fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = channel();
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                thread::spawn(move || hear(socket, address, &tell));
            }
        });
        Self { address, heard }
    }

    /// The next message of this name; others are passed over.
    pub fn wait_for(&self, name: &str) -> Heard {
        loop {
            let heard = self.heard.recv_timeout(PATIENCE);
            let heard = heard.unwrap_or_else(|_| panic!("no {name} came"));
            if heard.name == name {
                return heard;
            }
        }
    }

    /// The address of an actor here.
    pub fn pid(&self, id: &str) -> Pid {
        format!("{id}@{}", self.address).parse().unwrap()
    }
}

/// Sends one message from `from`, which listens elsewhere.
pub fn send(from: &Pid, to: &Pid, name: &str, body: &[u8]) {
    let mut request = Vec::new();
    encode(from, to, name, Codec::Protobuf, body, &mut request);
    let mut socket = TcpStream::connect(to.address).unwrap();
    socket.write_all(&request).unwrap();
    let mut answer = [0; ACCEPTED.len()];
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = socket.read(&mut answer).unwrap();
}

/// Reads one whole request, as if it had come to a peer at `address`.
pub fn parse(request: &[u8], address: SocketAddr) -> Heard {
    let mut buffer = BytesMut::from(request);
    let mut reader = MessageReader::new(Limits::default());
    let read = reader.read(&mut buffer).unwrap();
    let heard = message(read, request.to_vec(), address).unwrap();
    assert!(buffer.is_empty(), "more than one request");
    heard
}

fn hear(mut socket: TcpStream, address: SocketAddr, tell: &Sender<Heard>) {
    let mut reader = MessageReader::new(Limits::default());
    let mut buffer = BytesMut::new();
    let mut all = Vec::new();
    let mut part = [0; 16 << 10];
    while let Ok(count @ 1..) = socket.read(&mut part) {
        buffer.extend_from_slice(&part[..count]);
        all.extend_from_slice(&part[..count]);
        while let Ok(read @ Received::Message { .. }) = reader.read(&mut buffer) {
            let rest = all.split_off(all.len() - buffer.len());
            let request = std::mem::replace(&mut all, rest);
            let Some(heard) = message(read, request, address) else {
                return;
            };
            if tell.send(heard).is_err() || socket.write_all(ACCEPTED).is_err() {
                return;
            }
        }
    }
}

fn message(read: Received, request: Vec<u8>, address: SocketAddr) -> Option<Heard> {
    let Received::Message {
        message: Ok(message),
        ..
    } = read
    else {
        return None;
    };
    Some(Heard {
        to: Pid {
            id: message.to,
            address,
        },
        from: message.from.pid()?.clone(),
        name: (*message.name).to_owned(),
        body: message.body.to_vec(),
        request,
    })
}
