//! How a container ends, by itself or by the agent.

use super::*;

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
