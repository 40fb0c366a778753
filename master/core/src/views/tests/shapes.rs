//! What Mesos 1.11.0 answers, our answers hold as well, each value of the same type.

use serde_json::Value;

use super::{about, json, sample};
use crate::views::{self, Output, TaskQuery};

/// The shapes of real answers: `"float"` stands for any number with a decimal point, and
/// so on; `"{}"` for any object.
const SHAPES: &str = include_str!("shapes.json");

/// Where an answer lacks what its shape has, or has another type.
fn missing(shape: &Value, answers: &[&Value], at: &str, found: &mut Vec<String>) {
    match shape {
        Value::Object(fields) => {
            let answers: Vec<_> = answers.iter().filter(|it| it.is_object()).collect();
            if answers.is_empty() {
                found.push(format!("{at}: no object"));
            }
            for (name, shape) in fields {
                let inner: Vec<_> = answers.iter().filter_map(|it| it.get(name)).collect();
                let at = format!("{at}.{name}");
                if inner.is_empty() {
                    found.push(at);
                } else {
                    missing(shape, &inner, &at, found);
                }
            }
        }
        Value::Array(elements) => {
            if !answers.iter().all(|it| it.is_array()) {
                found.push(format!("{at}: no list"));
            }
            let inner: Vec<_> = answers
                .iter()
                .filter_map(|it| it.as_array())
                .flatten()
                .collect();
            if let Some(shape) = elements.first().filter(|_| !inner.is_empty()) {
                missing(shape, &inner, &format!("{at}[]"), found);
            }
        }
        shape => {
            let is_right = |value: &&Value| match shape.as_str() {
                Some("str") => value.is_string(),
                Some("bool") => value.is_boolean(),
                Some("float") => value.is_f64(),
                Some("int") => value.is_u64() || value.is_i64(),
                Some("{}") => value.is_object(),
                _ => false,
            };
            if !answers.iter().all(is_right) {
                found.push(format!("{at}: {answers:?} is not {shape}"));
            }
        }
    }
}

#[track_caller]
fn check(endpoint: &str, answer: &[u8], allowed: &[&str]) {
    let shapes: Value = serde_json::from_str(SHAPES).unwrap();
    let mut found = Vec::new();
    missing(&shapes[endpoint], &[&json(answer)], "", &mut found);
    found.retain(|path| !allowed.contains(&path.as_str()));
    assert!(found.is_empty(), "{endpoint} lacks {found:#?}");
}

/// What the frameworks of the sample do not have, as nothing made them have it.
const FRAMEWORK: &[&str] = &[
    ".frameworks[].pid",
    ".completed_frameworks[].pid",
    ".completed_frameworks[].principal",
    ".completed_frameworks[].reregistered_time",
    ".completed_frameworks[].roles",
    ".frameworks[].completed_tasks[].container",
];

#[test]
fn the_state_has_what_it_has_in_mesos() {
    check(
        "/state",
        &Output::whole(|out| views::state(&sample().snapshot, &about(), out)),
        FRAMEWORK,
    );
}

#[test]
fn the_summary_has_what_it_has_in_mesos() {
    check(
        "/state-summary",
        &Output::whole(|out| views::state_summary(&sample().snapshot, &about(), out)),
        FRAMEWORK,
    );
}

#[test]
fn agents_have_what_they_have_in_mesos() {
    check(
        "/slaves",
        &Output::whole(|out| views::agents(&sample().snapshot, None, out)),
        &[],
    );
}

#[test]
fn frameworks_have_what_they_have_in_mesos() {
    check(
        "/frameworks",
        &Output::whole(|out| views::frameworks(&sample().snapshot, None, out)),
        FRAMEWORK,
    );
}

#[test]
fn roles_have_what_they_have_in_mesos() {
    check(
        "/roles",
        &Output::whole(|out| views::roles(&sample().snapshot, out)),
        &[],
    );
}

#[test]
fn tasks_have_what_they_have_in_mesos() {
    check(
        "/tasks",
        &Output::whole(|out| views::tasks(&sample().snapshot, TaskQuery::default(), out)),
        &[],
    );
}

#[test]
fn weights_have_what_they_have_in_mesos() {
    check("/weights", &views::weights(&sample().snapshot), &[]);
}
