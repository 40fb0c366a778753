//! Tasks in the forms of v1.

use messages::v1;
use messages::wire::{Reader, Value, bytes_size, put_bytes, put_length, put_varint, varint_size};
use model::Resources;
use prost::Message as _;

use super::message::{Field, Form, Growing};
use crate::env::Uuid;
use crate::snapshot::Snapshot;
use crate::task::Task;
use crate::views::json::{Fields, Json, List, Message, Object, Written, members_of};
use crate::views::output::Output;
use crate::views::tasks::{fetched, frameworks};

/// All tasks of all frameworks: a `GetTasks`.
pub(super) struct Tasks<'a> {
    snapshot: &'a Snapshot,
    /// Of the binary form, if that is wanted.
    length: usize,
}

/// The lists of a `GetTasks`.
const LIVE: Field = ("tasks", 2);
const UNREACHABLE: Field = ("unreachable_tasks", 5);
const COMPLETED: Field = ("completed_tasks", 3);

impl<'a> Tasks<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, form: Form) -> Self {
        let length = match form {
            Form::Json => 0,
            Form::Protobuf => {
                let mut encoder = Encoder::default();
                let mut length_in = |field: Field, task| bytes_size(field.1, encoder.length(task));
                let live = live(snapshot).map(|it| length_in(LIVE, it)).sum::<usize>();
                let gone = unreachable(snapshot).map(|it| length_in(UNREACHABLE, it));
                let gone: usize = gone.sum();
                let ended = completed(snapshot).map(|it| length_in(COMPLETED, it));
                live + gone + ended.sum::<usize>()
            }
        };
        Self { snapshot, length }
    }

    /// How many bytes it takes as a field of this number.
    pub(super) const fn size(&self, number: u32) -> usize {
        bytes_size(number, self.length)
    }

    /// Adds it to a message that has it as this field.
    pub(super) fn put(&self, field: Field, out: &mut Growing<'_>) {
        let mut encoder = Encoder::default();
        let mut append = |task, form, out: &mut Output| encoder.append(task, form, out);
        out.message_of(field, self.length, |tasks| {
            tasks.list(LIVE, live(self.snapshot), &mut append);
            tasks.list(UNREACHABLE, unreachable(self.snapshot), &mut append);
            tasks.list(COMPLETED, completed(self.snapshot), &mut append);
        });
    }
}

fn live(snapshot: &Snapshot) -> impl Iterator<Item = &Task> {
    let tasks = frameworks(snapshot).flat_map(|it| it.tasks().values());
    fetched(tasks.map(AsRef::as_ref))
}

fn unreachable(snapshot: &Snapshot) -> impl Iterator<Item = &Task> {
    let tasks = frameworks(snapshot).flat_map(|it| it.unreachable_tasks().values());
    fetched(tasks.map(AsRef::as_ref))
}

fn completed(snapshot: &Snapshot) -> impl Iterator<Item = &Task> {
    let tasks = frameworks(snapshot).flat_map(|it| it.completed_tasks().iter());
    fetched(tasks.map(AsRef::as_ref))
}

/// Writes tasks as `mesos.v1.Task`, all in one form. The encoded parts of a task are copied
/// as they are, and not decoded for JSON either.
#[derive(Default)]
struct Encoder<'a> {
    /// The resources of the task before, as they were written: tasks of one framework are
    /// often alike.
    last: Option<(&'a Resources, Vec<u8>)>,
    /// The details of the task before, and the members of its JSON that are made of them.
    described: (&'a [u8], Vec<u8>),
    /// For encoded parts that JSON is made of.
    scratch: Vec<u8>,
}

impl<'a> Encoder<'a> {
    /// Appends a task.
    fn append(&mut self, task: &'a Task, form: Form, out: &mut Output) {
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
        for status in statuses(task) {
            put_length(out, 8, status.length());
            status.put(out);
        }
        put_unacknowledged(out, task);
        out.extend_from_slice(task.encoded_details().unwrap_or_default());
    }

    /// How many bytes [`Self::encode`] appends.
    fn length(&mut self, task: &'a Task) -> usize {
        let ids = [
            id_size(2, task.id().as_str()),
            id_size(3, task.framework().as_str()),
            task.executor().map_or(0, |it| id_size(4, it.as_str())),
            id_size(5, task.agent().as_str()),
        ];
        let statuses = statuses(task).map(|status| bytes_size(8, status.length()));
        bytes_size(1, task.name().len())
            + ids.iter().sum::<usize>()
            + state_size(6, task.state())
            + self.resources(task.resources(), Form::Protobuf).len()
            + statuses.sum::<usize>()
            + unacknowledged_size(task)
            + task.encoded_details().unwrap_or_default().len()
    }

    fn write_json(&mut self, task: &'a Task, out: &mut Output) {
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
                object.field("statuses", List(statuses(task)));
            }
            scratch.clear();
            put_unacknowledged(&mut scratch, task);
            object.members(&members_of::<v1::Task>(&scratch));
            object.members(self.described(task.encoded_details().unwrap_or_default()));
        })
        .write(out);
        self.scratch = scratch;
    }

    /// The members of JSON that are made of details.
    fn described(&mut self, details: &'a [u8]) -> &[u8] {
        let (last, members) = &mut self.described;
        if *last != details {
            *last = details;
            *members = members_of::<v1::Task>(details);
        }
        members
    }

    /// The field `resources`, or its value in JSON.
    fn resources(&mut self, resources: &'a Resources, form: Form) -> &[u8] {
        if !self
            .last
            .as_ref()
            .is_some_and(|(last, _)| last.iter().eq(resources.iter()))
        {
            let mut bytes = Vec::new();
            let encoded = resources.iter().map(|it| it.to_proto().encode_to_vec());
            match form {
                Form::Protobuf => encoded.for_each(|it| put_bytes(&mut bytes, 7, &it)),
                Form::Json => bytes = Output::whole(|out| List(encoded.map(Resource)).write(out)),
            }
            self.last = Some((resources, bytes));
        }
        self.last.as_ref().map_or(&[], |(_, bytes)| bytes)
    }
}

fn statuses(task: &Task) -> impl Iterator<Item = Status<'_>> {
    let statuses = task.encoded_statuses();
    statuses.map(|status| Status::of(task, status))
}

/// What stands between the statuses and the details.
fn put_unacknowledged(out: &mut Vec<u8>, task: &Task) {
    if let Some((state, uuid)) = task.unacknowledged() {
        put_state(out, 9, state);
        put_bytes(out, 10, &uuid.bytes());
    }
}

/// How many bytes [`put_unacknowledged`] appends.
fn unacknowledged_size(task: &Task) -> usize {
    let size = |(state, uuid): (_, Uuid)| state_size(9, state) + bytes_size(10, uuid.bytes().len());
    task.unacknowledged().map_or(0, size)
}

/// An id in JSON.
struct Id<'a>(&'a str);

impl Json for Id<'_> {
    fn write(self, out: &mut Output) {
        Fields(|object: &mut Object<'_>| object.field("value", self.0)).write(out);
    }
}

/// An encoded resource.
struct Resource(Vec<u8>);

impl Json for Resource {
    fn write(self, out: &mut Output) {
        Message::<v1::Resource>::new(&self.0).write(out);
    }
}

/// An encoded status of a task, in the parts that ids stand between, with the ids that the
/// task has for it.
struct Status<'a> {
    task: &'a Task,
    executor: Option<&'a str>,
    /// What comes before the id of the agent, between this and that of the executor, and
    /// behind that.
    parts: [&'a [u8]; 3],
}

/// Numbers of fields of `TaskStatus`.
const AGENT_ID: u32 = 5;
const EXECUTOR_ID: u32 = 7;
const SOURCE: u32 = 9;

impl<'a> Status<'a> {
    fn of(task: &'a Task, status: &'a [u8]) -> Self {
        let [mut agent_at, mut executor_at] = [status.len(); 2];
        let mut source = None;
        let mut reader = Reader::new(status);
        loop {
            let at = status.len() - reader.rest().len();
            let Ok(Some((number, value))) = reader.field() else {
                break;
            };
            if number > AGENT_ID {
                agent_at = agent_at.min(at);
            }
            if number > EXECUTOR_ID {
                executor_at = executor_at.min(at);
            }
            if let (SOURCE, Value::Varint(value)) = (number, value) {
                source = i32::try_from(value).ok();
                break;
            }
        }
        let (before, behind) = status.split_at_checked(executor_at).unwrap_or_default();
        let (before, between) = before.split_at_checked(agent_at).unwrap_or_default();
        Self {
            task,
            executor: task.executor_of(source),
            parts: [before, between, behind],
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        let [before, between, behind] = self.parts;
        put_id(out, 1, self.task.id().as_str());
        out.extend_from_slice(before);
        put_id(out, AGENT_ID, self.task.agent().as_str());
        out.extend_from_slice(between);
        if let Some(executor) = self.executor {
            put_id(out, EXECUTOR_ID, executor);
        }
        out.extend_from_slice(behind);
    }

    /// How many bytes [`Self::put`] appends.
    fn length(&self) -> usize {
        let parts = self.parts.iter().map(|part| part.len());
        id_size(1, self.task.id().as_str())
            + id_size(AGENT_ID, self.task.agent().as_str())
            + self.executor.map_or(0, |id| id_size(EXECUTOR_ID, id))
            + parts.sum::<usize>()
    }
}

impl Json for Status<'_> {
    fn write(self, out: &mut Output) {
        let mut whole = Vec::with_capacity(self.length());
        self.put(&mut whole);
        Message::<v1::TaskStatus>::new(&whole).write(out);
    }
}

/// An id is a message with the text as its first field.
fn put_id(out: &mut Vec<u8>, number: u32, id: &str) {
    put_length(out, number, bytes_size(1, id.len()));
    put_bytes(out, 1, id.as_bytes());
}

fn id_size(number: u32, id: &str) -> usize {
    bytes_size(number, bytes_size(1, id.len()))
}

fn put_state(out: &mut Vec<u8>, number: u32, state: v1::TaskState) {
    put_varint(out, number, value_of(state));
}

fn state_size(number: u32, state: v1::TaskState) -> usize {
    varint_size(number, value_of(state))
}

fn value_of(state: v1::TaskState) -> u64 {
    u64::from(i32::from(state).unsigned_abs())
}
