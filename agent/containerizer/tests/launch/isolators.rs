//! What isolators count, and what they limit.

use super::*;

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
