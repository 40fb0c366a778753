//! Log files named as glog names them: one per severity, each with all graver lines too,
//! and a link to the present one.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, process};

use super::Severity;
use super::line::Moment;

/// A file that would grow over this many bytes is followed by a new one.
const FILE_BYTES: u64 = 64 << 20;

/// How many files of one severity a process keeps; older ones of its own are removed.
const FILES_KEPT: usize = 10;

/// How many files may be begun within one second.
const SAME_SECOND: u32 = 100;

/// The files of one process.
#[derive(Debug)]
pub(super) struct LogFiles {
    names: Names,
    files: Vec<LogFile>,
}

#[derive(Debug)]
struct Names {
    dir: PathBuf,
    program: String,
    host: String,
    user: String,
}

#[derive(Debug)]
struct LogFile {
    severity: Severity,
    file: File,
    size: u64,
    size_max: u64,
    /// The paths begun, oldest first, the present one last.
    paths: VecDeque<PathBuf>,
}

/// The link to a program's present file of a severity.
pub(super) fn link(dir: &Path, program: &str, severity: Severity) -> PathBuf {
    dir.join(format!("{program}.{severity}"))
}

impl LogFiles {
    /// Makes the directory, and files for all severities from `level` on.
    pub(super) fn create(
        dir: &Path,
        program: &str,
        level: Severity,
        now: SystemTime,
    ) -> io::Result<Self> {
        Self::create_sized(dir, program, level, FILE_BYTES, now)
    }

    fn create_sized(
        dir: &Path,
        program: &str,
        level: Severity,
        size_max: u64,
        now: SystemTime,
    ) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let names = Names {
            dir: dir.to_owned(),
            program: program.to_owned(),
            host: if host.trim().is_empty() {
                "localhost".to_owned()
            } else {
                host.trim().to_owned()
            },
            user: env::var("USER").unwrap_or_else(|_| "invalid-user".to_owned()),
        };
        let files = [Severity::Info, Severity::Warning, Severity::Error]
            .into_iter()
            .filter(|severity| *severity >= level)
            .map(|severity| {
                let (path, file, size) = names.begin(severity, now)?;
                Ok(LogFile {
                    severity,
                    file,
                    size,
                    size_max,
                    paths: VecDeque::from([path]),
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { names, files })
    }

    /// Appends `text`, made by `lines_of` of a file's severity, to each file.
    pub(super) fn append(
        &mut self,
        lines_of: impl Fn(Severity) -> String,
        now: SystemTime,
    ) -> io::Result<()> {
        let mut result = Ok(());
        for file in &mut self.files {
            let text = lines_of(file.severity);
            if !text.is_empty() {
                // One file's trouble must not keep lines from the others.
                result = file.append(&text, &self.names, now).and(result);
            }
        }
        result
    }
}

impl LogFile {
    fn append(&mut self, text: &str, names: &Names, now: SystemTime) -> io::Result<()> {
        if self.size.saturating_add(text.len() as u64) > self.size_max {
            let (path, file, size) = names.begin(self.severity, now)?;
            self.file = file;
            self.size = size;
            self.paths.push_back(path);
            if self.paths.len() > FILES_KEPT
                && let Some(oldest) = self.paths.pop_front()
            {
                fs::remove_file(oldest)?;
            }
        }
        self.size = self.size.saturating_add(text.len() as u64);
        self.file.write_all(text.as_bytes())
    }
}

impl Names {
    /// Begins a file, with its header, and points the link to it.
    fn begin(&self, severity: Severity, now: SystemTime) -> io::Result<(PathBuf, File, u64)> {
        let at = Moment::of(now);
        let date = format!("{:04}{:02}{:02}", at.year, at.month, at.day);
        let time = format!("{:02}{:02}{:02}", at.hour, at.minute, at.second);
        let name = format!(
            "{}.{}.{}.log.{severity}.{date}-{time}.{}",
            self.program,
            self.host,
            self.user,
            process::id()
        );
        let (name, mut file) = self.create_new(&name)?;
        let header = format!(
            "Log file created at: {:04}/{:02}/{:02} {:02}:{:02}:{:02}\n\
             Running on machine: {}\n\
             Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg\n",
            at.year, at.month, at.day, at.hour, at.minute, at.second, self.host
        );
        file.write_all(header.as_bytes())?;
        self.point_link(severity, &name)?;
        Ok((self.dir.join(name), file, header.len() as u64))
    }

    fn create_new(&self, name: &str) -> io::Result<(String, File)> {
        let mut candidate = name.to_owned();
        for attempt in 1..SAME_SECOND {
            let path = self.dir.join(&candidate);
            match OpenOptions::new().append(true).create_new(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    candidate = format!("{name}.{attempt}");
                }
                result => return result.map(|file| (candidate, file)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Replaces the link in one step, so that it is never missing.
    fn point_link(&self, severity: Severity, name: &str) -> io::Result<()> {
        let link = link(&self.dir, &self.program, severity);
        let fresh = self.dir.join(format!(".{name}.link"));
        symlink(name, &fresh)?;
        fs::rename(fresh, link)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn entries(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn only_errors(severity: Severity) -> String {
        if severity == Severity::Error {
            String::new()
        } else {
            "warning\n".to_owned()
        }
    }

    #[test]
    fn each_severity_has_a_dated_file_and_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let mut files =
            LogFiles::create(&path, "mesos-x", Severity::Info, UNIX_EPOCH + NOW).unwrap();
        files.append(only_errors, UNIX_EPOCH + NOW).unwrap();
        let names = entries(&path);
        assert_eq!(names.len(), 6, "{names:?}");
        assert!(
            names
                .iter()
                .any(|name| name.contains(".log.INFO.20231114-221320.")),
            "{names:?}"
        );
        let read = |severity| fs::read_to_string(link(&path, "mesos-x", severity)).unwrap();
        for severity in [Severity::Info, Severity::Warning] {
            let text = read(severity);
            assert!(
                text.starts_with("Log file created at: 2023/11/14 22:13:20\n"),
                "{text}"
            );
            assert!(text.ends_with("\nwarning\n"), "{text}");
        }
        assert!(!read(Severity::Error).contains("warning"));
    }

    #[test]
    fn less_grave_files_are_not_made() {
        let dir = tempfile::tempdir().unwrap();
        LogFiles::create(dir.path(), "x", Severity::Error, UNIX_EPOCH).unwrap();
        assert_eq!(entries(dir.path()).len(), 2);
    }

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let dir = tempfile::tempdir().unwrap();
        let mut files =
            LogFiles::create_sized(dir.path(), "x", Severity::Error, 200, UNIX_EPOCH).unwrap();
        for number in 0..30 {
            let line = |_| format!("{number:0>49}\n");
            files.append(line, UNIX_EPOCH).unwrap();
        }
        let names = entries(dir.path());
        assert_eq!(names.len(), FILES_KEPT + 1, "{names:?}");
        let last = fs::read_to_string(link(dir.path(), "x", Severity::Error)).unwrap();
        assert!(last.ends_with("029\n"), "{last}");
        assert!(last.len() <= 200, "{last}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(LogFiles::create(file.path(), "x", Severity::Info, UNIX_EPOCH).is_err());
    }
}
