//! What an actor is, and the declaration of what it receives.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use runtime_core::{DecodeError, Message, Pid};

use crate::context::Context;
use crate::hooks::Hooks;
use crate::http::{Help, Request, Responder};
use crate::mailbox::Incoming;

/// A deterministic state machine that receives one event at a time (L19). It meets the
/// world only through its [`Context`]: no clock, socket, thread, file, environment
/// variable or random number of its own.
pub trait Actor: Send + Sized + 'static {
    /// What kind of actor this is, for people: shown by introspection.
    const KIND: &'static str;

    /// Declares the messages and HTTP endpoints that the actor takes. The declaration is
    /// also its entry in `/help` and `/__processes__`.
    fn declare(declaration: &mut Declaration<Self>);

    /// Runs before the first event (L21).
    fn initialize(&mut self, _context: &mut Context<'_, Self>) {}

    /// Runs when the mailbox has been drained: the place for what is worth doing once
    /// for many events, such as publishing a snapshot.
    fn flush(&mut self, _context: &mut Context<'_, Self>) {}

    /// A linked actor is gone, or the connection to its node broke (L13).
    fn exited(&mut self, _peer: &Pid, _context: &mut Context<'_, Self>) {}

    /// Runs after the last event (L21).
    fn finalize(&mut self, _context: &mut Context<'_, Self>) {}
}

/// A [`TypeId`] is a hash already.
#[derive(Default)]
pub(crate) struct TypeIdHasher(u64);

/// Hashes type ids as the keys of a table.
pub(crate) type ByTypeId = BuildHasherDefault<TypeIdHasher>;

impl Hasher for TypeIdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut number = [0; 8];
            number
                .iter_mut()
                .zip(part)
                .for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_ne_bytes(number));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 ^= number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type MessageHandler<A> = Box<
    dyn Fn(&mut A, &Pid, Incoming, &mut Context<'_, A>) -> Result<(), DecodeError> + Send + Sync,
>;
type EndpointHandler<A> = fn(&mut A, Request, Responder, &mut Context<'_, A>);

pub(crate) struct MessageEntry<A: Actor> {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) handle: MessageHandler<A>,
}

pub(crate) struct EndpointEntry<A: Actor> {
    pub(crate) path: &'static str,
    pub(crate) help: Help,
    pub(crate) handle: EndpointHandler<A>,
}

/// Everything that a type of actor receives, filled once per type by [`Actor::declare`].
pub struct Declaration<A: Actor> {
    pub(crate) messages: Vec<MessageEntry<A>>,
    pub(crate) endpoints: Vec<EndpointEntry<A>>,
    hooks: Arc<Hooks>,
    by_name: BTreeMap<&'static str, usize>,
    by_type: HashMap<TypeId, usize, ByTypeId>,
}

impl<A: Actor> Declaration<A> {
    pub(crate) fn of(hooks: Arc<Hooks>) -> Arc<Self> {
        let mut declaration = Self {
            messages: Vec::new(),
            endpoints: Vec::new(),
            hooks,
            by_name: BTreeMap::new(),
            by_type: HashMap::default(),
        };
        A::declare(&mut declaration);
        Arc::new(declaration)
    }

    /// Takes messages of type `M` under their own wire name. `help` is a sentence for
    /// the reader of `/help`.
    pub fn on<M: Message>(
        &mut self,
        help: &'static str,
        handler: fn(&mut A, &Pid, M, &mut Context<'_, A>),
    ) -> &mut Self {
        self.on_named(M::NAME, help, handler)
    }

    /// Takes messages of type `M` under another wire name (an old spelling of it, say).
    /// A name declared again replaces the former handler.
    pub fn on_named<M: Message>(
        &mut self,
        name: &'static str,
        help: &'static str,
        handler: fn(&mut A, &Pid, M, &mut Context<'_, A>),
    ) -> &mut Self {
        let index = self.messages.len();
        self.messages.push(MessageEntry {
            name,
            help,
            handle: Box::new(move |actor, from, incoming, context| {
                handler(actor, from, incoming.take::<M>()?, context);
                Ok(())
            }),
        });
        self.by_name.insert(name, index);
        self.by_type.entry(TypeId::of::<M>()).or_insert(index);
        self
    }

    /// Answers HTTP requests below `/<actor id>/<path>`; the longest declared path wins
    /// (L29). The handler answers now or keeps the responder.
    pub fn endpoint(
        &mut self,
        path: &'static str,
        help: Help,
        handler: EndpointHandler<A>,
    ) -> &mut Self {
        self.endpoints.push(EndpointEntry {
            path,
            help,
            handle: handler,
        });
        self
    }

    pub(crate) fn entry(&self, incoming: &Incoming) -> Option<(usize, &MessageEntry<A>)> {
        let index = match incoming {
            Incoming::Local { kind, .. } => self.by_type.get(&kind.type_id),
            Incoming::Wire(wire) => self.by_name.get(&*wire.name),
        };
        index.and_then(|&index| self.messages.get(index).map(|entry| (index, entry)))
    }
}

/// What introspection needs of a declaration, whatever the actor's type.
pub(crate) trait Declared: Send + Sync {
    fn kind(&self) -> &'static str;
    /// The hooks of the node that the declaration belongs to.
    fn hooks(&self) -> &Hooks;
    fn message_names(&self) -> Vec<(&'static str, &'static str)>;
    fn endpoint_helps(&self) -> Vec<(&'static str, &Help)>;
    /// The endpoint whose path is the longest prefix of `path`: its index and the prefix'
    /// length.
    fn find_endpoint(&self, path: &str) -> Option<(usize, usize)>;
}

impl<A: Actor> Declared for Declaration<A> {
    fn kind(&self) -> &'static str {
        A::KIND
    }

    fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    fn message_names(&self) -> Vec<(&'static str, &'static str)> {
        self.messages
            .iter()
            .map(|entry| (entry.name, entry.help))
            .collect()
    }

    fn endpoint_helps(&self) -> Vec<(&'static str, &Help)> {
        self.endpoints
            .iter()
            .map(|entry| (entry.path, &entry.help))
            .collect()
    }

    fn find_endpoint(&self, path: &str) -> Option<(usize, usize)> {
        self.endpoints
            .iter()
            .enumerate()
            .filter(|(_, entry)| is_path_prefix(entry.path, path))
            .map(|(index, entry)| (index, entry.path.len()))
            .max_by_key(|(_, length)| *length)
    }
}

/// Whether `prefix` is `path` or one of its parents, by whole path tokens. The empty
/// prefix is only the empty path, so that a page at `/` does not answer for all.
pub(crate) fn is_path_prefix(prefix: &str, path: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || (rest.starts_with('/') && !prefix.is_empty()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_path_prefix;

    #[test]
    fn prefixes_are_of_whole_tokens() {
        assert!(is_path_prefix("api/v1", "api/v1/scheduler"));
        assert!(is_path_prefix("state", "state"));
        assert!(is_path_prefix("", ""));
        assert!(!is_path_prefix("", "anything"));
        assert!(!is_path_prefix("state", "state-summary"));
        assert!(!is_path_prefix("state/x", "state"));
    }
}
