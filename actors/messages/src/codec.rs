//! Libprocess messages in the runtime's three codecs.

use crate::table::Described;
use crate::{binary, json};
use runtime_core::{Codec, DecodeError, EncodeError, Message};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Appends `message` to `out`.
pub(crate) fn encode<T: Described + Message + Serialize>(
    message: &T,
    codec: Codec,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match codec {
        Codec::Protobuf => prost::Message::encode(message, out)
            .map_err(|error| EncodeError::Unwritable(error.to_string())),
        Codec::MessagePack | Codec::Json => {
            runtime_core::message::encode_serde(message, codec, out)
        }
    }
}

/// Reads a message.
pub(crate) fn decode<T: Described + Message + DeserializeOwned>(
    codec: Codec,
    body: &[u8],
) -> Result<T, DecodeError> {
    match codec {
        Codec::Protobuf => binary::decode(body),
        Codec::MessagePack => runtime_core::message::decode_serde(codec, body),
        Codec::Json => {
            json::from_json(body).map_err(|error| DecodeError::Malformed(error.to_string()))
        }
    }
}
