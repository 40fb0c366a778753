//! The v1 operator API's reads of the agent's state (V23): as messages for protobuf, and
//! written straight from the snapshot for JSON.

use std::sync::Arc;

use messages::v1;
use model::endpoint::entry_if;
use model::ids::FrameworkId;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use v1::agent::{
    Response,
    call::Type as Call,
    response::{self, get_executors, get_frameworks},
};

use crate::agent::Snapshot;
use crate::state::{Executor, Framework};
use crate::task;

/// The answer to a read of the agent's state; none for calls that are not answered from
/// it alone.
pub fn answer(snapshot: &Snapshot, call: Call) -> Option<Response> {
    let kind = kind_of(call)?;
    let mut response = Response {
        r#type: Some(kind as i32),
        ..Default::default()
    };
    match call {
        Call::GetAgent => {
            response.get_agent = Some(response::GetAgent {
                agent_info: Some((*snapshot.state.info).clone()),
                ..Default::default()
            });
        }
        Call::GetState => {
            response.get_state = Some(response::GetState {
                get_tasks: Some(tasks(snapshot)),
                get_executors: Some(executors(snapshot)),
                get_frameworks: Some(frameworks(snapshot)),
            });
        }
        Call::GetFrameworks => response.get_frameworks = Some(frameworks(snapshot)),
        Call::GetExecutors => response.get_executors = Some(executors(snapshot)),
        Call::GetTasks => response.get_tasks = Some(tasks(snapshot)),
        Call::GetOperations => response.get_operations = Some(Default::default()),
        Call::GetResourceProviders => {
            response.get_resource_providers = Some(Default::default());
        }
        _ => return None,
    }
    Some(response)
}

fn kind_of(call: Call) -> Option<response::Type> {
    Some(match call {
        Call::GetAgent => response::Type::GetAgent,
        Call::GetState => response::Type::GetState,
        Call::GetFrameworks => response::Type::GetFrameworks,
        Call::GetExecutors => response::Type::GetExecutors,
        Call::GetTasks => response::Type::GetTasks,
        Call::GetOperations => response::Type::GetOperations,
        Call::GetResourceProviders => response::Type::GetResourceProviders,
        _ => return None,
    })
}

fn frameworks(snapshot: &Snapshot) -> response::GetFrameworks {
    let show = |framework: &Arc<Framework>| get_frameworks::Framework {
        framework_info: (*framework.info).clone(),
    };
    response::GetFrameworks {
        frameworks: snapshot.state.frameworks.values().map(show).collect(),
        completed_frameworks: snapshot
            .state
            .completed_frameworks
            .iter()
            .map(show)
            .collect(),
    }
}

fn executors(snapshot: &Snapshot) -> response::GetExecutors {
    let show = |executor: &Executor| get_executors::Executor {
        executor_info: (*executor.info).clone(),
    };
    response::GetExecutors {
        executors: snapshot.state.executors().map(show).collect(),
        completed_executors: completed_executors(snapshot).map(show).collect(),
    }
}

fn tasks(snapshot: &Snapshot) -> response::GetTasks {
    let list = |stage| {
        let mut tasks = Vec::new();
        for_each_task(snapshot, stage, &mut |task: &v1::Task| {
            tasks.push(task.clone());
            Ok::<(), std::convert::Infallible>(())
        })
        .map(|()| tasks)
        .unwrap_or_default()
    };
    response::GetTasks {
        pending_tasks: list(Stage::Pending),
        queued_tasks: list(Stage::Queued),
        launched_tasks: list(Stage::Launched),
        terminated_tasks: list(Stage::Terminated),
        completed_tasks: list(Stage::Completed),
    }
}

/// Frameworks that go on, then completed ones.
fn all_frameworks(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<Framework>> {
    let state = &snapshot.state;
    state
        .frameworks
        .values()
        .chain(state.completed_frameworks.iter())
}

fn completed_executors(snapshot: &Snapshot) -> impl Iterator<Item = &Executor> {
    all_frameworks(snapshot)
        .flat_map(|framework| framework.completed_executors.iter())
        .map(|executor| &**executor)
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its launch waits.
    Pending,
    /// Its executor does not have it yet.
    Queued,
    /// Its executor has it.
    Launched,
    /// It has ended, unacknowledged.
    Terminated,
    /// It is history.
    Completed,
}

/// Shows the tasks of a stage one by one, until showing fails.
fn for_each_task<E>(
    snapshot: &Snapshot,
    stage: Stage,
    show: &mut impl FnMut(&v1::Task) -> Result<(), E>,
) -> Result<(), E> {
    for framework in all_frameworks(snapshot) {
        let live = framework
            .executors
            .values()
            .chain(framework.completed_executors.iter());
        match stage {
            Stage::Pending => {
                for launch in &framework.pending {
                    show_staging(launch.work.tasks(), &framework.id, show)?;
                }
            }
            Stage::Queued => {
                for queued in live.flat_map(|executor| &executor.queued) {
                    show_staging(queued.work.tasks(), &framework.id, show)?;
                }
            }
            Stage::Launched => {
                live.flat_map(|executor| executor.launched.values())
                    .try_for_each(|one| show(one))?;
            }
            Stage::Terminated => {
                live.flat_map(|executor| executor.terminated.values())
                    .try_for_each(|one| show(one))?;
            }
            Stage::Completed => {
                live.flat_map(|executor| &executor.completed)
                    .try_for_each(|one| show(one))?;
            }
        }
    }
    Ok(())
}

fn show_staging<E>(
    tasks: &[v1::TaskInfo],
    framework: &FrameworkId,
    show: &mut impl FnMut(&v1::Task) -> Result<(), E>,
) -> Result<(), E> {
    tasks.iter().try_for_each(|info| {
        show(&task::from_info(
            info,
            v1::TaskState::TaskStaging,
            framework,
        ))
    })
}

/// The same answers as JSON, without a copy of the state. Lists are there even if empty.
#[derive(Debug, Clone, Copy)]
pub struct JsonAnswer<'a> {
    snapshot: &'a Snapshot,
    call: Call,
    kind: response::Type,
}

impl<'a> JsonAnswer<'a> {
    /// The answer to a read of the agent's state; none for calls that are not answered from
    /// it alone.
    pub fn new(snapshot: &'a Snapshot, call: Call) -> Option<Self> {
        Some(Self {
            snapshot,
            call,
            kind: kind_of(call)?,
        })
    }
}

impl Serialize for JsonAnswer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let snapshot = self.snapshot;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", self.kind.as_str_name())?;
        match self.call {
            Call::GetState => map.serialize_entry("get_state", &StateJson(snapshot))?,
            Call::GetFrameworks => {
                map.serialize_entry("get_frameworks", &FrameworksJson(snapshot))?;
            }
            Call::GetExecutors => {
                map.serialize_entry("get_executors", &ExecutorsJson(snapshot))?;
            }
            Call::GetTasks => map.serialize_entry("get_tasks", &TasksJson(snapshot))?,
            // The rest is small.
            call => {
                if let Some(response) = answer(snapshot, call) {
                    entry_if(&mut map, "get_agent", response.get_agent.as_ref())?;
                    entry_if(&mut map, "get_operations", response.get_operations.as_ref())?;
                    let providers = response.get_resource_providers.as_ref();
                    entry_if(&mut map, "get_resource_providers", providers)?;
                }
            }
        }
        map.end()
    }
}

struct StateJson<'a>(&'a Snapshot);

impl Serialize for StateJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("get_tasks", &TasksJson(self.0))?;
        map.serialize_entry("get_executors", &ExecutorsJson(self.0))?;
        map.serialize_entry("get_frameworks", &FrameworksJson(self.0))?;
        map.end()
    }
}

struct FrameworksJson<'a>(&'a Snapshot);

impl Serialize for FrameworksJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = &self.0.state;
        let show = |framework: &'_ Arc<Framework>| FrameworkJson {
            framework_info: Arc::clone(&framework.info),
        };
        let live: Vec<FrameworkJson> = state.frameworks.values().map(show).collect();
        let completed: Vec<FrameworkJson> = state.completed_frameworks.iter().map(show).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("frameworks", &live)?;
        map.serialize_entry("completed_frameworks", &completed)?;
        map.end()
    }
}

#[derive(Serialize)]
struct FrameworkJson {
    framework_info: Arc<v1::FrameworkInfo>,
}

struct ExecutorsJson<'a>(&'a Snapshot);

impl Serialize for ExecutorsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let show = |executor: &Executor| ExecutorJson {
            executor_info: Arc::clone(&executor.info),
        };
        let live: Vec<ExecutorJson> = self.0.state.executors().map(show).collect();
        let completed: Vec<ExecutorJson> = completed_executors(self.0).map(show).collect();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("executors", &live)?;
        map.serialize_entry("completed_executors", &completed)?;
        map.end()
    }
}

#[derive(Serialize)]
struct ExecutorJson {
    executor_info: Arc<v1::ExecutorInfo>,
}

struct TasksJson<'a>(&'a Snapshot);

impl Serialize for TasksJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let list = |stage| TaskList {
            snapshot: self.0,
            stage,
        };
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("pending_tasks", &list(Stage::Pending))?;
        map.serialize_entry("queued_tasks", &list(Stage::Queued))?;
        map.serialize_entry("launched_tasks", &list(Stage::Launched))?;
        map.serialize_entry("terminated_tasks", &list(Stage::Terminated))?;
        map.serialize_entry("completed_tasks", &list(Stage::Completed))?;
        map.end()
    }
}

struct TaskList<'a> {
    snapshot: &'a Snapshot,
    stage: Stage,
}

impl Serialize for TaskList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for_each_task(self.snapshot, self.stage, &mut |task| {
            list.serialize_element(task)
        })?;
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{World, config, executor_task, uuid};

    fn json(world: &World, call: Call) -> Value {
        let snapshot = world.agent.snapshot();
        let text = serde_json::to_string(&JsonAnswer::new(&snapshot, call).unwrap());
        serde_json::from_str(&text.unwrap()).unwrap()
    }

    #[test]
    fn lists_are_there_even_if_empty() {
        let world = World::new(config());
        assert_eq!(
            json(&world, Call::GetState),
            json!({
                "type": "GET_STATE",
                "get_state": {
                    "get_tasks": {
                        "pending_tasks": [],
                        "queued_tasks": [],
                        "launched_tasks": [],
                        "terminated_tasks": [],
                        "completed_tasks": [],
                    },
                    "get_executors": {"executors": [], "completed_executors": []},
                    "get_frameworks": {"frameworks": [], "completed_frameworks": []},
                },
            })
        );
        assert_eq!(
            json(&world, Call::GetOperations),
            json!({"type": "GET_OPERATIONS", "get_operations": {}})
        );
    }

    #[test]
    fn json_and_messages_say_the_same() {
        let mut world = World::registered();
        let container = world.running_command_task("done");
        world.update("done", "done", v1::TaskState::TaskFinished, uuid(1));
        world.exited(container, Default::default());
        world.acknowledge("done", uuid(1));
        world.running_command_task("ended");
        world.update("ended", "ended", v1::TaskState::TaskFinished, uuid(1));
        world.running_command_task("running");
        world.run(executor_task("queued", "e"));
        let snapshot = world.agent.snapshot();
        for call in [
            Call::GetTasks,
            Call::GetExecutors,
            Call::GetFrameworks,
            Call::GetAgent,
        ] {
            let message = answer(&snapshot, call).unwrap();
            let text = serde_json::to_string(&message).unwrap();
            let mut expected: Value = serde_json::from_str(&text).unwrap();
            let mut shown = json(&world, call);
            drop_empty_lists(&mut shown);
            drop_empty_lists(&mut expected);
            assert_eq!(shown, expected);
        }
        let tasks = answer(&snapshot, Call::GetTasks)
            .unwrap()
            .get_tasks
            .unwrap();
        let ids = |tasks: &[v1::Task]| {
            tasks
                .iter()
                .map(|task| task.task_id.value.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&tasks.queued_tasks), ["queued"]);
        assert_eq!(ids(&tasks.launched_tasks), ["running"]);
        assert_eq!(ids(&tasks.terminated_tasks), ["ended"]);
        assert_eq!(ids(&tasks.completed_tasks), ["done"]);
    }

    fn drop_empty_lists(value: &mut Value) {
        if let Value::Object(map) = value {
            map.retain(|_, value| *value != json!([]));
            map.values_mut().for_each(drop_empty_lists);
        }
    }

    #[test]
    fn other_calls_are_answered_elsewhere() {
        let world = World::new(config());
        let snapshot = world.agent.snapshot();
        assert!(answer(&snapshot, Call::GetFlags).is_none());
        assert!(JsonAnswer::new(&snapshot, Call::GetContainers).is_none());
    }
}
