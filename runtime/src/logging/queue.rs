//! The bounded queue between those who log and the thread that writes.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::line::Line;
use crate::sync::lock;

/// The most bytes of lines that wait to be written.
const QUEUE_BYTES: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told when there is work.
    filled: Condvar,
    /// Told when work is done.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    bytes: usize,
    /// Lines put into the queue since the start.
    pushed: u64,
    /// Lines written since the start.
    written: u64,
    /// Lines dropped since the start.
    dropped: u64,
    /// Dropped lines that the writer knows of.
    reported: u64,
    /// When the verbosity goes back to what it was.
    revert_at: Option<Instant>,
}

/// What there is to do for the writer.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) lines: Vec<Line>,
    /// Lines dropped since the last work.
    pub(super) dropped: u64,
    /// The verbosity must go back to what it was.
    pub(super) reverts: bool,
}

impl Queue {
    /// Adds a line, or drops it when the queue is full. Never waits for the writer.
    pub(super) fn push(&self, line: Line) {
        let mut state = lock(&self.state);
        let bytes = state.bytes.saturating_add(line.text().len());
        if bytes > QUEUE_BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes = bytes;
        state.pushed += 1;
        state.lines.push(line);
        if state.lines.len() == 1 {
            self.filled.notify_one();
        }
    }

    /// Waits for lines or for the time to revert, and takes all lines out.
    pub(super) fn wait(&self) -> Work {
        let mut state = lock(&self.state);
        loop {
            let left = state
                .revert_at
                .map(|at| at.saturating_duration_since(Instant::now()));
            let reverts = left.is_some_and(|left| left.is_zero());
            if reverts || !state.lines.is_empty() {
                if reverts {
                    state.revert_at = None;
                }
                let dropped = state.dropped - state.reported;
                state.reported = state.dropped;
                state.bytes = 0;
                return Work {
                    lines: std::mem::take(&mut state.lines),
                    dropped,
                    reverts,
                };
            }
            state = match left {
                Some(left) => {
                    let waited = self.filled.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Notes that so many lines were written.
    pub(super) fn written(&self, count: usize) {
        lock(&self.state).written += count as u64;
        self.emptied.notify_all();
    }

    /// Waits until all lines so far are written, at most so long.
    pub(super) fn flush(&self, timeout: Duration) {
        let state = lock(&self.state);
        let goal = state.pushed;
        // Whether the time was enough makes no difference: nobody is left to be told.
        let _ = self
            .emptied
            .wait_timeout_while(state, timeout, |state| state.written < goal);
    }

    pub(super) fn revert_at(&self, at: Option<Instant>) {
        lock(&self.state).revert_at = at;
        self.filled.notify_one();
    }

    pub(super) fn dropped(&self) -> u64 {
        lock(&self.state).dropped
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    use super::super::Severity;
    use super::*;

    fn line(text: &str) -> Line {
        Line::new(Severity::Info, UNIX_EPOCH, Path::new("a.rs"), 1, text)
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let queue = Queue::default();
        let long = line(&"x".repeat(20_000));
        let fit = QUEUE_BYTES / long.text().len();
        for _ in 0..fit + 3 {
            queue.push(long.clone());
        }
        assert_eq!(queue.dropped(), 3);
        let work = queue.wait();
        assert_eq!(
            (work.lines.len(), work.dropped, work.reverts),
            (fit, 3, false)
        );
        queue.push(line("after"));
        let work = queue.wait();
        assert_eq!((work.lines.len(), work.dropped), (1, 0));
    }

    #[test]
    fn a_flush_waits_for_what_was_pushed_before() {
        let queue = Queue::default();
        queue.push(line("a"));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let count = queue.wait().lines.len();
                queue.written(count);
            });
            queue.flush(Duration::from_secs(60));
        });
        let state = lock(&queue.state);
        assert_eq!((state.pushed, state.written), (1, 1));
    }

    #[test]
    fn the_writer_wakes_to_revert() {
        let queue = Queue::default();
        queue.revert_at(Some(Instant::now()));
        assert!(queue.wait().reverts);
        queue.push(line("a"));
        assert!(!queue.wait().reverts);
    }
}
