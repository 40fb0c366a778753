//! Lines straight to standard error, for small programs that live shortly: no thread, no
//! queue, nothing to set up.

use std::io::{self, Write as _};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Event, Metadata, Subscriber};

use super::layer::line;

/// Writes a line for each `tracing` event of this process but `debug!` and `trace!`, in the
/// thread that logs.
///
/// # Errors
///
/// When the process logs already.
pub fn to_stderr() -> Result<(), SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(Direct)
}

/// Knows no spans: nobody opens any.
struct Direct;

impl Subscriber for Direct {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= LevelFilter::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        // There is nowhere to tell that nobody can be told.
        let _ = io::stderr().write_all(line(event).text().as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
