use messages::v1::CommandInfo;

use super::*;

const NOW: Duration = Duration::from_secs(100);

fn core() -> Core {
    Core::new(Setting::default(), Duration::from_secs(5))
}

fn id() -> TaskId {
    TaskId {
        value: "t".to_owned(),
    }
}

fn task() -> TaskInfo {
    let command = CommandInfo {
        value: Some("true".to_owned()),
        ..CommandInfo::default()
    };
    TaskInfo {
        task_id: id(),
        command: Some(command),
        ..TaskInfo::default()
    }
}

fn nanoseconds(duration: Duration) -> Option<DurationInfo> {
    Some(DurationInfo {
        nanoseconds: i64::try_from(duration.as_nanos()).unwrap(),
    })
}

fn policy(seconds: u64) -> Option<KillPolicy> {
    Some(KillPolicy {
        grace_period: nanoseconds(Duration::from_secs(seconds)),
    })
}

/// An executor whose task runs.
fn running(task: TaskInfo, knows_killing: bool) -> Core {
    let mut core = core();
    core.handle(Input::Subscribed { knows_killing }, NOW);
    core.handle(Input::Launch(Box::new(task)), NOW);
    core.handle(Input::Started(7), NOW);
    core
}

fn states(effects: &[Effect]) -> Vec<TaskState> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Update(status) => Some(status.state()),
            _ => None,
        })
        .collect()
}

/// The last update: state, reason, message.
fn last(effects: &[Effect]) -> (TaskState, Option<Reason>, String) {
    effects
        .iter()
        .rev()
        .find_map(|effect| match effect {
            Effect::Update(status) => Some((
                status.state(),
                status.reason.is_some().then(|| status.reason()),
                status.message().to_owned(),
            )),
            _ => None,
        })
        .unwrap()
}

fn exited(core: &mut Core, exit: Exit) -> Vec<Effect> {
    core.handle(Input::Exited(Ok(exit)), NOW)
}

const TERMINATED: Exit = Exit::Signal {
    number: 15,
    core_dumped: false,
};

#[test]
fn a_task_is_starting_then_running_then_finished() {
    let mut core = core();
    let effects = core.handle(Input::Launch(Box::new(task())), NOW);
    assert_eq!(states(&effects), [TaskState::TaskStarting]);
    assert!(matches!(effects[1], Effect::Start(_)));
    let effects = core.handle(Input::Started(7), NOW);
    assert_eq!(states(&effects), [TaskState::TaskRunning]);
    let effects = exited(&mut core, Exit::Status(0));
    let message = "Command exited with status 0".to_owned();
    assert_eq!(last(&effects), (TaskState::TaskFinished, None, message));
    assert!(effects.contains(&Effect::Set(Alarm::Acknowledgement, ACKNOWLEDGEMENT_TIME)));
}

#[test]
fn only_the_last_updates_acknowledgement_ends_the_executor() {
    let mut core = running(task(), false);
    assert_eq!(
        core.handle(Input::Acknowledged(id(), TaskState::TaskRunning), NOW),
        []
    );
    exited(&mut core, Exit::Status(0));
    assert_eq!(
        core.handle(Input::Acknowledged(id(), TaskState::TaskStarting), NOW),
        []
    );
    let effects = core.handle(Input::Acknowledged(id(), TaskState::TaskFinished), NOW);
    assert_eq!(effects, [Effect::Exit(SUCCESS)]);
}

#[test]
fn what_fails_says_how() {
    for (exit, text) in [
        (Exit::Status(3), "Command exited with status 3"),
        (TERMINATED, "Command terminated with signal Terminated"),
    ] {
        let effects = exited(&mut running(task(), false), exit);
        assert_eq!(
            last(&effects),
            (TaskState::TaskFailed, None, text.to_owned())
        );
    }
    let mut core = core();
    core.handle(Input::Launch(Box::new(task())), NOW);
    let effects = core.handle(Input::NotStarted("no such file".to_owned()), NOW);
    assert_eq!(
        last(&effects),
        (TaskState::TaskFailed, None, "no such file".to_owned())
    );
}

#[test]
fn a_task_without_command_fails() {
    let task = TaskInfo {
        command: None,
        ..task()
    };
    let effects = core().handle(Input::Launch(Box::new(task)), NOW);
    assert_eq!(
        states(&effects),
        [TaskState::TaskStarting, TaskState::TaskFailed]
    );
}

#[test]
fn a_second_task_fails_and_leaves_the_first_alone() {
    let mut core = running(task(), false);
    let second = TaskInfo {
        task_id: TaskId {
            value: "u".to_owned(),
        },
        ..task()
    };
    let effects = core.handle(Input::Launch(Box::new(second.clone())), NOW);
    let text = "Attempted to run multiple tasks using a \"command\" executor".to_owned();
    assert_eq!(last(&effects), (TaskState::TaskFailed, None, text));
    let acknowledged = Input::Acknowledged(second.task_id, TaskState::TaskFailed);
    assert_eq!(core.handle(acknowledged, NOW), []);
    assert_eq!(
        states(&exited(&mut core, Exit::Status(0))),
        [TaskState::TaskFinished]
    );
}

#[test]
fn a_kill_asks_then_does() {
    let mut core = running(task(), true);
    let effects = core.handle(Input::Kill(id(), None), NOW);
    assert_eq!(states(&effects), [TaskState::TaskKilling]);
    assert!(effects.contains(&Effect::Strike(Blow::Terminate)));
    assert!(effects.contains(&Effect::Set(Alarm::Grace, KILL_GRACE)));
    assert_eq!(
        core.handle(Input::Rang(Alarm::Grace), NOW + KILL_GRACE),
        [Effect::Strike(Blow::Kill)]
    );
    let killed = Exit::Signal {
        number: 9,
        core_dumped: false,
    };
    let text = "Command terminated with signal Killed".to_owned();
    assert_eq!(
        last(&exited(&mut core, killed)),
        (TaskState::TaskKilled, None, text)
    );
    assert_eq!(core.handle(Input::Rang(Alarm::Grace), NOW + KILL_GRACE), []);
}

#[test]
fn frameworks_that_do_not_know_killing_are_not_told() {
    let mut core = running(task(), false);
    assert_eq!(states(&core.handle(Input::Kill(id(), None), NOW)), []);
    // However it ends now, it was killed.
    assert_eq!(
        states(&exited(&mut core, Exit::Status(0))),
        [TaskState::TaskKilled]
    );
}

#[test]
fn the_calls_policy_goes_before_the_tasks() {
    let task = TaskInfo {
        kill_policy: policy(20),
        ..task()
    };
    let grace = |seconds| Effect::Set(Alarm::Grace, Duration::from_secs(seconds));
    let effects = running(task.clone(), false).handle(Input::Kill(id(), None), NOW);
    assert!(effects.contains(&grace(20)));
    let effects = running(task, false).handle(Input::Kill(id(), policy(30)), NOW);
    assert!(effects.contains(&grace(30)));
}

#[test]
fn a_second_kill_can_only_shorten_the_grace_period() {
    let mut core = running(task(), true);
    core.handle(Input::Kill(id(), policy(20)), NOW);
    let later = NOW + Duration::from_secs(4);
    assert_eq!(core.handle(Input::Kill(id(), policy(30)), later), []);
    assert_eq!(core.handle(Input::Kill(id(), policy(20)), later), []);
    // Five seconds from the first kill on, of which four are over.
    let one_second = Effect::Set(Alarm::Grace, Duration::from_secs(1));
    assert_eq!(
        core.handle(Input::Kill(id(), policy(5)), later),
        [one_second]
    );
    let at_once = Effect::Set(Alarm::Grace, Duration::ZERO);
    assert_eq!(core.handle(Input::Kill(id(), policy(2)), later), [at_once]);
}

#[test]
fn kills_of_others_and_of_the_dead_do_nothing() {
    let mut core = running(task(), true);
    let other = TaskId {
        value: "u".to_owned(),
    };
    assert_eq!(core.handle(Input::Kill(other, None), NOW), []);
    exited(&mut core, Exit::Status(0));
    assert_eq!(core.handle(Input::Kill(id(), None), NOW), []);
}

#[test]
fn a_kill_before_any_task_ends_the_executor() {
    assert_eq!(
        core().handle(Input::Kill(id(), None), NOW),
        [Effect::Exit(FAILURE)]
    );
}

#[test]
fn a_task_that_takes_too_long_fails() {
    let time = Duration::from_secs(60);
    let mut core = core();
    core.handle(
        Input::Subscribed {
            knows_killing: true,
        },
        NOW,
    );
    let task = TaskInfo {
        max_completion_time: nanoseconds(time),
        ..task()
    };
    let effects = core.handle(Input::Launch(Box::new(task)), NOW);
    assert!(effects.contains(&Effect::Set(Alarm::CompletionTime, time)));
    core.handle(Input::Started(7), NOW);
    let effects = core.handle(Input::Rang(Alarm::CompletionTime), NOW + time);
    assert_eq!(states(&effects), []);
    assert!(effects.contains(&Effect::Strike(Blow::Terminate)));
    assert!(effects.contains(&Effect::Set(Alarm::Grace, Duration::ZERO)));
    let (state, reason, _) = last(&exited(&mut core, TERMINATED));
    assert_eq!(state, TaskState::TaskFailed);
    assert_eq!(reason, Some(Reason::MaxCompletionTimeReached));
}

#[test]
fn a_kill_stops_the_completion_timer() {
    let time = Duration::from_secs(60);
    let mut core = running(
        TaskInfo {
            max_completion_time: nanoseconds(time),
            ..task()
        },
        false,
    );
    let effects = core.handle(Input::Kill(id(), None), NOW);
    assert!(effects.contains(&Effect::Cancel(Alarm::CompletionTime)));
    assert_eq!(
        core.handle(Input::Rang(Alarm::CompletionTime), NOW + time),
        []
    );
    assert_eq!(
        states(&exited(&mut core, TERMINATED)),
        [TaskState::TaskKilled]
    );
}

#[test]
fn a_shutdown_kills_the_task_within_the_agents_grace_period() {
    let asked = || Input::Shutdown {
        is_agent_there: true,
    };
    let mut core = running(task(), false);
    let effects = core.handle(asked(), NOW);
    assert!(effects.contains(&Effect::Strike(Blow::Terminate)));
    assert!(effects.contains(&Effect::Set(Alarm::Grace, Duration::from_secs(3))));
    assert!(effects.contains(&Effect::Set(Alarm::Shutdown, Duration::from_secs(5))));
    assert_eq!(
        core.handle(Input::Rang(Alarm::Shutdown), NOW),
        [Effect::Strike(Blow::Kill), Effect::Exit(FAILURE)]
    );
    assert_eq!(self::core().handle(asked(), NOW), [Effect::Exit(SUCCESS)]);
}

#[test]
fn an_agent_that_ends_the_framework_is_not_waited_for_long() {
    let asked = || Input::Shutdown {
        is_agent_there: true,
    };
    let last_words = Effect::Set(Alarm::Acknowledgement, LAST_WORDS_TIME);
    let mut core = running(task(), false);
    core.handle(asked(), NOW);
    let effects = exited(&mut core, TERMINATED);
    assert_eq!(effects.last(), Some(&last_words));
    assert_eq!(
        core.handle(Input::Rang(Alarm::Acknowledgement), NOW),
        [Effect::Exit(SUCCESS)]
    );
    let mut core = running(task(), false);
    exited(&mut core, Exit::Status(0));
    assert_eq!(core.handle(asked(), NOW), [last_words]);
}

#[test]
fn without_an_agent_nobody_acknowledges() {
    let gone = || Input::Shutdown {
        is_agent_there: false,
    };
    let mut core = running(task(), false);
    core.handle(gone(), NOW);
    let effects = exited(&mut core, TERMINATED);
    assert_eq!(effects.last(), Some(&Effect::Exit(SUCCESS)));
    let mut core = running(task(), false);
    exited(&mut core, Exit::Status(0));
    assert_eq!(core.handle(gone(), NOW), [Effect::Exit(FAILURE)]);
}

#[test]
fn only_a_connected_agent_is_waited_for_in_vain() {
    let mut core = running(task(), false);
    exited(&mut core, Exit::Status(0));
    assert_eq!(
        core.handle(Input::Disconnected, NOW),
        [Effect::Cancel(Alarm::Acknowledgement)]
    );
    assert_eq!(
        core.handle(
            Input::Subscribed {
                knows_killing: false
            },
            NOW
        ),
        [Effect::Set(Alarm::Acknowledgement, ACKNOWLEDGEMENT_TIME)]
    );
    assert_eq!(
        core.handle(Input::Rang(Alarm::Acknowledgement), NOW),
        [Effect::Exit(FAILURE)]
    );
}

#[test]
fn each_status_of_a_task_with_a_check_has_the_checks_part() {
    let check = CheckInfo {
        r#type: Some(messages::v1::check_info::Type::Tcp.into()),
        ..CheckInfo::default()
    };
    let effects = core().handle(
        Input::Launch(Box::new(TaskInfo {
            check: Some(check),
            ..task()
        })),
        NOW,
    );
    let Effect::Update(status) = &effects[0] else {
        panic!()
    };
    assert!(status.check_status.as_ref().unwrap().tcp.is_some());
}
