//! Where one request of a connection ends and the next begins.

use super::{BodyDecoder, Head, HeadScan, HttpError, Limits, Step};

/// Follows the bytes of a connection and tells how many belong to the current request, so
/// that a front can withhold the next, pipelined one until the current is answered.
#[derive(Debug)]
pub struct Boundary {
    limits: Limits,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The head so far, copied: it may come in many pieces.
    Head {
        scan: HeadScan,
        head: Vec<u8>,
    },
    Body(BodyDecoder),
    Complete,
}

impl Stage {
    fn start() -> Self {
        Self::Head {
            scan: HeadScan::default(),
            head: Vec::new(),
        }
    }
}

impl Boundary {
    /// Stands before the first request.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stage: Stage::start(),
        }
    }

    /// How many bytes of `data`, the connection's next, belong to the current request.
    /// Fewer than all means that it is complete; the rest must be given again after
    /// [`Boundary::next_request`].
    pub fn advance(&mut self, data: &[u8]) -> Result<usize, HttpError> {
        let mut consumed = 0;
        loop {
            let rest = data.get(consumed..).unwrap_or_default();
            match &mut self.stage {
                Stage::Complete => return Ok(consumed),
                Stage::Head { scan, head } => {
                    let before = head.len();
                    // One byte over the limit is enough to find the head too long.
                    let room = self
                        .limits
                        .head_bytes
                        .saturating_add(1)
                        .saturating_sub(before);
                    head.extend_from_slice(rest.get(..room).unwrap_or(rest));
                    let Some(end) = scan.find(head, &self.limits)? else {
                        return Ok(data.len());
                    };
                    consumed += end.saturating_sub(before);
                    let whole = head.get(..end).unwrap_or_default();
                    let framing = Head::parse(whole, &self.limits)?.framing;
                    self.stage = Stage::Body(BodyDecoder::new(framing, self.limits.body_bytes));
                }
                Stage::Body(decoder) => match decoder.step(rest)? {
                    Step::More { skip } => return Ok(consumed + skip),
                    Step::End { skip } => {
                        consumed += skip;
                        self.stage = Stage::Complete;
                    }
                    Step::Data { skip, length } => {
                        let available = rest.len() - skip;
                        let count = usize::try_from(length).unwrap_or(usize::MAX).min(available);
                        decoder.take(count as u64);
                        consumed += skip + count;
                    }
                },
            }
        }
    }

    /// Whether the current request has arrived to its end.
    pub fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Complete)
    }

    /// Whether not a byte of the current request has arrived.
    pub fn is_idle(&self) -> bool {
        matches!(&self.stage, Stage::Head { head, .. } if head.is_empty())
    }

    /// Whether a part of the current request's head has arrived, but not all of it.
    pub fn is_in_head(&self) -> bool {
        matches!(&self.stage, Stage::Head { head, .. } if !head.is_empty())
    }

    /// Goes on to the next request.
    pub fn next_request(&mut self) {
        self.stage = Stage::start();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUESTS: [&str; 4] = [
        "GET /state HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /api/v1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "\r\nPOST /m/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: x\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ];

    #[test]
    fn requests_are_told_apart_at_any_split() {
        let stream = REQUESTS.concat();
        for cut in 1..=stream.len() {
            let mut boundary = Boundary::new(Limits::default());
            let mut seen = Vec::new();
            let mut current = Vec::new();
            for mut piece in stream.as_bytes().chunks(cut) {
                while !piece.is_empty() {
                    let count = boundary.advance(piece).unwrap();
                    current.extend_from_slice(&piece[..count]);
                    piece = &piece[count..];
                    assert_eq!(boundary.advance(b"").unwrap(), 0);
                    if boundary.is_complete() {
                        seen.push(String::from_utf8(std::mem::take(&mut current)).unwrap());
                        boundary.next_request();
                    }
                }
            }
            assert_eq!(seen, REQUESTS);
            assert!(boundary.is_idle() && !boundary.is_in_head());
        }
    }

    #[test]
    fn the_next_request_is_withheld_until_asked_for() {
        let mut boundary = Boundary::new(Limits::default());
        let stream = REQUESTS.concat();
        assert_eq!(boundary.advance(stream.as_bytes()), Ok(REQUESTS[0].len()));
        assert_eq!(
            boundary.advance(&stream.as_bytes()[REQUESTS[0].len()..]),
            Ok(0)
        );
    }

    #[test]
    fn an_endless_head_is_refused() {
        let mut boundary = Boundary::new(Limits {
            head_bytes: 100,
            ..Limits::default()
        });
        assert_eq!(boundary.advance(&[b'x'; 100]), Ok(100));
        assert!(boundary.is_in_head());
        assert_eq!(
            boundary.advance(&[b'x'; 1000]),
            Err(HttpError::HeadTooLong(100))
        );
    }

    proptest! {
        #[test]
        fn garbage_is_followed_or_refused(data in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut boundary = Boundary::new(Limits::default());
            let _ = boundary.advance(&data);
        }
    }
}
