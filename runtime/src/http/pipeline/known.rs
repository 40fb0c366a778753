//! Heads that come again and again, read once.

use std::net::SocketAddr;

use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use runtime_core::http::{Framing, Head, Limits, MAX_HEADERS};
use runtime_core::libprocess;

use super::{BODY_MAX, Begun};
use crate::http::request::{Method, Request, parse_query};
use crate::http::site::{Serve, Target, route};
use crate::node::Node;

/// What a head says. Most calls of a connection have the same one.
pub(super) struct KnownHead {
    pub(super) bytes: Box<[u8]>,
    /// The request without its body.
    request: Request,
    keep_alive: bool,
    length: usize,
}

impl KnownHead {
    /// Reads the head of what may be a call; none when it is none for sure.
    pub(super) fn read(head: &[u8], limits: &Limits, peer: SocketAddr) -> Option<Self> {
        let parsed = Head::parse(head, limits).ok()?;
        let method = Method::parse(parsed.method);
        if !matches!(method, Method::Get | Method::Post)
            || parsed.expects_continue
            || parsed.content_encoding.is_some()
            || libprocess::is_message(&parsed)
        {
            return None;
        }
        let length = match parsed.framing {
            Framing::None => 0,
            Framing::Length(length) if length <= BODY_MAX => usize::try_from(length).ok()?,
            Framing::Length(_) | Framing::Chunked => return None,
        };
        let (path, query) = parsed.target.split_once('?').unwrap_or((parsed.target, ""));
        let mut storage = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut storage);
        request.parse(head).ok()?;
        if request.version != Some(1) {
            return None;
        }
        let headers = request.headers.iter().map(|header| {
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            let value = HeaderValue::from_bytes(header.value).ok()?;
            Some((name, value))
        });
        Some(Self {
            bytes: head.into(),
            request: Request {
                method,
                path: path.to_owned(),
                target: parsed.target.to_owned(),
                query: parse_query(query),
                headers: headers.collect::<Option<_>>()?,
                body: Bytes::new(),
                peer: Some(peer),
            },
            keep_alive: parsed.keep_alive,
            length,
        })
    }

    /// Begins a call with this head; none when the request is something else.
    pub(super) fn begin(&self, node: &Node) -> Option<Begun> {
        let Target::Published(published, path) = route(node, &self.request.path) else {
            return None;
        };
        let Serve::Later(serve) = published.serve else {
            return None;
        };
        Some(Begun {
            request: Request {
                path,
                ..self.request.clone()
            },
            serve,
            keep_alive: self.keep_alive,
            length: self.length,
        })
    }
}
