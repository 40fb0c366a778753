//! The program `mesos-executor` with an agent that is the test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod agent;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use agent::{Agent, ended, task};
use messages::v1::task_status::{Reason, Source};
use messages::v1::{DurationInfo, KillPolicy, Resource, TaskInfo, TaskState, resource};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

fn nanoseconds(duration: Duration) -> Option<DurationInfo> {
    Some(DurationInfo {
        nanoseconds: i64::try_from(duration.as_nanos()).unwrap(),
    })
}

fn at_once() -> Option<KillPolicy> {
    Some(KillPolicy {
        grace_period: nanoseconds(Duration::ZERO),
    })
}

fn read(directory: &TempDir, name: &str) -> String {
    std::fs::read_to_string(directory.path().join(name)).unwrap()
}

async fn states(agent: &mut Agent, count: usize) -> Vec<TaskState> {
    let mut states = Vec::new();
    for _ in 0..count {
        states.push(agent.update().await.state());
    }
    states
}

const UP: [TaskState; 2] = [TaskState::TaskStarting, TaskState::TaskRunning];

/// A pipe that all processes of a task hold: it ends when the last of them has ended.
struct Lifeline(BufReader<File>);

impl Lifeline {
    fn name(directory: &Path) {
        mknodat(
            CWD,
            directory.join("lifeline"),
            FileType::Fifo,
            Mode::RWXU,
            0,
        )
        .unwrap();
    }

    /// Opens the pipe and waits for the task's first line.
    async fn grasp(directory: &Path) -> Self {
        let path = directory.join("lifeline");
        let open = move || {
            let mut reader = BufReader::new(File::open(path).unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            Self(reader)
        };
        tokio::task::spawn_blocking(open).await.unwrap()
    }

    async fn ends(mut self) {
        let read = move || self.0.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(tokio::task::spawn_blocking(read).await.unwrap(), 0);
    }
}

/// A shell with children that leave it: one in another session, one orphaned in another
/// session, all deaf to SIGTERM if asked.
fn family(prelude: &str) -> TaskInfo {
    task(&format!(
        "{prelude} exec 3>lifeline; sleep 1000 & setsid sleep 1000 & \
         (setsid sleep 1000 &); echo ready >&3; wait"
    ))
}

#[test]
fn a_command_runs_and_finishes() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut task = task("echo \"hello $MESOS_ALLOCATION_ROLE\"; env >environment");
        task.resources.push(Resource {
            allocation_info: Some(resource::AllocationInfo {
                role: Some("ads".to_owned()),
            }),
            ..Resource::default()
        });
        let mut agent = Agent::start(task, true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        assert_eq!(states(&mut agent, 2).await, UP);
        let last = agent.update().await;
        assert_eq!(last.state(), TaskState::TaskFinished);
        assert_eq!(last.message(), "Command exited with status 0");
        assert_eq!(last.source(), Source::Executor);
        assert!(last.uuid.is_some() && last.timestamp.is_some() && last.reason.is_none());
        assert!(ended(executor).await.success());
        assert_eq!(read(&directory, "stdout"), "hello ads\n");
        let environment = read(&directory, "environment");
        assert!(environment.contains("MESOS_EXECUTOR_ID=t\n"));
        assert!(!environment.contains("secret"));
    });
}

#[test]
fn a_command_that_fails_says_how() {
    for (command, message) in [
        ("exit 3", "Command exited with status 3"),
        ("kill -KILL $$", "Command terminated with signal Killed"),
    ] {
        runtime::run(async {
            let directory = tempfile::tempdir().unwrap();
            let mut agent = Agent::start(task(command), true).await;
            let executor = agent.executor(directory.path(), false);
            agent.subscription().await;
            assert_eq!(states(&mut agent, 2).await, UP);
            let last = agent.update().await;
            assert_eq!(last.state(), TaskState::TaskFailed);
            assert_eq!(last.message(), message);
            assert!(ended(executor).await.success());
        });
    }
}

#[test]
fn a_program_that_does_not_exist_fails() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut task = task("/nowhere/nothing");
        task.command.as_mut().unwrap().shell = Some(false);
        let mut agent = Agent::start(task, true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        assert_eq!(agent.update().await.state(), TaskState::TaskStarting);
        let last = agent.update().await;
        assert_eq!(last.state(), TaskState::TaskFailed);
        assert!(
            last.message()
                .starts_with("Failed to launch '/nowhere/nothing'")
        );
        assert!(ended(executor).await.success());
    });
}

#[test]
fn a_kill_reaches_every_process_of_the_task() {
    for (prelude, policy) in [("", None), ("trap '' TERM;", at_once())] {
        runtime::run(async {
            let directory = tempfile::tempdir().unwrap();
            Lifeline::name(directory.path());
            let mut agent = Agent::start(family(prelude), true).await;
            let executor = agent.executor(directory.path(), false);
            agent.subscription().await;
            assert_eq!(states(&mut agent, 2).await, UP);
            let lifeline = Lifeline::grasp(directory.path()).await;
            agent.kill(policy);
            let expected = [TaskState::TaskKilling, TaskState::TaskKilled];
            assert_eq!(states(&mut agent, 2).await, expected);
            lifeline.ends().await;
            assert!(ended(executor).await.success());
        });
    }
}

#[test]
fn a_kill_right_behind_the_task_waits_for_its_start() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut agent = Agent::start(task("sleep 1000"), true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        agent.kill(at_once());
        assert_eq!(states(&mut agent, 2).await, UP);
        let expected = [TaskState::TaskKilling, TaskState::TaskKilled];
        assert_eq!(states(&mut agent, 2).await, expected);
        assert!(ended(executor).await.success());
    });
}

#[test]
fn nothing_of_a_finished_task_is_left() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        Lifeline::name(directory.path());
        let command = "exec 3>lifeline; (setsid sleep 1000 &); echo ready >&3";
        let mut agent = Agent::start(task(command), true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        assert_eq!(states(&mut agent, 2).await, UP);
        let lifeline = Lifeline::grasp(directory.path()).await;
        assert_eq!(agent.update().await.state(), TaskState::TaskFinished);
        lifeline.ends().await;
        assert!(ended(executor).await.success());
    });
}

#[test]
fn a_task_that_takes_too_long_fails() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let time = nanoseconds(Duration::from_millis(1));
        let task = TaskInfo {
            max_completion_time: time,
            ..task("sleep 1000")
        };
        let mut agent = Agent::start(task, true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        assert_eq!(states(&mut agent, 2).await, UP);
        let last = agent.update().await;
        assert_eq!(last.state(), TaskState::TaskFailed);
        assert_eq!(last.reason(), Reason::MaxCompletionTimeReached);
        assert!(ended(executor).await.success());
    });
}

#[test]
fn a_shutdown_kills_the_task() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut agent = Agent::start(task("sleep 1000"), true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        assert_eq!(states(&mut agent, 2).await, UP);
        agent.shut_down();
        let expected = [TaskState::TaskKilling, TaskState::TaskKilled];
        assert_eq!(states(&mut agent, 2).await, expected);
        assert!(ended(executor).await.success());
    });
}

#[test]
fn a_checkpointing_executor_outlives_its_agents_restart() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        let mut agent = Agent::start(task("sleep 1000"), false).await;
        let executor = agent.executor(directory.path(), true);
        assert_eq!(agent.subscription().await.unacknowledged_updates, []);
        let starting = agent.update().await;
        let running = agent.update().await;
        agent.hang_up();
        let subscribe = agent.subscription().await;
        let updates: Vec<_> = subscribe
            .unacknowledged_updates
            .into_iter()
            .map(|update| update.status)
            .collect();
        assert_eq!(updates, [starting.clone(), running.clone()]);
        assert_eq!(subscribe.unacknowledged_tasks.len(), 1);

        agent.acknowledge(starting);
        agent.babble();
        let subscribe = agent.subscription().await;
        assert_eq!(subscribe.unacknowledged_tasks.len(), 0);
        assert_eq!(subscribe.unacknowledged_updates.len(), 1);
        agent.acknowledge(running);
        agent.kill(at_once());
        assert_eq!(agent.update().await.state(), TaskState::TaskKilling);
        let killed = agent.update().await;
        assert_eq!(killed.state(), TaskState::TaskKilled);
        agent.acknowledge(killed);
        assert!(ended(executor).await.success());
    });
}

#[test]
fn without_checkpointing_the_executor_goes_with_its_agent() {
    runtime::run(async {
        let directory = tempfile::tempdir().unwrap();
        Lifeline::name(directory.path());
        let mut agent = Agent::start(family(""), true).await;
        let executor = agent.executor(directory.path(), false);
        agent.subscription().await;
        assert_eq!(states(&mut agent, 2).await, UP);
        let lifeline = Lifeline::grasp(directory.path()).await;
        agent.hang_up();
        lifeline.ends().await;
        assert!(ended(executor).await.success());
    });
}

#[test]
fn an_environment_that_is_not_an_executors_is_an_error() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mesos-executor"))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let message = "] Expecting 'MESOS_SLAVE_PID' to be set in the environment";
    assert!(text.starts_with('E') && text.contains(message), "{text}");
}
