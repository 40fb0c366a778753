//! A small HTTP client that shows the chunks of a stream as they come.

use std::net::SocketAddr;

use messages::json;
use messages::table::Described;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer's head, and its body unless it is a stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A connection on which one request was sent.
pub(crate) struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn send(
        to: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Self, Answer) {
        let socket = TcpStream::connect(to).await.unwrap();
        let mut client = Self {
            socket,
            read: Vec::new(),
        };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: agent\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("Content-Length: {}\r\n\r\n", body.len());
        client.socket.write_all(request.as_bytes()).await.unwrap();
        client.socket.write_all(body).await.unwrap();
        let head = client.until(b"\r\n\r\n").await.unwrap();
        let head = String::from_utf8(head).unwrap();
        let status = head[9..12].parse().unwrap();
        let lower = head.to_ascii_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .filter(|_| method != "HEAD");
        let body = client.exactly(length.unwrap_or(0)).await.unwrap();
        (client, Answer { status, head, body })
    }

    /// The next chunk; none when the stream has ended.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = self.until(b"\r\n").await?;
        let length = std::str::from_utf8(&length).unwrap().trim();
        let length = usize::from_str_radix(length, 16).unwrap();
        let mut chunk = self.exactly(length + 2).await?;
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// The next record of a stream, which is a chunk of its own.
    pub(crate) async fn event<M: Described>(&mut self) -> Option<M> {
        let chunk = self.chunk().await?;
        let end = chunk.iter().position(|byte| *byte == b'\n').unwrap();
        let length: usize = std::str::from_utf8(&chunk[..end]).unwrap().parse().unwrap();
        assert_eq!(chunk.len(), end + 1 + length, "one record is one chunk");
        Some(json::from_json(&chunk[end + 1..]).unwrap())
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(mark.len()).position(|part| part == mark) {
                return Some(self.read.drain(..at + mark.len()).collect());
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            self.more().await?;
        }
        Some(self.read.drain(..length).collect())
    }

    async fn more(&mut self) -> Option<()> {
        let count = self.socket.read_buf(&mut self.read).await.unwrap_or(0);
        (count > 0).then_some(())
    }
}

pub(crate) async fn get(to: SocketAddr, path: &str) -> Answer {
    Client::send(to, "GET", path, &[], b"").await.1
}

/// Posts JSON.
pub(crate) async fn post(to: SocketAddr, path: &str, body: &Value) -> Answer {
    let headers = [("Content-Type", "application/json")];
    Client::send(to, "POST", path, &headers, body.to_string().as_bytes())
        .await
        .1
}
