//! `/__processes__`: every actor, what waits for it, and what it does (L35).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::activity::{Activity, Work};
use crate::coarse::Coarse;
use crate::http::{Request, Response};
use crate::mailbox::Mailbox;
use crate::node::Node;

/// Waiting events listed for one actor.
const LISTED_EVENTS: usize = 1000;

pub(super) fn processes(node: &Node, request: &Request) -> Response {
    let wanted = request.path();
    let timers = node.timers().earliest();
    let mut all = node
        .mailboxes()
        .into_iter()
        .filter(|mailbox| wanted.is_empty() || mailbox.pid.id.as_str() == wanted)
        .map(|mailbox| process(node, &mailbox, &timers));
    if wanted.is_empty() {
        Response::json(&all.collect::<Vec<_>>())
    } else {
        all.next()
            .map_or_else(Response::not_found, |one| Response::json(&one))
    }
}

fn process(node: &Node, mailbox: &Arc<Mailbox>, timers: &HashMap<usize, Instant>) -> Value {
    let id = mailbox.pid.id.as_str();
    let (depth, since) = mailbox.depth_and_since();
    let age = since.map(Coarse::elapsed).unwrap_or_default();
    let events: Vec<_> = mailbox
        .waiting(LISTED_EVENTS)
        .into_iter()
        .map(|event| match event.from {
            Some(from) => json!({"type": event.kind, "name": event.name, "from": from}),
            None => json!({"type": event.kind, "name": event.name}),
        })
        .collect();
    let figures = mailbox.figures();
    let activity = &figures.activity;
    let (talkers, others) = activity.talkers();
    let calls: Vec<_> = activity
        .calls()
        .into_iter()
        .map(|(name, since)| json!({"name": name, "for_ms": millis(since)}))
        .collect();
    let timer = timers.get(&Arc::as_ptr(mailbox).addr()).map(|at| {
        let now = Instant::now();
        millis(at.saturating_duration_since(now))
    });
    json!({
        "id": id,
        "kind": mailbox.declared.kind(),
        "events": events,
        "mailbox": {"depth": depth, "age_ms": millis(age), "deepest": mailbox.deepest()},
        "handling": handling(mailbox, activity),
        "waits_for": {"calls": calls, "timer_ms": timer},
        "messages": messages(mailbox),
        "slowest": slowest(activity),
        "slow": activity.slow(),
        "talkers": talkers,
        "other_talkers": others,
        "requests": figures.requests.load(Ordering::Relaxed),
        "undecodable": figures.undecodable.load(Ordering::Relaxed),
        "unknown": figures.unknown.load(Ordering::Relaxed),
        "dropped": node.inner.drops.list(Some(id)),
        "timers": figures.timers_pending.load(Ordering::Relaxed),
        "links": figures.links.load(Ordering::Relaxed),
    })
}

/// What the actor does at this moment; null while it waits.
fn handling(mailbox: &Mailbox, activity: &Activity) -> Value {
    let Some((work, since)) = activity.now() else {
        return Value::Null;
    };
    let what = match work {
        Work::Request => "HTTP",
        Work::Exited => "EXITED",
        Work::Timer => "timer",
        Work::Call => "call",
        Work::Flush => "flush",
        Work::Message(index) => mailbox
            .declared
            .message_names()
            .get(index)
            .map_or("", |(name, _)| name),
    };
    json!({"what": what, "for_ms": since.map(millis)})
}

fn slowest(activity: &Activity) -> Value {
    activity.slowest().map_or(Value::Null, |slowest| {
        json!({
            "name": slowest.name,
            "from": slowest.from,
            "took_us": slowest.took.as_secs_f64() * 1e6,
            "ago_ms": millis(slowest.ended.elapsed()),
        })
    })
}

fn messages(mailbox: &Mailbox) -> Vec<Value> {
    mailbox
        .declared
        .message_names()
        .iter()
        .zip(mailbox.figures().messages())
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
        .collect()
}

fn micros(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
