//! One kept-alive connection and the requests on it, one after the other.

use std::cell::OnceCell;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use runtime::{Instant, Node};

use super::session::{Ended, SessionConfig};

/// The name of the header that ties calls to their subscription (V8).
pub(super) const STREAM_ID: &str = "mesos-stream-id";

/// How long a connection may wait for its first request before the other side may think
/// of closing it.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// The most of an answer's text that is read, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// One connection. It is opened when first needed, and again when the other side has
/// closed it between two requests.
pub(super) struct Connection<'a> {
    node: &'a Node,
    config: &'a SessionConfig,
    sender: Option<Sender>,
}

struct Sender {
    requests: http1::SendRequest<Full<Bytes>>,
    opened: Instant,
    /// Whether it has carried a request already.
    is_used: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(node: &'a Node, config: &'a SessionConfig) -> Self {
        Self {
            node,
            config,
            sender: None,
        }
    }

    /// Connects, unless the connection stands.
    pub(super) async fn open(&mut self) -> Result<(), Ended> {
        self.sender().await.map(|_| ())
    }

    async fn sender(&mut self) -> Result<&mut Sender, Ended> {
        let standing = match self.sender.take() {
            Some(mut sender) => sender.requests.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let sender = match standing {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        Ok(self.sender.insert(sender))
    }

    async fn connect(&self) -> Result<Sender, Ended> {
        let endpoint = &self.config.endpoint;
        let unreachable = |reason: String| Ended::Unreachable {
            authority: endpoint.authority(),
            reason,
        };
        let connect = async {
            let world = self.node.world();
            let address = match endpoint.address() {
                Some(address) => address,
                None => world.resolve(endpoint.host(), endpoint.port()).await?,
            };
            world.connect(address).await
        };
        let socket = match tokio::time::timeout(self.node.limits().connect_time, connect).await {
            Ok(connected) => connected.map_err(|error| unreachable(error.to_string()))?,
            Err(_) => return Err(unreachable("timed out".to_owned())),
        };
        let (requests, driver) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        // Ends by itself when the sender and the last answer are dropped. What goes
        // wrong reaches whoever waits for an answer.
        tokio::task::spawn_local(async {
            let _ = driver.await;
        });
        Ok(Sender {
            requests,
            opened: Instant::now(),
            is_used: false,
        })
    }

    /// Posts a body and waits for the head of the answer.
    ///
    /// A server may close an idle connection in the very moment in which a request is
    /// sent on it, or say that it has waited too long; such a request is sent once more,
    /// on a new connection.
    pub(super) async fn post(
        &mut self,
        body: Bytes,
        stream_id: &OnceCell<HeaderValue>,
    ) -> Result<Response<Incoming>, Ended> {
        let first = request(self.config, body.clone(), stream_id)?;
        let sender = self.sender().await?;
        let was_used = std::mem::replace(&mut sender.is_used, true);
        let may_be_stale = was_used || sender.opened.elapsed() >= STALE_AFTER;
        match sender.requests.send_request(first).await {
            Ok(response) if may_be_stale && response.status() == StatusCode::REQUEST_TIMEOUT => {}
            Ok(response) => return Ok(response),
            Err(error) if may_be_stale && is_closing(&error) => {}
            Err(error) => return Err(broken(&error)),
        }
        self.sender = None;
        let second = request(self.config, body, stream_id)?;
        let sender = self.sender().await?;
        sender.is_used = true;
        let sent = sender.requests.send_request(second).await;
        sent.map_err(|error| broken(&error))
    }
}

/// Whether a request failed because the other side had closed the connection, without
/// a byte of an answer.
fn is_closing(error: &hyper::Error) -> bool {
    let is_reset = || {
        let source = std::error::Error::source(error);
        let cause = source.and_then(|source| source.downcast_ref::<std::io::Error>());
        cause.is_some_and(|cause| {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
            matches!(cause.kind(), BrokenPipe | ConnectionReset)
        })
    };
    error.is_canceled() || error.is_closed() || error.is_incomplete_message() || is_reset()
}

fn request(
    config: &SessionConfig,
    body: Bytes,
    stream_id: &OnceCell<HeaderValue>,
) -> Result<Request<Full<Bytes>>, Ended> {
    let media_type = HeaderValue::from_static(config.content_type.media_type());
    let mut builder = Request::post(config.endpoint.path())
        .header(HOST, config.endpoint.authority())
        .header(CONTENT_TYPE, media_type.clone())
        .header(ACCEPT, media_type);
    if let Some(authorization) = &config.authorization {
        builder = builder.header(AUTHORIZATION, authorization.header());
    }
    if let Some(stream_id) = stream_id.get() {
        builder = builder.header(STREAM_ID, stream_id);
    }
    builder
        .body(Full::new(body))
        .map_err(|error| Ended::Broken(format!("cannot ask {}: {error}", config.endpoint)))
}

pub(super) fn broken(error: &hyper::Error) -> Ended {
    Ended::Broken(format!("the connection broke: {error}"))
}

/// The text of an answer that is no stream.
pub(super) async fn text(response: Response<Incoming>) -> Result<String, Ended> {
    match Limited::new(response.into_body(), TEXT_BYTES_MAX)
        .collect()
        .await
    {
        Ok(body) => Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned()),
        Err(error) if error.is::<LengthLimitError>() => Err(Ended::Broken(format!(
            "an answer is longer than {TEXT_BYTES_MAX} bytes"
        ))),
        Err(error) => Err(Ended::Broken(format!("the connection broke: {error}"))),
    }
}

/// What a subscription's answer means when it is not a stream of events.
pub(super) async fn refusal(config: &SessionConfig, response: Response<Incoming>) -> Ended {
    let status = response.status();
    if status == StatusCode::TEMPORARY_REDIRECT {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        return match location.map(|location| config.endpoint.redirected(location)) {
            Some(Ok(endpoint)) => Ended::Redirected(endpoint),
            Some(Err(error)) => Ended::Broken(error.to_string()),
            None => Ended::Broken("a redirect does not say where to".to_owned()),
        };
    }
    match text(response).await {
        Ok(text) => Ended::Refused {
            status: status.as_u16(),
            text,
        },
        Err(ended) => ended,
    }
}
