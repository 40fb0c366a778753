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

    /// Reads a whole answer, and gives its status.
    pub fn answer(&mut self) -> io::Result<u16> {
        self.whole(&mut Vec::new())
    }

    /// Asks for `path` and gives the body of the answer, which must be 200.
    pub fn get(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.get_into(path, &mut body)?;
        Ok(body)
    }

    /// As [`Self::get`], into memory that is there already.
    pub fn get_into(&mut self, path: &str, body: &mut Vec<u8>) -> io::Result<()> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes())?;
        self.ok(body)
    }

    /// Posts what is asked in a media type, which the answer shall have too; it must be 200.
    pub fn post_into(
        &mut self,
        path: &str,
        media: &str,
        question: &[u8],
        body: &mut Vec<u8>,
    ) -> io::Result<()> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {media}\r\nAccept: {media}\r\n\
             Content-Length: {}\r\n\r\n",
            question.len()
        );
        self.send(&[head.as_bytes(), question].concat())?;
        self.ok(body)
    }

    fn ok(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        match self.whole(body)? {
            200 => Ok(()),
            status => Err(io::Error::other(format!("answered {status}"))),
        }
    }

    /// Reads a whole answer: gives its status, and its body in place of what is in `body`.
    fn whole(&mut self, body: &mut Vec<u8>) -> io::Result<u16> {
        body.clear();
        let (status, headers) = self.head()?;
        let value = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        if value("transfer-encoding").is_none() {
            let length = value("content-length").and_then(|length| length.parse().ok());
            self.take(length.unwrap_or_default(), body)?;
            return Ok(status);
        }
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            self.take(size, body)?;
            self.line()?;
            if size == 0 {
                return Ok(status);
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[self.start..]) {
                let mut line = Vec::new();
                self.take(end + 1, &mut line)?;
                return String::from_utf8(line).map_err(io::Error::other);
            }
            self.fill()?;
        }
    }

    /// The socket, and what has been read from it and not taken yet.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        let unread = self.buffer[self.start..].to_vec();
        (self.socket, unread)
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

    /// Moves so many bytes behind those in `to`. What has not come yet is read right there.
    fn take(&mut self, length: usize, to: &mut Vec<u8>) -> io::Result<()> {
        let buffered = length.min(self.buffer.len() - self.start);
        to.extend_from_slice(&self.buffer[self.start..self.start + buffered]);
        self.start += buffered;
        let missing = (length - buffered) as u64;
        if (&self.socket).take(missing).read_to_end(to)? as u64 == missing {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
