//! Which path belongs to whom: actors, published services, and the built-in endpoints.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use crate::actor::is_path_prefix;
use crate::http::request::{Request, decode_component};
use crate::http::response::{Responder, Response};
use crate::mailbox::Mailbox;
use crate::node::Node;
use crate::sync::{read, write};

/// What `/help` says of an endpoint (L36).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    /// One line.
    pub summary: &'static str,
    /// What it takes and answers.
    pub description: &'static str,
}

impl Help {
    /// A help text.
    pub const fn new(summary: &'static str, description: &'static str) -> Self {
        Self {
            summary,
            description,
        }
    }
}

type Now = dyn Fn(&Request) -> Response + Send + Sync;
pub(crate) type Later = dyn Fn(Request, Responder) + Send + Sync;

/// How a published endpoint answers.
#[derive(Clone)]
pub(crate) enum Serve {
    /// At once, on the HTTP thread.
    Now(Arc<Now>),
    /// On a thread aside: the answer takes long to make.
    Aside(Arc<Now>),
    /// Whenever whoever was given the responder does.
    Later(Arc<Later>),
}

/// An endpoint served on an HTTP thread, without an event in the actor's mailbox: from
/// shared data, or after decoding what the actor is then told.
#[derive(Clone)]
pub struct Published {
    pub(crate) help: Help,
    pub(crate) serve: Serve,
}

impl Published {
    /// Answers every request by `serve`.
    pub fn new(help: Help, serve: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self {
            help,
            serve: Serve::Now(Arc::new(serve)),
        }
    }

    /// As [`Published::new`], for answers that take long to make: they are made on a
    /// thread aside, so that other connections of the HTTP thread go on.
    pub fn heavy(help: Help, serve: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self {
            help,
            serve: Serve::Aside(Arc::new(serve)),
        }
    }

    /// Lets `serve` answer later, typically after decoding the request and telling an
    /// actor through its handle.
    pub fn later(help: Help, serve: impl Fn(Request, Responder) + Send + Sync + 'static) -> Self {
        Self {
            help,
            serve: Serve::Later(Arc::new(serve)),
        }
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published")
            .field("help", &self.help)
            .finish_non_exhaustive()
    }
}

/// The endpoints of a node that belong to no actor.
#[derive(Default)]
pub(crate) struct Site {
    services: RwLock<BTreeMap<(String, String), Published>>,
}

/// Who answers a request.
pub(crate) enum Target {
    Published(Published, String),
    Actor {
        mailbox: Arc<Mailbox>,
        endpoint: usize,
        path: String,
    },
    /// An actor that might take a message, though it has no such endpoint.
    Nobody,
}

impl Site {
    /// Serves `/<id>/<path>`; with an empty `path`, `/<id>` and all below it.
    pub(crate) fn add(&self, id: &str, path: &str, published: Published) {
        write(&self.services).insert((id.to_owned(), path.to_owned()), published);
    }

    /// Serves nothing any more.
    pub(crate) fn clear(&self) {
        let services = std::mem::take(&mut *write(&self.services));
        drop(services);
    }

    /// Ids and help of all built-in endpoints.
    pub(crate) fn list(&self) -> Vec<(String, String, Help)> {
        read(&self.services)
            .iter()
            .map(|((id, path), published)| (id.clone(), path.clone(), published.help.clone()))
            .collect()
    }

    fn find(&self, id: &str, path: &str) -> Option<(Published, String)> {
        let services = read(&self.services);
        services
            .range((id.to_owned(), String::new())..)
            .take_while(|((known, _), _)| known == id)
            .filter(|((_, prefix), _)| prefix.is_empty() || is_path_prefix(prefix, path))
            .max_by_key(|((_, prefix), _)| prefix.len())
            .map(|((_, _), published)| (published.clone(), path.to_owned()))
    }
}

/// Routes a decoded-by-token path (L28, L29): the first token names an actor; when none
/// has the name, the path is the delegate's.
pub(crate) fn route(node: &Node, path: &str) -> Target {
    if path.contains("/..") {
        return Target::Nobody;
    }
    let path = path.trim_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let first = decode_component(first, false);
    let rest = decode_component(rest.trim_end_matches('/'), false);
    if let Some(target) = within(node, &first, &rest) {
        return target;
    }
    let Some(delegate) = &node.inner.delegate else {
        return Target::Nobody;
    };
    let whole = decode_component(path, false);
    within(node, delegate.as_str(), &whole).unwrap_or(Target::Nobody)
}

/// The endpoint of one id; none when nothing here has the id.
fn within(node: &Node, id: &str, path: &str) -> Option<Target> {
    let Some(mailbox) = node.local(id) else {
        return node
            .inner
            .site
            .find(id, path)
            .map(|(published, path)| Target::Published(published, path));
    };
    let published = read(mailbox.published())
        .iter()
        .filter(|(prefix, _)| is_path_prefix(prefix, path))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(prefix, published)| (prefix.len(), published.clone()));
    Some(match (published, mailbox.declared.find_endpoint(path)) {
        (Some((length, published)), declared)
            if declared.is_none_or(|(_, declared)| length >= declared) =>
        {
            Target::Published(published, path.to_owned())
        }
        (_, Some((endpoint, _))) => Target::Actor {
            mailbox,
            endpoint,
            path: path.to_owned(),
        },
        _ => Target::Nobody,
    })
}
