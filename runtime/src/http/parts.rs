//! A body in parts, which many may read while it is being written.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::http::response::Body;
use crate::sync::lock;

/// A part, and where the next one will be. Who has read a part holds on to where the next one
/// will be only, so that what all have read is freed.
#[derive(Debug, Default)]
struct Link {
    part: Bytes,
    next: OnceLock<Arc<Link>>,
}

impl Drop for Link {
    /// One after another: if each link dropped the next, a long chain would need a deep stack.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(link) = next {
            next = Arc::into_inner(link).and_then(|mut link| link.next.take());
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// How many bytes are written.
    length: usize,
    /// Whether these are all.
    is_over: bool,
    /// Readers that have read all that is written.
    waiting: Vec<Waker>,
}

/// Writes a body. Dropping it ends the body.
///
/// What is written waits in memory until all have read it, so a body must not be larger than
/// what may be held.
#[derive(Debug)]
pub struct PartsWriter {
    last: Arc<Link>,
    state: Arc<Mutex<State>>,
}

impl PartsWriter {
    /// A body of which nothing is written yet, and its first reader.
    pub fn new() -> (Self, PartsReader) {
        let (last, state) = <(Arc<Link>, Arc<Mutex<State>>)>::default();
        let reader = PartsReader {
            read: Arc::clone(&last),
            state: Arc::clone(&state),
        };
        (Self { last, state }, reader)
    }

    /// Writes a part.
    pub fn write(&mut self, part: impl Into<Bytes>) {
        let part = part.into();
        if part.is_empty() {
            return;
        }
        let length = part.len();
        let link = Arc::new(Link {
            part,
            next: OnceLock::new(),
        });
        // Only the writer sets it, and only once.
        let _ = self.last.next.set(Arc::clone(&link));
        self.last = link;
        self.tell(|state| state.length += length);
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut state = lock(&self.state);
        change(&mut state);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Drop for PartsWriter {
    fn drop(&mut self) {
        self.tell(|state| state.is_over = true);
    }
}

/// Reads a body from where it stands; a clone reads on from the same place.
#[derive(Debug, Clone)]
pub struct PartsReader {
    /// What was read last.
    read: Arc<Link>,
    state: Arc<Mutex<State>>,
}

impl PartsReader {
    /// How many bytes the whole body has, if it is all written.
    pub fn length(&self) -> Option<usize> {
        let state = lock(&self.state);
        state.is_over.then_some(state.length)
    }

    /// A reader that holds nothing.
    pub fn downgrade(&self) -> WeakParts {
        WeakParts {
            read: Arc::downgrade(&self.read),
            state: Arc::clone(&self.state),
        }
    }

    /// The next part; none after the last.
    pub async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Self::next`].
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(part) = self.advance() {
            return Poll::Ready(Some(part));
        }
        let state = Arc::clone(&self.state);
        let mut state = lock(&state);
        // What was written before the lock was taken woke nobody.
        if let Some(part) = self.advance() {
            return Poll::Ready(Some(part));
        }
        if state.is_over {
            return Poll::Ready(None);
        }
        if !state.waiting.iter().any(|it| it.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn advance(&mut self) -> Option<Bytes> {
        let next = Arc::clone(self.read.next.get()?);
        self.read = next;
        Some(self.read.part.clone())
    }

    /// The body that is sent: in parts, unless it is small or `must_be_whole`.
    pub(crate) async fn settle(mut self, must_be_whole: bool) -> Body {
        let mut ahead = self.clone();
        let Some(first) = ahead.next().await else {
            return Body::Full(Bytes::new());
        };
        if ahead.next().await.is_none() {
            return Body::Full(first);
        }
        drop((ahead, first));
        if !must_be_whole {
            return Body::Parts(self);
        }
        let mut whole = Vec::new();
        while let Some(part) = self.next().await {
            whole.extend_from_slice(&part);
        }
        Body::Full(whole.into())
    }
}

/// Where a reader stood, as long as others stand there.
#[derive(Debug, Clone)]
pub struct WeakParts {
    read: Weak<Link>,
    state: Arc<Mutex<State>>,
}

impl WeakParts {
    /// A reader, unless what it would read is gone.
    pub fn upgrade(&self) -> Option<PartsReader> {
        let read = self.read.upgrade()?;
        let state = Arc::clone(&self.state);
        Some(PartsReader { read, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(reader: &mut PartsReader) -> Poll<Option<Bytes>> {
        reader.poll_next(&Context::from_waker(Waker::noop()))
    }

    fn part(text: &'static str) -> Poll<Option<Bytes>> {
        Poll::Ready(Some(Bytes::from_static(text.as_bytes())))
    }

    #[test]
    fn each_reader_reads_all_at_its_own_pace() {
        let (mut writer, mut first) = PartsWriter::new();
        let mut second = first.clone();
        assert_eq!(next(&mut first), Poll::Pending);
        writer.write("one");
        writer.write("");
        assert_eq!(next(&mut first), part("one"));
        writer.write("two");
        assert_eq!(first.length(), None);
        drop(writer);
        assert_eq!(first.length(), Some(6));
        for expected in [part("two"), Poll::Ready(None), Poll::Ready(None)] {
            assert_eq!(next(&mut first), expected);
        }
        for expected in [part("one"), part("two"), Poll::Ready(None)] {
            assert_eq!(next(&mut second), expected);
        }
    }

    #[test]
    fn what_all_have_read_is_freed() {
        let (mut writer, mut first) = PartsWriter::new();
        let begin = first.downgrade();
        let mut second = begin.upgrade().unwrap();
        writer.write("one");
        writer.write("two");
        assert_eq!(next(&mut first), part("one"));
        assert!(begin.upgrade().is_some());
        assert_eq!(next(&mut second), part("one"));
        assert!(begin.upgrade().is_none());
    }

    #[test]
    fn a_long_body_is_dropped_without_a_deep_stack() {
        let (mut writer, reader) = PartsWriter::new();
        for _ in 0..1_000_000 {
            writer.write("part");
        }
        drop(writer);
        assert_eq!(reader.length(), Some(4_000_000));
    }

    #[tokio::test]
    async fn only_what_is_large_is_sent_in_parts() {
        let body = async |parts: &[&'static str], must_be_whole| {
            let (mut writer, reader) = PartsWriter::new();
            parts.iter().for_each(|part| writer.write(*part));
            drop(writer);
            match reader.settle(must_be_whole).await {
                Body::Full(whole) => Some(whole),
                _ => None,
            }
        };
        assert_eq!(body(&[], false).await.unwrap(), "");
        assert_eq!(body(&["one"], false).await.unwrap(), "one");
        assert_eq!(body(&["one", "two"], false).await, None);
        assert_eq!(body(&["one", "two"], true).await.unwrap(), "onetwo");
    }
}
