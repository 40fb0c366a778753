//! Containers of real processes, through the real launch helper.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

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

#[tokio::test]
async fn a_command_runs_in_its_sandbox_and_ends_with_its_code() {
    let fixture = Fixture::new();
    let config = fixture.config("c", "echo out; echo err >&2; pwd; exit 7");
    let sandbox = config.directory.clone();
    let (code, output) = fixture.run(config).await;
    assert_eq!(code, Some(7));
    assert_eq!(output, format!("out\n{}\n", sandbox.display()));
    assert_eq!(fs::read_to_string(sandbox.join("stderr")).unwrap(), "err\n");
    assert_eq!(fs::metadata(&sandbox).unwrap().mode() & 0o777, 0o750);
    assert_eq!(fs::read_link(fixture.path("runs/latest")).unwrap(), sandbox);
}

#[tokio::test]
async fn the_environment_is_what_was_asked_for_and_nothing_else() {
    let fixture = Fixture::new();
    let mut config = fixture.config("c", "unused");
    config.command = v1::CommandInfo {
        shell: Some(false),
        value: Some("env".into()),
        ..Default::default()
    };
    config.environment = vec![
        ("A".into(), "b c\nd".into()),
        ("MESOS_SANDBOX".into(), "x".into()),
    ];
    let (_, output) = fixture.run(config).await;
    assert_eq!(
        output,
        format!("PATH={DEFAULT_PATH}\nA=b c\nd\nMESOS_SANDBOX=x\n")
    );
}

#[tokio::test]
async fn no_file_of_the_agent_reaches_the_command() {
    let fixture = Fixture::new();
    // A file without the mark to be closed, as a careless library may open it.
    let careless = fs::File::open("/dev/zero").unwrap();
    rustix::io::fcntl_setfd(&careless, rustix::io::FdFlags::empty()).unwrap();
    let (_, output) = fixture
        .run(fixture.config("c", "cd /proc/self/fd; echo *"))
        .await;
    // The shell itself opens the directory to expand the pattern.
    assert_eq!(output, "0 1 2 3\n");
}

#[tokio::test]
async fn the_first_process_leads_a_session_without_pending_matters() {
    // As nohup(1) starts daemons.
    #[expect(
        unsafe_code,
        reason = "handlers may be unsafe; to ignore a signal is not"
    )]
    // SAFETY: see above; no other test of this process needs SIGHUP.
    unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) }.unwrap();
    let fixture = Fixture::new();
    let command = "cat /proc/self/stat; grep -E 'SigBlk|SigIgn' /proc/self/status; cat; exit 0";
    let mut config = fixture.config("c", command);
    config.command.value = Some(format!("echo $$; exec sh -c \"{command}\""));
    let id = config.container_id.clone();
    let launched = fixture.containerizer.launch(config).await.unwrap();
    fixture.containerizer.wait(&id).await.unwrap();
    let output = fs::read_to_string(fixture.sandbox("c").join("stdout")).unwrap();
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some(launched.pid.to_string().as_str()));
    let session = lines
        .next()
        .and_then(|stat| stat.split(' ').nth(5))
        .unwrap()
        .to_owned();
    assert_eq!(session, launched.pid.to_string());
    let signals: Vec<_> = lines
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    assert_eq!(signals.len(), 2);
    for signals in signals {
        // But for the two that belong to the C library.
        let signals = u64::from_str_radix(signals, 16).unwrap() & !(0b11 << 31);
        assert_eq!(signals, 0);
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_and_leaves_no_container() {
    let fixture = Fixture::new();
    let mut config = fixture.config("c", "unused");
    config.command = v1::CommandInfo {
        shell: Some(false),
        value: Some("no-such-program".into()),
        ..Default::default()
    };
    let id = config.container_id.clone();
    let error = fixture.containerizer.launch(config).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Failed to execute 'no-such-program': No such file or directory (os error 2)"
    );
    assert_eq!(fixture.containerizer.wait(&id).await.unwrap().status, None);
    assert!(fixture.containerizer.status(&id).is_none());
}

#[tokio::test]
async fn a_file_that_may_not_be_executed_is_told() {
    let fixture = Fixture::new();
    let mut config = fixture.config("c", "unused");
    config.command.shell = Some(false);
    config.command.value = Some("/etc/passwd".into());
    let error = fixture
        .containerizer
        .launch(config)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "Failed to execute '/etc/passwd': Permission denied (os error 13)"
    );
}

#[tokio::test]
async fn a_script_in_the_sandbox_without_first_line_is_the_shells() {
    let fixture = Fixture::new();
    let mut config = fixture.config("c", "unused");
    fs::create_dir_all(&config.directory).unwrap();
    let script = config.directory.join("run");
    fs::write(&script, "echo \"$0 $1\"").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    config.command = v1::CommandInfo {
        shell: Some(false),
        value: Some("run".into()),
        arguments: vec!["zeroth".into(), "first".into()],
        ..Default::default()
    };
    let (_, output) = fixture.run(config).await;
    assert_eq!(output, format!("{} first\n", script.display()));
}

#[tokio::test]
async fn a_launch_info_may_be_large() {
    let fixture = Fixture::new();
    let mut config = fixture.config("c", "echo ${#A7}");
    config.environment = (0..10)
        .map(|n| (format!("A{n}"), "x".repeat(100_000)))
        .collect();
    assert_eq!(fixture.run(config).await, (Some(0), "100000\n".to_owned()));
}

#[tokio::test]
async fn death_by_signal_is_told() {
    let fixture = Fixture::new();
    let config = fixture.config("c", "kill -SEGV $$");
    let id = config.container_id.clone();
    fixture.containerizer.launch(config).await.unwrap();
    let termination = fixture.containerizer.wait(&id).await.unwrap();
    assert_eq!(termination.status.unwrap().signal(), Some(11));
}

#[tokio::test]
async fn destroying_ends_all_that_was_started() {
    let fixture = Fixture::new();
    let fifo = fixture.fifo("up");
    // In the background, in another session, ignoring what can be ignored.
    let script = format!(
        "trap '' TERM INT HUP; setsid sh -c 'exec > {}; echo up; sleep 1000' & wait",
        fifo.display()
    );
    let config = fixture.config("c", &script);
    let id = config.container_id.clone();
    let (opened, up) = tokio::sync::oneshot::channel();
    let closed = tokio::task::spawn_blocking(move || {
        use std::io::Read as _;
        let mut pipe = fs::File::open(fifo).unwrap();
        let mut text = [0; 3];
        pipe.read_exact(&mut text).unwrap();
        opened.send(text).unwrap();
        pipe.read_to_end(&mut Vec::new()).unwrap()
    });
    fixture.containerizer.launch(config).await.unwrap();
    assert_eq!(&up.await.unwrap(), b"up\n");
    let both = (
        fixture.containerizer.destroy(&id),
        fixture.containerizer.destroy(&id),
    );
    let termination = both.0.await.unwrap().unwrap();
    assert_eq!(termination.status.unwrap().signal(), Some(9));
    assert_eq!(both.1.await.unwrap(), Some(termination));
    assert_eq!(closed.await.unwrap(), 0);
    assert_eq!(
        fixture.containerizer.destroy(&id).await.unwrap(),
        Some(termination)
    );
    assert_eq!(
        fixture
            .containerizer
            .destroy(&"unknown".into())
            .await
            .unwrap(),
        None
    );
    assert_eq!(fixture.containerizer.counters(), Default::default());
}

#[tokio::test]
async fn what_a_container_leaves_behind_ends_with_it() {
    let fixture = Fixture::new();
    let (fifo, up) = (fixture.fifo("left"), fixture.fifo("up"));
    let script = format!(
        "(trap '' HUP; exec > {}; echo > {}; sleep 1000) & read x < {}; exit 0",
        fifo.display(),
        up.display(),
        up.display()
    );
    let closed = tokio::spawn(until_closed(fifo));
    let (code, _) = fixture.run(fixture.config("c", &script)).await;
    assert_eq!(code, Some(0));
    closed.await.unwrap();
}

#[tokio::test]
async fn an_id_serves_once() {
    let fixture = Fixture::new();
    fixture.run(fixture.config("c", "true")).await;
    let again = fixture
        .containerizer
        .launch(fixture.config("c", "true"))
        .await;
    assert!(matches!(again, Err(LaunchError::Exists(id)) if id.as_str() == "c"));
}

#[tokio::test]
async fn many_containers_at_once_all_end_as_they_should() {
    let fixture = Fixture::new();
    let ends = (0..50).map(|number| {
        let config = fixture.config(&format!("c{number}"), &format!("exit {number}"));
        let containerizer = fixture.containerizer.clone();
        let id = config.container_id.clone();
        tokio::spawn(async move {
            containerizer.launch(config).await.unwrap();
            containerizer
                .wait(&id)
                .await
                .unwrap()
                .status
                .unwrap()
                .code()
        })
    });
    let ends: Vec<_> = ends.collect();
    for (number, end) in (0..).zip(ends) {
        assert_eq!(end.await.unwrap(), Some(number));
    }
}

#[tokio::test]
async fn use_is_counted_over_the_whole_tree() {
    let fixture = Fixture::new();
    let fifo = fixture.fifo("up");
    let script = format!(
        "sh -c 'echo > {}; sleep 1000 & wait' & wait",
        fifo.display()
    );
    let config = fixture.config("c", &script);
    let (id, opened) = (
        config.container_id.clone(),
        tokio::spawn(until_closed(fifo)),
    );
    let launched = fixture.containerizer.launch(config).await.unwrap();
    opened.await.unwrap();
    let usages = fixture
        .containerizer
        .usage(&[id.clone(), "other".into()])
        .await
        .unwrap();
    assert_eq!(usages.len(), 1);
    let usage = &usages[&id];
    assert!(usage.processes.unwrap() >= 2 && usage.threads >= usage.processes);
    assert!(usage.mem_rss_bytes.unwrap() > 0 && usage.timestamp > 1e9);
    assert!(usage.cpus_user_time_secs.is_some() && usage.cpus_system_time_secs.is_some());
    assert_eq!(
        (usage.cpus_limit, usage.mem_limit_bytes),
        (Some(1.5), Some(1 << 20))
    );
    let status = fixture.containerizer.status(&id).unwrap();
    assert_eq!(status.executor_pid, u32::try_from(launched.pid).ok());

    let limits = Limits {
        cpus: Some(2.0),
        mem_bytes: None,
    };
    assert!(fixture.containerizer.update(&id, limits));
    assert!(!fixture.containerizer.update(&"other".into(), limits));
    let usages = fixture
        .containerizer
        .usage(std::slice::from_ref(&id))
        .await
        .unwrap();
    assert_eq!(
        (usages[&id].cpus_limit, usages[&id].mem_limit_bytes),
        (Some(2.0), None)
    );
    fixture.containerizer.destroy(&id).await.unwrap();
}

#[tokio::test]
async fn only_the_isolators_in_use_count() {
    let helper = Path::new(env!("CARGO_BIN_EXE_mesos-containerizer"))
        .parent()
        .unwrap();
    let fixture = Fixture::with(helper.to_path_buf(), "posix/mem".parse().unwrap());
    let config = fixture.config("c", "sleep 1000");
    let id = config.container_id.clone();
    fixture.containerizer.launch(config).await.unwrap();
    let usages = fixture
        .containerizer
        .usage(std::slice::from_ref(&id))
        .await
        .unwrap();
    assert!(usages[&id].mem_rss_bytes.is_some() && usages[&id].cpus_user_time_secs.is_none());
    fixture.containerizer.destroy(&id).await.unwrap();
}

#[tokio::test]
async fn limits_apply_if_their_isolator_is_on() {
    use messages::v1::r_limit_info::{RLimit, r_limit::Type};
    let limit = RLimit {
        r#type: Some(Type::RlmtNofile as i32),
        soft: Some(64),
        hard: Some(99),
    };
    let info = v1::ContainerInfo {
        r#type: v1::container_info::Type::Mesos as i32,
        rlimit_info: Some(v1::RLimitInfo {
            rlimits: vec![limit],
        }),
        ..Default::default()
    };
    let helper = Path::new(env!("CARGO_BIN_EXE_mesos-containerizer"))
        .parent()
        .unwrap();
    let fixture = Fixture::with(helper.to_path_buf(), "posix/rlimits".parse().unwrap());
    let mut config = fixture.config("c", "ulimit -Sn; ulimit -Hn");
    config.container_info = Some(info);
    assert_eq!(fixture.run(config).await.1, "64\n99\n");
}

#[tokio::test]
async fn what_no_isolator_can_give_is_refused() {
    let fixture = Fixture::new();
    let docker = v1::container_info::Type::Docker as i32;
    let mesos = v1::container_info::Type::Mesos as i32;
    let image = v1::container_info::MesosInfo {
        image: Some(v1::Image::default()),
    };
    let infos = [
        v1::ContainerInfo {
            r#type: docker,
            ..Default::default()
        },
        v1::ContainerInfo {
            r#type: mesos,
            mesos: Some(image),
            ..Default::default()
        },
    ];
    for (number, info) in infos.into_iter().enumerate() {
        let mut config = fixture.config(&format!("c{number}"), "true");
        config.container_info = Some(info);
        let error = fixture.containerizer.launch(config).await.unwrap_err();
        assert!(matches!(error, LaunchError::Unsupported(_)), "{error}");
    }
}

#[tokio::test]
async fn a_task_runs_as_its_user_and_owns_its_sandbox() {
    if !is_root() {
        return;
    }
    let fixture = Fixture::new();
    // The work directory itself is closed to the user, as a temporary directory is.
    let mut config = fixture.config("c", "id -un; id -G; touch mine; cat /proc/self/status");
    config.user = Some("daemon".into());
    let sandbox = config.directory.clone();
    let (code, output) = fixture.run(config).await;
    assert_eq!(code, Some(0));
    let user = nix::unistd::User::from_name("daemon").unwrap().unwrap();
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some("daemon"));
    assert_eq!(lines.next(), Some(user.gid.to_string().as_str()));
    let ids = format!("Uid:\t{0}\t{0}\t{0}\t{0}", user.uid);
    assert!(
        lines.any(|line| line == ids),
        "all of real, effective and saved: {output}"
    );
    for file in [
        sandbox.clone(),
        sandbox.join("stdout"),
        sandbox.join("mine"),
    ] {
        assert_eq!(
            fs::metadata(&file).unwrap().uid(),
            user.uid.as_raw(),
            "{file:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_user_is_refused() {
    let fixture = Fixture::new();
    let mut config = fixture.config("c", "true");
    config.user = Some("no-such-user".into());
    let error = fixture.containerizer.launch(config).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "user 'no-such-user' does not exist on this agent"
    );
}

#[tokio::test]
async fn a_link_in_the_place_of_the_output_is_not_followed() {
    let fixture = Fixture::new();
    let config = fixture.config("c", "echo spilled");
    let kept = fixture.path("kept");
    fs::create_dir_all(&config.directory).unwrap();
    std::os::unix::fs::symlink(&kept, config.directory.join("stdout")).unwrap();
    let error = fixture
        .containerizer
        .launch(config)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("Failed to open 'stdout' and 'stderr' in '"),
        "{error}"
    );
    assert!(!kept.exists());
}

#[tokio::test]
async fn the_fetcher_is_told_what_to_fetch_before_the_command_runs() {
    let fixture = Fixture::fetching_by("printf %s \"$MESOS_FETCHER_INFO\"; echo; id -u");
    let mut config = fixture.config("c", "echo run");
    config.command.uris = vec![v1::command_info::Uri {
        value: "http://host/\u{fc}ml\u{e4}ut.tgz".into(),
        executable: Some(true),
        ..Default::default()
    }];
    let sandbox = config.directory.display().to_string();
    let (_, output) = fixture.run(config).await;
    let mut lines = output.lines();
    let info = lines.next().unwrap().as_bytes();
    let info: messages::fetcher::FetcherInfo = messages::json::from_json(info).unwrap();
    assert_eq!(info.sandbox_directory, sandbox);
    assert_eq!(info.items[0].uri.value, "http://host/\u{fc}ml\u{e4}ut.tgz");
    assert_eq!(info.items[0].uri.executable, Some(true));
    assert_eq!(info.frameworks_home.as_deref(), Some("/frameworks"));
    assert_eq!(info.stall_timeout.unwrap().nanoseconds, 60_000_000_000);
    // The fetcher itself becomes the user, if there is one to become.
    assert_eq!(info.user, None);
    assert_eq!(lines.skip(1).collect::<Vec<_>>(), ["run"]);
    assert_eq!(fixture.containerizer.counters().fetches_succeeded, 1);
}

#[tokio::test]
async fn why_fetching_failed_is_told() {
    let fixture = Fixture::fetching_by("echo working >&2; echo 'no such host' >&2; exit 1");
    let mut config = fixture.config("c", "echo run");
    config.command.uris = vec![v1::command_info::Uri {
        value: "a".into(),
        ..Default::default()
    }];
    let error = fixture
        .containerizer
        .launch(config)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "Failed to fetch all URIs for container 'c': exit status: 1: no such host"
    );
    assert_eq!(fixture.containerizer.counters().fetches_failed, 1);
    assert_eq!(
        fs::read_to_string(fixture.sandbox("c").join("stdout")).unwrap(),
        ""
    );
}

#[tokio::test]
async fn destroying_ends_a_fetch_under_way() {
    let work = tempfile::tempdir().unwrap();
    let fifo = work.path().join("up");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let fixture = Fixture::fetching_by(&format!("echo > {}; exec sleep 1000", fifo.display()));
    let mut config = fixture.config("c", "echo run");
    config.command.uris = vec![v1::command_info::Uri {
        value: "a".into(),
        ..Default::default()
    }];
    let id = config.container_id.clone();
    let launch = fixture.containerizer.launch(config);
    until_closed(fifo).await;
    assert_eq!(
        fixture
            .containerizer
            .destroy(&id)
            .await
            .unwrap()
            .unwrap()
            .status,
        None
    );
    assert!(matches!(launch.await, Err(LaunchError::Destroyed)));
}

#[tokio::test]
async fn a_missing_fetcher_is_told() {
    let fixture = Fixture::fetching_by("true");
    let mut config = fixture.config("c", "true");
    config.command.uris = vec![v1::command_info::Uri {
        value: "a".into(),
        ..Default::default()
    }];
    let helper = tempfile::tempdir().unwrap();
    fs::copy(
        env!("CARGO_BIN_EXE_mesos-containerizer"),
        helper.path().join("mesos-containerizer"),
    )
    .unwrap();
    let without = Fixture::with(helper.path().to_path_buf(), Isolation::default());
    let error = without
        .containerizer
        .launch(config)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("mesos-fetcher': No such file or directory"),
        "{error}"
    );
}

#[test]
fn a_missing_helper_is_told_at_once() {
    let options = Options {
        launcher_dir: "/nonexistent".into(),
        frameworks_home: None,
        fetcher_stall_timeout: Duration::from_secs(60),
        isolation: Isolation::default(),
        template: None,
    };
    let error = MesosContainerizer::new(options).unwrap_err();
    assert!(matches!(&error, CreateError::Helper(path) if path.ends_with("mesos-containerizer")));
    assert!(error.to_string().contains("--launcher_dir"));
}

#[tokio::test]
async fn what_cannot_be_copied_is_started_in_the_ordinary_way() {
    let work = tempfile::tempdir().unwrap();
    let program = work.path().join("program");
    // As a template it ends at once.
    let script = "#!/bin/sh\n[ $MESOS_EXECUTOR_TEMPLATE ] && exit 1\necho ran $1\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let helper = Path::new(env!("CARGO_BIN_EXE_mesos-containerizer"));
    let fixture = Fixture::copying(
        helper.parent().unwrap().to_path_buf(),
        Isolation::default(),
        Some(TemplateProgram {
            program: program.clone(),
            arguments: ["program", "x"].map(Into::into).into(),
        }),
    );
    let failures = || fixture.containerizer.counters().template_failures;
    let config = |id: &str, argument: &str| {
        let mut config = fixture.config(id, program.to_str().unwrap());
        config.command.shell = Some(false);
        config.command.arguments = vec!["program".into(), argument.into()];
        config
    };
    // Other arguments are not the template's.
    assert_eq!(
        fixture.run(config("a", "y")).await,
        (Some(0), "ran y\n".into())
    );
    assert_eq!(failures(), 0);
    // It is tried once, and not again for a while.
    for id in ["b", "c"] {
        assert_eq!(
            fixture.run(config(id, "x")).await,
            (Some(0), "ran x\n".into())
        );
        assert_eq!(failures(), 1);
    }
}
