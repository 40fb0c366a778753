//! `mesos-agent`: the agent daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    agent::main()
}
