//! Writing lines to standard error and to files.

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use super::Severity;
use super::files::LogFiles;
use super::line::Line;

/// Where lines go.
pub(super) struct Writer {
    error_stream: Option<Box<dyn Write + Send>>,
    files: Option<LogFiles>,
}

impl Writer {
    pub(super) fn new(
        error_stream: Option<Box<dyn Write + Send>>,
        files: Option<LogFiles>,
    ) -> Self {
        Self {
            error_stream,
            files,
        }
    }

    /// Writes lines everywhere, and before them how many were dropped. What cannot be
    /// written is lost: the log must not stop the program, and has nobody to tell.
    pub(super) fn write(&mut self, lines: &[Line], dropped: u64, now: SystemTime) {
        let note = (dropped > 0).then(|| {
            let text = format!("{dropped} log lines were dropped: writing could not keep up");
            Line::new(Severity::Warning, now, Path::new(file!()), line!(), &text)
        });
        let lines_of = |severity: Severity| -> String {
            let lines = note.iter().chain(lines);
            lines
                .filter(|line| line.severity() >= severity)
                .map(Line::text)
                .collect()
        };
        if let Some(stream) = &mut self.error_stream {
            let _ = stream.write_all(lines_of(Severity::Info).as_bytes());
        }
        if let Some(files) = &mut self.files {
            let _ = files.append(lines_of, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::UNIX_EPOCH;

    use super::super::files::link;
    use super::*;
    use crate::sync::lock;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            lock(&self.0).write(data)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_go_everywhere_by_their_severity() {
        let dir = tempfile::tempdir().unwrap();
        let files = LogFiles::create(dir.path(), "x", Severity::Info, UNIX_EPOCH).unwrap();
        let sink = Sink::default();
        let mut writer = Writer::new(Some(Box::new(sink.clone())), Some(files));
        let line = |severity, text| Line::new(severity, UNIX_EPOCH, Path::new("a.rs"), 1, text);
        let lines = [line(Severity::Info, "one"), line(Severity::Error, "two")];
        writer.write(&lines, 3, UNIX_EPOCH);
        let texts = |text: &str| -> Vec<String> {
            text.lines()
                .filter_map(|line| line.split_once("] "))
                .map(|(_, text)| text.to_owned())
                .filter(|text| text != "msg")
                .collect()
        };
        let note = "3 log lines were dropped: writing could not keep up";
        let stream = String::from_utf8(lock(&sink.0).clone()).unwrap();
        assert_eq!(texts(&stream), [note, "one", "two"]);
        let file = |severity| texts(&fs::read_to_string(link(dir.path(), "x", severity)).unwrap());
        assert_eq!(file(Severity::Info), [note, "one", "two"]);
        assert_eq!(file(Severity::Warning), [note, "two"]);
        assert_eq!(file(Severity::Error), ["two"]);
    }
}
