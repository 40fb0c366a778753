//! The short way to read the head of a message.

use memchr::memchr;

use crate::Codec;

/// A head exactly as libprocess and [`crate::libprocess::encode`] write it, which is nearly every head.
pub(super) struct PlainHead<'b> {
    pub(super) id: &'b str,
    pub(super) name: &'b str,
    pub(super) from: &'b str,
    pub(super) codec: Codec,
    pub(super) chunked: bool,
    pub(super) length: usize,
}

impl<'b> PlainHead<'b> {
    /// None if the head is not whole or deviates in any way; then it must be read the long way.
    pub(super) fn parse(buffer: &'b [u8]) -> Option<Self> {
        let rest = buffer.strip_prefix(b"POST /")?;
        let (path, rest) = rest.split_at(memchr(b' ', rest)?);
        let (id, name) = path.split_at(memchr(b'/', path)?);
        let rest = rest.strip_prefix(b" HTTP/1.1\r\nUser-Agent: libprocess/")?;
        let (from, rest) = rest.split_at(memchr(b'\r', rest)?);
        let rest = rest
            .strip_prefix(b"\r\nLibprocess-From: ")?
            .strip_prefix(from)?
            .strip_prefix(b"\r\nConnection: Keep-Alive\r\nHost: ")?;
        let (host, rest) = rest.split_at(memchr(b'\r', rest)?);
        let rest = rest.strip_prefix(b"\r\n")?;
        let (codec, rest) = match rest.strip_prefix(b"Content-Type: ") {
            None => (Codec::Protobuf, rest),
            Some(rest) => [Codec::MessagePack, Codec::Json]
                .into_iter()
                .find_map(|codec| {
                    let rest = rest.strip_prefix(codec.content_type().as_bytes())?;
                    Some((codec, rest.strip_prefix(b"\r\n")?))
                })?,
        };
        let (chunked, rest) = match rest.strip_prefix(b"Transfer-Encoding: chunked\r\n\r\n") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix(b"\r\n")?),
        };
        if path.iter().any(|byte| matches!(byte, b'?' | b'#')) || !is_graphic(host) {
            return None;
        }
        Some(Self {
            id: graphic(id)?,
            name: graphic(name.strip_prefix(b"/")?)?,
            from: graphic(from)?,
            codec,
            chunked,
            length: buffer.len() - rest.len(),
        })
    }
}

fn is_graphic(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

fn graphic(text: &[u8]) -> Option<&str> {
    if is_graphic(text) {
        std::str::from_utf8(text).ok()
    } else {
        None
    }
}
