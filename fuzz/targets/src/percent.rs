//! Percent-encoding (L3).

use runtime_core::percent::{decode, encode};

/// What is encoded decodes to itself.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let encoded = encode(&text);
    assert!(encoded.is_ascii());
    assert_eq!(decode(&encoded).as_deref(), Ok(&*text));
    if let Ok(decoded) = decode(&text) {
        assert!(decoded.len() <= text.len());
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"slave(1)",
        b"slave%281%29",
        b"%",
        b"%C3%A4%2f",
        "ä +".as_bytes(),
    ])
}
