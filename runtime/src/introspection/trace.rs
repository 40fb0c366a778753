//! `/__trace__`: the switch of traces, and what they recorded.

use std::time::Duration;

use runtime_core::units::parse_duration;
use serde_json::json;

use crate::filter::Pattern;
use crate::http::{Method, Request, Response};
use crate::node::Node;
use crate::trace::{DURATION_MAX, EVENTS_MAX};

/// How long a trace runs if nobody says.
const DURATION: Duration = Duration::from_secs(60);

pub(super) fn trace(node: &Node, request: &Request) -> Response {
    let tracer = &node.inner.hooks.tracer;
    let expected = if request.path().is_empty() {
        &[Method::Get, Method::Head][..]
    } else {
        &[Method::Post]
    };
    if !expected.contains(request.method()) {
        let names: Vec<_> = expected.iter().map(Method::name).collect();
        return Response::method_not_allowed(&names, request.method().name());
    }
    match request.path() {
        "" => Response::json(&json!({
            "on": tracer.is_on(),
            "events_max": EVENTS_MAX,
            "events": tracer.events(request.query("trace")),
        })),
        "start" => {
            let duration = match request.query("duration").map(parse_duration) {
                None => DURATION,
                Some(Ok(duration)) if duration <= DURATION_MAX => duration,
                Some(Ok(_)) => return Response::text(400, "'duration' is an hour at most.\n"),
                Some(Err(error)) => return Response::text(400, format!("{error}\n")),
            };
            let mut pattern = Pattern::any();
            if let Some(name) = request.query("message") {
                pattern = pattern.name(name);
            }
            if let Some(from) = request.query("from") {
                pattern = pattern.from(from);
            }
            if let Some(to) = request.query("to") {
                pattern = pattern.to(to);
            }
            tracer.start(node, pattern, duration);
            Response::json(&json!({"on": true, "seconds": duration.as_secs_f64()}))
        }
        "stop" => {
            tracer.stop(None);
            Response::json(&json!({"on": false}))
        }
        _ => Response::not_found(),
    }
}
