//! One connection to a peer, from connecting to its end.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};
use std::time::Duration;

use runtime_core::libprocess::Encoder;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::links::Links;
use super::queue::Queue;
use super::{Accounts, PeerView, millis};
use crate::node::Node;
use crate::sync::lock;

/// Bytes of answers read at once, to be thrown away: libprocess senders ignore them (L8).
const ANSWERS_BUFFER: usize = 4 << 10;

/// One connection, and what waits for it.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    made: Instant,
    accounts: Arc<Accounts>,
    state: Mutex<State>,
    news: Notify,
    /// All that waited has been written, or will never be.
    quiet: Notify,
    /// Another connection took its place.
    replaced: CancellationToken,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) encoder: Encoder,
    pub(super) links: Links,
    is_connected: bool,
    /// Since when the peer has left unanswered what it was sent.
    unanswered: Option<Instant>,
    closed: bool,
}

/// Why a connection ended that did not break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Idle,
    Replaced,
}

impl Peer {
    pub(super) fn start(
        node: &Node,
        accounts: &Arc<Accounts>,
        address: SocketAddr,
        state: State,
    ) -> Arc<Self> {
        let peer = Arc::new(Self {
            address,
            made: Instant::now(),
            accounts: Arc::clone(accounts),
            state: Mutex::new(state),
            news: Notify::new(),
            quiet: Notify::new(),
            replaced: CancellationToken::new(),
        });
        let task = Arc::clone(&peer);
        let home = node.clone();
        node.run_at_home(async move {
            let ended = task.run(&home).await;
            match &ended {
                Ok(end) => debug!(peer = %task.address, ?end, "a connection ended"),
                Err(error) => {
                    debug!(peer = %task.address, %error, "a connection broke");
                    task.accounts.broken.increment();
                }
            }
            let left = home.inner.peers.forget(&task);
            let (bytes, messages) = (left.queue.bytes(), left.queue.messages());
            task.accounts.waiting.fetch_sub(bytes, Ordering::Relaxed);
            task.accounts.lost.add(messages);
            left.links.tell_exited();
        });
        peer
    }

    /// Changes the state and tells the connection.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        let was_empty = {
            let mut state = lock(&self.state);
            let was_empty = state.queue.is_empty();
            change(&mut state);
            was_empty
        };
        if was_empty {
            // Else the connection has been told, and has not looked yet.
            self.news.notify_one();
        }
    }

    /// Ends this connection for another one, which begins with what is returned.
    pub(super) fn replace(&self) -> State {
        let mut state = lock(&self.state);
        state.closed = true;
        let fresh = State {
            queue: state.queue.move_waiting(),
            links: std::mem::take(&mut state.links),
            ..State::default()
        };
        drop(state);
        self.replaced.cancel();
        self.news.notify_one();
        fresh
    }

    /// Closes it if nothing waits for it and nobody is linked over it.
    pub(super) fn close_if_idle(&self) -> bool {
        let mut state = lock(&self.state);
        let is_idle = state.queue.is_empty() && state.links.is_empty();
        state.closed |= is_idle;
        is_idle
    }

    /// Closes it and hands out what is left.
    pub(super) fn close(&self) -> State {
        let mut state = lock(&self.state);
        let left = std::mem::take(&mut *state);
        state.closed = true;
        drop(state);
        self.quiet.notify_waiters();
        left
    }

    /// Connects, and writes what waits until the connection ends.
    async fn run(self: &Arc<Self>, node: &Node) -> io::Result<End> {
        let limits = node.limits();
        let socket = tokio::select! {
            biased;
            () = self.replaced.cancelled() => return Ok(End::Replaced),
            connected = timeout(limits.connect_time, node.world().connect(self.address)) => {
                connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
            }
        };
        lock(&self.state).is_connected = true;
        let (reader, writer) = tokio::io::split(socket);
        tokio::select! {
            biased;
            result = self.write(node, writer) => result,
            result = self.discard_answers(reader) => result,
            result = self.silence(limits.peer_silence) => result,
            () = self.overdue(limits.connect_time) => Ok(End::Replaced),
        }
    }

    async fn write(
        self: &Arc<Self>,
        node: &Node,
        mut writer: impl AsyncWrite + Unpin,
    ) -> io::Result<End> {
        let mut batch = Vec::new();
        loop {
            {
                let mut state = lock(&self.state);
                let written = state.queue.take(&mut batch);
                self.accounts.waiting.fetch_sub(written, Ordering::Relaxed);
                if state.closed {
                    return Ok(End::Replaced);
                }
                if !batch.is_empty() {
                    state.unanswered.get_or_insert_with(Instant::now);
                }
            }
            if batch.is_empty() {
                self.quiet.notify_waiters();
                if !self.wait(node.limits().peer_idle).await && node.inner.peers.retire(self) {
                    return Ok(End::Idle);
                }
            } else {
                writer.write_all(&batch).await?;
                writer.flush().await?;
                batch.clear();
                self.accounts.writes.increment();
            }
        }
    }

    /// Reads answers and throws them away: that there are some is all that matters.
    async fn discard_answers(&self, mut reader: impl AsyncRead + Unpin) -> io::Result<End> {
        loop {
            // On the stack of one poll: thousands of quiet peers hold no memory for it.
            let read = poll_fn(|cx| {
                let mut answers = [MaybeUninit::uninit(); ANSWERS_BUFFER];
                let mut answers = ReadBuf::uninit(&mut answers);
                ready!(Pin::new(&mut reader).poll_read(cx, &mut answers))?;
                Poll::Ready(Ok::<_, io::Error>(answers.filled().len()))
            });
            if read.await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            lock(&self.state).unanswered = None;
        }
    }

    /// Ends when the peer has not answered for `limit`, though each message is (L8): the
    /// other end is gone, or the way to it, and TCP would not tell for many minutes.
    async fn silence(&self, limit: Duration) -> io::Result<End> {
        loop {
            let now = Instant::now();
            let until = lock(&self.state).unanswered.unwrap_or(now) + limit;
            if until <= now {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer does not answer",
                ));
            }
            sleep_until(until).await;
        }
    }

    /// Ends a while after another connection took its place: what was being written then
    /// may still be, if the peer reads.
    async fn overdue(&self, grace: Duration) {
        self.replaced.cancelled().await;
        sleep(grace).await;
    }

    pub(super) async fn flushed(&self) {
        loop {
            let quiet = self.quiet.notified();
            if lock(&self.state).queue.bytes() == 0 {
                return;
            }
            quiet.await;
        }
    }

    /// Waits for news. False when nothing has come for `idle`.
    async fn wait(&self, idle: Duration) -> bool {
        let deadline = Instant::now() + idle;
        loop {
            let news = self.news.notified();
            {
                let state = lock(&self.state);
                if !state.queue.is_empty() || state.closed {
                    return true;
                }
            }
            let now = Instant::now();
            if now >= deadline {
                return false;
            }
            let _ = timeout(deadline - now, news).await;
        }
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).queue.bytes()
    }

    pub(super) fn view(&self, now: Instant) -> PeerView {
        let state = lock(&self.state);
        let links = state.links.describe();
        PeerView {
            address: self.address,
            is_connected: state.is_connected,
            is_persistent: !links.is_empty(),
            links,
            age_ms: millis(now.saturating_duration_since(self.made)),
            messages_sent: state.queue.sent(),
            messages_dropped: state.queue.dropped(),
            waiting_messages: state.queue.messages(),
            waiting_bytes: state.queue.bytes(),
            is_full: state.queue.is_full(),
            unanswered_ms: state
                .unanswered
                .map(|since| millis(now.saturating_duration_since(since))),
        }
    }
}
