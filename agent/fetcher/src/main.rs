//! `mesos-fetcher`: fetches what `MESOS_FETCHER_INFO` names. Its log goes to standard error,
//! which is a file of the sandbox; the last line of a failed run is the reason.

use std::io::{self, Write as _};
use std::process::ExitCode;

const HELP: &str = "\
Usage: mesos-fetcher
Fetches what a task needs into its sandbox; the agent runs it, people do not.
It reads what to do from the environment variable MESOS_FETCHER_INFO.
";

/// Carries the orders, as JSON.
const INFO_VARIABLE: &str = "MESOS_FETCHER_INFO";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--help") {
        let _ = io::stdout().write_all(HELP.as_bytes());
        return ExitCode::SUCCESS;
    }
    let mut log = |line: &str| {
        // Without a log there is still the exit status.
        let _ = writeln!(io::stderr(), "{line}");
    };
    let info = match std::env::var(INFO_VARIABLE) {
        Ok(info) => info,
        Err(error) => {
            log(&format!(
                "Missing {INFO_VARIABLE} environment variable: {error}"
            ));
            return ExitCode::FAILURE;
        }
    };
    match fetcher::run(&info, &mut log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
