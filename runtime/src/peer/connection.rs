//! One connection to a peer, from connecting to its end.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};

use runtime_core::libprocess::{self, Encoder};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::links::Links;
use super::queue::Queue;
use super::{Accounts, PeerView, millis, outbox};
use crate::http::answers::RARELY;
use crate::limits::Limits;
use crate::node::Node;
use crate::sync::lock;
use crate::threads::here;
use crate::wakes;
use crate::world::{Reader, Socket, Writer};

/// Bytes of answers read at once, to be thrown away: libprocess senders ignore them (L8).
const ANSWERS_BUFFER: usize = 4 << 10;
/// When so many bytes wait, they are written whatever else is about to come.
const ENOUGH: usize = 64 << 10;

/// One connection, and what waits for it.
pub(crate) struct Peer {
    pub(super) address: SocketAddr,
    made: Instant,
    accounts: Arc<Accounts>,
    state: Mutex<State>,
    /// Something waits, or the connection was closed.
    news: Notify,
    /// All that waited has been written, or will never be.
    quiet: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) encoder: Encoder,
    pub(super) links: Links,
    is_connected: bool,
    /// Where to write, while the connection's task has nothing to write.
    writer: Option<Writer>,
    /// The connection's task has been told of what waits, and has not looked yet. It leaves
    /// alone what it was not told of: more is about to come.
    is_told: bool,
    /// The thread that has it in its list of those to be written to, or told, when its actor's
    /// batch ends.
    later: Option<usize>,
    /// When something was last written.
    used: Option<Instant>,
    /// Since when the peer has left unanswered what it was sent.
    unanswered: Option<Instant>,
    fewer_answers: Fewer,
    /// No more will be taken.
    closed: bool,
}

/// Whether the peer answers each message, or now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Fewer {
    /// It has answered nothing yet.
    #[default]
    Unknown,
    /// It would, and is to be asked for it.
    Offered,
    /// It was asked for it.
    Asked,
    /// It answers each.
    Never,
}

impl State {
    /// Whether the next message shall ask for fewer answers.
    pub(super) fn asks_for_fewer_answers(&mut self) -> bool {
        let asks = self.fewer_answers == Fewer::Offered;
        if asks {
            self.fewer_answers = Fewer::Asked;
        }
        asks
    }

    fn was_answered(&mut self, answers: &[u8], limits: &Limits) {
        self.unanswered = None;
        if self.fewer_answers == Fewer::Unknown {
            // The answers are the sign of life.
            let is_enough = limits.peer_silence >= 2 * RARELY;
            self.fewer_answers = if is_enough && libprocess::offers_rarely(answers) {
                Fewer::Offered
            } else {
                Fewer::Never
            };
        }
    }

    fn is_being_used(&mut self) {
        let now = Instant::now();
        self.used = Some(now);
        self.unanswered.get_or_insert(now);
    }

    /// When time alone may change something: when the peer has been silent, or the
    /// connection idle, for too long.
    fn deadline(&self, now: Instant, limits: &Limits) -> Instant {
        let silence = self.unanswered.unwrap_or(now) + limits.peer_silence;
        let idle = self.used.unwrap_or(now) + limits.peer_idle;
        if idle > now {
            silence.min(idle)
        } else {
            // It is linked, or being written to: to be looked at again.
            silence.min(now + limits.peer_idle)
        }
    }
}

/// What the connection's task is writing.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// How many of them the socket has taken.
    done: usize,
}

impl Batch {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }
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
            left.links.tell_exited(task.address);
        });
        peer
    }

    /// Changes the state. What comes to wait is written by the actor that sends it, if that
    /// has little else to do, or by the connection's task.
    pub(super) fn change(self: &Arc<Self>, change: impl FnOnce(&mut State)) {
        let tells = {
            let mut state = lock(&self.state);
            change(&mut state);
            let waits = !state.is_told && !state.queue.is_empty();
            let is_later = waits && {
                let here = here();
                state.later == Some(here)
                    || (outbox::take(self) || wakes::tells_later(self)) && {
                        state.later = Some(here);
                        true
                    }
            };
            let tells = waits && (!is_later || state.queue.bytes() >= ENOUGH);
            state.is_told |= tells;
            tells
        };
        if tells {
            self.news.notify_one();
        }
    }

    /// Tells the connection's task of what waits, unless it has been told, or has written it.
    pub(crate) fn tell(&self) {
        let mut state = lock(&self.state);
        state.later = None;
        let tells = !state.is_told && !state.queue.is_empty();
        state.is_told |= tells;
        drop(state);
        if tells {
            self.news.notify_one();
        }
    }

    /// Writes what waits, on this thread. What the socket does not take at once is left to
    /// the connection's task.
    pub(super) fn write_at_once(&self) {
        let mut state = lock(&self.state);
        state.later = None;
        let State { queue, writer, .. } = &mut *state;
        let written = match (writer, queue.next()) {
            (Some(writer), Some(bytes)) => writer.try_write(bytes).unwrap_or(0),
            (None, _) => 0,
            (_, None) => return,
        };
        if written > 0 {
            queue.wrote(written);
            state.is_being_used();
            self.accounts.waiting.fetch_sub(written, Ordering::Relaxed);
            self.accounts.writes.increment();
        }
        let tells = !state.is_told && !state.queue.is_empty();
        state.is_told |= tells;
        drop(state);
        if tells {
            self.news.notify_one();
        } else {
            self.quiet.notify_waiters();
        }
    }

    /// Ends this connection for another one, which begins with what is returned.
    pub(super) fn replace(&self) -> State {
        let mut state = lock(&self.state);
        state.closed = true;
        let fresh = State {
            queue: state.queue.move_waiting(),
            // Whatever waits is written as soon as there is a connection.
            is_told: true,
            links: std::mem::take(&mut state.links),
            ..State::default()
        };
        drop(state);
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
        // Boxed, since thousands of connections are kept, and few are being made.
        let Some(socket) = Box::pin(self.connect(node)).await? else {
            return Ok(End::Replaced);
        };
        let (mut reader, writer) = socket.split();
        lock(&self.state).is_connected = true;
        let mut writer = Some(writer);
        self.carry(node, &mut reader, &mut writer).await
    }

    /// None if another connection took its place.
    async fn connect(&self, node: &Node) -> io::Result<Option<Socket>> {
        let limit = node.limits().connect_time;
        let mut connect = pin!(timeout(limit, node.world().connect(self.address)));
        loop {
            tokio::select! {
                biased;
                () = self.news.notified() => if lock(&self.state).closed {
                    return Ok(None);
                },
                connected = &mut connect => {
                    return connected
                        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
                        .map(Some);
                }
            }
        }
    }

    /// Writes what waits, and watches the answers, until the connection ends. One future
    /// with one timer: there are thousands.
    async fn carry(
        self: &Arc<Self>,
        node: &Node,
        reader: &mut Reader,
        writer: &mut Option<Writer>,
    ) -> io::Result<End> {
        let limits = node.limits();
        let mut batch = Batch::default();
        // Until when what was begun before another connection took its place may be written.
        let mut grace = None;
        let mut timer = pin!(sleep_until(
            lock(&self.state).deadline(Instant::now(), limits)
        ));
        loop {
            if batch.rest().is_empty() && !self.next(&mut batch, writer) {
                return Ok(End::Replaced);
            }
            tokio::select! {
                biased;
                written = write_some(writer, batch.rest()), if !batch.rest().is_empty() => {
                    batch.done += written?;
                    if batch.rest().is_empty() {
                        self.accounts.writes.increment();
                    }
                }
                read = self.read_answers(reader, limits) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                () = self.news.notified() => if grace.is_none() && lock(&self.state).closed {
                    let until = Instant::now() + limits.connect_time;
                    grace = Some(until);
                    timer.as_mut().reset(until);
                },
                () = &mut timer => {
                    let now = Instant::now();
                    if grace.is_some_and(|until| until <= now) {
                        return Ok(End::Replaced);
                    }
                    if self.is_silent(now, limits) {
                        return Err(io::Error::new(
                            io::ErrorKind::TimedOut,
                            "the peer does not answer",
                        ));
                    }
                    if self.is_unused(now, limits) && node.inner.peers.retire(self) {
                        return Ok(End::Idle);
                    }
                    let until = lock(&self.state).deadline(now, limits);
                    timer.as_mut().reset(grace.map_or(until, |grace| until.min(grace)));
                }
            }
        }
    }

    /// Gets what is to be written next; when there is nothing, leaves the writer to others.
    /// False when another connection took its place.
    fn next(&self, batch: &mut Batch, writer: &mut Option<Writer>) -> bool {
        batch.bytes.clear();
        batch.done = 0;
        let mut state = lock(&self.state);
        if writer.is_none() {
            *writer = state.writer.take();
        }
        let is_wanted = state.is_told || state.closed;
        // What waits behind something begun is not taken with it, nor told of again.
        state.is_told &= state.queue.has_begun();
        let written = state.queue.take(&mut batch.bytes, is_wanted);
        self.accounts.waiting.fetch_sub(written, Ordering::Relaxed);
        if !batch.bytes.is_empty() {
            state.is_being_used();
            return true;
        }
        if state.closed {
            return false;
        }
        state.writer = writer.take();
        drop(state);
        self.quiet.notify_waiters();
        true
    }

    /// Whether the peer has not answered for too long, though each message is (L8): the
    /// other end is gone, or the way to it, and TCP would not tell for many minutes.
    fn is_silent(&self, now: Instant, limits: &Limits) -> bool {
        let unanswered = lock(&self.state).unanswered;
        unanswered.is_some_and(|since| since + limits.peer_silence <= now)
    }

    /// Whether nothing has been written for long.
    fn is_unused(&self, now: Instant, limits: &Limits) -> bool {
        let used = lock(&self.state).used.unwrap_or(self.made);
        used + limits.peer_idle <= now
    }

    /// Reads answers and throws them away: that there are some is what matters, and of the
    /// first whether it offers fewer. How many bytes; 0 at the end. May be dropped and begun
    /// anew.
    async fn read_answers(&self, reader: &mut Reader, limits: &Limits) -> io::Result<usize> {
        poll_fn(|cx| {
            // On the stack of one poll: thousands of quiet peers hold no memory for it.
            let mut answers = [MaybeUninit::uninit(); ANSWERS_BUFFER];
            let mut answers = ReadBuf::uninit(&mut answers);
            ready!(Pin::new(&mut *reader).poll_read(cx, &mut answers))?;
            let answers = answers.filled();
            if !answers.is_empty() {
                lock(&self.state).was_answered(answers, limits);
            }
            Poll::Ready(Ok(answers.len()))
        })
        .await
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

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).queue.bytes()
    }

    pub(super) fn view(&self, now: Instant) -> PeerView {
        let state = lock(&self.state);
        let links = state.links.describe(self.address);
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
            answers_rarely: state.fewer_answers == Fewer::Asked,
            unanswered_ms: state
                .unanswered
                .map(|since| millis(now.saturating_duration_since(since))),
        }
    }
}

/// Writes what the socket takes. May be dropped and begun anew.
async fn write_some(writer: &mut Option<Writer>, bytes: &[u8]) -> io::Result<usize> {
    let Some(writer) = writer else {
        return Ok(0);
    };
    match poll_fn(|cx| writer.poll_write(cx, bytes)).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}
