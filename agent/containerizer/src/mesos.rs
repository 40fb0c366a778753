//! The containerizer named `mesos`: processes of this machine, each container in a session of
//! its own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::v1;
use model::ids::ContainerId;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::command;
use crate::containerizer::{
    Answer, ContainerConfig, Containerizer, Counters, DestroyError, LaunchError, Launched,
    Termination, UsageError, Usages,
};
use crate::fetch::{self, Fetcher};
use crate::isolation::{Isolation, Isolator};
use crate::launch_info::LaunchInfo;
use crate::launcher;
use crate::process::Process;
use crate::process_table::ProcessTable;
use crate::reaper::Reaper;
use crate::sandbox;
use crate::statistics::{Limits, statistics};
use crate::table::{Found, Table};
use crate::template::{self, Template, TemplateProgram};
use crate::user::{self, Credentials};

/// How many containers are being started at any moment. More would keep as many threads, each
/// with memory of its own, to wait for the same processors and the same disk.
const STARTS_AT_ONCE_MAX: usize = 8;

/// How a [`MesosContainerizer`] works.
#[derive(Debug, Clone)]
pub struct Options {
    /// The directory with `mesos-containerizer` and `mesos-fetcher` (`--launcher_dir`).
    pub launcher_dir: PathBuf,
    /// What relative URIs start from (`--frameworks_home`).
    pub frameworks_home: Option<String>,
    /// How long a download may bring nothing (`--fetcher_stall_timeout`).
    pub fetcher_stall_timeout: Duration,
    /// What is isolated (`--isolation`).
    pub isolation: Isolation,
    /// What is started once, to be copied for each container that runs it.
    pub template: Option<TemplateProgram>,
}

/// Why there can be no containerizer.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// A program of ours is missing.
    #[error(
        "'{}' is not there or cannot be executed; \
         --launcher_dir must name the directory of Mesos' helper programs", .0.display()
    )]
    Helper(PathBuf),
}

/// Runs containers with the posix launcher: a container is what its first process started, as
/// far as sessions and descent tell.
#[derive(Debug, Clone)]
pub struct MesosContainerizer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fetcher: Fetcher,
    template: Option<Template>,
    isolation: Isolation,
    table: Mutex<Table>,
    reaper: Arc<Reaper>,
    /// Places for containers that are being started.
    starts: Semaphore,
    destroy_errors: AtomicU64,
    fetches_succeeded: AtomicU64,
    fetches_failed: AtomicU64,
}

impl MesosContainerizer {
    /// A containerizer without containers.
    ///
    /// # Errors
    /// The launch helper is not where it is said to be. The fetcher may be missing: it is
    /// needed only by those who fetch.
    pub fn new(options: Options) -> Result<Self, CreateError> {
        let helper = options.launcher_dir.join(launcher::HELPER);
        let executable = std::fs::metadata(&helper)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
        if !executable {
            return Err(CreateError::Helper(helper));
        }
        let fetcher = Fetcher {
            launcher_dir: options.launcher_dir,
            frameworks_home: options.frameworks_home,
            stall_timeout: options.fetcher_stall_timeout,
        };
        let shared = Shared {
            fetcher,
            template: options
                .template
                .map(|of| Template::new(of, template::PATIENCE)),
            isolation: options.isolation,
            table: Mutex::default(),
            reaper: Arc::default(),
            starts: Semaphore::new(STARTS_AT_ONCE_MAX),
            destroy_errors: AtomicU64::new(0),
            fetches_succeeded: AtomicU64::new(0),
            fetches_failed: AtomicU64::new(0),
        };
        Ok(MesosContainerizer {
            shared: Arc::new(shared),
        })
    }
}

impl Containerizer for MesosContainerizer {
    fn launch(&self, config: ContainerConfig) -> Answer<Result<Launched, LaunchError>> {
        let admitted = self
            .shared
            .table()
            .admit(&config.container_id, config.limits);
        if !admitted {
            let error = LaunchError::Exists(config.container_id);
            return Box::pin(async { Err(error) });
        }
        let launching = tokio::spawn(Arc::clone(&self.shared).launch(config));
        Box::pin(async { launching.await.unwrap_or(Err(LaunchError::Stopping)) })
    }

    fn wait(&self, container: &ContainerId) -> Answer<Option<Termination>> {
        let found = self.shared.table().find(container);
        Box::pin(async { end(found).await })
    }

    fn destroy(
        &self,
        container: &ContainerId,
    ) -> Answer<Result<Option<Termination>, DestroyError>> {
        let (found, process) = self.shared.table().doom(container);
        let destroying =
            tokio::spawn(Arc::clone(&self.shared).destroy(container.clone(), found, process));
        Box::pin(async { destroying.await.unwrap_or(Err(DestroyError::Stopping)) })
    }

    fn update(&self, container: &ContainerId, limits: Limits) -> bool {
        self.shared.table().update(container, limits)
    }

    fn usage(&self, containers: &[ContainerId]) -> Answer<Result<Usages, UsageError>> {
        let running: Vec<_> = {
            let table = self.shared.table();
            let running = |id: &ContainerId| Some((id.clone(), table.running(id)?));
            containers.iter().filter_map(running).collect()
        };
        let shared = Arc::clone(&self.shared);
        let counting = spawn_blocking(move || {
            let table = ProcessTable::read()?;
            let usage = |(id, (pid, limits)): (ContainerId, (i32, Limits))| {
                (id, statistics(&table, pid, limits, &shared.isolation))
            };
            Ok(running.into_iter().map(usage).collect())
        });
        Box::pin(async { counting.await.unwrap_or(Err(UsageError::Stopping)) })
    }

    fn status(&self, container: &ContainerId) -> Option<v1::ContainerStatus> {
        let (pid, _) = self.shared.table().running(container)?;
        Some(v1::ContainerStatus {
            container_id: Some(container.to_proto()),
            executor_pid: u32::try_from(pid).ok(),
            ..v1::ContainerStatus::default()
        })
    }

    fn counters(&self) -> Counters {
        Counters {
            destroy_errors: self.shared.destroy_errors.load(Ordering::Relaxed),
            template_failures: self.shared.template.as_ref().map_or(0, Template::failures),
            fetches_succeeded: self.shared.fetches_succeeded.load(Ordering::Relaxed),
            fetches_failed: self.shared.fetches_failed.load(Ordering::Relaxed),
        }
    }
}

/// Waits for the end of what was found.
async fn end(found: Option<Found>) -> Option<Termination> {
    match found? {
        Found::Ended(termination) => Some(termination),
        // The sender goes only with the whole containerizer.
        Found::Living(mut end) => *end.wait_for(Option::is_some).await.ok()?,
    }
}

/// A container that is ready to be started.
struct Prepared {
    owner: Option<Credentials>,
    info: LaunchInfo,
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn launch(self: Arc<Self>, config: ContainerConfig) -> Result<Launched, LaunchError> {
        let id = config.container_id.clone();
        match Arc::clone(&self).start(config).await {
            Ok(process) => {
                let pid = process.pid();
                tokio::spawn(self.watch(id, process));
                Ok(Launched { pid })
            }
            Err(error) => {
                self.table().end(&id, Termination { status: None });
                Err(error)
            }
        }
    }

    async fn start(self: Arc<Self>, config: ContainerConfig) -> Result<Arc<Process>, LaunchError> {
        let config = Arc::new(config);
        if config.command.uris.is_empty() {
            return Arc::clone(&self)
                .starting(move |shared| {
                    let prepared = shared.prepare(&config)?;
                    shared.execute(&config, &prepared.info)
                })
                .await;
        }
        let prepared = {
            let config = Arc::clone(&config);
            Arc::clone(&self)
                .starting(move |shared| shared.prepare(&config))
                .await?
        };
        Arc::clone(&self)
            .fetch(Arc::clone(&config), prepared.owner)
            .await?;
        self.starting(move |shared| shared.execute(&config, &prepared.info))
            .await
    }

    /// Does a part of a start, when there is a place for it.
    async fn starting<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, LaunchError> + Send + 'static,
    ) -> Result<T, LaunchError> {
        let shared = Arc::clone(&self);
        let _place = self.starts.acquire().await;
        blocking(move || work(&shared)).await
    }

    /// Finds out all that the launch needs, and makes the sandbox. Blocks.
    fn prepare(&self, config: &ContainerConfig) -> Result<Prepared, LaunchError> {
        let rlimits = self.surroundings(config)?;
        let owner = config
            .user
            .as_deref()
            .map(user::credentials)
            .transpose()?
            .flatten();
        let environment = command::environment(&config.environment, &config.command)?;
        let program = command::program(&config.command, &config.directory, &environment)?;
        sandbox::create(&config.directory, owner.as_ref())?;
        if let Some(link) = &config.latest_link {
            sandbox::point_link(link, &config.directory)?;
        }
        let info = LaunchInfo {
            directory: config.directory.clone(),
            credentials: owner.clone(),
            rlimits,
            programs: program.files,
            arguments: program.arguments,
            environment,
        };
        Ok(Prepared { owner, info })
    }

    /// Refuses what would need an isolator that does not exist; else the resource limits.
    fn surroundings(
        &self,
        config: &ContainerConfig,
    ) -> Result<Vec<crate::launch_info::Rlimit>, LaunchError> {
        let Some(info) = &config.container_info else {
            return Ok(Vec::new());
        };
        let refused = |what: &str| Err(LaunchError::Unsupported(what.to_owned()));
        if info.r#type() != v1::container_info::Type::Mesos {
            return refused("containers of type DOCKER are not supported yet");
        }
        if info
            .mesos
            .as_ref()
            .is_some_and(|mesos| mesos.image.is_some())
        {
            return refused("container images are not supported yet");
        }
        if !info.volumes.is_empty() {
            // As upstream without `filesystem/linux`.
            tracing::warn!(container = %config.container_id, "no isolator mounts its volumes");
        }
        match &info.rlimit_info {
            Some(limits) if self.isolation.has(Isolator::PosixRlimits) => {
                Ok(command::rlimits(limits)?)
            }
            Some(_) | None => Ok(Vec::new()),
        }
    }

    async fn fetch(
        self: Arc<Self>,
        config: Arc<ContainerConfig>,
        owner: Option<Credentials>,
    ) -> Result<(), LaunchError> {
        let id = config.container_id.clone();
        let process = {
            let (shared, config) = (Arc::clone(&self), Arc::clone(&config));
            blocking(move || {
                let started = shared.fetcher.start(&config, owner.as_ref());
                let process = started.map_err(|reason| shared.not_fetched(&config, reason))?;
                Ok(shared.adopt(&config.container_id, process))
            })
            .await?
        };
        let ended = self.reaper.end(process).await;
        if !self.table().forget_process(&id) {
            return Err(LaunchError::Destroyed);
        }
        let outcome = match ended {
            Ok(status) => fetch::outcome(status, &config.directory),
            Err(error) => return Err(LaunchError::Start(error.to_string())),
        };
        outcome.map_err(|reason| self.not_fetched(&config, reason))?;
        self.fetches_succeeded.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn not_fetched(&self, config: &ContainerConfig, reason: fetch::FetchError) -> LaunchError {
        self.fetches_failed.fetch_add(1, Ordering::Relaxed);
        LaunchError::Fetch {
            container: config.container_id.clone(),
            reason,
        }
    }

    /// Starts the command, through the template or the launch helper. Blocks until it is
    /// executed.
    fn execute(
        &self,
        config: &ContainerConfig,
        info: &LaunchInfo,
    ) -> Result<Arc<Process>, LaunchError> {
        let start = |error: &dyn std::fmt::Display| LaunchError::Start(error.to_string());
        let copied = self
            .template
            .as_ref()
            .and_then(|template| template.start(info));
        let (process, status) = match copied {
            Some(started) => started,
            None => {
                launcher::spawn(&self.fetcher.launcher_dir, info).map_err(|error| start(&error))?
            }
        };
        let process = self.adopt(&config.container_id, process);
        let executed = status.executed();
        if self.table().executed(&config.container_id) && executed.is_ok() {
            return Ok(process);
        }
        // Whoever is to destroy the container kills its process, and one that has failed ends
        // by itself.
        process.reap().map_err(|error| start(&error))?;
        match executed {
            Err(Some(failure)) => Err(LaunchError::Start(info.describe(failure))),
            Err(None) => Err(LaunchError::Start(
                "what starts containers reported a status that cannot be read".to_owned(),
            )),
            Ok(()) => Err(LaunchError::Destroyed),
        }
    }

    /// Makes `process` what is killed if the container is destroyed; kills it at once if that
    /// has happened already.
    fn adopt(&self, id: &ContainerId, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        if !self.table().set_process(id, &process)
            && let Err(error) = process.kill_tree()
        {
            self.count_destroy_error(id, &error);
        }
        process
    }

    /// Watches over a running container until its end.
    async fn watch(self: Arc<Self>, id: ContainerId, process: Arc<Process>) {
        let status = match self.reaper.end(process).await {
            Ok(status) => Some(status),
            Err(error) => {
                tracing::error!(container = %id, %error, "cannot learn how it ended");
                None
            }
        };
        self.table().end(&id, Termination { status });
    }

    async fn destroy(
        self: Arc<Self>,
        id: ContainerId,
        found: Option<Found>,
        process: Option<Arc<Process>>,
    ) -> Result<Option<Termination>, DestroyError> {
        if let Some(process) = process {
            let killed = spawn_blocking(move || process.kill_tree()).await;
            if let Err(reason) = killed.map_err(|_| DestroyError::Stopping)? {
                self.count_destroy_error(&id, &reason);
                return Err(DestroyError::Kill {
                    container: id,
                    reason,
                });
            }
        }
        Ok(end(found).await)
    }

    fn count_destroy_error(&self, id: &ContainerId, error: &crate::process::KillError) {
        self.destroy_errors.fetch_add(1, Ordering::Relaxed);
        tracing::error!(container = %id, %error, "processes are left");
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LaunchError> + Send + 'static,
) -> Result<T, LaunchError> {
    spawn_blocking(work)
        .await
        .unwrap_or(Err(LaunchError::Stopping))
}
