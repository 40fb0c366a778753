//! Heads of answers.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::HttpDate;

use crate::node::Node;

/// The `Date` header's text, written once a second.
#[derive(Default)]
pub(super) struct Date {
    second: u64,
    text: String,
}

impl Date {
    pub(super) fn text(&mut self, node: &Node) -> &str {
        let second = node.world().wall_time().as_secs();
        if second != self.second || self.text.is_empty() {
            self.second = second;
            let time = UNIX_EPOCH + Duration::from_secs(second);
            self.text = HttpDate::from(time).to_string();
        }
        &self.text
    }
}

/// Appends an answer's head, as libprocess writes it: the date, what the endpoint says, and
/// how the body is delimited; without a length, by chunks.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    status: u16,
    headers: &[(&'static str, String)],
    date: &str,
    length: Option<u64>,
    keep_alive: bool,
) {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    // Writing to a vector does not fail.
    let _ = write!(out, "HTTP/1.1 {status} {reason}\r\nDate: {date}\r\n");
    for (name, value) in headers {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    if !keep_alive {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    let _ = match length {
        Some(length) => write!(out, "Content-Length: {length}\r\n\r\n"),
        None => write!(out, "Transfer-Encoding: chunked\r\n\r\n"),
    };
}
