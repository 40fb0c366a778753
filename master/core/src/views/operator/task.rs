//! Tasks in the forms of v1.

use messages::v1;
use messages::wire::{Value, put_bytes, put_message, put_varint};
use model::Resources;
use prost::Message as _;

use super::message::Form;
use crate::task::Task;
use crate::views::json::{Fields, Json, List, Message, Object, Written};
use crate::views::task::fields;

/// Writes tasks as `mesos.v1.Task`, all in one form. The encoded parts of a task are copied
/// as they are, and not decoded for JSON either.
#[derive(Default)]
pub(super) struct Encoder<'a> {
    /// The resources of the task before, as they were written: tasks of one framework are
    /// often alike and share them.
    last: Option<(&'a Resources, Vec<u8>)>,
    /// For encoded parts that JSON is made of.
    scratch: Vec<u8>,
}

impl<'a> Encoder<'a> {
    /// Appends a task.
    pub(super) fn append(&mut self, task: &'a Task, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Protobuf => self.encode(task, out),
            Form::Json => self.write_json(task, out),
        }
    }

    fn encode(&mut self, task: &'a Task, out: &mut Vec<u8>) {
        put_bytes(out, 1, task.name().as_bytes());
        put_id(out, 2, task.id().as_str());
        put_id(out, 3, task.framework().as_str());
        if let Some(executor) = task.executor() {
            put_id(out, 4, executor.as_str());
        }
        put_id(out, 5, task.agent().as_str());
        put_state(out, 6, task.state());
        out.extend_from_slice(self.resources(task.resources(), Form::Protobuf));
        for status in task.encoded_statuses() {
            let _ = put_message(out, 8, |out| {
                put_status(out, task, status);
                Ok::<(), std::convert::Infallible>(())
            });
        }
        put_rest(out, task);
    }

    fn write_json(&mut self, task: &'a Task, out: &mut Vec<u8>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        Fields(|object: &mut Object<'_>| {
            object.field("name", task.name());
            object.field("task_id", Id(task.id().as_str()));
            object.field("framework_id", Id(task.framework().as_str()));
            object.optional("executor_id", task.executor().map(|id| Id(id.as_str())));
            object.field("agent_id", Id(task.agent().as_str()));
            object.field("state", task.state().as_str_name());
            if !task.resources().is_empty() {
                let resources = self.resources(task.resources(), Form::Json);
                object.field("resources", Written(resources));
            }
            if task.encoded_statuses().next().is_some() {
                let statuses = task
                    .encoded_statuses()
                    .map(|status| Status { task, status });
                object.field("statuses", List(statuses));
            }
            scratch.clear();
            put_rest(&mut scratch, task);
            object.members::<v1::Task>(&scratch);
        })
        .write(out);
        self.scratch = scratch;
    }

    /// The field `resources`, or its value in JSON.
    fn resources(&mut self, resources: &'a Resources, form: Form) -> &[u8] {
        if !self
            .last
            .as_ref()
            .is_some_and(|(last, _)| std::ptr::eq(*last, resources))
        {
            let mut bytes = Vec::new();
            let encoded = resources.iter().map(|it| it.to_proto().encode_to_vec());
            match form {
                Form::Protobuf => encoded.for_each(|it| put_bytes(&mut bytes, 7, &it)),
                Form::Json => List(encoded.map(Resource)).write(&mut bytes),
            }
            self.last = Some((resources, bytes));
        }
        self.last.as_ref().map_or(&[], |(_, bytes)| bytes)
    }
}

/// What stands behind the statuses.
fn put_rest(out: &mut Vec<u8>, task: &Task) {
    if let Some((state, uuid)) = task.unacknowledged() {
        put_state(out, 9, state);
        put_bytes(out, 10, &uuid.bytes());
    }
    out.extend_from_slice(task.encoded_details().unwrap_or_default());
}

/// An id in JSON.
struct Id<'a>(&'a str);

impl Json for Id<'_> {
    fn write(self, out: &mut Vec<u8>) {
        Fields(|object: &mut Object<'_>| object.field("value", self.0)).write(out);
    }
}

/// An encoded resource.
struct Resource(Vec<u8>);

impl Json for Resource {
    fn write(self, out: &mut Vec<u8>) {
        Message::<v1::Resource>::new(&self.0).write(out);
    }
}

/// An encoded status of a task, with the ids that the task has for it.
struct Status<'a> {
    task: &'a Task,
    status: &'a [u8],
}

impl Json for Status<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let mut whole = Vec::with_capacity(self.status.len() + 256);
        put_status(&mut whole, self.task, self.status);
        Message::<v1::TaskStatus>::new(&whole).write(out);
    }
}

/// A status, with the ids that the task has for it.
fn put_status(out: &mut Vec<u8>, task: &Task, status: &[u8]) {
    put_id(out, 1, task.id().as_str());
    out.extend_from_slice(status);
    put_id(out, 5, task.agent().as_str());
    if let Some(executor) = task.executor_of(source(status)) {
        put_id(out, 7, executor);
    }
}

/// Who made an encoded status.
fn source(status: &[u8]) -> Option<i32> {
    fields(status).find_map(|field| match field {
        (9, Value::Varint(source)) => i32::try_from(source).ok(),
        _ => None,
    })
}

/// An id is a message with the text as its first field.
fn put_id(out: &mut Vec<u8>, number: u32, id: &str) {
    let _ = put_message(out, number, |out| {
        put_bytes(out, 1, id.as_bytes());
        Ok::<(), std::convert::Infallible>(())
    });
}

fn put_state(out: &mut Vec<u8>, number: u32, state: messages::v1::TaskState) {
    put_varint(out, number, u64::from(i32::from(state).unsigned_abs()));
}
