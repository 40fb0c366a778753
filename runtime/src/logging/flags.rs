//! The flags that set logging up.

use super::{LoggingError, Settings, Severity};
use crate::flags::{Flag, Flags};

/// The logging flags of every daemon, upstream's names and defaults.
pub const FLAGS: &[Flag] = &[
    Flag::bool("quiet", "Disable logging to stderr.").default("false"),
    Flag::text(
        "logging_level",
        "Log messages at or above this level: INFO, WARNING or ERROR.\n\
         With --quiet this affects only the files in --log_dir.",
    )
    .default("INFO"),
    Flag::path(
        "log_dir",
        "Where to put log files. By default nothing is written to disk.\n\
         Logging to stderr is not affected.",
    ),
    Flag::integer(
        "logbufsecs",
        "Accepted for compatibility: lines are written as soon as they come.",
    )
    .default("0"),
    Flag::bool(
        "initialize_driver_logging",
        "Accepted for compatibility: drivers log with the daemon.",
    )
    .default("true"),
    Flag::path(
        "external_log_file",
        "A log file that something else writes, shown in the web UI in place of\n\
         the one in --log_dir.",
    ),
];

impl Settings {
    /// What the flags of [`FLAGS`] say, for the program of this name.
    pub fn from_flags(program: &str, flags: &Flags) -> Result<Self, LoggingError> {
        let level: String = flags.get("logging_level")?;
        let known = [Severity::Info, Severity::Warning, Severity::Error];
        let severity = known.into_iter().find(|severity| severity.name() == level);
        Ok(Self {
            program: program.to_owned(),
            log_dir: flags.get("log_dir")?,
            quiet: flags.get("quiet")?,
            level: severity.ok_or(LoggingError::UnknownLevel(level))?,
            verbosity: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::flags::{Loaded, Program};

    fn settings(args: &[&str]) -> Result<Settings, LoggingError> {
        let program = Program {
            name: "x",
            version: "x",
            environment_prefix: "X_",
            flags: &[FLAGS],
        };
        let none: [(String, String); 0] = [];
        let args = args.iter().map(|arg| (*arg).to_owned());
        let loaded = program
            .load(args, none, |_| Err(io::ErrorKind::NotFound.into()))
            .unwrap();
        let Loaded::Run(flags) = loaded else { panic!() };
        Settings::from_flags("x", &flags)
    }

    #[test]
    fn flags_become_settings() {
        let plain = settings(&[]).unwrap();
        assert_eq!(
            (plain.quiet, plain.level, plain.log_dir),
            (false, Severity::Info, None)
        );
        let loud = settings(&["--quiet", "--log_dir=/l", "--logging_level=ERROR"]).unwrap();
        assert_eq!((loud.quiet, loud.level), (true, Severity::Error));
        assert_eq!(loud.log_dir.as_deref(), Some(Path::new("/l")));
        let error = settings(&["--logging_level=info"]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("'info' is not a valid logging level.")
        );
    }
}
