//! One large answer for all who ask at the same time.
//!
//! The state of a large cluster takes a while and much memory to write. It is sent while it is
//! being written; those who ask meanwhile share what is written next, and what has not changed
//! is not written again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use master_core::Snapshot;
use master_core::views::Output;
use runtime::http::{PartsReader, PartsWriter, WeakParts};

use crate::actor::Published;

/// An answer up to this size is kept for whom comes later; of a larger one only what is still
/// to be sent.
const KEPT_MAX: usize = 32 << 20;

/// Takes an answer.
pub(crate) type Ask = Box<dyn FnOnce(PartsReader) + Send>;

/// The answers of one view.
#[derive(Default)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_writing: bool,
    /// Who gets what is written next: all of them asked before that is begun.
    waiting: Vec<Ask>,
    /// What the last answer was made from.
    snapshot: Weak<Snapshot>,
    last: Last,
}

/// The answer that was begun last.
#[derive(Default)]
enum Last {
    Kept(PartsReader),
    /// Only as long as it is at its beginning for somebody.
    Lent(WeakParts),
    #[default]
    None,
}

impl Last {
    fn get(&self) -> Option<PartsReader> {
        let body = match self {
            Self::Kept(body) => Some(body.clone()),
            Self::Lent(body) => body.upgrade(),
            Self::None => None,
        };
        body.filter(|body| !body.is_cut())
    }

    fn lend(&mut self) {
        if let Self::Kept(body) = self {
            *self = Self::Lent(body.downgrade());
        }
    }
}

impl Shared {
    /// Answers with what `write` makes of a snapshot that is no older than this question.
    /// Writes for as long as others ask meanwhile; for threads aside.
    pub(crate) fn answer(
        &self,
        published: &Published,
        ask: Ask,
        write: impl Fn(&Snapshot, &mut Output),
    ) {
        let mut state = self.lock();
        let is_new_enough = Weak::ptr_eq(&state.snapshot, &Arc::downgrade(&published.load_full()));
        if let Some(body) = state.last.get().filter(|_| is_new_enough) {
            drop(state);
            return ask(body);
        }
        state.waiting.push(ask);
        if state.is_writing {
            return;
        }
        state.is_writing = true;
        while !state.waiting.is_empty() {
            let asked = std::mem::take(&mut state.waiting);
            // The answer of before makes room first.
            state.last = Last::None;
            let snapshot = published.load_full();
            let (writer, body) = PartsWriter::new();
            state.snapshot = Arc::downgrade(&snapshot);
            state.last = Last::Kept(body.clone());
            drop(state);
            for ask in asked {
                ask(body.clone());
            }
            drop(body);
            Output::in_parts(self.keep(writer), |out| write(&snapshot, out));
            state = self.lock();
        }
        state.is_writing = false;
    }

    /// Takes the parts of an answer.
    fn keep(&self, mut writer: PartsWriter) -> impl FnMut(Vec<u8>) + use<> {
        let state = Arc::clone(&self.state);
        let mut length = 0;
        move |part| {
            let before = length;
            length += part.len();
            if before <= KEPT_MAX && length > KEPT_MAX {
                lock(&state).last.lend();
            }
            writer.write(part);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc;

    use arc_swap::ArcSwap;
    use master_core::{Config, Master, Time};
    use messages::v1;

    use super::*;

    fn snapshot() -> Snapshot {
        Master::new(
            v1::MasterInfo::default(),
            Config::default(),
            Time::default(),
        )
        .snapshot()
    }

    fn published() -> Published {
        Arc::new(ArcSwap::from_pointee(snapshot()))
    }

    fn ask() -> (Ask, mpsc::Receiver<PartsReader>) {
        let (sender, answer) = mpsc::channel();
        (Box::new(move |body| sender.send(body).unwrap()), answer)
    }

    /// The answer to somebody for whom `text` would be written.
    fn answer(shared: &Shared, published: &Published, text: &[u8]) -> PartsReader {
        let (ask, answer) = ask();
        shared.answer(published, ask, |_, out| out.extend_from_slice(text));
        answer.recv().unwrap()
    }

    fn length(shared: &Shared, published: &Published, text: &[u8]) -> Option<usize> {
        answer(shared, published, text).length()
    }

    #[test]
    fn what_has_not_changed_is_not_written_again() {
        let (published, shared) = (published(), Shared::default());
        assert_eq!(length(&shared, &published, b"one"), Some(3));
        assert_eq!(length(&shared, &published, b"again"), Some(3));
        published.store(Arc::new(snapshot()));
        assert_eq!(length(&shared, &published, b"again"), Some(5));
    }

    #[test]
    fn a_large_answer_is_forgotten_when_nobody_holds_it() {
        let (published, shared) = (published(), Shared::default());
        let large = vec![b'a'; KEPT_MAX + 1];
        let held = answer(&shared, &published, &large);
        assert_eq!(length(&shared, &published, b"again"), Some(large.len()));
        drop(held);
        assert_eq!(length(&shared, &published, b"again"), Some(5));
    }

    #[test]
    fn those_who_ask_meanwhile_share_one_answer() {
        let (published, shared) = (published(), Shared::default());
        let (first, first_answer) = ask();
        let others: Vec<_> = (0..8).map(|_| ask()).collect();
        let (others, answers): (Vec<_>, Vec<_>) = others.into_iter().unzip();
        let others = Cell::new(others);
        let written = Cell::new(0);
        shared.answer(&published, first, |_, out| {
            written.set(written.get() + 1);
            out.extend_from_slice(&vec![b'a'; written.get()]);
            // What is being written is too old for those who ask now.
            published.store(Arc::new(snapshot()));
            for other in others.take() {
                shared.answer(&published, other, |_, _| unreachable!());
            }
        });
        assert_eq!(written.get(), 2);
        assert_eq!(first_answer.recv().unwrap().length(), Some(1));
        for answer in answers {
            assert_eq!(answer.recv().unwrap().length(), Some(2));
        }
    }

    #[test]
    fn an_answer_is_read_while_it_is_written() {
        let (published, shared) = (published(), Shared::default());
        let (first, answer) = ask();
        shared.answer(&published, first, |_, out| {
            let body = answer.recv().unwrap();
            assert_eq!(body.length(), None);
            out.extend_from_slice(b"all");
        });
        assert_eq!(length(&shared, &published, b""), Some(3));
    }
}
