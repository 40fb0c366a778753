//! The built-in endpoints (L35–L41): what the node is doing, for people and tools.

mod help;
mod processes;
mod trace;

use serde::Serialize;
use serde_json::Value;

use crate::http::{Help, Published, Request, Response};
use crate::node::Node;

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
                "A list; `/__processes__/<id>` is one of them. `events` are those that wait, and \
                 `mailbox.age_ms` is how long the oldest has, `mailbox.deepest` how many ever \
                 waited at once. `handling` is what the actor does \
                 now, `waits_for` the calls of ports and the timer that it waits for. `messages` \
                 has each message handled, how often and how fast; `slowest` is the one event \
                 that took longest, `slow` how many took more than 100 ms. `talkers` are who \
                 sends it what and about how often; `dropped` are messages for it that were not \
                 handled, with the reason. Answered without asking the actors, so it answers \
                 while one is stuck.",
            ),
            move |request| processes::processes(&here, request),
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
                 messages_dropped, waiting_messages, waiting_bytes, is_full, answers_rarely, \
                 unanswered_ms}. A connection is persistent while an actor is linked over it.",
            ),
            move |_| Response::json(&here.inner.peers.view()),
        ),
    );
    let here = node.clone();
    site.add(
        "__dropped__",
        "",
        Published::new(
            Help::new(
                "Messages that were not handled, the latest first, and why.",
                "A list of {to, name, from, reason, count, last_ms}: for actors that are not \
                 there, of kinds that the actor does not take, or that cannot be decoded. Equal \
                 ones are counted together.",
            ),
            move |_| Response::json(&here.inner.drops.list(None)),
        ),
    );
    let here = node.clone();
    site.add(
        "__trace__",
        "",
        Published::new(
            Help::new(
                "Follows messages through actors and machines.",
                "`POST /__trace__/start?duration=10secs` records every message from now on, and \
                 what comes of it; `message=NAME`, `from=ID` and `to=ID` choose those that a \
                 trace begins with. `POST /__trace__/stop` ends it. `GET /__trace__` gives what \
                 was recorded; `?trace=ID` only of one trace. A trace has the same id on all \
                 machines where one runs.",
            ),
            move |request| trace::trace(&here, request),
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
            move |request| help::help(&here, request),
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
    let Ok(number) = level.parse::<i64>() else {
        return Response::text(400, format!("Failed to convert '{level}' to number.\n"));
    };
    let Ok(level) = u8::try_from(number) else {
        return Response::text(400, format!("Invalid level '{level}'.\n"));
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
