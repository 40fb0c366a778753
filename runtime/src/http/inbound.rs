//! Messages of one connection on their way into mailboxes, and the answers to them (L8).

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime_core::libprocess::{self, Incoming, Peer};
use runtime_core::{ActorId, Pid};
use tokio::time::sleep;

use crate::coarse::Coarse;
use crate::drops::Reason;
use crate::hooks;
use crate::http::connection::{self, UNACCEPTABLE_SENDER};
use crate::mailbox::{self, Mailbox};
use crate::node::Node;
use crate::trace::{self, Mark};
use crate::world::Socket;

/// Memory that a thread keeps for its connections: at most so many bytes of answers …
const SPARE_BYTES: usize = 64 << 10;
/// … and room for so many messages.
const SPARE_MESSAGES: usize = 1024;
/// How often a full mailbox is looked at.
const GLANCE: Duration = Duration::from_millis(1);

thread_local! {
    /// What a connection needs while it handles what came. Between, it holds none of it:
    /// there are thousands, and most have little to say.
    static SPARE_ANSWERS: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static SPARE_READY: Cell<Vec<(Pid, mailbox::Incoming)>> = const { Cell::new(Vec::new()) };
}

/// See the module's text. Messages that one actor is sent in a row are put into its mailbox
/// together: one look into the directory, one lock, one wake.
pub(super) struct Inbound<'n> {
    node: &'n Node,
    peer: SocketAddr,
    answers: Vec<u8>,
    /// The last sender that said the name of its host, and the pid that this stands for, if
    /// acceptable.
    named: Option<Box<(Peer, Option<Pid>)>>,
    /// Whom the last message was for.
    receiver: Option<ActorId>,
    /// Messages for it that are not in its mailbox yet.
    ready: Vec<(Pid, mailbox::Incoming)>,
    /// Bytes of bodies that receivers may not have taken yet.
    untaken: usize,
}

impl<'n> Inbound<'n> {
    pub(super) fn new(node: &'n Node, peer: SocketAddr) -> Self {
        Self {
            node,
            peer,
            answers: Vec::new(),
            named: None,
            receiver: None,
            ready: Vec::new(),
            untaken: 0,
        }
    }

    /// Takes a message, unless the name of its sender's host must be looked up first.
    pub(super) fn take(
        &mut self,
        message: Result<Incoming, libprocess::Refusal>,
    ) -> Option<Box<Incoming>> {
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
        if self.receiver.as_ref() != Some(&message.to) {
            self.deliver();
            self.receiver = Some(message.to);
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
        self.answer(is_taken);
        self.receiver = Some(message.to);
    }

    fn answer(&mut self, is_taken: bool) {
        if self.answers.capacity() == 0 {
            self.answers = SPARE_ANSWERS.take();
        }
        if is_taken {
            self.answers.extend_from_slice(libprocess::ACCEPTED);
        } else {
            libprocess::answer(404, "", false, &mut self.answers);
        }
    }

    fn refuse(&mut self, status: u16, text: &str) {
        self.deliver();
        libprocess::answer(status, text, false, &mut self.answers);
    }

    /// Delivers what is ready.
    pub(super) fn deliver(&mut self) {
        let Some(receiver) = &self.receiver else {
            return;
        };
        let count = self.ready.len();
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
        for _ in 0..count {
            self.answer(is_taken);
        }
    }

    /// Delivers, and gives the answers that are not written yet.
    pub(super) fn answers(&mut self) -> Vec<u8> {
        self.deliver();
        std::mem::take(&mut self.answers)
    }

    /// Delivers, and writes the answers. False when the peer has gone, or does not read
    /// them.
    pub(super) async fn write(&mut self, socket: &mut Socket) -> bool {
        self.deliver();
        connection::write(self.node, socket, &mut self.answers).await
    }

    /// Gives its memory, which holds nothing, to the thread's other connections.
    pub(super) fn give_back(&mut self) {
        let (answers, ready) = (
            std::mem::take(&mut self.answers),
            std::mem::take(&mut self.ready),
        );
        if (1..=SPARE_BYTES).contains(&answers.capacity()) {
            SPARE_ANSWERS.set(answers);
        }
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
