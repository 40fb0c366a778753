//! Framework libraries that others published, installed from their registry and unmodified.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::cluster::Cluster;
use tests::http;
use tests::process::program;
use tests::skip;

/// What a command said if it failed.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        let said = text(&output.stderr) + &text(&output.stdout);
        Err(format!(
            "{name}: {}",
            said.lines().last().unwrap_or_default()
        ))
    }
}

/// A Python with `packages`, below the target folder; why there is none.
fn python(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let programs = program("mesos-master");
    let folder = programs
        .parent()
        .map(|folder| folder.join("clients").join(name))
        .ok_or("no target folder")?;
    let python = folder.join("bin/python");
    let ready = folder.join(packages.join(" "));
    if !ready.exists() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))?;
        run(Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "-q",
                "--retries",
                "1",
                "--timeout",
                "10",
            ])
            .args(packages))?;
        std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

#[test]
fn mesoshttp_runs_commands() {
    let python = match python("mesoshttp", &["mesoshttp==0.4.2", "requests==2.34.2"]) {
        Ok(python) => python,
        // Not even on CI must the tests depend on a registry that can be reached.
        Err(reason) => return skip::tell(&format!("mesoshttp 0.4.2: {reason}")),
    };
    let cluster = Cluster::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/mesoshttp_client.py");
    let said = run(Command::new(python)
        .arg(script)
        .arg(cluster.address.to_string()))
    .unwrap();
    let result: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let began = ["TASK_STARTING", "TASK_RUNNING"];
    assert_eq!(
        result["states"],
        json!({
            "good": [began[0], began[1], "TASK_FINISHED"],
            "bad": [began[0], began[1], "TASK_FAILED"],
        })
    );
    let state = http::get(cluster.address, "/state").json();
    let ended = &state["completed_frameworks"][0];
    assert_eq!(
        (&ended["id"], &ended["name"]),
        (&result["framework"], &json!("mesoshttp"))
    );
}
