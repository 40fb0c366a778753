//! One large answer for all who ask at the same time.
//!
//! The state of a large cluster takes a while and much memory to write. Those who ask
//! while it is being written share what is written next, and what has not changed is not
//! written again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use master_core::Snapshot;

use crate::actor::Published;

/// An answer up to this size is kept for whom comes later; a larger one only as long as
/// it is being sent.
const KEPT_MAX: usize = 32 << 20;

/// The answers of one view.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// How many have asked so far.
    arrivals: AtomicU64,
    last: Mutex<Last>,
}

/// The answer that was written last.
#[derive(Debug, Default)]
struct Last {
    /// How many had asked when it was begun: to all of them it is new enough.
    begun: u64,
    /// What it was made from.
    snapshot: Weak<Snapshot>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Kept(Arc<Vec<u8>>),
    /// Only as long as somebody else holds it.
    Lent(Weak<Vec<u8>>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Lent(Weak::new())
    }
}

impl Body {
    fn of(body: &Arc<Vec<u8>>) -> Self {
        if body.len() <= KEPT_MAX {
            Self::Kept(Arc::clone(body))
        } else {
            Self::Lent(Arc::downgrade(body))
        }
    }

    fn get(&self) -> Option<Arc<Vec<u8>>> {
        match self {
            Self::Kept(body) => Some(Arc::clone(body)),
            Self::Lent(body) => body.upgrade(),
        }
    }
}

impl Shared {
    /// The answer that `write` makes of a snapshot which is no older than this question.
    /// Waits for whoever is writing; for threads aside.
    pub(crate) fn answer(
        &self,
        published: &Published,
        write: impl FnOnce(&Snapshot) -> Vec<u8>,
    ) -> Bytes {
        let arrived = self.arrivals.fetch_add(1, Ordering::AcqRel);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = published.load_full();
        let is_new_enough =
            last.begun > arrived || Weak::ptr_eq(&last.snapshot, &Arc::downgrade(&snapshot));
        if let Some(body) = last.body.get().filter(|_| is_new_enough) {
            return bytes(body);
        }
        // The answer of before makes room first.
        *last = Last::default();
        let begun = self.arrivals.load(Ordering::Acquire);
        let body = Arc::new(write(&snapshot));
        *last = Last {
            begun,
            snapshot: Arc::downgrade(&snapshot),
            body: Body::of(&body),
        };
        bytes(body)
    }
}

fn bytes(body: Arc<Vec<u8>>) -> Bytes {
    struct Owner(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Owner(body))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

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

    #[test]
    fn what_has_not_changed_is_not_written_again() {
        let published: Published = Arc::new(ArcSwap::from_pointee(snapshot()));
        let shared = Shared::default();
        assert_eq!(shared.answer(&published, |_| b"one".to_vec()), "one");
        assert_eq!(shared.answer(&published, |_| b"two".to_vec()), "one");
        published.store(Arc::new(snapshot()));
        assert_eq!(shared.answer(&published, |_| b"three".to_vec()), "three");
    }

    #[test]
    fn a_large_answer_is_forgotten_when_nobody_holds_it() {
        let published: Published = Arc::new(ArcSwap::from_pointee(snapshot()));
        let shared = Shared::default();
        let held = shared.answer(&published, |_| vec![b'a'; KEPT_MAX + 1]);
        let again = shared.answer(&published, |_| Vec::new());
        assert_eq!(again.as_ptr(), held.as_ptr());
        drop((held, again));
        assert!(shared.answer(&published, |_| Vec::new()).is_empty());
    }

    #[test]
    fn those_who_wait_share_one_answer() {
        let published: Published = Arc::new(ArcSwap::from_pointee(snapshot()));
        let shared = Shared::default();
        let written = AtomicUsize::new(0);
        let others = 8;
        let started = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                shared.answer(&published, |_| {
                    written.fetch_add(1, Ordering::Relaxed);
                    started.wait();
                    // Until all the others have asked, and wait.
                    while shared.arrivals.load(Ordering::Acquire) <= others {
                        thread::yield_now();
                    }
                    // The state changes meanwhile: this answer is too old for them.
                    published.store(Arc::new(snapshot()));
                    Vec::new()
                });
            });
            started.wait();
            for _ in 0..others {
                scope.spawn(|| {
                    shared.answer(&published, |_| {
                        written.fetch_add(1, Ordering::Relaxed);
                        published.store(Arc::new(snapshot()));
                        vec![b'a'; 10]
                    })
                });
            }
        });
        assert_eq!(written.load(Ordering::Relaxed), 2);
    }
}
