//! A body in parts, which many may read while it is being written.

mod sent;

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use thiserror::Error;

pub(crate) use self::sent::SentParts;
use crate::aside;
use crate::http::response::Body;
use crate::sync::lock;

/// A part, and where the next one will be. Who has read a part holds on to where the next one
/// will be only, so that what all have read is freed.
#[derive(Debug, Default)]
struct Link {
    body: Arc<Shared>,
    /// Empty when the body was cut.
    part: Mutex<Bytes>,
    next: OnceLock<Arc<Link>>,
}

impl Link {
    /// Lets go of the part, though somebody may still stand here.
    fn empty(&self) {
        let part = std::mem::take(&mut *lock(&self.part));
        self.body.held.fetch_sub(part.len(), Ordering::Relaxed);
    }
}

impl Drop for Link {
    /// One after another: if each link dropped the next, a long chain would need a deep stack.
    fn drop(&mut self) {
        self.empty();
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
    /// All parts, of which some may be gone.
    links: Vec<Weak<Link>>,
}

/// What its writer and its readers know of a body.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Bytes of parts that some have still to read.
    held: AtomicUsize,
    is_cut: AtomicBool,
}

impl Shared {
    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }

    /// Ends the body for all who have not read it whole, and lets go of what it holds.
    fn cut(&self) {
        let mut state = lock(&self.state);
        // Before a part is emptied, so that nobody takes an empty one for a part.
        self.is_cut.store(true, Ordering::Release);
        let links = std::mem::take(&mut state.links);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        links
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|it| it.empty());
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// A body ended before it was read whole: too many were held for those that read slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the client reads too slowly")]
pub struct Cut;

/// Writes a body. Dropping it ends the body.
///
/// What is written waits in memory until all have read it, so a body must not be larger than
/// what may be held.
#[derive(Debug)]
pub struct PartsWriter {
    last: Arc<Link>,
}

impl PartsWriter {
    /// A body of which nothing is written yet, and its first reader.
    pub fn new() -> (Self, PartsReader) {
        let last = Arc::<Link>::default();
        let read = Arc::clone(&last);
        (Self { last }, PartsReader { read })
    }

    /// Writes a part. Other threads that wait for this processor have it before the next one. Of a
    /// body that was [cut](Cut), nothing is kept.
    pub fn write(&mut self, part: impl Into<Bytes>) {
        let part = part.into();
        if part.is_empty() {
            return;
        }
        let body = Arc::clone(&self.last.body);
        let mut state = lock(&body.state);
        if body.is_cut() {
            return;
        }
        state.length += part.len();
        body.held.fetch_add(part.len(), Ordering::Relaxed);
        let link = Arc::new(Link {
            body: Arc::clone(&body),
            part: Mutex::new(part),
            next: OnceLock::new(),
        });
        state.links.push(Arc::downgrade(&link));
        // Only the writer sets it, and only once.
        let _ = self.last.next.set(Arc::clone(&link));
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.last = link;
        waiting.into_iter().for_each(Waker::wake);
        aside::give_way();
    }
}

impl Drop for PartsWriter {
    fn drop(&mut self) {
        let mut state = lock(&self.last.body.state);
        state.is_over = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// Reads a body from where it stands; a clone reads on from the same place.
#[derive(Debug, Clone)]
pub struct PartsReader {
    /// What was read last.
    read: Arc<Link>,
}

impl PartsReader {
    /// How many bytes the whole body has, if it is all written.
    pub fn length(&self) -> Option<usize> {
        let state = lock(&self.read.body.state);
        state.is_over.then_some(state.length)
    }

    /// A reader that holds nothing.
    pub fn downgrade(&self) -> WeakParts {
        WeakParts {
            read: Arc::downgrade(&self.read),
        }
    }

    /// Whether nobody gets more of it.
    pub fn is_cut(&self) -> bool {
        self.read.body.is_cut()
    }

    /// The next part; none after the last.
    ///
    /// # Errors
    ///
    /// When the body was cut.
    pub async fn next(&mut self) -> Option<Result<Bytes, Cut>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Self::next`].
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if let Some(part) = self.advance() {
            return Poll::Ready(Some(part));
        }
        let body = Arc::clone(&self.read.body);
        let mut state = lock(&body.state);
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

    fn advance(&mut self) -> Option<Result<Bytes, Cut>> {
        if let Some(next) = self.read.next.get() {
            let next = Arc::clone(next);
            self.read = next;
            let part = lock(&self.read.part).clone();
            return Some(if self.is_cut() { Err(Cut) } else { Ok(part) });
        }
        self.is_cut().then_some(Err(Cut))
    }

    /// The body that is sent: in parts, unless it is small or `must_be_whole`.
    pub(crate) async fn settle(mut self, must_be_whole: bool) -> Result<Body, Cut> {
        let mut ahead = self.clone();
        let Some(first) = ahead.next().await else {
            return Ok(Body::Full(Bytes::new()));
        };
        let first = first?;
        if ahead.next().await.is_none() {
            return Ok(Body::Full(first));
        }
        drop((ahead, first));
        if !must_be_whole {
            return Ok(Body::Parts(self));
        }
        let mut whole = Vec::new();
        while let Some(part) = self.next().await {
            whole.extend_from_slice(&part?);
        }
        Ok(Body::Full(whole.into()))
    }
}

/// Where a reader stood, as long as others stand there.
#[derive(Debug, Clone)]
pub struct WeakParts {
    read: Weak<Link>,
}

impl WeakParts {
    /// A reader, unless what it would read is gone.
    pub fn upgrade(&self) -> Option<PartsReader> {
        let read = self.read.upgrade()?;
        Some(PartsReader { read })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Next = Poll<Option<Result<Bytes, Cut>>>;

    fn next(reader: &mut PartsReader) -> Next {
        reader.poll_next(&Context::from_waker(Waker::noop()))
    }

    fn part(text: &'static str) -> Next {
        Poll::Ready(Some(Ok(Bytes::from_static(text.as_bytes()))))
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
    fn a_cut_body_ends_for_all_and_holds_nothing() {
        let (mut writer, mut first) = PartsWriter::new();
        let body = Arc::clone(&first.read.body);
        let (begin, mut second) = (first.clone(), first.clone());
        writer.write("one");
        writer.write("two");
        assert_eq!(next(&mut first), part("one"));
        assert_eq!(next(&mut second), part("one"));
        assert_eq!(next(&mut second), part("two"));
        assert_eq!(next(&mut second), Poll::Pending);
        assert_eq!(body.held.load(Ordering::Relaxed), 6);
        body.cut();
        writer.write("three");
        assert_eq!(body.held.load(Ordering::Relaxed), 0);
        drop(writer);
        for mut reader in [begin, first, second] {
            assert_eq!(next(&mut reader), Poll::Ready(Some(Err(Cut))));
        }
    }

    #[test]
    fn what_is_held_is_what_somebody_has_still_to_read() {
        let (mut writer, mut reader) = PartsWriter::new();
        let body = Arc::clone(&reader.read.body);
        let held = || body.held.load(Ordering::Relaxed);
        writer.write("one");
        writer.write("four");
        assert_eq!(held(), 7);
        assert_eq!(next(&mut reader), part("one"));
        assert_eq!(next(&mut reader), part("four"));
        assert_eq!(held(), 4, "who has read a part stands there");
        drop((writer, reader));
        assert_eq!(held(), 0);
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
                Ok(Body::Full(whole)) => Some(whole),
                _ => None,
            }
        };
        assert_eq!(body(&[], false).await.unwrap(), "");
        assert_eq!(body(&["one"], false).await.unwrap(), "one");
        assert_eq!(body(&["one", "two"], false).await, None);
        assert_eq!(body(&["one", "two"], true).await.unwrap(), "onetwo");
    }
}
