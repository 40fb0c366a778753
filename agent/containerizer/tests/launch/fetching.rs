//! The fetcher, before the command.

use super::*;

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
