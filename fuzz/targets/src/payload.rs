//! Messages between frameworks and executors.

use actors::payload::Payload;
use serde::{Deserialize, Serialize};

/// A message with a bit of everything.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sample {
    text: String,
    number: i64,
    list: Vec<Option<bool>>,
}

runtime::message!(Sample = "fuzz.Sample");

/// What can be read is written and read again as it is; any text survives the way.
pub(crate) fn run(data: &[u8]) {
    if let Ok(payload) = Payload::read(data)
        && let Some(Ok(sample)) = payload.get::<Sample>()
    {
        assert_survives(&sample);
    }
    assert_survives(&Sample {
        text: String::from_utf8_lossy(data).into_owned(),
        number: i64::try_from(data.len()).unwrap_or(i64::MAX),
        list: data
            .iter()
            .take(9)
            .map(|byte| (byte % 3 > 0).then_some(byte % 3 > 1))
            .collect(),
    });
}

fn assert_survives(sample: &Sample) {
    let bytes = Payload::write(sample).expect("a sample has a written form");
    let payload = Payload::read(&bytes).expect("what was written can be read");
    let read = payload.get::<Sample>().expect("it has the sample's name");
    assert_eq!(read.as_ref().ok(), Some(sample));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let sample = Sample {
        text: "hello".to_owned(),
        number: -7,
        list: vec![None, Some(true)],
    };
    let written = Payload::write(&sample).expect("a sample has a written form");
    vec![written.to_vec(), b"\x92\xa1a\xc4\x01\x00".to_vec()]
}
