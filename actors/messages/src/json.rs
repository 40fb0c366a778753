//! Messages as Mesos' JSON (V3).

mod append;
mod scalars;
mod syntax;

use crate::binary;
use crate::read;
use crate::table::{Described, Table};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::marker::PhantomData;
use thiserror::Error;

pub use append::{append, append_members, append_text};
pub(crate) use scalars::{decode_base64, parse_bool, parse_number};

/// Why a text is no message. Displays as upstream's text without the words that an
/// endpoint puts before it; see [`JsonError::refusal`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("{0}")]
    Syntax(String),
    /// The JSON is not the message's.
    #[error("{0}")]
    Convert(String),
}

impl JsonError {
    /// The body of the 400 that upstream answers, `message` being the type's short name:
    /// `Failed to convert JSON into Call protobuf: Expecting a JSON object`.
    pub fn refusal(&self, message: &str) -> String {
        match self {
            Self::Syntax(text) => format!("Failed to parse body into JSON: {text}"),
            Self::Convert(text) => {
                format!("Failed to convert JSON into {message} protobuf: {text}")
            }
        }
    }
}

/// Reads a message.
///
/// Unknown keys are ignored, `null` is unset, an object where a list is expected is a
/// list of one, numbers and booleans may be strings, an unknown name of an optional
/// enum is unset.
///
/// # Errors
///
/// [`JsonError`] with upstream's text.
pub fn from_json<T: Described>(text: &[u8]) -> Result<T, JsonError> {
    let bytes = match read_fast(T::table(), text) {
        Some(bytes) => bytes,
        None => read_value(T::table(), &parse(text)?)?,
    };
    from_binary(bytes)
}

/// Reads a message from JSON that is parsed already.
///
/// # Errors
///
/// [`JsonError::Convert`] with upstream's text.
pub fn from_value<T: Described>(value: &Value) -> Result<T, JsonError> {
    from_binary(read_value(T::table(), value)?)
}

/// Reads a list of messages.
///
/// # Errors
///
/// [`JsonError`] with upstream's text.
pub fn list_from_json<T: Described>(text: &[u8]) -> Result<Vec<T>, JsonError> {
    match parse(text)? {
        Value::Array(elements) => elements.iter().map(from_value).collect(),
        _ => Err(JsonError::Convert("Expecting a JSON array".to_owned())),
    }
}

/// Parses any JSON.
///
/// # Errors
///
/// [`JsonError::Syntax`] with upstream's text.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice(text).map_err(|error| JsonError::Syntax(syntax::describe(text, &error)))
}

/// Writes a message, on one line.
pub fn to_json<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(message)
}

/// A message in its binary form, to be written as JSON (or through any other serializer)
/// without being decoded first. All values of a field must stand together, as `prost`
/// writes them.
#[derive(Debug)]
pub struct Encoded<'a, T> {
    bytes: &'a [u8],
    message: PhantomData<fn() -> T>,
}

impl<'a, T: Described> Encoded<'a, T> {
    /// The message whose binary form is `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            message: PhantomData,
        }
    }
}

impl<T: Described> Serialize for Encoded<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::write::serialize_encoded(T::table(), self.bytes, serializer)
    }
}

/// The straight way. It gives up at whatever is not right, duplicate keys included, and
/// leaves it to [`read_value`] to say what: keys are then seen in upstream's order.
fn read_fast(table: &'static Table, text: &[u8]) -> Option<Vec<u8>> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let bytes = read::to_binary(table, &mut parser).ok()?;
    parser.end().ok()?;
    Some(bytes)
}

fn read_value(table: &'static Table, value: &Value) -> Result<Vec<u8>, JsonError> {
    if !value.is_object() {
        return Err(JsonError::Convert("Expecting a JSON object".to_owned()));
    }
    read::to_binary(table, value).map_err(|error| JsonError::Convert(error.to_string()))
}

fn from_binary<T: Described>(bytes: Vec<u8>) -> Result<T, JsonError> {
    binary::decode_bytes(bytes.into()).map_err(|error| JsonError::Convert(error.to_string()))
}
