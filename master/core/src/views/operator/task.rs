//! Tasks in protobuf's binary form.

use messages::wire::{Value, put_bytes, put_message, put_varint};
use model::Resources;
use prost::Message as _;

use crate::task::Task;
use crate::views::task::fields;

/// Encodes tasks as `mesos.v1.Task`. The encoded parts of a task are copied as they are.
#[derive(Default)]
pub(super) struct Encoder<'a> {
    /// The resources of the task before, encoded: tasks of one framework are often alike
    /// and share them.
    last: Option<(&'a Resources, Vec<u8>)>,
}

impl<'a> Encoder<'a> {
    /// Appends a task.
    pub(super) fn encode(&mut self, task: &'a Task, out: &mut Vec<u8>) {
        put_bytes(out, 1, task.name().as_bytes());
        put_id(out, 2, task.id().as_str());
        put_id(out, 3, task.framework().as_str());
        if let Some(executor) = task.executor() {
            put_id(out, 4, executor.as_str());
        }
        put_id(out, 5, task.agent().as_str());
        put_state(out, 6, task.state());
        out.extend_from_slice(self.resources(task.resources()));
        for status in task.encoded_statuses() {
            put_status(out, task, status);
        }
        if let Some((state, uuid)) = task.unacknowledged() {
            put_state(out, 9, state);
            put_bytes(out, 10, &uuid.bytes());
        }
        out.extend_from_slice(task.encoded_details().unwrap_or_default());
    }

    fn resources(&mut self, resources: &'a Resources) -> &[u8] {
        if !self
            .last
            .as_ref()
            .is_some_and(|(last, _)| std::ptr::eq(*last, resources))
        {
            let mut bytes = Vec::new();
            for resource in resources {
                put_bytes(&mut bytes, 7, &resource.to_proto().encode_to_vec());
            }
            self.last = Some((resources, bytes));
        }
        self.last.as_ref().map_or(&[], |(_, bytes)| bytes)
    }
}

/// A status, with the ids that the task has for it.
fn put_status(out: &mut Vec<u8>, task: &Task, status: &[u8]) {
    let _ = put_message(out, 8, |out| {
        put_id(out, 1, task.id().as_str());
        out.extend_from_slice(status);
        put_id(out, 5, task.agent().as_str());
        if let Some(executor) = task.executor_of(source(status)) {
            put_id(out, 7, executor);
        }
        Ok::<(), std::convert::Infallible>(())
    });
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
