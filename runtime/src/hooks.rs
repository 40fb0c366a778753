//! What may step between the sending of a message and its handling: a trace and a filter.
//! While no node of the process has one, all that a message pays is one relaxed load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::filter::MessageFilter;
use crate::trace::Tracer;

/// How many traces and filters there are in this process.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// Whether any node of this process traces or filters.
#[inline]
pub(crate) fn any() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0
}

/// Counts as active until it is dropped.
#[derive(Debug)]
pub(crate) struct Active(());

impl Active {
    pub(crate) fn new() -> Self {
        ACTIVE.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The hooks of one node.
pub(crate) struct Hooks {
    pub(crate) tracer: Tracer,
    pub(crate) filter: Option<Arc<dyn MessageFilter>>,
    _active: Option<Active>,
}

impl Hooks {
    pub(crate) fn new(tracer: Tracer, filter: Option<Arc<dyn MessageFilter>>) -> Arc<Self> {
        Arc::new(Self {
            tracer,
            _active: filter.is_some().then(Active::new),
            filter,
        })
    }
}
