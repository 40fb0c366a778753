//! One message in all its forms.

use std::fmt::Debug;

use messages::table::Described;
use messages::{binary, json};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads `data` as JSON when it begins as JSON does, else as binary protobuf. A message
/// that was read must survive being written and read again, in every form.
pub(crate) fn read<M>(data: &[u8]) -> Option<M>
where
    M: Described + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let message: M = if data.trim_ascii_start().first() == Some(&b'{') {
        json::from_json(data).ok()?
    } else {
        binary::decode(data).ok()?
    };
    let bytes = binary::encode(&message);
    let again: M = binary::decode(&bytes).expect("what was written can be read");
    assert_eq!(binary::encode(&again), bytes, "{message:?}");

    let packed = rmp_serde::to_vec_named(&message).expect("every message has a MessagePack form");
    match rmp_serde::from_slice::<M>(&packed) {
        Ok(again) => assert_eq!(binary::encode(&again), bytes, "{message:?}"),
        // `prost` reads an entry of a map without value as the default message, and writes
        // that as an entry without value, even where the message has required fields.
        Err(error) => assert!(
            error.to_string().contains("].value."),
            "{message:?}: {error}"
        ),
    }

    // JSON lacks values of newer versions, so only its own form must survive.
    let text = json::to_json(&message).expect("every message has a JSON form");
    let encoded = json::to_json(&json::Encoded::<M>::new(&bytes)).expect("so has its binary form");
    assert_eq!(text, encoded);
    if let Ok(again) = json::from_json::<M>(&text) {
        assert_eq!(
            json::to_json(&again).ok().as_ref(),
            Some(&text),
            "{message:?}"
        );
    }
    Some(message)
}

/// Seeds for [`read`]: the texts, and the same messages in binary.
pub(crate) fn seeds<M: Described>(texts: &[&str]) -> Vec<Vec<u8>> {
    let binary = texts.iter().map(|text| {
        let message: M = json::from_json(text.as_bytes()).expect("a seed is a message");
        binary::encode(&message).to_vec()
    });
    texts
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain(binary)
        .collect()
}
