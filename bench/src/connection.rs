//! A blocking HTTP/1.1 connection that may pipeline.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs};

/// One connection.
pub struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
    start: usize,
}

impl Connection {
    /// Connects.
    pub fn open(address: impl ToSocketAddrs) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: Vec::new(),
            start: 0,
        })
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Reads an answer's head: status, and whether its body is chunked or so long.
    pub fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut response = httparse::Response::new(&mut headers);
            match response.parse(&self.buffer[self.start..]) {
                Ok(httparse::Status::Complete(length)) => {
                    let headers = response
                        .headers
                        .iter()
                        .map(|header| {
                            let value = String::from_utf8_lossy(header.value).into_owned();
                            (header.name.to_ascii_lowercase(), value)
                        })
                        .collect();
                    let status = response.code.unwrap_or_default();
                    self.start += length;
                    return Ok((status, headers));
                }
                Ok(httparse::Status::Partial) => self.fill()?,
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    /// Reads a whole answer with a stated length, and gives its status.
    pub fn answer(&mut self) -> io::Result<u16> {
        let (status, headers) = self.head()?;
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .and_then(|(_, value)| value.parse::<usize>().ok())
            .unwrap_or_default();
        self.take(length)?;
        Ok(status)
    }

    /// The next chunk of a chunked body; none after the last.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let end = loop {
            let unread = &self.buffer[self.start..];
            if let Some(end) = unread.windows(2).position(|pair| pair == b"\r\n") {
                break end;
            }
            self.fill()?;
        };
        let line = self.take(end + 2)?;
        let size = std::str::from_utf8(&line).map_err(io::Error::other)?.trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        let mut chunk = self.take(size + 2)?;
        chunk.truncate(size);
        Ok((size > 0).then_some(chunk))
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let mut part = [0; 64 << 10];
        let count = self.socket.read(&mut part)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&part[..count]);
        Ok(())
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.start < length {
            self.fill()?;
        }
        let taken = self.buffer[self.start..self.start + length].to_vec();
        self.start += length;
        Ok(taken)
    }
}
