//! The built-in endpoints (L35–L41): what the node is doing, for people and tools.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::http::{Help, Published, Request, Response};
use crate::mailbox::Mailbox;
use crate::node::Node;

/// Waiting events listed for one actor.
const LISTED_EVENTS: usize = 1000;

/// Adds the built-in endpoints to a node.
pub(crate) fn install(node: &Node) {
    let site = &node.inner.site;
    let here = node.clone();
    site.add(
        "__processes__",
        "",
        Published::new(
            Help::new(
                "Every actor of this node and what waits in its mailbox.",
                "A list of {id, kind, events, mailbox, messages, requests, timers, links}. \
                 `/__processes__/<id>` is one of them. Answered without asking the actors, \
                 so it answers while one is stuck.",
            ),
            move |request| processes(&here, request),
        ),
    );
    let here = node.clone();
    site.add(
        "__peers__",
        "",
        Published::new(
            Help::new(
                "Every connection to another node, and what waits for it.",
                "A list of {address, is_connected, is_persistent, links, age_ms, messages_sent, \
                 messages_dropped, waiting_messages, waiting_bytes, is_full, unanswered_ms}. A \
                 connection is persistent while an actor is linked over it.",
            ),
            move |_| Response::json(&here.inner.peers.view()),
        ),
    );
    let here = node.clone();
    site.add(
        "help",
        "",
        Published::new(
            Help::new(
                "What every endpoint and message is for.",
                "`/help/<id>` and `/help/<id>/<name>` narrow it down; `?format=json` gives JSON.",
            ),
            move |request| help(&here, request),
        ),
    );
    let here = node.clone();
    site.add(
        "metrics",
        "snapshot",
        Published::new(
            Help::new(
                "All metrics as one flat JSON object.",
                "Counters, gauges and timers by name; timers also by percentile. `?timeout=5secs` \
                 is accepted: an answer never waits.",
            ),
            move |request| metrics_snapshot(&here, request),
        ),
    );
    let here = node.clone();
    site.add(
        "metrics",
        "prometheus",
        Published::new(
            Help::new(
                "All metrics in Prometheus' text form.",
                "The same metrics as /metrics/snapshot, to be scraped without an exporter.",
            ),
            move |_| {
                Response::of(
                    200,
                    "text/plain; version=0.0.4; charset=utf-8",
                    here.metrics().prometheus().into_bytes(),
                )
            },
        ),
    );
    site.add(
        "system",
        "stats.json",
        Published::new(
            Help::new(
                "Load, processors and memory of this machine.",
                "A flat JSON object (L40).",
            ),
            |_| Response::json(&crate::system::statistics()),
        ),
    );
    site.add(
        "logging",
        "toggle",
        Published::new(
            Help::new(
                "Raises the log level for a time.",
                "`?level=1&duration=10mins`; without parameters, the present level (L38).",
            ),
            toggle_logging,
        ),
    );
}

/// Serves `/version` with what the daemon says of itself (L41).
pub fn publish_version(node: &Node, version: impl Serialize) {
    let answer = serde_json::to_value(version).unwrap_or(Value::Null);
    node.inner.site.add(
        "version",
        "",
        Published::new(
            Help::new(
                "The version and build of this program.",
                "A flat JSON object.",
            ),
            move |_| Response::json(&answer),
        ),
    );
}

fn processes(node: &Node, request: &Request) -> Response {
    if request.path().is_empty() {
        let all: Vec<_> = node
            .mailboxes()
            .iter()
            .map(|mailbox| process(mailbox))
            .collect();
        return Response::json(&all);
    }
    node.mailboxes()
        .iter()
        .find(|mailbox| mailbox.pid.id.as_str() == request.path())
        .map_or_else(Response::not_found, |mailbox| {
            Response::json(&process(mailbox))
        })
}

fn process(mailbox: &Mailbox) -> Value {
    let (depth, age) = mailbox.depth_and_age();
    let events: Vec<_> = mailbox
        .waiting(LISTED_EVENTS)
        .into_iter()
        .map(|event| match event.from {
            Some(from) => json!({"type": event.kind, "name": event.name, "from": from}),
            None => json!({"type": event.kind, "name": event.name}),
        })
        .collect();
    let figures = mailbox.figures();
    let messages: Vec<_> = mailbox
        .declared
        .message_names()
        .iter()
        .zip(figures.messages())
        .map(|((name, _), message)| {
            let sampled = message.sampled.load(Ordering::Relaxed);
            let mean = message
                .sampled_nanos
                .load(Ordering::Relaxed)
                .checked_div(sampled)
                .unwrap_or_default();
            json!({
                "name": name,
                "handled": message.handled.load(Ordering::Relaxed),
                "mean_us": micros(mean),
                "slowest_us": micros(message.slowest_nanos.load(Ordering::Relaxed)),
            })
        })
        .collect();
    json!({
        "id": mailbox.pid.id.as_str(),
        "kind": mailbox.declared.kind(),
        "events": events,
        "mailbox": {"depth": depth, "age_ms": millis(age)},
        "messages": messages,
        "requests": figures.requests.load(Ordering::Relaxed),
        "undecodable": figures.undecodable.load(Ordering::Relaxed),
        "unknown": figures.unknown.load(Ordering::Relaxed),
        "timers": figures.timers_pending.load(Ordering::Relaxed),
        "links": figures.links.load(Ordering::Relaxed),
    })
}

fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

struct Topic {
    id: String,
    name: String,
    text: String,
}

fn topics(node: &Node) -> Vec<Topic> {
    let mut topics: Vec<_> = node
        .inner
        .site
        .list()
        .into_iter()
        .map(|(id, path, help)| topic(&id, &path, &help))
        .collect();
    for mailbox in node.mailboxes() {
        let id = mailbox.pid.id.as_str();
        for (path, help) in mailbox.declared.endpoint_helps() {
            topics.push(topic(id, path, help));
        }
        for (path, published) in crate::sync::read(mailbox.published()).iter() {
            topics.push(topic(id, path, &published.help));
        }
        for (name, help) in mailbox.declared.message_names() {
            topics.push(Topic {
                id: id.to_owned(),
                name: format!("/{name}"),
                text: format!("### TL;DR; ###\n{help}\n\n### MESSAGE ###\n> POST /{id}/{name}\n"),
            });
        }
    }
    topics.sort_by(|a, b| (&a.id, &a.name).cmp(&(&b.id, &b.name)));
    topics
}

fn topic(id: &str, path: &str, help: &Help) -> Topic {
    Topic {
        id: id.to_owned(),
        name: format!("/{path}"),
        text: format!(
            "### TL;DR; ###\n{}\n\n### USAGE ###\n> /{id}/{path}\n\n### DESCRIPTION ###\n{}\n",
            help.summary, help.description
        ),
    }
}

fn help(node: &Node, request: &Request) -> Response {
    let mut wanted = request.path().splitn(2, '/');
    let id = wanted.next().unwrap_or_default();
    let name = wanted.next().map(|name| format!("/{name}"));
    let topics: Vec<_> = topics(node)
        .into_iter()
        .filter(|topic| id.is_empty() || topic.id == id)
        .filter(|topic| name.as_ref().is_none_or(|name| topic.name == *name))
        .collect();
    if topics.is_empty() {
        return Response::not_found();
    }
    if request.query("format") == Some("json")
        || (request.header("accept").is_some() && !request.accepts("text/html"))
    {
        return Response::json(&help_json(&topics));
    }
    let text: String = topics
        .iter()
        .map(|topic| format!("## {}{} ##\n\n{}\n", topic.id, topic.name, topic.text))
        .collect();
    Response::text(200, text)
}

fn help_json(topics: &[Topic]) -> Value {
    let mut processes: Vec<(&str, Vec<Value>)> = Vec::new();
    for topic in topics {
        let endpoint = json!({"name": topic.name, "text": topic.text});
        match processes.last_mut() {
            Some((id, endpoints)) if *id == topic.id => endpoints.push(endpoint),
            _ => processes.push((&topic.id, vec![endpoint])),
        }
    }
    let processes: Vec<_> = processes
        .into_iter()
        .map(|(id, endpoints)| json!({"id": id, "endpoints": endpoints}))
        .collect();
    json!({"processes": processes})
}

fn metrics_snapshot(node: &Node, request: &Request) -> Response {
    if let Some(timeout) = request.query("timeout")
        && let Err(error) = runtime_core::units::parse_duration(timeout)
    {
        return Response::text(400, format!("Invalid timeout '{timeout}': {error}.\n"));
    }
    Response::json(&node.metrics().snapshot())
}

fn toggle_logging(request: &Request) -> Response {
    let (level, duration) = (request.query("level"), request.query("duration"));
    let (Some(level), Some(duration)) = (level, duration) else {
        return match (level, duration) {
            (None, None) => Response::text(200, format!("{}\n", crate::logging::verbosity())),
            (None, _) => Response::text(400, "Expecting 'level=value' in query.\n"),
            _ => Response::text(400, "Expecting 'duration=value' in query.\n"),
        };
    };
    let Ok(level) = level.parse::<u8>() else {
        return Response::text(400, format!("Failed to convert '{level}' to number.\n"));
    };
    let duration = match runtime_core::units::parse_duration(duration) {
        Ok(duration) => duration,
        Err(error) => return Response::text(400, format!("{error}\n")),
    };
    match crate::logging::toggle(level, duration) {
        Ok(()) => Response::empty(200),
        Err(error) => Response::text(400, format!("{error}\n")),
    }
}
