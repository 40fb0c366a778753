//! Percent-encoding of URL parts and metric keys (L3, E22).

use std::borrow::Cow;

use thiserror::Error;

/// Why a text cannot be percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PercentError {
    /// A `%` is not followed by two hexadecimal digits.
    #[error("Malformed % escape in '{0}'")]
    BadEscape(String),
    /// The bytes decoded are not UTF-8.
    #[error("'{0}' does not decode to UTF-8")]
    NotUtf8(String),
}

/// Replaces each `%XX` by the byte it names. A `+` stays as it is.
pub fn decode(text: &str) -> Result<Cow<'_, str>, PercentError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = bytes.next().and_then(hex_digit);
        let low = bytes.next().and_then(hex_digit);
        match (high, low) {
            (Some(high), Some(low)) => decoded.push(high << 4 | low),
            _ => return Err(PercentError::BadEscape(text.to_owned())),
        }
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| PercentError::NotUtf8(text.to_owned()))
}

/// Encodes what upstream encodes in a URL part: reserved and unsafe characters, control
/// characters and all that is not ASCII.
pub fn encode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    encode_if(
        text,
        |byte| !(0x20..=0x7e).contains(&byte) || RESERVED.contains(&byte),
        &mut out,
    );
    String::from_utf8_lossy(&out).into_owned()
}

const RESERVED: &[u8] = b"$&+,/:;=?@ \"<>#%{}|\\^~[]`";

/// Appends `text`, with each byte that `unsafe_byte` names as `%XX`. The result is ASCII
/// if `unsafe_byte` names all that is not.
pub(crate) fn encode_if(text: &str, unsafe_byte: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        if unsafe_byte(byte) {
            out.extend_from_slice(&[b'%', upper_hex(byte >> 4), upper_hex(byte & 0xf)]);
        } else {
            out.push(byte);
        }
    }
}

fn upper_hex(digit: u8) -> u8 {
    if digit < 10 {
        b'0' + digit
    } else {
        b'A' - 10 + digit
    }
}

/// The value of a hexadecimal digit of either case.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_read_in_either_case() {
        assert_eq!(decode("slave%281%29").unwrap(), "slave(1)");
        assert_eq!(decode("%c3%A9+").unwrap(), "é+");
    }

    #[test]
    fn bad_escapes_are_errors() {
        for text in ["%ZZ", "a%", "%4", "%%41"] {
            assert_eq!(decode(text), Err(PercentError::BadEscape(text.into())));
        }
        assert_eq!(decode("%ff"), Err(PercentError::NotUtf8("%ff".into())));
    }

    #[test]
    fn parts_are_encoded_as_upstream_does() {
        assert_eq!(encode("a/b c(1)*é"), "a%2Fb%20c(1)*%C3%A9");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(text in "\\PC*") {
            let encoded = encode(&text);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode(&encoded).unwrap(), text);
        }

        #[test]
        fn any_text_is_decoded_or_refused(text in "[%0-9a-fZé]*") {
            let _ = decode(&text);
        }
    }
}
