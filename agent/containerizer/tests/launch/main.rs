//! Containers of real processes, through the real launch helper.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod ending;
mod fetching;
mod isolators;
mod starting;
mod users;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use containerizer::{
    ContainerConfig, Containerizer as _, CreateError, DEFAULT_PATH, Isolation, LaunchError, Limits,
    MesosContainerizer, Options, TemplateProgram,
};
use messages::v1;
use nix::sys::signal::{SigHandler, Signal, signal};
use tempfile::TempDir;

struct Fixture {
    work: TempDir,
    containerizer: MesosContainerizer,
}

impl Fixture {
    fn new() -> Self {
        let helper = Path::new(env!("CARGO_BIN_EXE_mesos-containerizer"));
        Self::with(helper.parent().unwrap().to_path_buf(), Isolation::default())
    }

    fn with(launcher_dir: PathBuf, isolation: Isolation) -> Self {
        Self::copying(launcher_dir, isolation, None)
    }

    fn copying(
        launcher_dir: PathBuf,
        isolation: Isolation,
        template: Option<TemplateProgram>,
    ) -> Self {
        let options = Options {
            launcher_dir,
            frameworks_home: Some("/frameworks".into()),
            fetcher_stall_timeout: Duration::from_secs(60),
            isolation,
            template,
        };
        let containerizer = MesosContainerizer::new(options).unwrap();
        Fixture {
            work: tempfile::tempdir().unwrap(),
            containerizer,
        }
    }

    /// With `script` in the place of the fetcher.
    fn fetching_by(script: &str) -> Self {
        let bin = tempfile::tempdir().unwrap().keep();
        let helper = bin.join("mesos-containerizer");
        fs::copy(env!("CARGO_BIN_EXE_mesos-containerizer"), &helper).unwrap();
        let fetcher = bin.join("mesos-fetcher");
        fs::write(&fetcher, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&fetcher, fs::Permissions::from_mode(0o755)).unwrap();
        Self::with(bin, Isolation::default())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn sandbox(&self, id: &str) -> PathBuf {
        self.path("runs").join(id)
    }

    fn config(&self, id: &str, command: &str) -> ContainerConfig {
        ContainerConfig {
            container_id: id.into(),
            command: v1::CommandInfo {
                value: Some(command.into()),
                ..Default::default()
            },
            container_info: None,
            directory: self.sandbox(id),
            latest_link: Some(self.path("runs/latest")),
            environment: Vec::new(),
            user: None,
            limits: Limits {
                cpus: Some(1.5),
                mem_bytes: Some(1 << 20),
            },
        }
    }

    /// Runs a container to its end; its exit code and its output.
    async fn run(&self, config: ContainerConfig) -> (Option<i32>, String) {
        let id = config.container_id.clone();
        let stdout = config.directory.join("stdout");
        self.containerizer.launch(config).await.unwrap();
        let termination = self.containerizer.wait(&id).await.unwrap();
        (
            termination.status.unwrap().code(),
            fs::read_to_string(stdout).unwrap(),
        )
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        path
    }
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

/// Waits until a writer of the pipe has come, and then until the last one is gone.
async fn until_closed(fifo: PathBuf) -> String {
    tokio::task::spawn_blocking(move || fs::read_to_string(fifo).unwrap())
        .await
        .unwrap()
}
