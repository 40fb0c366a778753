//! Answers to the messages of one connection, until they are written.
//!
//! Who may be waiting for an answer gets it at once. libprocess' own senders only throw
//! answers away (L8), so theirs wait for each other: a message costs no write of its own, and
//! the sender is not woken for it. All are written, in order, no later than with the next
//! answer that must not wait.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_core::libprocess::{self, ACCEPTED, ACCEPTED_WITH_OFFER, Answering};

use crate::http::ticker::{Tick, Ticker};

/// So many answers are written together, at most …
const TOGETHER: usize = 64;
/// … and none waits longer for others.
const AT_LEISURE: Duration = Duration::from_millis(20);
/// Where one answer stands for all before it, it comes within this time after the first of
/// these. A fraction of [`Limits::peer_silence`](crate::Limits::peer_silence), for which it is
/// the sign of life.
pub(crate) const RARELY: Duration = Duration::from_secs(30);
/// Memory that a thread keeps for its connections: at most so many bytes of answers.
const SPARE_BYTES: usize = 64 << 10;

thread_local! {
    /// For answers while they are written. Between, a connection holds none: there are
    /// thousands, and most have little to say.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What tells a thread's connections that answers have waited for long enough.
#[derive(Debug, Clone)]
pub(crate) struct Tickers {
    at_leisure: Rc<Ticker>,
    rarely: Rc<Ticker>,
}

impl Tickers {
    pub(crate) fn new() -> Self {
        Self {
            at_leisure: Ticker::new(AT_LEISURE),
            rarely: Ticker::new(RARELY),
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Answers {
    /// Not to be held back.
    bytes: Vec<u8>,
    /// Messages after these that were accepted, and whose answers wait.
    waiting: usize,
    tickers: Tickers,
    /// The peer wants one answer for many.
    is_rare: bool,
    /// That this may be had has been told.
    has_offered: bool,
    /// Whose tick has what waits written, once it is asked for.
    due: Option<Tick>,
}

impl Answers {
    /// For a connection of which nothing has been answered, unless `is_known`.
    pub(super) fn new(tickers: &Tickers, is_known: bool) -> Self {
        Self {
            bytes: Vec::new(),
            waiting: 0,
            tickers: tickers.clone(),
            is_rare: false,
            has_offered: is_known,
            due: None,
        }
    }

    fn ticker(&self) -> &Rc<Ticker> {
        if self.is_rare {
            &self.tickers.rarely
        } else {
            &self.tickers.at_leisure
        }
    }

    fn forget_due(&mut self) {
        if let Some(due) = self.due.take() {
            self.ticker().forget(due);
        }
    }

    /// Answers some messages that all were taken, or were for an actor that is not there.
    pub(super) fn add(&mut self, count: usize, is_taken: bool, answering: Answering) {
        if answering == Answering::Rarely && !self.is_rare {
            self.gather();
            self.forget_due();
            self.is_rare = true;
        }
        let waits = is_taken && answering != Answering::AtOnce;
        if waits && self.has_offered {
            if self.waiting == 0 && self.due.is_some_and(|due| self.ticker().has_been(due)) {
                self.due = None;
            }
            self.waiting += count;
            return;
        }
        self.gather();
        for _ in 0..count {
            if !is_taken {
                libprocess::answer(404, "", false, self.space());
            } else if waits && !self.has_offered {
                self.has_offered = true;
                self.space().extend_from_slice(ACCEPTED_WITH_OFFER);
            } else {
                self.space().extend_from_slice(ACCEPTED);
            }
        }
    }

    /// Answers a message that cannot be taken.
    pub(super) fn refuse(&mut self, status: u16, text: &str) {
        self.gather();
        libprocess::answer(status, text, false, self.space());
    }

    /// Lets nothing wait any longer: all is among [`Self::bytes`].
    pub(super) fn gather(&mut self) {
        let count = std::mem::take(&mut self.waiting);
        let count = if self.is_rare { count.min(1) } else { count };
        for _ in 0..count {
            self.space().extend_from_slice(ACCEPTED);
        }
    }

    /// What is to be written.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn space(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take();
        }
        &mut self.bytes
    }

    /// All that is not written yet.
    pub(super) fn take_all(&mut self) -> Vec<u8> {
        self.gather();
        std::mem::take(&mut self.bytes)
    }

    /// Whether something must be written now.
    pub(super) fn are_due(&self) -> bool {
        !self.bytes.is_empty() || (self.waiting >= TOGETHER && !self.is_rare)
    }

    /// Whether what has been read is yet to be acknowledged by TCP. libprocess does not turn off
    /// Nagle's algorithm where it sends: its next message is held back until the one before is
    /// acknowledged, which an answer does by the way, and nothing else does soon.
    pub(super) fn lets_wait(&self) -> bool {
        self.waiting > 0 && !self.is_rare
    }

    /// Ready when what waits has waited for long enough. To be polled by one task only.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting == 0 {
            return Poll::Pending;
        }
        match self.due {
            Some(due) if self.ticker().has_been(due) => {
                self.due = None;
                Poll::Ready(())
            }
            Some(_) => Poll::Pending,
            None => {
                self.due = Some(self.ticker().next(cx.waker()));
                Poll::Pending
            }
        }
    }

    /// Gives its memory, which holds nothing, to the thread's other connections.
    pub(super) fn give_back(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if (1..=SPARE_BYTES).contains(&bytes.capacity()) {
            SPARE.set(bytes);
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.forget_due();
    }
}
