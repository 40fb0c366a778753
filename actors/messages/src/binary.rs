//! Messages as binary protobuf.

use crate::required;
use crate::table::Described;
use bytes::Bytes;

pub use crate::plain::is_plain;
pub use runtime_core::DecodeError;

/// Reads a message. The values of `bytes` fields are copied; see [`decode_bytes`].
///
/// # Errors
///
/// [`DecodeError::Malformed`] when the bytes are no such message or a string is not
/// UTF-8, [`DecodeError::MissingFields`] when required fields are absent.
pub fn decode<T: Described>(body: &[u8]) -> Result<T, DecodeError> {
    check(T::decode(body), body)
}

/// Like [`decode`], but the values of `bytes` fields share the body's memory.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_bytes<T: Described>(body: Bytes) -> Result<T, DecodeError> {
    check(T::decode(body.clone()), &body)
}

/// Writes a message.
pub fn encode<T: Described>(message: &T) -> Bytes {
    message.encode_to_vec().into()
}

fn check<T: Described>(
    decoded: Result<T, prost::DecodeError>,
    body: &[u8],
) -> Result<T, DecodeError> {
    let message = decoded.map_err(|error| DecodeError::Malformed(error.to_string()))?;
    let missing = required::missing(T::table(), body)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if missing.is_empty() {
        Ok(message)
    } else {
        Err(DecodeError::MissingFields(missing))
    }
}
