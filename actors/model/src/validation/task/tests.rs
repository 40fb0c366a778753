use super::*;
use crate::Role;

fn allocated(text: &str) -> Resources {
    Resources::parse(text, &Role::any())
        .unwrap()
        .allocated(&Role::any())
}

fn command() -> v1::CommandInfo {
    v1::CommandInfo {
        value: Some("sleep 1".into()),
        ..Default::default()
    }
}

fn task() -> v1::TaskInfo {
    v1::TaskInfo {
        name: "t".into(),
        task_id: v1::TaskId { value: "t".into() },
        agent_id: v1::AgentId { value: "s".into() },
        resources: allocated("cpus:1;mem:64").to_proto(),
        command: Some(command()),
        ..Default::default()
    }
}

fn executor(resources: &str) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: v1::ExecutorId { value: "e".into() },
        framework_id: Some(v1::FrameworkId { value: "f".into() }),
        command: Some(command()),
        resources: allocated(resources).to_proto(),
        ..Default::default()
    }
}

fn with_executor(executor: v1::ExecutorInfo) -> v1::TaskInfo {
    v1::TaskInfo {
        command: None,
        executor: Some(executor),
        ..task()
    }
}

fn check_in(
    task: &v1::TaskInfo,
    offered: &str,
    running: Option<&v1::ExecutorInfo>,
) -> Result<Launch, TaskError> {
    let context = LaunchContext {
        framework: "f",
        agent: "s",
        handles_limits: true,
        is_active: &|id| id == "active",
        is_unreachable: &|id| id == "unreachable",
        executor: &|_| running,
        sharing: &|_| Vec::new(),
    };
    validate(task, context, &allocated(offered))
}

fn check(task: &v1::TaskInfo) -> Result<Launch, TaskError> {
    check_in(task, "cpus:4;mem:1024;disk:100;ports:[1-100]", None)
}

fn refusal(task: &v1::TaskInfo) -> String {
    check(task).unwrap_err().to_string()
}

#[test]
fn a_good_task_takes_what_it_says() {
    let launch = check(&task()).unwrap();
    assert_eq!(launch.total, allocated("cpus:1;mem:64"));
    assert!(launch.warnings.is_empty());
}

#[test]
fn ids() {
    let with_id = |id: &str| v1::TaskInfo {
        task_id: v1::TaskId { value: id.into() },
        ..task()
    };
    assert_eq!(refusal(&with_id("")), "ID must not be empty");
    assert_eq!(
        refusal(&with_id("a/b")),
        "'a/b' contains invalid characters"
    );
    assert_eq!(refusal(&with_id("active")), "Task has duplicate ID: active");
    assert_eq!(
        refusal(&with_id("unreachable")),
        "Task reuses the ID of an unreachable task: unreachable"
    );
    let elsewhere = v1::TaskInfo {
        agent_id: v1::AgentId { value: "x".into() },
        ..task()
    };
    assert_eq!(
        refusal(&elsewhere),
        "Task uses invalid agent x while agent s is expected"
    );
}

#[test]
fn times() {
    let late = v1::DurationInfo { nanoseconds: -1 };
    assert_eq!(
        refusal(&v1::TaskInfo {
            kill_policy: Some(v1::KillPolicy {
                grace_period: Some(late)
            }),
            ..task()
        }),
        "Task's 'kill_policy.grace_period' must be non-negative"
    );
    assert_eq!(
        refusal(&v1::TaskInfo {
            max_completion_time: Some(late),
            ..task()
        }),
        "Task's `max_completion_time` must be non-negative"
    );
}

#[test]
fn checks() {
    let health = v1::TaskInfo {
        health_check: Some(v1::HealthCheck::default()),
        ..task()
    };
    assert_eq!(
        refusal(&health),
        "Task uses invalid health check: HealthCheck must specify 'type'"
    );
    let check = v1::TaskInfo {
        check: Some(v1::CheckInfo::default()),
        ..task()
    };
    assert_eq!(
        refusal(&check),
        "Task uses invalid check: CheckInfo must specify 'type'"
    );
}

#[test]
fn resources() {
    let with = |resources| v1::TaskInfo {
        resources,
        ..task()
    };
    assert_eq!(refusal(&with(Vec::new())), "Task uses no resources");
    let mut negative = task().resources;
    negative[0].scalar = Some(v1::value::Scalar { value: -1.0 });
    assert_eq!(
        refusal(&with(negative)),
        "Task uses invalid resources: Invalid resources: Resource 'cpus(allocated: *):-1' is \
         invalid: Invalid scalar resource: value <= 0"
    );
    assert_eq!(
        refusal(&with(allocated("cpus:1").unallocated().to_proto())),
        "Invalid task resources: The resources are not allocated to a role"
    );
    assert_eq!(
        refusal(&with(allocated("cpus:5;mem:1").to_proto())),
        "Total resources cpus(allocated: *):5; mem(allocated: *):1 required by task and its \
         executor is more than available cpus(allocated: *):4; mem(allocated: *):1024; \
         disk(allocated: *):100; ports(allocated: *):[1-100]"
    );
    let mut mixed = allocated("cpus:1").to_proto();
    mixed.extend(mixed.clone());
    mixed[0].revocable = Some(v1::resource::RevocableInfo {});
    assert_eq!(
        refusal(&with(mixed)),
        "Task mixes revocable and non-revocable resources: Cannot use both revocable and \
         non-revocable 'cpus' at the same time"
    );
}

#[test]
fn limits() {
    let with = |limits: &[(&str, f64)]| v1::TaskInfo {
        limits: limits
            .iter()
            .map(|(name, value)| ((*name).to_owned(), v1::value::Scalar { value: *value }))
            .collect(),
        ..task()
    };
    assert!(check(&with(&[("cpus", 1.0), ("mem", f64::INFINITY)])).is_ok());
    let cases: [(&[(&str, f64)], LimitsError); 5] = [
        (&[("disk", 1.0)], LimitsError::OtherName),
        (&[("cpus", 0.5)], LimitsError::CpusBelowRequest),
        (&[("cpus", f64::NAN)], LimitsError::CpusBelowRequest),
        (&[("mem", 63.0)], LimitsError::MemBelowRequest),
        (&[("mem", f64::NEG_INFINITY)], LimitsError::MemBelowRequest),
    ];
    for (limits, error) in cases {
        assert_eq!(check(&with(limits)), Err(error.into()));
    }
    let no_mem = v1::TaskInfo {
        resources: allocated("cpus:1").to_proto(),
        ..with(&[("mem", 64.0)])
    };
    assert_eq!(check(&no_mem), Err(LimitsError::MemWithoutRequest.into()));
    let context = LaunchContext {
        framework: "f",
        agent: "s",
        handles_limits: false,
        is_active: &|_| false,
        is_unreachable: &|_| false,
        executor: &|_| None,
        sharing: &|_| Vec::new(),
    };
    assert_eq!(
        validate(
            &with(&[("cpus", 1.0)]),
            context,
            &allocated("cpus:9;mem:99")
        ),
        Err(LimitsError::AgentIncapable.into())
    );
}

#[test]
fn command_or_executor() {
    let text =
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
    assert_eq!(
        refusal(&v1::TaskInfo {
            command: None,
            ..task()
        }),
        text
    );
    let both = v1::TaskInfo {
        executor: Some(executor("cpus:1")),
        ..task()
    };
    assert_eq!(refusal(&both), text);
}

#[test]
fn an_executor_is_counted_once() {
    let task = with_executor(executor("cpus:1;mem:32"));
    let first = check(&task).unwrap();
    assert_eq!(first.total, allocated("cpus:2;mem:96"));
    assert!(first.warnings.is_empty());
    let running = executor("cpus:1;mem:32");
    let second = check_in(&task, "cpus:1;mem:64", Some(&running)).unwrap();
    assert_eq!(second.total, allocated("cpus:1;mem:64"));
}

#[test]
fn a_small_executor_only_warns() {
    let launch = check(&with_executor(executor("cpus:0.001"))).unwrap();
    assert_eq!(
        launch.warnings,
        [
            "Executor 'e' for task 't' uses less CPUs (0.001) than the minimum required (0.01). \
             Please update your executor, as this will be mandatory in future releases.",
            "Executor 'e' for task 't' uses less memory (None) than the minimum required (32MB). \
             Please update your executor, as this will be mandatory in future releases.",
        ]
    );
}

#[test]
fn executors() {
    let default = v1::ExecutorInfo {
        r#type: Some(ExecutorType::Default as i32),
        command: None,
        ..executor("cpus:1")
    };
    assert_eq!(
        refusal(&with_executor(default)),
        "'ExecutorInfo.type' must be 'CUSTOM'"
    );
    let silent = v1::ExecutorInfo {
        command: None,
        ..executor("cpus:1")
    };
    assert_eq!(
        refusal(&with_executor(silent)),
        "'ExecutorInfo.command' must be set"
    );
    let mut task = with_executor(executor("ports:[5-9]"));
    task.resources = allocated("cpus:1;ports:[9-10]").to_proto();
    assert_eq!(
        refusal(&task),
        "There are overlapping resources in the task resources cpus(allocated: *):1; \
         ports(allocated: *):[9-10] and executor resources ports(allocated: *):[5-9]"
    );
}

#[test]
fn cgroups() {
    let container = |share| v1::ContainerInfo {
        r#type: v1::container_info::Type::Mesos as i32,
        linux_info: Some(v1::LinuxInfo {
            share_cgroups: Some(share),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(
        refusal(&v1::TaskInfo {
            container: Some(container(false)),
            ..task()
        }),
        "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    );
    assert!(
        check(&v1::TaskInfo {
            container: Some(container(true)),
            ..task()
        })
        .is_ok()
    );
    let executor = v1::ExecutorInfo {
        container: Some(container(true)),
        ..executor("cpus:1")
    };
    assert_eq!(
        refusal(&with_executor(executor)),
        "The 'share_cgroups' field cannot be set to 'true' on executor containers"
    );
}
