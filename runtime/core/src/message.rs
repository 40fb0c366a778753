//! Messages: Rust types with a wire name and three codecs (L6).

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// How a message's body is written. `Content-Type` tells which; absent, it is
/// protobuf, as libprocess sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// proto2 binary: Mesos' own messages.
    Protobuf,
    /// MessagePack with named fields: every other typed message.
    MessagePack,
    /// JSON, for people: any message can be posted with curl.
    Json,
}

impl Codec {
    /// The media type that names the codec on the wire.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::MessagePack => "application/x-msgpack",
            Self::Json => "application/json",
        }
    }

    /// The codec that a `Content-Type` names; parameters after `;` are ignored.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        [Self::Protobuf, Self::MessagePack, Self::Json]
            .into_iter()
            .find(|codec| essence.eq_ignore_ascii_case(codec.content_type()))
    }
}

/// A body could not be read as the message that its name promises.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The bytes are not of the codec's form.
    #[error("{0}")]
    Malformed(String),
    /// Required fields are absent, named by their paths.
    #[error("Missing required fields: {}", .0.join(", "))]
    MissingFields(Vec<String>),
    /// The type is not written in this codec.
    #[error("{name} is not read from {}", .codec.content_type())]
    Unsupported {
        /// The message's wire name.
        name: &'static str,
        /// The codec asked for.
        codec: Codec,
    },
}

/// A message could not be written.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// A value has no form in the codec (a map with structured keys, say).
    #[error("{0}")]
    Unwritable(String),
    /// The type is not written in this codec.
    #[error("{name} is not written as {}", .codec.content_type())]
    Unsupported {
        /// The message's wire name.
        name: &'static str,
        /// The codec asked for.
        codec: Codec,
    },
}

/// A type that actors send each other. Inside a process its value is moved; between
/// processes it is written by [`Message::CODEC`] and posted to `/<id>/<NAME>`.
pub trait Message: Send + Sized + 'static {
    /// The wire name, the last part of the URL; for Mesos' messages the full
    /// protobuf type name (L6).
    const NAME: &'static str;
    /// The codec that this process sends it in. Any codec is accepted.
    const CODEC: Codec;

    /// Appends the body to `out`.
    fn encode(&self, codec: Codec, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads a body.
    fn decode(codec: Codec, body: &[u8]) -> Result<Self, DecodeError>;
}

/// Writes any serde value as MessagePack (named fields) or JSON; what [`message!`](crate::message!) uses.
pub fn encode_serde<M: Message + Serialize>(
    message: &M,
    codec: Codec,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match codec {
        Codec::MessagePack => rmp_serde::encode::write_named(out, message)
            .map_err(|error| EncodeError::Unwritable(error.to_string())),
        Codec::Json => serde_json::to_writer(out, message)
            .map_err(|error| EncodeError::Unwritable(error.to_string())),
        Codec::Protobuf => Err(EncodeError::Unsupported {
            name: M::NAME,
            codec,
        }),
    }
}

/// Reads any serde value from MessagePack or JSON; what [`message!`](crate::message!) uses.
pub fn decode_serde<M: Message + DeserializeOwned>(
    codec: Codec,
    body: &[u8],
) -> Result<M, DecodeError> {
    match codec {
        Codec::MessagePack => {
            rmp_serde::from_slice(body).map_err(|error| DecodeError::Malformed(error.to_string()))
        }
        Codec::Json => {
            serde_json::from_slice(body).map_err(|error| DecodeError::Malformed(error.to_string()))
        }
        Codec::Protobuf => Err(DecodeError::Unsupported {
            name: M::NAME,
            codec,
        }),
    }
}

/// Makes serde types messages, sent as MessagePack.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Ping { count: u64 }
/// runtime_core::message!(Ping = "example.Ping");
/// ```
#[macro_export]
macro_rules! message {
    ($($type:ty = $name:literal),+ $(,)?) => {$(
        impl $crate::Message for $type {
            const NAME: &'static str = $name;
            const CODEC: $crate::Codec = $crate::Codec::MessagePack;

            fn encode(
                &self,
                codec: $crate::Codec,
                out: &mut Vec<u8>,
            ) -> Result<(), $crate::EncodeError> {
                $crate::message::encode_serde(self, codec, out)
            }

            fn decode(
                codec: $crate::Codec,
                body: &[u8],
            ) -> Result<Self, $crate::DecodeError> {
                $crate::message::decode_serde(codec, body)
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Ping {
        count: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        last: bool,
    }
    crate::message!(Ping = "test.Ping");

    #[test]
    fn a_skipped_field_in_the_middle_survives_both_codecs() {
        let ping = Ping {
            count: 7,
            note: None,
            last: true,
        };
        for codec in [Codec::MessagePack, Codec::Json] {
            let mut body = Vec::new();
            ping.encode(codec, &mut body).unwrap();
            assert_eq!(Ping::decode(codec, &body).unwrap(), ping);
        }
    }

    #[test]
    fn garbage_and_foreign_codecs_are_errors() {
        assert!(matches!(
            Ping::decode(Codec::MessagePack, b"\xff"),
            Err(DecodeError::Malformed(_))
        ));
        assert!(matches!(
            Ping::decode(Codec::Protobuf, b""),
            Err(DecodeError::Unsupported { .. })
        ));
    }

    #[test]
    fn content_types_name_codecs() {
        assert_eq!(
            Codec::from_content_type("application/json; charset=utf-8"),
            Some(Codec::Json)
        );
        assert_eq!(Codec::from_content_type("text/plain"), None);
    }
}
