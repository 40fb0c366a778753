//! The listening side: accepts connections, hands them to the HTTP threads, and answers
//! requests through an actix-web app whose one service routes to actors.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_http::KeepAlive;
use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactory as _};
use actix_web::body::{BodyStream, BoxBody, SizedStream};
use actix_web::dev::AppConfig;
use actix_web::http::header::CONTENT_ENCODING;
use actix_web::http::{StatusCode, Version};
use actix_web::{App, HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use runtime_core::{ActorId, Codec, libprocess, percent};
use std::io::Write as _;
use tokio::sync::Semaphore;
use tracing::{debug, error, warn};

use crate::http::connection;
use crate::http::gate::{Answered, Gate};
use crate::http::outgoing::Outgoing;
use crate::http::payload::{self, Pieces};
use crate::http::request::{Method, Request, parse_query};
use crate::http::response::{Body, Responder, Response};
use crate::http::site::{Serve, Target, route};
use crate::mailbox::{Event, HttpEvent};
use crate::node::Node;
use crate::threads::{Connection, Seat, Workers};
use crate::trace::{self, Mark};
use crate::world::Listener;

/// Bodies shorter than this are not worth compressing (L32).
const GZIP_FROM: usize = 1024;
/// The answer for an actor that will not give one.
pub(crate) const ENDED: &str = "The actor that owed the answer has ended.";
/// How long accepting pauses when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a node's port until its process ends.
pub(crate) fn serve(node: &Node, listener: Listener, threads: usize) {
    let workers = Workers::start(node, threads);
    let places = Arc::new(Semaphore::new(node.limits().connections));
    let home = node.clone();
    let end = End(node.clone());
    node.run_at_home(async move {
        let _end = end;
        let open = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&open);
        home.metrics().pull_gauge("runtime/connections", move || {
            counted.load(Ordering::Relaxed) as f64
        });
        loop {
            let Ok(permit) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((socket, peer)) => {
                    let seat = Seat::new(permit, &open);
                    workers.take(Connection { socket, peer, seat });
                }
                Err(error) => {
                    error!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
}

/// Has a node that serves no more let go of what it serves.
struct End(Node);

impl Drop for End {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

pub(crate) type Serving = Rc<dyn Fn(Gate, Option<std::net::SocketAddr>) -> connection::Served>;

/// The actix-web side of one HTTP thread, made once and used by all its connections.
pub(crate) async fn service(node: &Node) -> Option<Serving> {
    let limits = node.limits();
    let app_node = node.clone();
    let app = App::new().default_service(web::to(
        move |request: HttpRequest, payload: web::Payload| {
            let node = app_node.clone();
            async move {
                let answered = request.conn_data::<Answered>().cloned();
                let response = answer(&node, request, payload).await;
                if let Some(answered) = answered {
                    answered.tell();
                }
                response
            }
        },
    ));
    // The simulator's clock is not the one that actix-http reads its deadlines from.
    let (head_time, keep_alive) = if node.world().has_threads() {
        (limits.head_time, KeepAlive::Timeout(limits.keep_alive))
    } else {
        (Duration::ZERO, KeepAlive::Os)
    };
    let service = actix_http::HttpService::build()
        .keep_alive(keep_alive)
        .client_request_timeout(head_time)
        .client_disconnect_timeout(Duration::ZERO)
        .on_connect_ext(|gate: &Gate, data| {
            data.insert(gate.answered());
        })
        .h1_allow_half_closed(false)
        .h1(actix_service::map_config(app.into_factory(), |_| {
            AppConfig::default()
        }))
        .new_service(())
        .await;
    match service {
        Ok(service) => {
            let service = Rc::new(service);
            Some(Rc::new(move |io, peer| {
                let served = service.call((io, peer));
                Box::pin(async move {
                    if let Err(error) = served.await {
                        debug!(%error, "an HTTP connection ended badly");
                    }
                })
            }))
        }
        Err(()) => None,
    }
}

async fn answer(node: &Node, request: HttpRequest, payload: web::Payload) -> HttpResponse<BoxBody> {
    let version = request.version();
    let mut request = match read(node, &request, payload).await {
        Ok(request) => request,
        Err(response) => return write(&Wishes::default(), *response),
    };
    if let Some(response) = message(node, &request).await {
        return write(&Wishes::default(), response);
    }
    let wishes = Wishes::of(&request, version);
    let path = request.target.split('?').next().unwrap_or_default();
    let response = match route(node, path) {
        Target::Published(published, path) => {
            request.path = path;
            match published.serve {
                Serve::Now(serve) => serve(&request),
                Serve::Aside(serve) => match node.event_loop_aside() {
                    Some(aside) => aside
                        .spawn_blocking(move || serve(&request))
                        .await
                        .unwrap_or_else(|_| Response::empty(500)),
                    None => serve(&request),
                },
                Serve::Later(serve) => {
                    let (responder, answered) = Responder::new(node, request.peer);
                    serve(request, responder);
                    answered
                        .await
                        .unwrap_or_else(|_| Response::text(503, ENDED))
                }
            }
        }
        Target::Actor {
            mailbox,
            endpoint,
            path,
        } => {
            let (responder, answered) = Responder::new(node, request.peer);
            let mark = request.header("traceparent").and_then(Mark::parse);
            request.path = path;
            let event = Event::Request(Box::new(HttpEvent {
                endpoint,
                request,
                responder,
            }));
            trace::within(mark, || mailbox.push(event));
            answered
                .await
                .unwrap_or_else(|_| Response::text(503, ENDED))
        }
        Target::Nobody => Response::not_found(),
    };
    write(&wishes, response.settle(node, wishes.must_be_whole()).await)
}

/// How a client wants its answer; the request itself goes to whoever answers.
#[derive(Default)]
struct Wishes {
    /// The function that shall be called with JSON.
    jsonp: Option<String>,
    gzip: bool,
    /// Whether it may not know bodies in chunks.
    is_old: bool,
}

impl Wishes {
    fn of(request: &Request, version: Version) -> Self {
        Self {
            jsonp: request.query("jsonp").map(str::to_owned),
            gzip: request.accepts_gzip(),
            is_old: version < Version::HTTP_11,
        }
    }

    const fn must_be_whole(&self) -> bool {
        self.jsonp.is_some() || self.is_old
    }
}

/// Reads the whole request, within the limits.
async fn read(
    node: &Node,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<Request, Box<Response>> {
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let is_gzip = headers.iter().any(|(name, value)| {
        name == CONTENT_ENCODING && value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"gzip")
    });
    let body = payload::read(node, body, is_gzip).await?;
    Ok(Request {
        method: Method::parse(request.method().as_str()),
        path: String::new(),
        target: request
            .uri()
            .path_and_query()
            .map_or_else(String::new, |target| target.as_str().to_owned()),
        query: parse_query(request.query_string()),
        headers,
        body,
        peer: request.peer_addr(),
    })
}

/// A libprocess message that came over this connection (after other requests, or from
/// curl): delivered, and answered as L8 says.
async fn message(node: &Node, request: &Request) -> Option<Response> {
    let agent = request
        .header("user-agent")
        .and_then(|agent| agent.strip_prefix("libprocess/"));
    let from = request.header("libprocess-from").or(agent)?;
    if request.method != Method::Post {
        return None;
    }
    let path = request.target.split('?').next().unwrap_or_default();
    let (id, name) = path.trim_start_matches('/').split_once('/')?;
    let id = match percent::decode(id) {
        Ok(id) => ActorId::from(id.as_ref()),
        Err(error) => return Some(Response::text(400, error.to_string())),
    };
    let from = match from.parse::<libprocess::Peer>() {
        Ok(from) => connection::sender(node, &from, request.peer).await,
        Err(error) => return Some(Response::text(400, error.to_string())),
    };
    let Some(from) = from else {
        return Some(Response::text(400, connection::UNACCEPTABLE_SENDER));
    };
    let codec = request
        .header("content-type")
        .and_then(Codec::from_content_type)
        .unwrap_or(Codec::Protobuf);
    let mark = request.header("traceparent").and_then(Mark::parse);
    let taken = trace::within(mark, || {
        node.deliver(from, &id, name.into(), codec, request.body.clone())
    });
    Some(if taken {
        Response::empty(202)
    } else {
        Response::not_found()
    })
}

/// Turns an answer into actix-web's, compressed or wrapped as the client asked.
fn write(wishes: &Wishes, mut response: Response) -> HttpResponse<BoxBody> {
    wrap_jsonp(wishes.jsonp.as_deref(), &mut response);
    compress(wishes.gzip, &mut response);
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    for (name, value) in response.headers {
        builder.append_header((name, value));
    }
    let mut answer = match response.body {
        Body::Full(bytes) if Pieces::suit(&bytes) => {
            builder.body(SizedStream::new(bytes.len() as u64, Pieces(bytes)))
        }
        Body::Full(bytes) => builder.body(bytes),
        Body::Parts(parts) => {
            let outgoing = Outgoing::new(parts, wishes.gzip);
            match outgoing.length() {
                Some(length) => builder.body(SizedStream::new(length, outgoing)),
                None => builder.body(BodyStream::new(outgoing)),
            }
        }
        Body::Stream(reader) => builder.body(BodyStream::new(reader)),
        Body::File { file, length } => {
            let file = tokio::fs::File::from_std(file);
            let reader =
                tokio_util::io::ReaderStream::new(tokio::io::AsyncReadExt::take(file, length));
            builder.body(SizedStream::new(length, reader))
        }
    };
    // Some clients look for `Mesos-Stream-Id` spelt just so.
    answer.head_mut().set_camel_case_headers(true);
    answer
}

/// `?jsonp=NAME` makes JSON a script (L32).
pub(crate) fn wrap_jsonp(callback: Option<&str>, response: &mut Response) {
    let Some(callback) = callback else {
        return;
    };
    let Body::Full(body) = &response.body else {
        return;
    };
    let Some(content_type) = response
        .headers
        .iter_mut()
        .find(|(name, value)| *name == "Content-Type" && value == "application/json")
    else {
        return;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '[' | ']');
    if callback.is_empty() || !callback.chars().all(is_name) {
        *response = Response::text(400, "'jsonp' is not a name.");
        return;
    }
    content_type.1 = "text/javascript".to_owned();
    let mut script = Vec::with_capacity(body.len() + callback.len() + 2);
    script.extend_from_slice(callback.as_bytes());
    script.push(b'(');
    script.extend_from_slice(body);
    script.push(b')');
    response.body = Body::Full(script.into());
}

/// Compresses a body that is worth it, if the client takes that. One in parts is compressed
/// as it goes out.
pub(crate) fn compress(accepts_gzip: bool, response: &mut Response) {
    let encoding = ("Content-Encoding", "gzip".to_owned());
    let body = match &response.body {
        Body::Full(body) if accepts_gzip && body.len() >= GZIP_FROM => body,
        Body::Parts(_) if accepts_gzip => return response.headers.push(encoding),
        _ => return,
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    match encoder.write_all(body).and_then(|()| encoder.finish()) {
        Ok(compressed) => {
            response.body = Body::Full(compressed.into());
            response.headers.push(encoding);
        }
        Err(error) => warn!(%error, "an answer could not be compressed"),
    }
}
