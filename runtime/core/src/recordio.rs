//! RecordIO, the framing of event streams: the length in decimal, a line feed, then so
//! many bytes, over and over (V5).

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// Digits of the largest length, 2^64 - 1.
const LENGTH_DIGITS: usize = 20;

/// Frames one record.
pub fn encode(payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(LENGTH_DIGITS + 1 + payload.len());
    encode_into(payload, &mut record);
    record
}

/// Appends one framed record to `out`.
pub fn encode_into(payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(payload.len().to_string().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload);
}

/// Why a stream is not RecordIO. The stream cannot be read further.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// A length holds something else than digits, or too many of them, or none.
    #[error("a record's length is not a decimal number followed by a line feed")]
    BadLength,
    /// A record is longer than the reader accepts.
    #[error("a record of {length} bytes is over the limit of {limit}")]
    TooLong {
        /// The length announced.
        length: u64,
        /// The most that is accepted, in bytes.
        limit: usize,
    },
}

/// Takes a stream apart into records, however it is cut.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limit: usize,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Length,
    Payload(usize),
    Failed(RecordError),
}

impl Decoder {
    /// A decoder of records of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
            stage: Stage::Length,
        }
    }

    /// Takes the stream's next bytes. Take the records out before feeding more: only then
    /// is the memory held bounded by one record and one feed.
    pub fn feed(&mut self, data: &[u8]) {
        if !matches!(self.stage, Stage::Failed(_)) {
            self.buffer.extend_from_slice(data);
        }
    }

    /// The next whole record, if it has arrived. After an error, the same error again.
    pub fn next_record(&mut self) -> Result<Option<Bytes>, RecordError> {
        if let Stage::Failed(error) = &self.stage {
            return Err(error.clone());
        }
        if let Stage::Length = self.stage {
            match self.read_length() {
                Ok(None) => return Ok(None),
                Ok(Some(length)) => self.stage = Stage::Payload(length),
                Err(error) => {
                    self.buffer = BytesMut::new();
                    self.stage = Stage::Failed(error.clone());
                    return Err(error);
                }
            }
        }
        match self.stage {
            Stage::Payload(length) if self.buffer.len() >= length => {
                self.stage = Stage::Length;
                Ok(Some(self.buffer.split_to(length).freeze()))
            }
            _ => Ok(None),
        }
    }

    /// Whether the stream may end here: no record is half read.
    pub fn is_between_records(&self) -> bool {
        matches!(self.stage, Stage::Length) && self.buffer.is_empty()
    }

    fn read_length(&mut self) -> Result<Option<usize>, RecordError> {
        let head = self.buffer.get(..=LENGTH_DIGITS).unwrap_or(&self.buffer);
        let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length = match head.get(digits) {
            None if digits <= LENGTH_DIGITS => return Ok(None),
            Some(b'\n') if digits > 0 => head
                .get(..digits)
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .and_then(|digits| digits.parse::<u64>().ok())
                .ok_or(RecordError::BadLength)?,
            _ => return Err(RecordError::BadLength),
        };
        match usize::try_from(length) {
            Ok(size) if size <= self.limit => {
                self.buffer.advance(digits + 1);
                Ok(Some(size))
            }
            _ => Err(RecordError::TooLong {
                length,
                limit: self.limit,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(decoder: &mut Decoder) -> Vec<Bytes> {
        std::iter::from_fn(|| decoder.next_record().unwrap()).collect()
    }

    #[test]
    fn the_form_is_length_line_feed_payload() {
        assert_eq!(
            encode(b"{\"type\":\"HEARTBEAT\"}"),
            b"20\n{\"type\":\"HEARTBEAT\"}"
        );
        assert_eq!(encode(b""), b"0\n");
    }

    #[test]
    fn a_record_over_the_limit_is_refused_before_it_arrives() {
        let mut decoder = Decoder::new(10);
        decoder.feed(b"11\n");
        let error = RecordError::TooLong {
            length: 11,
            limit: 10,
        };
        assert_eq!(decoder.next_record(), Err(error.clone()));
        decoder.feed(b"1\na");
        assert_eq!(decoder.next_record(), Err(error));
    }

    #[test]
    fn bad_lengths_are_errors_at_once() {
        for text in [
            "x",
            "\n",
            "-1\n",
            "1 \n",
            "99999999999999999999999",
            "99999999999999999999\n",
        ] {
            let mut decoder = Decoder::new(usize::MAX);
            decoder.feed(text.as_bytes());
            assert_eq!(decoder.next_record(), Err(RecordError::BadLength), "{text}");
        }
    }

    #[test]
    fn the_end_is_clean_only_between_records() {
        let mut decoder = Decoder::new(10);
        assert!(decoder.is_between_records());
        decoder.feed(b"2\na");
        assert_eq!(decoder.next_record(), Ok(None));
        assert!(!decoder.is_between_records());
        decoder.feed(b"b");
        assert_eq!(decoder.next_record(), Ok(Some(Bytes::from_static(b"ab"))));
        assert!(decoder.is_between_records());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_records(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in 1usize..50,
        ) {
            let mut stream = Vec::new();
            payloads.iter().for_each(|payload| encode_into(payload, &mut stream));
            let mut decoder = Decoder::new(40);
            let mut read = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.feed(piece);
                read.extend(records(&mut decoder));
            }
            prop_assert_eq!(read, payloads);
            prop_assert!(decoder.is_between_records());
        }

        #[test]
        fn garbage_is_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new(50);
            decoder.feed(&data);
            while let Ok(Some(_)) = decoder.next_record() {}
        }
    }
}
