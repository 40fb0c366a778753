//! A session: the subscription, its events, and the calls that belong to it.

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use messages::table::Described;
use runtime::recordio::Decoder;
use runtime::units::DurationText;
use runtime::{Actor, Context, Node};
use thiserror::Error;
use tokio::sync::mpsc;

use super::connection::{Connection, STREAM_ID, broken, refusal, text};
use super::{Authorization, ContentType, Endpoint};

/// The longest event that is read, in bytes.
pub const RECORD_BYTES_MAX: usize = 256 << 20;

/// The most bytes of calls that wait for the other side.
pub const CALLS_BYTES_MAX: usize = 64 << 20;

/// Whom to subscribe with, and how.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Where the API is.
    pub endpoint: Endpoint,
    /// How calls and events are written.
    pub content_type: ContentType,
    /// The client's credentials, if it has any.
    pub authorization: Option<Authorization>,
    /// How long the other side may take to answer a call or the subscription; then the
    /// session is over, since the way there may be broken for good without a word from
    /// TCP. For ever if not given.
    pub patience: Option<Duration>,
}

/// Something happened in a session.
#[derive(Debug)]
pub enum Notice<E> {
    /// The subscription was accepted; events follow.
    Opened,
    /// Events, in the order in which they were sent.
    Events(Vec<E>),
    /// A call was answered.
    Answered(Answer),
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which call: what was given to [`Session::call`].
    pub tag: u64,
    /// The HTTP status; 202 for a call that was taken.
    pub status: u16,
    /// The body, which says why when the call was refused.
    pub text: String,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Ended {
    /// No connection could be made.
    #[error("cannot connect to {authority}: {reason}")]
    Unreachable {
        /// The `host:port` tried.
        authority: String,
        /// What the system says.
        reason: String,
    },
    /// The subscription was refused.
    #[error("the subscription was refused with status {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason given.
        text: String,
    },
    /// Another one leads (V2): subscribe there.
    #[error("another one leads, at {0}")]
    Redirected(Endpoint),
    /// The connection broke, or what came over it makes no sense.
    #[error("{0}")]
    Broken(String),
    /// The other side ended the stream of events.
    #[error("the stream of events was ended by the other side")]
    Closed,
    /// This side dropped its [`Session`].
    #[error("the session was closed by this side")]
    Dismissed,
}

/// More calls wait than [`CALLS_BYTES_MAX`] allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("calls are made faster than they are answered: {waiting} bytes wait already")]
pub struct TooManyCalls {
    /// Bytes that wait.
    pub waiting: usize,
}

struct Call {
    tag: u64,
    body: Bytes,
}

/// The actor's end of a session. Dropping it closes both connections.
#[derive(Debug)]
pub struct Session {
    calls: mpsc::UnboundedSender<Call>,
    waiting: Arc<AtomicUsize>,
}

impl Session {
    /// Subscribes with the body `subscribe`. The actor is called with every notice and
    /// once at the end, each time with `id`, by which it tells its sessions apart: what
    /// a dropped session had reported already may still arrive.
    pub fn open<A: Actor, E: Described + 'static>(
        id: u64,
        config: SessionConfig,
        subscribe: Bytes,
        context: &mut Context<'_, A>,
        notice: fn(&mut A, u64, Notice<E>, &mut Context<'_, A>),
        ended: fn(&mut A, u64, Ended, &mut Context<'_, A>),
    ) -> Self {
        let (calls, outgoing) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let handle = context.handle();
        let exchange = Exchange {
            node: context.node().clone(),
            config,
            stream_id: OnceCell::new(),
            tell: move |news| {
                handle.call(move |actor, context| notice(actor, id, news, context));
            },
            waiting: Arc::clone(&waiting),
        };
        context.run(
            async move { exchange.run::<E>(subscribe, outgoing).await },
            move |actor, end, context| ended(actor, id, end, context),
        );
        Self { calls, waiting }
    }

    /// Makes a call. Calls are sent in order, each after the answer to the one before;
    /// the answer comes as [`Notice::Answered`] with `tag`, unless the session ends
    /// first.
    ///
    /// # Errors
    ///
    /// When too much waits already.
    pub fn call(&self, tag: u64, body: Bytes) -> Result<(), TooManyCalls> {
        let size = body.len();
        let waiting = self.waiting.fetch_add(size, Ordering::AcqRel);
        if waiting + size > CALLS_BYTES_MAX {
            self.waiting.fetch_sub(size, Ordering::AcqRel);
            return Err(TooManyCalls { waiting });
        }
        // The session may have ended already; the actor is about to hear of it.
        let _ = self.calls.send(Call { tag, body });
        Ok(())
    }
}

struct Exchange<T> {
    node: Node,
    config: SessionConfig,
    /// Known once subscribed; calls carry it (V8). Agents give none.
    stream_id: OnceCell<HeaderValue>,
    tell: T,
    waiting: Arc<AtomicUsize>,
}

impl<T> Exchange<T> {
    async fn run<E>(&self, subscribe: Bytes, outgoing: mpsc::UnboundedReceiver<Call>) -> Ended
    where
        E: Described,
        T: Fn(Notice<E>),
    {
        let over = tokio::select! {
            biased;
            over = self.listen(subscribe) => over,
            over = self.speak(outgoing) => over,
        };
        match over {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    /// Subscribes and reads events for as long as there are any.
    async fn listen<E>(&self, subscribe: Bytes) -> Result<std::convert::Infallible, Ended>
    where
        E: Described,
        T: Fn(Notice<E>),
    {
        let mut connection = Connection::new(&self.node, &self.config);
        let answer = async {
            let response = connection.post(subscribe, &OnceCell::new()).await?;
            if response.status() != StatusCode::OK {
                return Err(refusal(&self.config, response).await);
            }
            Ok(response)
        };
        let response = self.in_time(answer).await?;
        if let Some(id) = response.headers().get(STREAM_ID) {
            let _ = self.stream_id.set(id.clone());
        }
        (self.tell)(Notice::Opened);
        let mut decoder = Decoder::new(RECORD_BYTES_MAX);
        let mut body = response.into_body();
        // Whoever answered may be gone before the first event, which tells how often there
        // will be others: until then silence says nothing else.
        let mut next = self.in_time(async { Ok(body.frame().await) }).await?;
        while let Some(frame) = next {
            let frame = frame.map_err(|error| broken(&error))?;
            if let Ok(data) = frame.into_data() {
                decoder.feed(&data);
                let events = self.events::<E>(&mut decoder)?;
                if !events.is_empty() {
                    (self.tell)(Notice::Events(events));
                }
            }
            next = body.frame().await;
        }
        if decoder.is_between_records() {
            Err(Ended::Closed)
        } else {
            Err(Ended::Broken(
                "the stream of events ended inside an event".to_owned(),
            ))
        }
    }

    fn events<E: Described>(&self, decoder: &mut Decoder) -> Result<Vec<E>, Ended> {
        let mut events = Vec::new();
        let garbled = |error: String| Ended::Broken(format!("cannot read an event: {error}"));
        while let Some(record) = decoder
            .next_record()
            .map_err(|error| garbled(error.to_string()))?
        {
            let event = self.config.content_type.decode(record);
            events.push(event.map_err(|error| garbled(error.to_string()))?);
        }
        Ok(events)
    }

    /// Makes the calls. Connects before there is one, so that the first does not wait.
    async fn speak<E>(
        &self,
        mut outgoing: mpsc::UnboundedReceiver<Call>,
    ) -> Result<std::convert::Infallible, Ended>
    where
        T: Fn(Notice<E>),
    {
        let mut connection = Connection::new(&self.node, &self.config);
        connection.open().await?;
        while let Some(Call { tag, body }) = outgoing.recv().await {
            let size = body.len();
            let answer = async {
                let response = connection.post(body, &self.stream_id).await?;
                Ok((response.status().as_u16(), text(response).await?))
            };
            let (status, text) = self.in_time(answer).await?;
            self.waiting.fetch_sub(size, Ordering::AcqRel);
            (self.tell)(Notice::Answered(Answer { tag, status, text }));
        }
        Err(Ended::Dismissed)
    }

    /// An answer, unless it takes too long.
    async fn in_time<A>(&self, answer: impl Future<Output = Result<A, Ended>>) -> Result<A, Ended> {
        let Some(patience) = self.config.patience else {
            return answer.await;
        };
        tokio::time::timeout(patience, answer)
            .await
            .unwrap_or_else(|_| {
                let patience = DurationText(patience);
                Err(Ended::Broken(format!("no answer within {patience}")))
            })
    }
}
