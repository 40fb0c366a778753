//! Installing Apache Mesos 1.11.0 below the target folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};
use tests::process::program;
use tests::skip;

use crate::shims;

/// What is installed. Another version of this text is installed anew.
const PACKAGES: &str = "protobuf==3.17.3 pymesos==0.1.7 mesos.scheduler==1.11.0";

/// An installed Apache Mesos 1.11.0.
#[derive(Debug, Clone)]
pub struct Mesos {
    python: PathBuf,
    home: PathBuf,
}

impl Mesos {
    /// Apache Mesos, installed now if it was not. If it cannot be had, says why the test is
    /// skipped, and gives nothing.
    pub fn install() -> Option<Self> {
        static INSTALLED: OnceLock<Result<Mesos, String>> = OnceLock::new();
        match INSTALLED.get_or_init(install) {
            Ok(mesos) => Some(mesos.clone()),
            Err(reason) => {
                skip::because(&format!("Apache Mesos 1.11.0: {reason}"));
                None
            }
        }
    }

    /// A command that runs one of this crate's scripts with Apache Mesos at hand, listening on
    /// 127.0.0.1.
    pub fn script(&self, name: &str) -> Command {
        let mut command = command(&self.python, &self.home);
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
        command.arg("-u").arg(scripts.join(name));
        command
    }

    /// The shell command that runs a script as an executor.
    pub fn executor_command(&self, script: &str) -> String {
        let command = self.script(script);
        let set = command
            .get_envs()
            .filter_map(|(name, value)| Some(format!("{}='{}'", name.display(), value?.display())));
        let words = std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| format!("'{}'", word.display()));
        set.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The folder with the helpers that its agents start.
    pub(crate) fn helpers(&self) -> PathBuf {
        self.home.join("libexec")
    }
}

fn install() -> Result<Mesos, String> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return Err("its package is for Linux on x86-64".into());
    }
    let python = find_python()?;
    // Below target/, beside what cargo builds.
    let home = program("mesos-executor")
        .ancestors()
        .nth(2)
        .ok_or("no target folder")?
        .join("apache-mesos-1.11.0");
    let io = |error: std::io::Error| format!("{}: {error}", home.display());
    fs::create_dir_all(&home).map_err(io)?;
    // Test programs may run at the same time.
    let lock = fs::File::create(home.join("lock")).map_err(io)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| io(error.into()))?;
    let ready = home.join("ready");
    if fs::read_to_string(&ready).is_ok_and(|text| text == PACKAGES) {
        place_helpers(&home).map_err(io)?;
        return Ok(Mesos { python, home });
    }
    let site = home.join("site");
    let _ = fs::remove_dir_all(&site);
    fs::create_dir_all(&site).map_err(io)?;
    fs::create_dir_all(home.join("lib")).map_err(io)?;
    let [protobuf, pymesos, scheduler] = PACKAGES.split(' ').collect::<Vec<_>>()[..] else {
        return Err("three packages".into());
    };
    for (package, options) in [(protobuf, &[][..]), (pymesos, &["--no-deps"])] {
        let mut pip = command(&python, &home);
        pip.args(["-m", "pip", "install", "--disable-pip-version-check"]);
        pip.args(options)
            .arg("--target")
            .args([site.as_os_str(), OsStr::new(package)]);
        run(&mut pip)?;
    }
    // Eggs, which pip does not know.
    let mut easy_install = command(&python, &home);
    easy_install.args(["-m", "easy_install", "--install-dir"]);
    run(easy_install.args([site.as_os_str(), OsStr::new(scheduler)]))?;
    shims::build(&native_library(&site)?, &home.join("lib"))?;
    run(command(&python, &home).args(["-c", "import mesos.scheduler, pymesos"]))?;
    place_helpers(&home).map_err(io)?;
    fs::write(&ready, PACKAGES).map_err(io)?;
    Ok(Mesos { python, home })
}

/// CPython 2.7, for which the package was built.
fn find_python() -> Result<PathBuf, String> {
    let mut places: Vec<PathBuf> = Vec::new();
    places.extend(std::env::var_os("PYTHON27").map(PathBuf::from));
    places.push("python2.7".into());
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv"));
    for root in pyenv.into_iter().chain(home) {
        let versions = fs::read_dir(root.join("versions")).into_iter().flatten();
        let is_2_7 = |name: &OsStr| name.to_string_lossy().starts_with("2.7");
        places.extend(
            versions
                .flatten()
                .filter(|entry| is_2_7(&entry.file_name()))
                .map(|entry| entry.path().join("bin/python")),
        );
    }
    let is_it = |python: &PathBuf| {
        let check = "import sys, setuptools; sys.exit(sys.version_info[:2] != (2, 7))";
        let output = Command::new(python).args(["-c", check]).output();
        output.is_ok_and(|output| output.status.success())
    };
    places.into_iter().find(is_it).ok_or_else(|| {
        "CPython 2.7 is not here; `pyenv install 2.7.18` would bring it, or PYTHON27 name it".into()
    })
}

fn native_library(site: &Path) -> Result<PathBuf, String> {
    let eggs = fs::read_dir(site).into_iter().flatten().flatten();
    eggs.map(|egg| egg.path().join("mesos/scheduler/_scheduler.so"))
        .find(|path| path.exists())
        .ok_or_else(|| "the package has no _scheduler.so".into())
}

/// Its agents find here what stands in for `mesos-containerizer`, and our executor. Links, so
/// that the agents run what was built last.
fn place_helpers(home: &Path) -> std::io::Result<()> {
    let folder = home.join("libexec");
    fs::create_dir_all(&folder)?;
    let helpers = [
        ("mesos-containerizer", "apache-mesos-containerizer"),
        ("mesos-executor", "mesos-executor"),
    ];
    for (name, built) in helpers {
        let link = folder.join(name);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(program(built), link)?;
    }
    Ok(())
}

fn command(python: &Path, home: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .env("LD_LIBRARY_PATH", home.join("lib"))
        .env("PYTHONPATH", home.join("site"))
        .env("LIBPROCESS_IP", "127.0.0.1")
        // pymesos' messages are older than what the C++ implementation accepts.
        .env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python");
    command
}

/// Runs a command to its good end, or tells the end of what it printed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join(" / ");
    Err(format!("{name} ended with {}: {last}", output.status))
}
