//! `bench [--rounds=N] [--reference=host:port[/prefix]] CASE…`: measures named cases.
//!
//! Each side of a case runs in a process of its own, ours and its peers in alternating
//! rounds. What is printed is one JSON line for each side and figure, and the median of
//! the ratios of rounds: on a shared machine only ratios of one run mean anything.

mod cases;
mod cluster;
mod companion;
mod connection;
mod process;
mod raw;
mod report;
mod scheduler;
mod swarm;

use std::process::ExitCode;

use cases::{CASES, Case};

/// As the master has it: all sides of a case have the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the command line says.
pub struct Options {
    rounds: usize,
    /// Another master to drive in the same run, such as Apache Mesos' own.
    reference: Option<String>,
    cases: Vec<&'static Case>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        rounds: 5,
        reference: None,
        cases: Vec::new(),
    };
    for argument in std::env::args().skip(1) {
        if let Some(rounds) = argument.strip_prefix("--rounds=") {
            options.rounds = rounds
                .parse()
                .map_err(|_| format!("{rounds} is no number"))?;
        } else if let Some(reference) = argument.strip_prefix("--reference=") {
            options.reference = Some(reference.to_owned());
        } else if let Some(case) = CASES.iter().find(|case| case.name == argument) {
            options.cases.push(case);
        } else {
            return Err(format!("'{argument}' is neither an option nor a case"));
        }
    }
    if options.cases.is_empty() {
        return Err("name at least one case".to_owned());
    }
    Ok(options)
}

fn main() -> ExitCode {
    // A side of a case, in a process of its own.
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("--side") {
        let (case, side) = (
            arguments.next().unwrap_or_default(),
            arguments.next().unwrap_or_default(),
        );
        let rest: Vec<_> = arguments.collect();
        return match cases::run_side(&case, &side, &rest) {
            Some(figures) => {
                println!("{}", serde_json::to_string(&figures).unwrap_or_default());
                ExitCode::SUCCESS
            }
            None => ExitCode::FAILURE,
        };
    }
    match options() {
        Ok(options) => {
            let folder = match tempfile::tempdir() {
                Ok(folder) => folder,
                Err(error) => {
                    eprintln!("cannot make a temporary folder: {error}");
                    return ExitCode::FAILURE;
                }
            };
            for case in &options.cases {
                report::run(case, &options, folder.path());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\nusage: bench [--rounds=N] [--reference=host:port[/prefix]] CASE…");
            for case in CASES {
                eprintln!("  {:16} {}", case.name, case.about);
            }
            ExitCode::FAILURE
        }
    }
}
