//! Containers of other users.

use super::*;

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
