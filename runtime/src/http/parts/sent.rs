//! What a node holds of bodies in parts for those that read them, and may hold.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use tracing::warn;

use super::{PartsReader, Shared};
use crate::limits::Limits;
use crate::metrics::{Counter, Metrics};
use crate::sync::lock;

/// The bodies in parts that a node sends.
#[derive(Debug)]
pub(crate) struct SentParts {
    limit: usize,
    /// In the order in which they were first sent.
    bodies: Mutex<Vec<Weak<Shared>>>,
    ended: Counter,
}

impl SentParts {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Arc<Self> {
        let sent = Arc::new(Self {
            limit: limits.answers,
            bodies: Mutex::default(),
            ended: metrics.counter("runtime/answers_ended_reader_slow"),
        });
        let read = Arc::clone(&sent);
        metrics.pull_gauge("runtime/answer_bytes_waiting", move || {
            let bodies = lock(&read.bodies);
            let bodies = bodies.iter().filter_map(Weak::upgrade);
            bodies.map(|body| held(&body)).sum::<usize>() as f64
        });
        sent
    }

    /// A body is sent to one more reader. When those before it hold more than they may, the
    /// largest of them end: their readers have had the time to read. The one that was begun
    /// last never ends so, however large it is.
    pub(crate) fn add(&self, reader: &PartsReader) {
        let body = &reader.read.body;
        let mut bodies = lock(&self.bodies);
        bodies.retain(|it| it.strong_count() > 0);
        if bodies.iter().any(|it| it.as_ptr() == Arc::as_ptr(body)) {
            return;
        }
        // Of those that hold the same, the one that was begun first comes last.
        let mut before: Vec<_> = bodies.iter().rev().filter_map(Weak::upgrade).collect();
        bodies.push(Arc::downgrade(body));
        drop(bodies);
        before.sort_by_cached_key(|body| held(body));
        let mut all: usize = before.iter().map(|body| held(body)).sum();
        while all > self.limit
            && let Some(largest) = before.pop()
        {
            let waiting = held(&largest);
            all = all.saturating_sub(waiting);
            largest.cut();
            self.ended.increment();
            warn!(waiting, "ended an answer: its readers are too slow");
        }
    }
}

fn held(body: &Shared) -> usize {
    body.held.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::parts::PartsWriter;

    fn sent(limit: usize) -> Arc<SentParts> {
        let limits = Limits {
            answers: limit,
            ..Limits::default()
        };
        SentParts::new(&limits, &Metrics::new())
    }

    /// A body of so many bytes that is sent.
    fn send(sent: &SentParts, length: usize) -> PartsReader {
        let (mut writer, reader) = PartsWriter::new();
        sent.add(&reader);
        writer.write(vec![0; length]);
        reader
    }

    #[tokio::test]
    async fn the_largest_end_but_for_the_last() {
        let sent = sent(100);
        let mut read = send(&sent, 90);
        assert_eq!(read.next().await, Some(Ok(Bytes::from(vec![0; 90]))));
        drop(read);
        let (small, large, middle) = (send(&sent, 30), send(&sent, 60), send(&sent, 40));
        // Another reader of what is sent already holds no more.
        sent.add(&middle.clone());
        assert!(!large.is_cut(), "the last does not count");
        let huge = send(&sent, 1000);
        assert!(large.is_cut());
        drop(send(&sent, 1));
        assert!(huge.is_cut());
        assert!(!small.is_cut() && !middle.is_cut());
        assert_eq!(sent.ended.get(), 2);
    }
}
