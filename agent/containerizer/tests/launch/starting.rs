//! How a container begins: its sandbox, its environment, its program.

use super::*;

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
