//! Request heads.

use std::mem::MaybeUninit;

use memchr::memchr;

use super::{Framing, HttpError, Limits};
use crate::libprocess::{ANSWERS, is_message};

/// The most header lines that are ever read.
pub const MAX_HEADERS: usize = 100;

/// Finds the end of a head in a growing buffer without looking at a byte twice.
#[derive(Debug, Default, Clone)]
pub struct HeadScan {
    scanned: usize,
    line_start: usize,
    started: bool,
}

impl HeadScan {
    /// How many bytes of `buffer` the head takes, its blank line and any blank lines before
    /// it included; none while its end has not arrived. `buffer` must begin where it did at
    /// the last call.
    pub fn find(&mut self, buffer: &[u8], limits: &Limits) -> Result<Option<usize>, HttpError> {
        let seen = buffer.get(..limits.head_bytes).unwrap_or(buffer);
        while let Some(rest) = seen.get(self.scanned..)
            && let Some(found) = memchr(b'\n', rest)
        {
            let feed = self.scanned + found;
            let blank = matches!(buffer.get(self.line_start..feed), Some(b"" | b"\r"));
            self.scanned = feed + 1;
            self.line_start = feed + 1;
            if !blank {
                self.started = true;
            } else if self.started {
                return Ok(Some(feed + 1));
            }
        }
        self.scanned = seen.len();
        if buffer.len() > limits.head_bytes {
            return Err(HttpError::HeadTooLong(limits.head_bytes));
        }
        Ok(None)
    }

    /// Whether nothing has been looked at yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.scanned == 0
    }
}

/// What a request's head says, as far as framing and routing ask for it. Header values
/// that are not UTF-8 count as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'b> {
    /// The method, such as `POST`.
    pub method: &'b str,
    /// The request target, usually a path and a query.
    pub target: &'b str,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the connection stays open after the answer.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// `User-Agent`.
    pub user_agent: Option<&'b str>,
    /// `Libprocess-From`.
    pub libprocess_from: Option<&'b str>,
    /// `Content-Type`.
    pub content_type: Option<&'b str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'b str>,
    /// `traceparent`.
    pub traceparent: Option<&'b str>,
    /// `Libprocess-Answers`.
    pub libprocess_answers: Option<&'b str>,
}

impl<'b> Head<'b> {
    /// Reads a whole head, of the length that [`HeadScan::find`] told.
    pub fn parse(head: &'b [u8], limits: &Limits) -> Result<Self, HttpError> {
        let mut storage = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let allowed = limits.headers.min(MAX_HEADERS);
        let headers = storage.get_mut(..allowed).unwrap_or_default();
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(head, headers) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Ok(_) => return Err(HttpError::BadHead(httparse::Error::NewLine)),
            Err(httparse::Error::TooManyHeaders) => return Err(HttpError::TooManyHeaders(allowed)),
            Err(error) => return Err(HttpError::BadHead(error)),
        }
        let is_1_1 = request.version == Some(1);
        let mut parsed = Self {
            method: request.method.unwrap_or_default(),
            target: request.path.unwrap_or_default(),
            framing: Framing::None,
            keep_alive: is_1_1,
            expects_continue: false,
            user_agent: None,
            libprocess_from: None,
            content_type: None,
            content_encoding: None,
            traceparent: None,
            libprocess_answers: None,
        };
        if parsed.method == "CONNECT" {
            return Err(HttpError::Tunnel);
        }
        let mut length = None;
        let mut chunked = false;
        for header in request.headers.iter() {
            let value = || std::str::from_utf8(header.value).ok().map(str::trim);
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("Content-Length") {
                if length.is_some() {
                    return Err(HttpError::RepeatedLength);
                }
                length = Some(decimal(header.value.trim_ascii(), limits.body_bytes)?);
            } else if is("Transfer-Encoding") {
                if chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(HttpError::UnknownCoding);
                }
                chunked = true;
            } else if is("Connection") {
                for option in value().unwrap_or_default().split(',').map(str::trim) {
                    if option.eq_ignore_ascii_case("close") {
                        parsed.keep_alive = false;
                    } else if option.eq_ignore_ascii_case("keep-alive") && !is_1_1 {
                        parsed.keep_alive = true;
                    }
                }
            } else if is("Expect") {
                parsed.expects_continue = header.value.eq_ignore_ascii_case(b"100-continue");
            } else if is("User-Agent") {
                parsed.user_agent = value();
            } else if is("Libprocess-From") {
                parsed.libprocess_from = value();
            } else if is("Content-Type") {
                parsed.content_type = value();
            } else if is("Content-Encoding") {
                parsed.content_encoding = value();
            } else if is("traceparent") {
                parsed.traceparent = value();
            } else if is(ANSWERS) {
                parsed.libprocess_answers = value();
            }
        }
        // HTTP/1.0 knows no chunks, and proxies may disagree about them. But libprocess sent its
        // messages so until Mesos 0.21, and drivers written then still do.
        if chunked && !is_1_1 && !is_message(&parsed) {
            return Err(HttpError::UnknownCoding);
        }
        parsed.framing = match (length, chunked) {
            (Some(_), true) => return Err(HttpError::LengthAndCoding),
            (None, true) => Framing::Chunked,
            (Some(0) | None, false) => Framing::None,
            (Some(length), false) => Framing::Length(length),
        };
        Ok(parsed)
    }
}

fn decimal(digits: &[u8], limit: u64) -> Result<u64, HttpError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(HttpError::BadLength);
    }
    let number = digits.iter().fold(0u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit.saturating_sub(b'0')))
    });
    if number > limit {
        Err(HttpError::BodyTooLong(limit))
    } else {
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Head<'_>, HttpError> {
        let mut scan = HeadScan::default();
        let limits = Limits {
            head_bytes: 400,
            headers: 3,
            body_bytes: 1000,
        };
        let length = scan.find(head.as_bytes(), &limits)?.expect("a whole head");
        Head::parse(&head.as_bytes()[..length], &limits)
    }

    #[test]
    fn a_head_is_found_byte_by_byte_and_not_before_its_end() {
        let text = b"\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b";
        let end = text.len() - 6;
        let mut scan = HeadScan::default();
        for length in 0..end {
            assert_eq!(scan.find(&text[..length], &Limits::default()), Ok(None));
        }
        assert_eq!(scan.find(text, &Limits::default()), Ok(Some(end)));
        assert_eq!(
            HeadScan::default().find(text, &Limits::default()),
            Ok(Some(end))
        );
    }

    #[test]
    fn framing_and_connection_are_read() {
        let head =
            parse("POST /a?b HTTP/1.1\r\nCONTENT-LENGTH: 12\r\nContent-Type: x\r\n\r\n").unwrap();
        assert_eq!((head.method, head.target), ("POST", "/a?b"));
        assert_eq!(head.framing, Framing::Length(12));
        assert_eq!(head.content_type, Some("x"));
        assert!(head.keep_alive);
        let head = parse("GET / HTTP/1.1\r\nConnection: foo, Close\r\n\r\n").unwrap();
        assert_eq!(head.framing, Framing::None);
        assert!(!head.keep_alive);
        assert!(!parse("GET / HTTP/1.0\r\n\r\n").unwrap().keep_alive);
        assert!(
            parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                .unwrap()
                .keep_alive
        );
        let head =
            parse("PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\nExpect: 100-continue\r\n\r\n");
        let head = head.unwrap();
        assert_eq!(head.framing, Framing::Chunked);
        assert!(head.expects_continue);
    }

    #[test]
    fn ambiguous_bodies_are_refused() {
        for (headers, error) in [
            (
                "Content-Length: 1\r\nContent-Length: 1",
                HttpError::RepeatedLength,
            ),
            ("Content-Length: 1, 1", HttpError::BadLength),
            ("Content-Length: +1", HttpError::BadLength),
            ("Content-Length: -1", HttpError::BadLength),
            ("Content-Length:", HttpError::BadLength),
            ("Content-Length: 1001", HttpError::BodyTooLong(1000)),
            (
                "Content-Length: 99999999999999999999999999",
                HttpError::BodyTooLong(1000),
            ),
            (
                "Content-Length: 1\r\nTransfer-Encoding: chunked",
                HttpError::LengthAndCoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                HttpError::UnknownCoding,
            ),
            ("Transfer-Encoding: gzip, chunked", HttpError::UnknownCoding),
            ("A: 1\r\nB: 1\r\nC: 1\r\nD: 1", HttpError::TooManyHeaders(3)),
        ] {
            let text = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n");
            assert_eq!(parse(&text), Err(error), "{headers}");
        }
        let text = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parse(text), Err(HttpError::UnknownCoding));
        assert_eq!(
            parse("CONNECT a:1 HTTP/1.1\r\n\r\n"),
            Err(HttpError::Tunnel)
        );
        assert!(matches!(parse("hello\r\n\r\n"), Err(HttpError::BadHead(_))));
    }

    #[test]
    fn a_head_over_the_limit_is_refused_at_the_limit() {
        let mut scan = HeadScan::default();
        let limits = Limits {
            head_bytes: 10,
            ..Limits::default()
        };
        assert_eq!(scan.find(b"GET /aaaaa", &limits), Ok(None));
        assert_eq!(
            scan.find(b"GET /aaaaaa", &limits),
            Err(HttpError::HeadTooLong(10))
        );
        let whole = b"GET /aaaaaaaaa HTTP/1.1\r\n\r\n";
        assert_eq!(
            HeadScan::default().find(whole, &limits),
            Err(HttpError::HeadTooLong(10))
        );
    }
}
