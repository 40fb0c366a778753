//! A task in its binary form, of which most is kept as it is.

use messages::v1;
use messages::wire::{Reader, Value};
use model::{ResourceError, Resources};
use prost::Message as _;

/// The parts of an encoded [`v1::Task`]. It must be as `prost` writes it (see
/// [`messages::binary::is_plain`]); of another one parts may be missed.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncodedTask<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    pub(crate) framework: &'a str,
    pub(crate) executor: Option<&'a str>,
    pub(crate) agent: &'a str,
    pub(crate) state: v1::TaskState,
    /// All fields `resources`.
    pub(crate) resources: &'a [u8],
    pub(crate) statuses: Vec<&'a [u8]>,
    pub(crate) update_state: Option<v1::TaskState>,
    pub(crate) update_uuid: Option<&'a [u8]>,
    /// The optional fields that only views need: labels, discovery, container, health check,
    /// kill policy, user, limits. They have the highest numbers.
    pub(crate) details: &'a [u8],
}

/// The lowest number of what [`EncodedTask::details`] holds.
const DETAILS_FROM: u32 = 11;

impl<'a> EncodedTask<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let mut task = Self {
            state: v1::TaskState::TaskUnknown,
            ..Self::default()
        };
        let mut reader = Reader::new(bytes);
        let mut resources_from = None;
        loop {
            let rest = reader.rest();
            let field = reader.field().ok().flatten();
            let is_resource = matches!(field, Some((RESOURCES, _)));
            match resources_from {
                None if is_resource => resources_from = Some(rest),
                Some(from) if !is_resource && task.resources.is_empty() => {
                    task.resources = first(from, from.len() - rest.len());
                }
                _ => {}
            }
            match field {
                Some((1, Value::Length(name))) => task.name = text(name),
                Some((2, Value::Length(id))) => task.id = id_text(id),
                Some((3, Value::Length(id))) => task.framework = id_text(id),
                Some((4, Value::Length(id))) => task.executor = Some(id_text(id)),
                Some((5, Value::Length(id))) => task.agent = id_text(id),
                Some((6, Value::Varint(state))) => {
                    task.state = task_state(state).unwrap_or(v1::TaskState::TaskUnknown);
                }
                Some((8, Value::Length(status))) => task.statuses.push(status),
                Some((9, Value::Varint(state))) => task.update_state = task_state(state),
                Some((10, Value::Length(uuid))) => task.update_uuid = Some(uuid),
                Some((DETAILS_FROM.., _)) => {
                    task.details = rest;
                    return task;
                }
                Some(_) => {}
                None => return task,
            }
        }
    }

    /// Its resources, decoded.
    pub(crate) fn decode_resources(&self) -> Result<Resources, ResourceError> {
        let mut resources = Vec::new();
        let mut reader = Reader::new(self.resources);
        while let Ok(Some((_, value))) = reader.field() {
            if let Value::Length(bytes) = value {
                resources.push(v1::Resource::decode(bytes).unwrap_or_default());
            }
        }
        Resources::from_proto(&resources)
    }
}

/// The number of `Task.resources`.
const RESOURCES: u32 = 7;

fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or_default()
}

fn task_state(number: u64) -> Option<v1::TaskState> {
    v1::TaskState::try_from(i32::try_from(number).ok()?).ok()
}

/// An id is a message with the text as its first field.
fn id_text(id: &[u8]) -> &str {
    match Reader::new(id).field() {
        Ok(Some((1, Value::Length(bytes)))) => text(bytes),
        _ => "",
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_found() {
        let resource = |name: &str| v1::Resource {
            name: name.to_owned(),
            scalar: Some(v1::value::Scalar { value: 1.0 }),
            ..v1::Resource::default()
        };
        let value = |value: &str| value.to_owned();
        let full = v1::Task {
            name: value("name"),
            task_id: v1::TaskId { value: value("t") },
            framework_id: v1::FrameworkId { value: value("f") },
            executor_id: Some(v1::ExecutorId { value: value("e") }),
            agent_id: v1::AgentId { value: value("a") },
            state: v1::TaskState::TaskRunning.into(),
            resources: vec![resource("cpus"), resource("mem")],
            statuses: vec![v1::TaskStatus::default(); 2],
            status_update_state: Some(v1::TaskState::TaskStaging.into()),
            status_update_uuid: Some(vec![3; 16].into()),
            user: Some(value("user")),
            kill_policy: Some(v1::KillPolicy::default()),
            ..v1::Task::default()
        };
        let bytes = full.encode_to_vec();
        let task = EncodedTask::read(&bytes);
        assert_eq!((task.name, task.id, task.framework), ("name", "t", "f"));
        assert_eq!((task.executor, task.agent), (Some("e"), "a"));
        assert_eq!(task.state, v1::TaskState::TaskRunning);
        let resources = Resources::from_proto(&full.resources).unwrap();
        assert_eq!(task.decode_resources().unwrap(), resources);
        assert_eq!(task.statuses.len(), 2);
        assert_eq!(task.update_state, Some(v1::TaskState::TaskStaging));
        assert_eq!(task.update_uuid, Some([3; 16].as_slice()));
        let details = v1::Task::decode(task.details).unwrap();
        assert_eq!(details.user, full.user);
        assert_eq!(details.kill_policy, full.kill_policy);

        // Resources at the very end, and none at all.
        let bare = v1::Task {
            resources: full.resources.clone(),
            ..v1::Task::default()
        };
        let bytes = bare.encode_to_vec();
        let task = EncodedTask::read(&bytes);
        assert_eq!(task.decode_resources().unwrap(), resources);
        assert!(task.details.is_empty());
        let bytes = v1::Task::default().encode_to_vec();
        assert!(EncodedTask::read(&bytes).resources.is_empty());
    }
}
