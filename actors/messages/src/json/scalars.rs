//! Values that JSON may write as strings.

use crate::read::Number;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Base64 without padding and whatever its last bits are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes base64 as upstream does: white space is skipped, and the first `=` ends it.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let mut digits: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'/' => digits.push(byte),
            b' ' | b'\t'..=b'\r' => {}
            other => return Err(format!("Invalid character '{}'", char::from(other))),
        }
    }
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    LENIENT.decode(digits).map_err(|error| error.to_string())
}

/// Reads a number from the text of a JSON string.
pub(crate) fn parse_number(text: &str) -> Result<Number, String> {
    let Value::Number(number) = parse_scalar(text)? else {
        return Err(wrong_type());
    };
    if let Some(value) = number.as_i64() {
        Ok(Number::Signed(value))
    } else if let Some(value) = number.as_u64() {
        Ok(Number::Unsigned(value))
    } else {
        number.as_f64().map(Number::Floating).ok_or_else(wrong_type)
    }
}

/// Reads a boolean from the text of a JSON string.
pub(crate) fn parse_bool(text: &str) -> Result<bool, String> {
    match parse_scalar(text)? {
        Value::Bool(value) => Ok(value),
        _ => Err(wrong_type()),
    }
}

fn parse_scalar(text: &str) -> Result<Value, String> {
    super::parse(text.as_bytes()).map_err(|error| error.to_string())
}

fn wrong_type() -> String {
    "Unexpected JSON type parsed".to_owned()
}
