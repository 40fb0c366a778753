//! The message of the wire cases: 100 bytes that begin with a number.

use runtime::{Codec, DecodeError, EncodeError, Message};

/// Bytes of a message's body.
const BYTES: usize = 100;

/// A numbered message.
pub struct Tick(pub u64);

impl Message for Tick {
    const NAME: &'static str = "bench.Tick";
    // What libprocess takes for granted, so no header tells it.
    const CODEC: Codec = Codec::Protobuf;

    fn encode(&self, _: Codec, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(&self.0.to_le_bytes());
        out.resize(start + BYTES, b'.');
        Ok(())
    }

    fn decode(_: Codec, body: &[u8]) -> Result<Self, DecodeError> {
        match body.first_chunk() {
            Some(number) if body.len() == BYTES => Ok(Self(u64::from_le_bytes(*number))),
            _ => Err(DecodeError::Malformed(format!("{} bytes", body.len()))),
        }
    }
}
