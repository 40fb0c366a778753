//! The launch info: what the agent tells those who start a container, and what it hears back.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use launch::{Failure, Step};
use rustix::fs::MemfdFlags;

use crate::user::Credentials;

/// A resource limit of a container's processes, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rlimit {
    /// The kernel's number of the limited resource (`RLIMIT_*`).
    pub(crate) resource: u32,
    /// The limit that applies; `u64::MAX` is no limit.
    pub(crate) soft: u64,
    /// The limit up to which the process may raise the soft one; `u64::MAX` is no limit.
    pub(crate) hard: u64,
}

/// What a process must do to become the first one of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchInfo {
    /// The sandbox.
    pub(crate) directory: PathBuf,
    /// Whom to become, if not what the agent is.
    pub(crate) credentials: Option<Credentials>,
    /// The limits to set.
    pub(crate) rlimits: Vec<Rlimit>,
    /// The files to execute, of which the first that exists is taken.
    pub(crate) programs: Vec<PathBuf>,
    /// The arguments, the zeroth included.
    pub(crate) arguments: Vec<OsString>,
    /// The whole environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

impl LaunchInfo {
    /// The form that is read by who starts the container.
    ///
    /// # Errors
    /// A text holds a NUL byte, which no program can be given.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, io::Error> {
        let mut records = Records::default();
        records.add("directory", self.directory.as_os_str())?;
        if let Some(credentials) = &self.credentials {
            records.add("user", credentials.uid.to_string())?;
            records.add("group", credentials.gid.to_string())?;
            for group in &credentials.groups {
                records.add("supplementary_group", group.to_string())?;
            }
        }
        for Rlimit {
            resource,
            soft,
            hard,
        } in &self.rlimits
        {
            records.add("limit", format!("{resource}:{soft}:{hard}"))?;
        }
        for program in &self.programs {
            records.add("program", program.as_os_str())?;
        }
        for argument in &self.arguments {
            records.add("argument", argument)?;
        }
        for (name, value) in &self.environment {
            let mut variable = name.clone();
            variable.push("=");
            variable.push(value);
            records.add("variable", variable)?;
        }
        Ok(records.bytes)
    }

    /// A file in memory that holds the encoded launch info. A pipe would block when its
    /// 64 KiB are full, an environment variable ends at 128 KiB.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), or the kernel gives no such file.
    pub(crate) fn to_file(&self) -> Result<File, io::Error> {
        let bytes = self.encode()?;
        let mut file = File::from(rustix::fs::memfd_create(
            "launch-info",
            MemfdFlags::CLOEXEC,
        )?);
        file.write_all(&bytes)?;
        Ok(file)
    }

    /// The failure in words.
    pub(crate) fn describe(&self, failure: Failure) -> String {
        let directory = self.directory.display();
        let what = match failure.step {
            Step::Read => "read the launch info".to_owned(),
            Step::Session => "create a session".to_owned(),
            Step::Directory => format!("enter the sandbox '{directory}'"),
            Step::Limit => "set the resource limits".to_owned(),
            Step::User => "switch to the task's user".to_owned(),
            Step::Output => format!("open 'stdout' and 'stderr' in '{directory}'"),
            Step::Execute => match self.arguments.first() {
                Some(program) => format!("execute '{}'", program.display()),
                None => "execute the command".to_owned(),
            },
        };
        format!(
            "Failed to {what}: {}",
            io::Error::from_raw_os_error(failure.errno)
        )
    }
}

#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
}

impl Records {
    fn add(&mut self, key: &str, value: impl AsRef<OsStr>) -> Result<(), io::Error> {
        let value = CString::new(value.as_ref().as_bytes())?;
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.push(b'=');
        self.bytes.extend_from_slice(value.as_bytes_with_nul());
        Ok(())
    }
}

/// The files that may be meant by `program`, in the order in which they are tried: as
/// execvp(3), but the sandbox comes before `PATH`.
pub(crate) fn candidates(program: &OsStr, sandbox: &Path, path: &OsStr) -> Vec<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return vec![PathBuf::from(program)];
    }
    let folders = path.as_bytes().split(|byte| *byte == b':').map(|folder| {
        // An empty entry has always meant the working directory.
        let folder = if folder.is_empty() { b"." } else { folder };
        PathBuf::from(OsString::from_vec(folder.to_vec()))
    });
    std::iter::once(sandbox.to_path_buf())
        .chain(folders)
        .map(|folder| folder.join(program))
        .collect()
}

#[cfg(test)]
mod tests {
    use launch::{Malformed, Record, Records};

    use super::*;

    fn info() -> LaunchInfo {
        LaunchInfo {
            directory: "/sandbox".into(),
            credentials: Some(Credentials {
                uid: 7,
                gid: 8,
                groups: vec![8, 9],
            }),
            rlimits: vec![Rlimit {
                resource: 4,
                soft: 0,
                hard: u64::MAX,
            }],
            programs: vec!["/bin/sh".into()],
            arguments: vec!["sh".into(), "-c".into(), "echo a=b".into(), "".into()],
            environment: vec![("A".into(), "1=2\n".into())],
        }
    }

    #[test]
    fn what_the_agent_writes_can_be_read() {
        let bytes = info().encode().unwrap();
        let records: Vec<_> = Records::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(
            records,
            [
                Record::Directory(c"/sandbox"),
                Record::User(7),
                Record::Group(8),
                Record::SupplementaryGroup(8),
                Record::SupplementaryGroup(9),
                Record::Limit {
                    resource: 4,
                    soft: 0,
                    hard: u64::MAX
                },
                Record::Program(c"/bin/sh"),
                Record::Argument(c"sh"),
                Record::Argument(c"-c"),
                Record::Argument(c"echo a=b"),
                Record::Argument(c""),
                Record::Variable(c"A=1=2\n"),
            ]
        );
    }

    #[test]
    fn a_launch_info_cut_off_anywhere_is_malformed_or_shorter() {
        let bytes = info().encode().unwrap();
        let whole = Records::new(&bytes).count();
        for length in 0..bytes.len() {
            let records: Vec<_> = Records::new(&bytes[..length]).collect();
            let cut_in_a_record = length > 0 && bytes[length - 1] != 0;
            assert_eq!(
                records.last() == Some(&Err(Malformed)),
                cut_in_a_record,
                "at {length}"
            );
            assert!(records.len() <= whole);
        }
    }

    #[test]
    fn nonsense_is_malformed() {
        for text in [
            "user=\0",
            "user=x\0",
            "user=4294967296\0",
            "limit=1:2\0",
            "other=1\0",
            "\0",
        ] {
            let records: Vec<_> = Records::new(text.as_bytes()).collect();
            assert_eq!(records, [Err(Malformed)], "{text:?}");
        }
    }

    #[test]
    fn a_nul_byte_is_refused() {
        let info = LaunchInfo {
            arguments: vec!["a\0b".into()],
            ..info()
        };
        assert_eq!(
            info.encode().unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn failures_read_well() {
        let failure = Failure {
            step: Step::Execute,
            errno: 2,
        };
        assert_eq!(
            info().describe(failure),
            "Failed to execute 'sh': No such file or directory (os error 2)"
        );
    }

    #[test]
    fn programs_are_sought_in_the_sandbox_then_along_the_path() {
        let found = candidates(OsStr::new("a"), Path::new("/box"), OsStr::new("/x::/y"));
        assert_eq!(found, ["/box/a", "/x/a", "./a", "/y/a"].map(PathBuf::from));
        let named = candidates(OsStr::new("./a"), Path::new("/box"), OsStr::new("/x"));
        assert_eq!(named, [PathBuf::from("./a")]);
    }
}
