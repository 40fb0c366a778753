//! From `tracing` events to lines.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Severity;
use super::line::Line;
use super::queue::Queue;

/// Puts a line for each event into a queue: the message, then the other fields as
/// ` name=value`.
pub(super) struct GlogLayer {
    queue: Arc<Queue>,
}

impl GlogLayer {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

impl<S: Subscriber> Layer<S> for GlogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.queue.push(line(event));
    }
}

/// What is logged of an event, by the current thread and at this moment.
pub(super) fn line(event: &Event<'_>) -> Line {
    let metadata = event.metadata();
    let severity = match *metadata.level() {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        _ => Severity::Info,
    };
    let mut text = Text::default();
    event.record(&mut text);
    let message = text.message + &text.fields;
    let file = Path::new(metadata.file().unwrap_or("?"));
    let line = metadata.line().unwrap_or_default();
    Line::new(severity, SystemTime::now(), file, line, &message)
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            _ => self.record_debug(field, &value),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn events_become_lines_with_their_fields() {
        let queue = Arc::new(Queue::default());
        let subscriber = Registry::default().with(GlogLayer::new(Arc::clone(&queue)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(agent = "S1", count = 2, "lost {}", "it");
            tracing::debug!(why = %"reason");
        });
        let lines = queue.wait().lines;
        let texts: Vec<_> = lines
            .iter()
            .filter_map(|line| line.text().split_once("] "))
            .map(|(_, text)| text)
            .collect();
        assert_eq!(texts, ["lost it agent=\"S1\" count=2\n", " why=reason\n"]);
        assert_eq!(lines[0].severity(), Severity::Warning);
        assert_eq!(lines[1].severity(), Severity::Info);
        assert!(lines[0].text().contains(" layer.rs:"), "{:?}", lines[0]);
    }
}
