//! Answers to messages: what they look like, and how soon a sender needs them.
//!
//! libprocess answers each message (L8), and reads such answers only to throw them away. So an
//! answer to a message of its form may come together with others, a little later. Between two
//! nodes of ours one answer now and then stands for all before it: the receiver offers so in
//! the first answer of a connection, and a sender that wants it says so in one message. Apache
//! Mesos never sees the header in a message, and throws it away in an answer.

use std::io::Write as _;

/// The header by which that is agreed on. Its value is [`RARELY`].
pub const ANSWERS: &str = "Libprocess-Answers";

/// See [`ANSWERS`].
pub const RARELY: &str = "rarely";

/// The answer to a message that was put into an actor's mailbox (L8).
pub const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

/// As [`ACCEPTED`], for the first message of a connection: with the offer to answer rarely.
pub const ACCEPTED_WITH_OFFER: &[u8] =
    b"HTTP/1.1 202 Accepted\r\nLibprocess-Answers: rarely\r\nContent-Length: 0\r\n\r\n";

/// How soon the sender of a message needs the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    /// It may be waiting for it: a client of another make.
    AtOnce,
    /// It throws answers away. Known by the exact form of libprocess' messages (L5), which
    /// clients that wait for answers do not have.
    AtLeisure,
    /// From this message on, one answer now and then stands for all.
    Rarely,
}

/// Whether the receiver that wrote these answers, the first of a connection, offers to answer
/// rarely.
pub fn offers_rarely(answers: &[u8]) -> bool {
    answers.starts_with(ACCEPTED_WITH_OFFER)
}

/// Appends an answer with a line of text as its body, for what is not [`ACCEPTED`]: 400,
/// 404, 413 and so on. With `close`, it tells the client that the connection ends here.
pub fn answer(status: u16, text: &str, close: bool, out: &mut Vec<u8>) {
    let reason = match status {
        202 => "Accepted",
        400 => "Bad Request",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    };
    let _ = write!(out, "HTTP/1.1 {status} {reason}\r\n");
    if close {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    if !text.is_empty() {
        out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n{text}", text.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_carry_their_text() {
        let mut out = Vec::new();
        answer(404, "", false, &mut out);
        answer(400, "no", true, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n\
             HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nno"
        );
    }

    #[test]
    fn an_offer_is_an_answer_with_the_header() {
        let text = std::str::from_utf8(ACCEPTED_WITH_OFFER).unwrap();
        let header = format!("{ANSWERS}: {RARELY}\r\n");
        assert_eq!(text.replace(&header, "").as_bytes(), ACCEPTED);
        assert!(text.contains(&header) && offers_rarely(ACCEPTED_WITH_OFFER));
        assert!(!offers_rarely(ACCEPTED) && !offers_rarely(b""));
    }
}
