//! Stands in for the helper `mesos-containerizer` of Apache Mesos, which its PyPI package
//! lacks: `launch` for its agents' posix launcher. It waits for the agent's word, runs the
//! executor in its sandbox, and leaves behind how it ended.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use serde_json::Value;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("launch") {
        return ExitCode::SUCCESS;
    }
    match launch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn launch() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let info: Value = serde_json::from_str(&std::env::var("MESOS_CONTAINERIZER_LAUNCH_INFO")?)?;
    // This process holds the pipe's other end too, so the end of the agent is no end of file.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if let Ok(pipe) = std::env::var("MESOS_CONTAINERIZER_PIPE_READ") {
        File::open(format!("/proc/self/fd/{pipe}"))?.read_exact(&mut [0])?;
    }
    set_parent_process_death_signal(None)?;
    let _ = setsid();
    let command = &info["command"];
    let value = command["value"].as_str().unwrap_or_default();
    let mut program = if command["shell"].as_bool().unwrap_or(true) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", value]);
        shell
    } else {
        let arguments = command["arguments"].as_array().into_iter().flatten();
        let mut program = Command::new(value);
        program.args(arguments.skip(1).filter_map(Value::as_str));
        program
    };
    program.env_clear();
    program.env(
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    let variables = info["environment"]["variables"].as_array();
    for variable in variables.into_iter().flatten() {
        let text = |key: &str| variable[key].as_str().unwrap_or_default();
        program.env(text("name"), text("value"));
    }
    if let Some(folder) = info["working_directory"].as_str() {
        program.current_dir(folder);
    }
    let status = program.status()?;
    if let Ok(folder) = std::env::var("MESOS_CONTAINERIZER_RUNTIME_DIRECTORY") {
        let file = Path::new(&folder).join("status");
        fs::write(file, status.into_raw().to_string())?;
    }
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}
