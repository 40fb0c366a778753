//! How calls and events are written.

use std::fmt;

use bytes::Bytes;
use messages::table::Described;
use messages::{binary, json};
use runtime::{DecodeError, EncodeError};
use serde::Serialize;

/// The media type of calls and events (V1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentType {
    /// `application/x-protobuf`
    #[default]
    Protobuf,
    /// `application/json`
    Json,
}

impl ContentType {
    /// The name for `Content-Type` and `Accept`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// Writes a call.
    ///
    /// # Errors
    ///
    /// JSON has no form for some values (a number that is not finite).
    pub fn encode<M: Described + Serialize>(self, message: &M) -> Result<Bytes, EncodeError> {
        match self {
            Self::Protobuf => Ok(binary::encode(message)),
            Self::Json => json::to_json(message)
                .map(Bytes::from)
                .map_err(|error| EncodeError::Unwritable(error.to_string())),
        }
    }

    /// Reads an event.
    ///
    /// # Errors
    ///
    /// When the bytes are not of this type or required fields are missing.
    pub fn decode<M: Described>(self, bytes: Bytes) -> Result<M, DecodeError> {
        match self {
            Self::Protobuf => binary::decode_bytes(bytes),
            Self::Json => {
                json::from_json(&bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
            }
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.media_type())
    }
}

#[cfg(test)]
mod tests {
    use messages::v1;

    use super::*;

    #[test]
    fn both_types_read_what_they_write() {
        let event = v1::scheduler::Event {
            r#type: Some(v1::scheduler::event::Type::Error as i32),
            error: Some(v1::scheduler::event::Error {
                message: "gone".to_owned(),
            }),
            ..Default::default()
        };
        for content_type in [ContentType::Protobuf, ContentType::Json] {
            let bytes = content_type.encode(&event).unwrap();
            let read: v1::scheduler::Event = content_type.decode(bytes).unwrap();
            assert_eq!(read, event);
        }
    }

    #[test]
    fn what_is_malformed_or_incomplete_is_refused() {
        let garbage = Bytes::from_static(b"\xff\xff{");
        let incomplete = Bytes::from_static(b"{\"type\":\"ERROR\",\"error\":{}}");
        for content_type in [ContentType::Protobuf, ContentType::Json] {
            assert!(
                content_type
                    .decode::<v1::scheduler::Event>(garbage.clone())
                    .is_err()
            );
        }
        assert!(
            ContentType::Json
                .decode::<v1::scheduler::Event>(incomplete)
                .is_err()
        );
    }
}
