//! Messages between a framework and its executors, typed: what MESSAGE carries as bytes
//! is an envelope with the message's name, in MessagePack.

use bytes::Bytes;
use runtime::{DecodeError, EncodeError, Message};
use serde::{Deserialize, Serialize};

/// A message of a framework to its executor, or back.
///
/// ```
/// use actors::payload::Payload;
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Progress { percent: u8 }
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Pause;
/// runtime::message!(Progress = "example.Progress", Pause = "example.Pause");
///
/// let data = Payload::write(&Progress { percent: 40 }).unwrap();
/// let payload = Payload::read(&data).unwrap();
/// assert_eq!(payload.name(), "example.Progress");
/// assert!(payload.get::<Pause>().is_none());
/// assert_eq!(payload.get::<Progress>().unwrap().unwrap(), Progress { percent: 40 });
/// ```
#[derive(Debug, Serialize, Deserialize)]
pub struct Payload {
    name: String,
    #[serde(with = "binary")]
    body: Vec<u8>,
}

impl Payload {
    /// The bytes that carry a message.
    ///
    /// # Errors
    ///
    /// When a value of the message has no form in its codec.
    pub fn write<M: Message>(message: &M) -> Result<Bytes, EncodeError> {
        let mut body = Vec::new();
        message.encode(M::CODEC, &mut body)?;
        let payload = Self {
            name: M::NAME.to_owned(),
            body,
        };
        rmp_serde::to_vec(&payload)
            .map(Bytes::from)
            .map_err(|error| EncodeError::Unwritable(error.to_string()))
    }

    /// Opens the envelope.
    ///
    /// # Errors
    ///
    /// When the bytes are something else.
    pub fn read(data: &[u8]) -> Result<Self, DecodeError> {
        rmp_serde::from_slice(data).map_err(|error| DecodeError::Malformed(error.to_string()))
    }

    /// The wire name of the message inside.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The message inside, if it is an `M`. An error if it should be one but cannot be
    /// read.
    pub fn get<M: Message>(&self) -> Option<Result<M, DecodeError>> {
        (self.name == M::NAME).then(|| M::decode(M::CODEC, &self.body))
    }
}

/// Bytes as MessagePack's binary, not as a list of numbers.
mod binary {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(bytes.to_vec())
            }
        }
        source.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_envelope_is_refused() {
        for garbage in [&b""[..], b"\x01", b"\xff\xff", b"hello"] {
            assert!(Payload::read(garbage).is_err(), "{garbage:?}");
        }
    }
}
