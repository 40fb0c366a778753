//! Writing messages and the answers to them.

use std::io::Write as _;

use crate::percent::encode_if;
use crate::{Codec, Pid};

/// Heads that an [`Encoder`] remembers.
const KNOWN_HEADS: usize = 4;

/// Bytes around a body, at most.
const BODY_FRAME: usize = 64;

/// Writes the messages of one connection. Most have a sender, receiver and name that came
/// just before: their head is copied instead of formatted.
#[derive(Debug, Default)]
pub struct Encoder {
    known: Vec<KnownHead>,
    oldest: usize,
}

#[derive(Debug)]
struct KnownHead {
    from: Pid,
    to: Pid,
    name: Box<str>,
    codec: Codec,
    bytes: Box<[u8]>,
}

impl Encoder {
    /// Appends one message as libprocess writes it (L5): the headers in its order, a body as
    /// one chunk, no body headers for an empty body. `Content-Type` comes along only when the
    /// codec is not protobuf, which libprocess takes for granted.
    ///
    /// Ids go raw, parentheses included (L3), except for bytes that would break the request.
    pub fn encode(
        &mut self,
        from: &Pid,
        to: &Pid,
        name: &str,
        codec: Codec,
        body: &[u8],
        out: &mut Vec<u8>,
    ) {
        let known = self.known.iter().find(|known| {
            *known.name == *name && known.codec == codec && known.to == *to && known.from == *from
        });
        if let Some(known) = known {
            out.reserve(known.bytes.len() + body.len() + BODY_FRAME);
            out.extend_from_slice(&known.bytes);
        } else {
            let start = out.len();
            encode_head(from, to, name, codec, out);
            self.remember(KnownHead {
                from: from.clone(),
                to: to.clone(),
                name: name.into(),
                codec,
                bytes: out.get(start..).unwrap_or_default().into(),
            });
        }
        if body.is_empty() {
            out.extend_from_slice(b"\r\n");
        } else {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            encode_hex(body.len(), out);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(body);
            out.extend_from_slice(b"\r\n0\r\n\r\n");
        }
    }

    fn remember(&mut self, head: KnownHead) {
        match self.known.get_mut(self.oldest) {
            Some(slot) => *slot = head,
            None => {
                // Most connections have one of a kind.
                self.known.reserve_exact(1);
                self.known.push(head);
            }
        }
        self.oldest = (self.oldest + 1) % KNOWN_HEADS;
    }
}

/// As [`Encoder::encode`], for a message alone.
pub fn encode(from: &Pid, to: &Pid, name: &str, codec: Codec, body: &[u8], out: &mut Vec<u8>) {
    Encoder::default().encode(from, to, name, codec, body, out);
}

/// Appends a head without what its body asks for.
fn encode_head(from: &Pid, to: &Pid, name: &str, codec: Codec, out: &mut Vec<u8>) {
    out.extend_from_slice(b"POST /");
    if !to.id.as_str().is_empty() {
        encode_if(to.id.as_str(), breaks_path_segment, out);
        out.push(b'/');
    }
    encode_if(name, breaks_path, out);
    out.extend_from_slice(b" HTTP/1.1\r\nUser-Agent: libprocess/");
    let start = out.len();
    encode_if(from.id.as_str(), breaks_header, out);
    // Writing to a vector does not fail.
    let _ = write!(out, "@{}", from.address);
    let end = out.len();
    out.extend_from_slice(b"\r\nLibprocess-From: ");
    out.extend_from_within(start..end);
    let _ = write!(
        out,
        "\r\nConnection: Keep-Alive\r\nHost: {}\r\n",
        to.address
    );
    if codec != Codec::Protobuf {
        let _ = write!(out, "Content-Type: {}\r\n", codec.content_type());
    }
}

/// Appends a number in hexadecimal, without leading zeros.
fn encode_hex(number: usize, out: &mut Vec<u8>) {
    let digits = usize::BITS.div_ceil(4) - (number | 1).leading_zeros() / 4;
    for digit in (0..digits).rev() {
        let value = (number >> (digit * 4)) & 0xf;
        out.push(b"0123456789abcdef".get(value).copied().unwrap_or(b'0'));
    }
}

/// As [`encode`], with one header more, of those that libprocess ignores: `traceparent` (W3C
/// Trace Context), or [`ANSWERS`](super::ANSWERS). It is the last: some drivers look for
/// `User-Agent` in the line after the request's.
pub fn encode_with(
    header: (&str, &str),
    from: &Pid,
    to: &Pid,
    name: &str,
    codec: Codec,
    body: &[u8],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    encode(from, to, name, codec, body, out);
    let line = out.get(start..).unwrap_or_default();
    if let Some(end) = memchr::memmem::find(line, b"\r\n\r\n") {
        let at = start + end;
        let (header, value) = header;
        out.splice(at..at, format!("\r\n{header}: {value}").into_bytes());
    }
}

fn breaks_path_segment(byte: u8) -> bool {
    breaks_path(byte) || byte == b'/' || byte == b'%'
}

fn breaks_path(byte: u8) -> bool {
    breaks_header(byte) || matches!(byte, b' ' | b'?' | b'#')
}

fn breaks_header(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(to: &str, codec: Codec, body: &[u8]) -> String {
        let from: Pid = "slave(1)@10.0.0.9:5051".parse().unwrap();
        let mut out = Vec::new();
        encode(
            &from,
            &to.parse().unwrap(),
            "mesos.internal.X",
            codec,
            body,
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_body_is_one_chunk() {
        assert_eq!(
            text("master@10.0.0.1:5050", Codec::Protobuf, b"0123456789abcdef"),
            "POST /master/mesos.internal.X HTTP/1.1\r\n\
             User-Agent: libprocess/slave(1)@10.0.0.9:5051\r\n\
             Libprocess-From: slave(1)@10.0.0.9:5051\r\n\
             Connection: Keep-Alive\r\n\
             Host: 10.0.0.1:5050\r\n\
             Transfer-Encoding: chunked\r\n\r\n\
             10\r\n0123456789abcdef\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn an_empty_body_has_no_headers_and_an_empty_id_no_segment() {
        assert_eq!(
            text("@10.0.0.1:5050", Codec::MessagePack, b""),
            "POST /mesos.internal.X HTTP/1.1\r\n\
             User-Agent: libprocess/slave(1)@10.0.0.9:5051\r\n\
             Libprocess-From: slave(1)@10.0.0.9:5051\r\n\
             Connection: Keep-Alive\r\n\
             Host: 10.0.0.1:5050\r\n\
             Content-Type: application/x-msgpack\r\n\r\n"
        );
    }

    #[test]
    fn a_header_more_is_the_last() {
        let from: Pid = "a@10.0.0.9:5051".parse().unwrap();
        let to: Pid = "b@10.0.0.1:5050".parse().unwrap();
        let (mut plain, mut traced) = (Vec::new(), b"before".to_vec());
        encode(&from, &to, "x", Codec::Json, b"1", &mut plain);
        let header = ("traceparent", "00-ab-01");
        encode_with(header, &from, &to, "x", Codec::Json, b"1", &mut traced);
        let traced = String::from_utf8(traced).unwrap();
        let (before, after) = traced.split_once("traceparent: 00-ab-01\r\n").unwrap();
        let plain = format!("before{}", String::from_utf8(plain).unwrap());
        assert_eq!(format!("{before}{after}"), plain);
        assert!(
            before.ends_with("\r\nTransfer-Encoding: chunked\r\n"),
            "{before}"
        );
        assert!(after.starts_with("\r\n1\r\n"), "{after}");
    }

    #[test]
    fn ids_cannot_break_the_request() {
        let line = text("a/b?c%d(1)\r\né@10.0.0.1:5050", Codec::Protobuf, b"");
        assert!(
            line.starts_with("POST /a%2Fb%3Fc%25d(1)%0D%0A%C3%A9/mesos.internal.X HTTP/1.1\r\n"),
            "{line}"
        );
    }

    #[test]
    fn a_known_head_is_written_as_a_new_one_is() {
        let pids: Vec<Pid> = ["a@10.0.0.1:1", "b@10.0.0.1:1", "a@10.0.0.1:2"]
            .map(|text| text.parse().unwrap())
            .into();
        let mut encoder = Encoder::default();
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for number in 0..500_usize {
            let (from, to) = (&pids[number % 3], &pids[number / 3 % 3]);
            let name = ["x", "y"][number / 7 % 2];
            let codec = [Codec::Protobuf, Codec::Json][number / 11 % 2];
            let body = vec![b'z'; number * 37 % 300];
            encoder.encode(from, to, name, codec, &body, &mut known);
            encode(from, to, name, codec, &body, &mut new);
            assert_eq!(known, new);
        }
        assert_eq!(encoder.known.len(), KNOWN_HEADS);
    }

    #[test]
    fn numbers_are_written_in_hexadecimal() {
        for number in [0, 1, 9, 10, 15, 16, 255, 256, 0xabc_def0, usize::MAX] {
            let mut out = Vec::new();
            encode_hex(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:x}"));
        }
    }
}
