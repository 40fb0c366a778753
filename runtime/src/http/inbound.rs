//! Messages of one connection on their way into mailboxes, and the answers to them (L8).

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime_core::libprocess::{Answering, Incoming, Peer, Refusal};
use runtime_core::{ActorId, Pid};
use tokio::time::sleep;

use crate::coarse::Coarse;
use crate::drops::Reason;
use crate::hooks;
use crate::http::answers::{Answers, Tickers};
use crate::http::connection::{self, UNACCEPTABLE_SENDER};
use crate::mailbox::{self, Mailbox};
use crate::node::Node;
use crate::trace::{self, Mark};
use crate::world::Socket;

/// Room for so many messages is kept by a thread for its connections, at most.
const SPARE_MESSAGES: usize = 1024;
/// How often a full mailbox is looked at.
const GLANCE: Duration = Duration::from_millis(1);

thread_local! {
    /// What a connection needs while it handles what came. Between, it holds none of it:
    /// there are thousands, and most have little to say.
    static SPARE_READY: Cell<Vec<(Pid, mailbox::Incoming)>> = const { Cell::new(Vec::new()) };
}

/// See the module's text. Messages that one actor is sent in a row are put into its mailbox
/// together: one look into the directory, one lock, one wake.
pub(super) struct Inbound<'n> {
    node: &'n Node,
    peer: SocketAddr,
    answers: Answers,
    /// The last sender that said the name of its host, and the pid that this stands for, if
    /// acceptable.
    named: Option<Box<(Peer, Option<Pid>)>>,
    /// Whom the last message was for.
    receiver: Option<ActorId>,
    /// Messages for it that are not in its mailbox yet …
    ready: Vec<(Pid, mailbox::Incoming)>,
    /// … and how soon the senders of all of these need the answer.
    answering: Answering,
    /// Bytes of bodies that receivers may not have taken yet.
    untaken: usize,
}

impl<'n> Inbound<'n> {
    /// For a connection that nothing has been read from, unless `is_known`.
    pub(super) fn new(node: &'n Node, peer: SocketAddr, tickers: &Tickers, is_known: bool) -> Self {
        Self {
            node,
            peer,
            answers: Answers::new(tickers, is_known),
            named: None,
            receiver: None,
            ready: Vec::new(),
            answering: Answering::AtOnce,
            untaken: 0,
        }
    }

    /// Takes a message, unless the name of its sender's host must be looked up first.
    pub(super) fn take(&mut self, message: Result<Incoming, Refusal>) -> Option<Box<Incoming>> {
        let message = match message {
            Ok(message) => message,
            Err(refusal) => {
                self.refuse(refusal.status(), &refusal.to_string());
                return None;
            }
        };
        let from = match (&message.from, &self.named) {
            (Peer::Resolved(pid), _) => {
                connection::acceptable(self.node, pid.clone(), Some(self.peer))
            }
            (named, Some(known)) if known.0 == *named => known.1.clone(),
            _ => return Some(Box::new(message)),
        };
        self.put(from, message);
        None
    }

    /// Looks up the name of its sender's host, which takes long, and takes the message.
    pub(super) async fn look_up(&mut self, message: Box<Incoming>) {
        self.deliver();
        let from = connection::sender(self.node, &message.from, Some(self.peer)).await;
        self.named = Some(Box::new((message.from.clone(), from.clone())));
        self.put(from, *message);
    }

    fn put(&mut self, from: Option<Pid>, message: Incoming) {
        let Some(from) = from else {
            return self.refuse(400, UNACCEPTABLE_SENDER);
        };
        self.untaken = self.untaken.saturating_add(message.body.len());
        if hooks::any() {
            self.deliver();
            self.follow(from, message);
            return;
        }
        if self.answering != message.answering || self.receiver.as_ref() != Some(&message.to) {
            self.deliver();
            self.receiver = Some(message.to);
            self.answering = message.answering;
        }
        let incoming = mailbox::Incoming::wire(message.name, message.codec, message.body);
        if self.ready.capacity() == 0 {
            self.ready = SPARE_READY.take();
        }
        self.ready.push((from, incoming));
    }

    /// Delivers a message by itself, since a trace may follow it.
    fn follow(&mut self, from: Pid, message: Incoming) {
        let mark = message.traceparent.as_deref().and_then(Mark::parse);
        let is_taken = trace::within(mark, || {
            self.node
                .deliver(from, &message.to, message.name, message.codec, message.body)
        });
        self.answers.add(1, is_taken, message.answering);
        self.receiver = Some(message.to);
    }

    fn refuse(&mut self, status: u16, text: &str) {
        self.deliver();
        self.answers.refuse(status, text);
    }

    /// Delivers what is ready.
    pub(super) fn deliver(&mut self) {
        let Some(receiver) = &self.receiver else {
            return;
        };
        let count = self.ready.len();
        if count == 0 {
            return;
        }
        let is_taken = match self.node.local(receiver.as_str()) {
            Some(mailbox) => mailbox.push_messages(self.ready.drain(..)),
            None => {
                for (from, message) in &self.ready {
                    let reason = Reason::NoSuchActor;
                    self.node
                        .dropped(receiver.as_str(), message.name(), from, reason);
                }
                false
            }
        };
        self.ready.clear();
        self.answers.add(count, is_taken, self.answering);
    }

    /// Delivers, and gives the answers that are not written yet.
    pub(super) fn answers(&mut self) -> Vec<u8> {
        self.deliver();
        self.answers.take_all()
    }

    /// Delivers. True if there are answers now that must not wait.
    pub(super) fn is_to_write(&mut self) -> bool {
        self.deliver();
        self.answers.are_due()
    }

    /// Whether the system should tell the peer that its messages came, since no answer does.
    pub(super) fn lets_wait(&self) -> bool {
        self.answers.lets_wait()
    }

    /// Delivers, and writes all answers. False when the peer has gone, or does not read them.
    pub(super) async fn write(&mut self, socket: &mut Socket) -> bool {
        self.deliver();
        self.answers.gather();
        connection::write(self.node, socket, self.answers.bytes()).await
    }

    /// Ready when answers have waited for long enough. To be polled by one task only.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.answers.poll_due(cx)
    }

    /// Gives its memory, which holds nothing, to the thread's other connections.
    pub(super) fn give_back(&mut self) {
        self.answers.give_back();
        let ready = std::mem::take(&mut self.ready);
        if (1..=SPARE_MESSAGES).contains(&ready.capacity()) {
            SPARE_READY.set(ready);
        }
    }

    /// Whether the last receiver lives on the node's home thread.
    pub(super) fn is_for_home(&self) -> bool {
        let receiver = self.receiver.as_ref();
        let mailbox = receiver.and_then(|id| self.node.local(id.as_str()));
        mailbox.is_some_and(|mailbox| mailbox.is_at_home())
    }

    /// The last receiver, if it has so much to do that more must not be read.
    pub(super) fn overloaded(&mut self) -> Option<Arc<Mailbox>> {
        let receiver = self.receiver.take();
        let Some(mailbox) = receiver.and_then(|id| self.node.local(id.as_str())) else {
            self.untaken = 0;
            return None;
        };
        if mailbox.depth() == 0 {
            self.untaken = 0;
        }
        self.is_too_much(&mailbox).then_some(mailbox)
    }

    fn is_too_much(&self, receiver: &Mailbox) -> bool {
        let limits = self.node.limits();
        receiver.depth() > limits.mailbox || self.untaken > limits.untaken
    }

    /// Waits while it has.
    pub(super) async fn wait_for(&mut self, receiver: Arc<Mailbox>) {
        self.node.inner.slow_clients.held_back.increment();
        let began = Coarse::now();
        loop {
            sleep(GLANCE).await;
            let (_, since) = receiver.depth_and_since();
            if since.is_none_or(|since| since > began) {
                // All that had come when this began has been taken.
                self.untaken = 0;
            }
            if !self.is_too_much(&receiver) {
                return;
            }
        }
    }
}
