//! A plain HTTP/1.1 client over one blocking connection, so that tests depend on none of
//! the code that they test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::process::PATIENCE;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }
}

/// One connection.
pub struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// How an answer's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Over a socket that is connected.
    pub fn over(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self {
            socket,
            buffer: Vec::new(),
        }
    }

    /// Sends bytes that the other end may refuse to take to their end.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Whether anything comes, or the end, within a time.
    pub fn has_answer_within(&mut self, time: Duration) -> bool {
        self.socket.set_read_timeout(Some(time)).unwrap();
        let mut part = [0; 4096];
        let read = self.socket.read(&mut part);
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let count = read.as_ref().copied().unwrap_or_default();
        self.buffer.extend_from_slice(&part[..count]);
        read.is_ok()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Sends a request with headers of the caller's and a `Content-Length`.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes);
    }

    /// Reads until the other end closes.
    pub fn read_to_end(mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.buffer);
        let _ = self.socket.read_to_end(&mut all);
        all
    }

    /// The next answer, with its body. `is_head` for the answer to a HEAD.
    pub fn answer(&mut self, is_head: bool) -> Answer {
        let (status, headers, framing) = self.head();
        let body = match framing {
            _ if is_head => Vec::new(),
            Framing::Length(length) => self.take(length),
            Framing::Chunked => {
                let mut body = Vec::new();
                while let Some(chunk) = self.chunk() {
                    body.extend_from_slice(&chunk);
                }
                body
            }
            Framing::UntilClose => {
                let mut body = std::mem::take(&mut self.buffer);
                self.socket.read_to_end(&mut body).unwrap();
                body
            }
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    /// The head of an answer whose body is a stream of chunks: read those with
    /// [`Connection::chunk`].
    pub fn stream_head(&mut self) -> Answer {
        let (status, headers, framing) = self.head();
        let body = match framing {
            Framing::Length(length) => self.take(length),
            _ => Vec::new(),
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    fn head(&mut self) -> (u16, Vec<(String, String)>, Framing) {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = response.parse(&self.buffer).unwrap() {
                let headers: Vec<_> = response
                    .headers
                    .iter()
                    .map(|header| {
                        let value = String::from_utf8_lossy(header.value).into_owned();
                        (header.name.to_lowercase(), value)
                    })
                    .collect();
                let status = response.code.unwrap();
                let find = |name: &str| headers.iter().find(|(key, _)| key == name);
                let framing = if find("transfer-encoding").is_some() {
                    Framing::Chunked
                } else {
                    find("content-length").map_or(Framing::UntilClose, |(_, value)| {
                        Framing::Length(value.parse().unwrap())
                    })
                };
                self.buffer.drain(..length);
                return (status, headers, framing);
            }
            self.fill();
        }
    }

    fn fill(&mut self) {
        let mut part = [0; 16 << 10];
        let count = self.socket.read(&mut part).unwrap();
        assert_ne!(
            count,
            0,
            "the connection ended early: {:?}",
            String::from_utf8_lossy(&self.buffer)
        );
        self.buffer.extend_from_slice(&part[..count]);
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            self.fill();
        }
        self.buffer.drain(..length).collect()
    }

    /// The next chunk; none after the last.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                break self.take(end + 2);
            }
            self.fill();
        };
        let size = std::str::from_utf8(&line).unwrap().trim();
        let size = usize::from_str_radix(size, 16).unwrap();
        let mut chunk = self.take(size + 2);
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }
}

/// GET on a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    call(address, "GET", path, &[], b"")
}

/// Any request on a connection of its own.
pub fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut connection = Connection::open(address);
    connection.request(method, path, headers, body);
    connection.answer(method == "HEAD")
}

/// POST of JSON.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Answer {
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    call(address, "POST", path, &headers, body.to_string().as_bytes())
}
