//! Calls: small requests that are answered later
//! ([`Published::later`](super::Published::later)). They are read back to back, as messages
//! are, handed over as they come, and answered in order, several answers in one write. An
//! answer may be large, or a stream of records. Whatever else comes goes on to actix-web.

mod head;
mod known;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use runtime_core::http::{HeadScan, Limits};
use runtime_core::libprocess;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use self::head::{Date, write_head};
use self::known::KnownHead;
use crate::http::connection::receive;
use crate::http::front::{self, ENDED};
use crate::http::outgoing::Outgoing;
use crate::http::outlet::{Broken, Outlet, WRITE_AT_ONCE};
use crate::http::request::Request;
use crate::http::response::{Body, Responder, Response};
use crate::http::site::Later;
use crate::http::stream::StreamReader;
use crate::node::Node;
use crate::world::Socket;

/// How much is read at once.
const READ_AT_ONCE: usize = 64 << 10;
/// The longest body of what is read here.
const BODY_MAX: u64 = 1 << 20;
/// Bytes of bodies whose answers are awaited; beyond, the client is held back.
const BODIES_MAX: usize = 4 << 20;

/// The longest head that is kept for the next call.
const KNOWN_MAX: usize = 4 << 10;

/// Why no more calls are read.
pub(crate) enum End {
    /// The connection is over.
    Closed,
    /// What comes next (it is in the buffer) is no call.
    Other(Socket),
}

/// Serves the calls at the front of a connection until something else comes.
pub(crate) async fn serve(
    node: &Node,
    socket: Socket,
    peer: SocketAddr,
    buffer: &mut BytesMut,
) -> End {
    let mut pipeline = Pipeline {
        node,
        outlet: Some(Outlet::new(node, socket)),
        peer,
        buffer,
        limits: node.limits().request(),
        scan: HeadScan::default(),
        known: None,
        begun: None,
        since: None,
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        date: Date::default(),
    };
    let end = pipeline.run().await;
    match (end, pipeline.outlet) {
        (Ok(Last::Other), Some(outlet)) => End::Other(outlet.socket),
        _ => End::Closed,
    }
}

/// What ends the calls of a connection that can still be used.
enum Last {
    /// A call that was the last.
    Call,
    /// Something else than a call.
    Other,
}

struct Pipeline<'a> {
    node: &'a Node,
    /// Gone while a large answer is sent, and for good if that fails.
    outlet: Option<Outlet>,
    peer: SocketAddr,
    buffer: &'a mut BytesMut,
    limits: Limits,
    scan: HeadScan,
    /// The last head that was read.
    known: Option<KnownHead>,
    /// A call whose head is read.
    begun: Option<Begun>,
    /// Since when a call's head, or its body, is awaited.
    since: Option<Instant>,
    /// Calls that are owed an answer, in the order that they came.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    date: Date,
}

struct Begun {
    request: Request,
    serve: Arc<Later>,
    keep_alive: bool,
    length: usize,
}

/// A call that is owed an answer.
struct Waiting {
    answer: oneshot::Receiver<Response>,
    /// Of its body.
    bytes: usize,
    keep_alive: bool,
    accepts_gzip: bool,
    jsonp: Option<String>,
}

/// What the front of the buffer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    /// Nothing, or part of a call; or as many calls wait as may.
    Call,
    /// Something else than a call.
    Other,
    /// Nothing more is read after a call that ends the connection.
    Last,
}

impl Pipeline<'_> {
    fn outlet(&mut self) -> Result<&mut Outlet, Broken> {
        self.outlet.as_mut().ok_or(Broken)
    }

    async fn run(&mut self) -> Result<Last, Broken> {
        let mut front = Front::Call;
        loop {
            if front == Front::Call {
                front = self.take_calls();
            }
            while let Some(first) = self.waiting.front_mut() {
                let response = match first.answer.try_recv() {
                    Ok(response) => response,
                    Err(oneshot::error::TryRecvError::Empty) => break,
                    Err(oneshot::error::TryRecvError::Closed) => Response::text(503, ENDED),
                };
                if !self.answer(response).await? {
                    return Ok(Last::Call);
                }
            }
            self.outlet()?.write().await?;
            if self.waiting.is_empty() && front == Front::Other {
                return Ok(Last::Other);
            }
            let response = self.wait(front == Front::Call).await?;
            if let Some(response) = response
                && !self.answer(response).await?
            {
                return Ok(Last::Call);
            }
        }
    }

    /// Whether one more call may wait for its answer.
    fn has_room(&self) -> bool {
        self.waiting.len() < self.node.limits().pipelined && self.waiting_bytes < BODIES_MAX
    }

    /// Takes whole calls out of the buffer and hands them over.
    fn take_calls(&mut self) -> Front {
        while self.has_room() {
            if self.begun.is_none() {
                // A head that cannot be read is for actix-web to refuse.
                let Ok(found) = self.scan.find(self.buffer, &self.limits) else {
                    return Front::Other;
                };
                let Some(length) = found else {
                    if self.buffer.is_empty() {
                        self.since = None;
                    } else {
                        self.since.get_or_insert_with(Instant::now);
                    }
                    return Front::Call;
                };
                let head = self.buffer.get(..length).unwrap_or_default();
                if self
                    .known
                    .as_ref()
                    .is_none_or(|known| *known.bytes != *head)
                {
                    self.known = KnownHead::read(head, &self.limits, self.peer);
                }
                let known = self.known.as_ref();
                let begun = known.and_then(|known| known.begin(self.node));
                if length > KNOWN_MAX {
                    self.known = None;
                }
                let Some(begun) = begun else {
                    return Front::Other;
                };
                self.begun = Some(begun);
                self.since = None;
                self.scan = HeadScan::default();
                self.buffer.advance(length);
            }
            let buffered = self.buffer.len();
            let Some(mut begun) = self.begun.take_if(|begun| begun.length <= buffered) else {
                self.since.get_or_insert_with(Instant::now);
                return Front::Call;
            };
            self.since = None;
            begun.request.body = self.buffer.split_to(begun.length).freeze();
            let (responder, answer) = Responder::new(self.node, Some(self.peer));
            self.waiting_bytes += begun.length;
            self.waiting.push_back(Waiting {
                answer,
                bytes: begun.length,
                keep_alive: begun.keep_alive,
                accepts_gzip: begun.request.accepts_gzip(),
                jsonp: begun.request.query("jsonp").map(str::to_owned),
            });
            (begun.serve)(begun.request, responder);
            if !begun.keep_alive {
                return Front::Last;
            }
        }
        self.since = None;
        Front::Call
    }

    /// Waits for the next answer, or for more to read. Fails when the connection is over.
    async fn wait(&mut self, reads: bool) -> Result<Option<Response>, Broken> {
        let limits = self.node.limits();
        let has_room = self.has_room();
        let deadline = match (self.since, &self.begun) {
            (Some(since), Some(_)) => Some(since + limits.body_time),
            (Some(since), None) => Some(since + limits.head_time),
            (None, _) if self.waiting.is_empty() => Some(Instant::now() + limits.keep_alive),
            (None, _) => None,
        };
        let outlet = self.outlet.as_mut().ok_or(Broken)?;
        let read = receive(&mut outlet.socket, self.buffer, READ_AT_ONCE);
        let read = async {
            match deadline {
                Some(deadline) => timeout_at(deadline, read).await,
                None => Ok(read.await),
            }
        };
        let read = tokio::select! {
            biased;
            answer = next_answer(&mut self.waiting) => {
                return Ok(Some(answer.unwrap_or_else(|_| Response::text(503, ENDED))));
            }
            read = read, if reads && has_room => read,
        };
        match read {
            Ok(Ok(1..)) => Ok(None),
            Ok(Ok(0) | Err(_)) => Err(Broken),
            Err(_) => {
                if self.since.is_some() && self.waiting.is_empty() {
                    self.node.inner.bodies.refused(408);
                    let text = "The request did not come whole.";
                    libprocess::answer(408, text, true, &mut outlet.waiting);
                    outlet.write().await?;
                    outlet.close().await;
                }
                Err(Broken)
            }
        }
    }

    /// Answers the first call that waits. False when the connection ends with that.
    async fn answer(&mut self, response: Response) -> Result<bool, Broken> {
        let Some(call) = self.waiting.pop_front() else {
            return Ok(true);
        };
        self.waiting_bytes -= call.bytes;
        let mut response = response.settle(self.node, call.jsonp.is_some()).await;
        front::wrap_jsonp(call.jsonp.as_deref(), &mut response);
        front::compress(call.accepts_gzip, &mut response);
        let Response {
            status,
            headers,
            body,
        } = response;
        let date = self.date.text(self.node);
        let mut outlet = self.outlet.take().ok_or(Broken)?;
        let mut head = |length: Option<u64>| {
            write_head(
                &mut outlet.waiting,
                status,
                &headers,
                date,
                length,
                call.keep_alive,
            );
        };
        match body {
            Body::Full(bytes) => {
                head(Some(bytes.len() as u64));
                outlet.part(&bytes).await?;
            }
            Body::Parts(parts) => {
                let outgoing = Outgoing::new(parts, call.accepts_gzip);
                // Asked once: it may be known a moment later.
                let length = outgoing.length();
                head(length);
                outlet = outlet.parts(outgoing, length.is_none()).await?;
            }
            Body::Stream(records) => {
                head(None);
                stream(&mut outlet, self.buffer, records).await?;
            }
            Body::File { file, length } => {
                head(Some(length));
                outlet.file(file, length).await?;
            }
        }
        if !call.keep_alive {
            outlet.write().await?;
            outlet.close().await;
        }
        self.outlet = Some(outlet);
        Ok(call.keep_alive)
    }
}

/// Writes records as they come, each as one chunk, until the stream ends.
async fn stream(
    outlet: &mut Outlet,
    buffer: &mut BytesMut,
    mut records: StreamReader,
) -> Result<(), Broken> {
    loop {
        outlet.write().await?;
        let has_room = buffer.len() < READ_AT_ONCE;
        let first = tokio::select! {
            biased;
            record = records.next() => record,
            // That a client has gone is noticed at once.
            read = receive(&mut outlet.socket, buffer, READ_AT_ONCE), if has_room => match read {
                Ok(0) | Err(_) => return Err(Broken),
                Ok(_) => continue,
            },
        };
        let Some(first) = first else {
            outlet.last_chunk();
            return Ok(());
        };
        outlet.chunk(&first.map_err(|_| Broken)?).await?;
        // A record seldom comes alone: the others of its batch are let come, too.
        tokio::task::yield_now().await;
        while outlet.waiting.len() < WRITE_AT_ONCE
            && let Some(record) = records.next_ready()
        {
            outlet.chunk(&record.map_err(|_| Broken)?).await?;
        }
    }
}

/// The answer to the first call that waits; never, when none does.
async fn next_answer(
    waiting: &mut VecDeque<Waiting>,
) -> Result<Response, oneshot::error::RecvError> {
    match waiting.front_mut() {
        Some(first) => (&mut first.answer).await,
        None => std::future::pending().await,
    }
}
