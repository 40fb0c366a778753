//! Messages on their way from an actor of a node.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use runtime_core::{ActorId, Codec, Message, Pid};

use super::Node;
use crate::drops::Reason;
use crate::filter::{Mail, MessageFilter};
use crate::hooks;
use crate::mailbox::Incoming;
use crate::trace;

/// Room for the body of a message that a thread keeps, at most.
const SPARE_BYTES: usize = 64 << 10;

thread_local! {
    /// Where bodies are encoded, to be copied behind what else waits for the peer.
    static SPARE_BODY: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Node {
    /// Sends a message as actor `from` would (L11).
    pub fn send<M: Message>(&self, from: &Pid, to: &Pid, message: M) {
        match &self.inner.hooks.filter {
            Some(filter) if hooks::any() => self.send_filtered(&**filter, from, to, message),
            _ => self.post(from, to, message),
        }
    }

    fn send_filtered<M: Message>(
        &self,
        filter: &dyn MessageFilter,
        from: &Pid,
        to: &Pid,
        mut message: M,
    ) {
        let name = M::NAME;
        let mail = Mail {
            node: self,
            from,
            to,
            name,
        };
        if !filter.passes(&mail, &mut message) {
            return;
        }
        let delay = filter.delay(&mail);
        if delay.is_zero() {
            self.post(from, to, message);
            return;
        }
        let (node, from, to) = (self.clone(), from.clone(), to.clone());
        tokio::task::spawn_local(async move {
            tokio::time::sleep(delay).await;
            node.post(&from, &to, message);
        });
    }

    /// Sends a message past the [`MessageFilter`](crate::MessageFilter), if there is one.
    pub fn send_unfiltered<M: Message>(&self, from: &Pid, to: &Pid, message: M) {
        self.post(from, to, message);
    }

    fn post<M: Message>(&self, from: &Pid, to: &Pid, message: M) {
        if to.address == self.inner.address && !self.inner.force_codecs {
            match self.local(to.id.as_str()) {
                Some(mailbox) => {
                    mailbox.push_message(from, Incoming::local(message));
                }
                None => self.dropped(to.id.as_str(), M::NAME, from, Reason::NoSuchActor),
            }
            return;
        }
        let mut body = SPARE_BODY.take();
        match message.encode(M::CODEC, &mut body) {
            Ok(()) => self.send_encoded(from, to, M::NAME, M::CODEC, &body),
            Err(error) => {
                tracing::warn!(%from, %to, name = M::NAME, %error, "a message could not be encoded");
            }
        }
        if body.capacity() <= SPARE_BYTES {
            body.clear();
            SPARE_BODY.set(body);
        }
    }

    /// Sends a body that is encoded already.
    pub fn send_encoded(&self, from: &Pid, to: &Pid, name: &str, codec: Codec, body: &[u8]) {
        if to.address == self.inner.address {
            self.deliver(
                from.clone(),
                &to.id,
                name.into(),
                codec,
                bytes::Bytes::copy_from_slice(body),
            );
        } else if hooks::any() {
            self.send_hooked(from, to, name, codec, body);
        } else {
            self.inner
                .peers
                .send(self, from, to, name, codec, body, None);
        }
    }

    /// Sends to another node by way of this one's trace.
    fn send_hooked(&self, from: &Pid, to: &Pid, name: &str, codec: Codec, body: &[u8]) {
        let tracer = &self.inner.hooks.tracer;
        let mark = tracer.mark(name, Some(from.id.as_str()), to.id.as_str());
        let mark = mark.map(|mark| {
            let here = tracer.below(mark);
            let mut event = trace::event(self, "MESSAGE", to.to_string(), name.to_owned());
            event.from = Some(from.to_string());
            event.outcome = "sent".to_owned();
            tracer.record(mark, here, event);
            here
        });
        self.inner
            .peers
            .send(self, from, to, name, codec, body, mark);
    }

    /// Notes a message that is not handled.
    pub(crate) fn dropped(&self, to: &str, name: &str, from: &Pid, reason: Reason) {
        let now = self.world().wall_time();
        self.inner.drops.note(now, to, name, from, reason);
    }

    /// Puts a message from the wire into an actor's mailbox. False when there is none.
    pub(crate) fn deliver(
        &self,
        from: Pid,
        id: &ActorId,
        name: Arc<str>,
        codec: Codec,
        body: bytes::Bytes,
    ) -> bool {
        let Some(mailbox) = self.local(id.as_str()) else {
            self.dropped(id.as_str(), &name, &from, Reason::NoSuchActor);
            return false;
        };
        mailbox.push_message(&from, Incoming::wire(name, codec, body))
    }

    /// Waits until the messages sent so far have left for their peers, for `limit` at most:
    /// before a process ends that has said something last.
    pub async fn flush(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.inner.peers.flush()).await;
    }
}
