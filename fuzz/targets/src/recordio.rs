//! Streams of records (V5).

use runtime_core::recordio::{Decoder, RecordError, encode};

use crate::pieces;

const LIMIT: usize = 4 << 10;

fn read<'d>(parts: impl Iterator<Item = &'d [u8]>) -> (Vec<Vec<u8>>, Option<RecordError>, bool) {
    let mut decoder = Decoder::new(LIMIT);
    let mut records = Vec::new();
    for part in parts {
        decoder.feed(part);
        loop {
            match decoder.next_record() {
                Ok(Some(record)) => records.push(record.to_vec()),
                Ok(None) => break,
                Err(error) => return (records, Some(error), false),
            }
        }
    }
    (records, None, decoder.is_between_records())
}

/// How a stream is cut changes nothing, no record is over the limit, and records that are
/// written are read as they were.
pub(crate) fn run(data: &[u8]) {
    let (seed, data) = pieces::seed(data);
    let story = read(std::iter::once(data));
    assert_eq!(story, read(pieces::cut(seed, data)), "cuts matter");
    let (records, _, _) = story;
    assert!(records.iter().all(|record| record.len() <= LIMIT));
    let written: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
    assert_eq!(
        read(std::iter::once(written.as_slice())),
        (records, None, true)
    );
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    pieces::with_cuts(&[
        b"5\nhello0\n",
        b"20\n{\"type\":\"HEARTBEAT\"}",
        b"007\nbond 00",
        b"99999999999999999999\n",
    ])
}
