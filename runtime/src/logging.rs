//! Logging in glog's form, to standard error and to files (S40), with a verbosity that can
//! be raised for a time while the program runs (L38).
//!
//! Whoever logs only formats a line and puts it into a bounded queue; one thread of its
//! own writes. When it cannot keep up, lines are dropped and counted.

mod direct;
mod files;
mod flags;
mod layer;
mod line;
mod queue;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};
use std::{fmt, panic, thread};

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

pub use direct::to_stderr;
pub use flags::FLAGS;

use files::LogFiles;
use layer::GlogLayer;
use line::Line;
use queue::Queue;
use writer::Writer;

use crate::metrics::Metrics;

/// How long the end of the program waits for lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the writer rests after writing: to wake it for each line would cost those who log
/// more than the line.
const PAUSE: Duration = Duration::from_millis(5);

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; also all that is logged only with raised verbosity.
    Info,
    /// Something is odd but goes on.
    Warning,
    /// Something failed.
    Error,
    /// The program ends.
    Fatal,
}

impl Severity {
    /// The name, as `--logging_level` and file names spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a program logs, and what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program's name, with which its files begin.
    pub program: String,
    /// Where files go; none for no files.
    pub log_dir: Option<PathBuf>,
    /// Whether standard error is left alone.
    pub quiet: bool,
    /// Less grave lines are dropped.
    pub level: Severity,
    /// 0 for plain lines only, 1 for `debug!` too, more for `trace!` too.
    pub verbosity: u8,
}

/// Why logging cannot start.
#[derive(Debug, Error)]
pub enum LoggingError {
    /// `--logging_level` names no level.
    #[error(
        "'{0}' is not a valid logging level. Possible values for 'logging_level' flag are: \
         'INFO', 'WARNING', 'ERROR'."
    )]
    UnknownLevel(String),
    /// The flags of [`FLAGS`] are not in the program's table.
    #[error(transparent)]
    Flag(#[from] crate::flags::FlagError),
    /// The directory or a file in it cannot be made.
    #[error("Could not initialize logging: Failed to create files in '{path}': {error}")]
    Files {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The writer's thread cannot start.
    #[error("Could not initialize logging: Failed to start a thread: {0}")]
    Thread(io::Error),
    /// This process logs already.
    #[error("Could not initialize logging: it has been initialized already")]
    AlreadyStarted,
}

/// Why the verbosity cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ToggleError {
    /// The level is under the one that the program started with.
    #[error("'{0}' < original level.")]
    BelowStart(u8),
    /// The program does not log by this module.
    #[error("Logging is not initialized.")]
    NotStarted,
}

static CONTROL: OnceLock<Control> = OnceLock::new();

/// Keeps logging; when it goes, lines still waiting are written.
#[derive(Debug)]
#[must_use = "lines still waiting are written when this goes"]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        flush();
    }
}

/// Makes all `tracing` events of this process lines of its log, panics included.
pub fn start(settings: Settings) -> Result<Guard, LoggingError> {
    if CONTROL.get().is_some() {
        return Err(LoggingError::AlreadyStarted);
    }
    let files = match &settings.log_dir {
        None => None,
        Some(path) => {
            let files =
                LogFiles::create(path, &settings.program, settings.level, SystemTime::now())
                    .map_err(|error| LoggingError::Files {
                        path: path.clone(),
                        error,
                    })?;
            Some(files)
        }
    };
    let is_silent = settings.quiet && files.is_none();
    let threshold = if is_silent {
        Severity::Fatal
    } else {
        settings.level
    };
    let queue = Arc::new(Queue::default());
    let (filter, handle) = reload::Layer::new(level_filter(threshold, settings.verbosity));
    let subscriber = Registry::default()
        .with(filter)
        .with(GlogLayer::new(Arc::clone(&queue)));
    let links = settings.log_dir.map(|dir| (dir, settings.program));
    let control = Control {
        queue: Arc::clone(&queue),
        filter: handle,
        threshold,
        started_with: settings.verbosity,
        verbosity: AtomicU8::new(settings.verbosity),
        links,
    };
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| LoggingError::AlreadyStarted)?;
    CONTROL
        .set(control)
        .map_err(|_| LoggingError::AlreadyStarted)?;

    let error_stream = (!settings.quiet).then(|| Box::new(io::stderr()) as _);
    let writer = Writer::new(error_stream, files);
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&queue, writer))
        .map_err(LoggingError::Thread)?;
    log_panics();
    tracing::info!("{threshold} level logging started!");
    Ok(Guard(()))
}

/// The present verbosity; 0 if nothing was started.
pub fn verbosity() -> u8 {
    CONTROL
        .get()
        .map_or(0, |control| control.verbosity.load(Ordering::Relaxed))
}

/// Raises the verbosity; after `duration` it goes back to what it was at the start (L38).
pub fn toggle(level: u8, duration: Duration) -> Result<(), ToggleError> {
    CONTROL
        .get()
        .ok_or(ToggleError::NotStarted)?
        .toggle(level, duration)
}

/// Waits until all lines so far are written, at most two seconds. Call it before
/// `process::exit`, which drops no [`Guard`].
pub fn flush() {
    if let Some(control) = CONTROL.get() {
        control.queue.flush(FLUSH_TIMEOUT);
    }
}

/// How many lines were dropped because the writer could not keep up.
pub fn dropped() -> u64 {
    CONTROL.get().map_or(0, |control| control.queue.dropped())
}

/// Publishes [`dropped`] as `runtime/log_lines_dropped`.
pub(crate) fn publish(metrics: &Metrics) {
    metrics.pull_gauge("runtime/log_lines_dropped", || dropped() as f64);
}

/// The link to the file with all lines of at least this severity, if there are files.
pub fn file(severity: Severity) -> Option<PathBuf> {
    let (dir, program) = CONTROL.get()?.links.as_ref()?;
    Some(files::link(dir, program, severity))
}

/// What can be changed while the program runs.
struct Control {
    queue: Arc<Queue>,
    filter: reload::Handle<LevelFilter, Registry>,
    threshold: Severity,
    started_with: u8,
    verbosity: AtomicU8,
    links: Option<(PathBuf, String)>,
}

impl Control {
    fn toggle(&self, level: u8, duration: Duration) -> Result<(), ToggleError> {
        if level < self.started_with {
            return Err(ToggleError::BelowStart(level));
        }
        self.set(level);
        // A duration past the clock's end is one that never ends.
        let revert_at = Instant::now().checked_add(duration);
        self.queue
            .revert_at(revert_at.filter(|_| level != self.started_with));
        Ok(())
    }

    fn set(&self, level: u8) {
        self.verbosity.store(level, Ordering::Relaxed);
        // The filter only goes with the subscriber, and that never.
        let _ = self
            .filter
            .modify(|filter| *filter = level_filter(self.threshold, level));
    }
}

fn level_filter(threshold: Severity, verbosity: u8) -> LevelFilter {
    match (threshold, verbosity) {
        (Severity::Fatal, _) => LevelFilter::OFF,
        (Severity::Error, _) => LevelFilter::ERROR,
        (Severity::Warning, _) => LevelFilter::WARN,
        (Severity::Info, 0) => LevelFilter::INFO,
        (Severity::Info, 1) => LevelFilter::DEBUG,
        (Severity::Info, _) => LevelFilter::TRACE,
    }
}

fn write_lines(queue: &Queue, mut writer: Writer) {
    loop {
        let work = queue.wait();
        writer.write(&work.lines, work.dropped, SystemTime::now());
        queue.written(work.lines.len());
        if work.reverts
            && let Some(control) = CONTROL.get()
        {
            control.set(control.started_with);
        }
        thread::sleep(PAUSE);
    }
}

/// Puts a panic's message into the log before the process ends.
fn log_panics() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if let Some(control) = CONTROL.get() {
            let (file, line) = panic
                .location()
                .map_or(("?", 0), |at| (at.file(), at.line()));
            let text = panic.payload_as_str().unwrap_or("unknown panic");
            let file = Path::new(file);
            control.queue.push(Line::new(
                Severity::Fatal,
                SystemTime::now(),
                file,
                line,
                text,
            ));
            flush();
        }
        previous(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verbosity_is_raised_and_reverts() {
        let queue = Arc::new(Queue::default());
        let (filter, handle) = reload::Layer::new(level_filter(Severity::Info, 0));
        let control = Control {
            queue: Arc::clone(&queue),
            filter: handle,
            threshold: Severity::Info,
            started_with: 0,
            verbosity: AtomicU8::new(0),
            links: None,
        };
        let layer = GlogLayer::new(Arc::clone(&queue));
        let subscriber = Registry::default().with(filter).with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("one");
            control.toggle(1, Duration::ZERO).unwrap();
            tracing::debug!("two");
            tracing::trace!("three");
            let work = queue.wait();
            let texts: Vec<_> = work.lines.iter().map(Line::text).collect();
            assert_eq!(texts.len(), 1, "{texts:?}");
            assert!(texts[0].ends_with("] two\n"), "{texts:?}");
            assert!(work.reverts || queue.wait().reverts);
            control.set(0);
            tracing::debug!("four");
            tracing::info!("five");
            let work = queue.wait();
            assert_eq!(work.lines.len(), 1);
        });
    }

    #[test]
    fn a_level_under_the_first_is_refused() {
        let (_filter, handle) = reload::Layer::new(LevelFilter::OFF);
        let control = Control {
            queue: Arc::default(),
            filter: handle,
            threshold: Severity::Info,
            started_with: 2,
            verbosity: AtomicU8::new(2),
            links: None,
        };
        let error = control.toggle(1, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "'1' < original level.");
    }

    #[test]
    fn the_threshold_stands_over_the_verbosity() {
        assert_eq!(level_filter(Severity::Warning, 3), LevelFilter::WARN);
        assert_eq!(level_filter(Severity::Info, 3), LevelFilter::TRACE);
        assert_eq!(level_filter(Severity::Fatal, 0), LevelFilter::OFF);
    }
}
