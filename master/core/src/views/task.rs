//! A task in V0's JSON (E6).
//!
//! Tasks are what a state is made of, so their encoded parts are copied into JSON field by
//! field, without being decoded first.

use messages::v1;
use messages::wire::{Reader, Value};

use super::json::{Fields, Json, List, Members, Message, Object};
use super::output::Output;
use super::resources::V0;
use super::tasks::fetched;
use crate::task::Task;

/// A list of tasks.
pub(crate) struct Tasks<I>(pub(crate) I);

impl<'a, I: Iterator<Item = &'a Task>> Json for Tasks<I> {
    fn write(self, out: &mut Output) {
        let mut last = Described::default();
        out.push(b'[');
        for (index, task) in fetched(self.0).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            last.describe(task.encoded_details().unwrap_or_default());
            Fields(|object: &mut Object<'_>| fields_of(task, &last, object)).write(out);
            out.pass_on();
        }
        out.push(b']');
    }
}

fn fields_of(task: &Task, described: &Described<'_>, object: &mut Object<'_>) {
    let role = task
        .resources()
        .iter()
        .next()
        .and_then(|it| it.allocation());
    object.field("id", task.id().as_str());
    object.field("name", task.name());
    object.field("framework_id", task.framework().as_str());
    object.field("executor_id", task.executor().map_or("", |id| id.as_str()));
    object.field("slave_id", task.agent().as_str());
    object.field("state", task.state().as_str_name());
    object.field("resources", V0(task.resources()));
    if described.has_limits {
        object.field(
            "limits",
            Fields(|object: &mut Object<'_>| limits(described.details, object)),
        );
    }
    object.field("role", role.map_or("", |role| role.as_str()));
    object.field("statuses", List(task.encoded_statuses().map(Status)));
    object.members(&described.written);
}

/// The members at the end of a task, which are made of its details. Tasks of one framework
/// often have the same: those of the task before are kept.
#[derive(Default)]
struct Described<'a> {
    details: &'a [u8],
    has_limits: bool,
    written: Vec<u8>,
}

impl<'a> Described<'a> {
    fn describe(&mut self, encoded: &'a [u8]) {
        if self.details == encoded {
            return;
        }
        let details = Details::read(encoded);
        self.details = encoded;
        self.has_limits = details.has_limits;
        self.written = Output::whole(|out| {
            Members(|object: &mut Object<'_>| {
                object.optional("user", details.user);
                object.optional("labels", details.labels.map(Labels));
                object.optional(
                    "discovery",
                    details.discovery.map(Message::<v1::DiscoveryInfo>::new),
                );
                object.optional(
                    "container",
                    details.container.map(Message::<v1::ContainerInfo>::new),
                );
                object.optional(
                    "health_check",
                    details.health_check.map(Message::<v1::HealthCheck>::new),
                );
            })
            .write(out);
        });
    }
}

/// Where the optional parts of an encoded [`v1::Task`] are.
#[derive(Default)]
struct Details<'a> {
    has_limits: bool,
    user: Option<&'a str>,
    labels: Option<&'a [u8]>,
    discovery: Option<&'a [u8]>,
    container: Option<&'a [u8]>,
    health_check: Option<&'a [u8]>,
}

impl<'a> Details<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut details = Self::default();
        for (number, value) in fields(bytes) {
            let Value::Length(part) = value else { continue };
            match number {
                11 => details.labels = Some(part),
                12 => details.discovery = Some(part),
                13 => details.container = Some(part),
                14 => details.user = std::str::from_utf8(part).ok(),
                15 => details.health_check = Some(part),
                17 => details.has_limits = true,
                _ => {}
            }
        }
        details
    }
}

/// Limits by resource name, of an encoded [`v1::Task`].
fn limits(task: &[u8], object: &mut Object<'_>) {
    for (number, entry) in fields(task) {
        let (17, Value::Length(entry)) = (number, entry) else {
            continue;
        };
        let mut name = "";
        let mut limit = 0.0;
        for field in fields(entry) {
            match field {
                (1, Value::Length(bytes)) => name = text(bytes),
                (2, Value::Length(scalar)) => {
                    if let Some((1, Value::Fixed64(bits))) = fields(scalar).next() {
                        limit = f64::from_bits(bits);
                    }
                }
                _ => {}
            }
        }
        object.entry(name, limit);
    }
}

/// An encoded [`v1::TaskStatus`].
struct Status<'a>(&'a [u8]);

impl Json for Status<'_> {
    fn write(self, out: &mut Output) {
        let mut state = v1::TaskState::default();
        let mut timestamp = 0.0;
        let mut healthy = None;
        let mut labels = None;
        let mut container = None;
        for field in fields(self.0) {
            match field {
                (2, Value::Varint(number)) => state = task_state(number),
                (6, Value::Fixed64(bits)) => timestamp = f64::from_bits(bits),
                (8, Value::Varint(number)) => healthy = Some(number != 0),
                (12, Value::Length(bytes)) => labels = Some(bytes),
                (13, Value::Length(bytes)) => container = Some(bytes),
                _ => {}
            }
        }
        Fields(|object: &mut Object<'_>| {
            object.field("state", state.as_str_name());
            object.field("timestamp", timestamp);
            object.optional("labels", labels.map(Labels));
            object.optional("container_status", container.map(ContainerStatus));
            object.optional("healthy", healthy);
        })
        .write(out);
    }
}

fn task_state(number: u64) -> v1::TaskState {
    let state = i32::try_from(number)
        .ok()
        .and_then(|number| v1::TaskState::try_from(number).ok());
    state.unwrap_or(v1::TaskState::TaskUnknown)
}

/// When the first status was made: what `/tasks` sorts by.
pub(crate) fn first_timestamp(task: &Task) -> Option<f64> {
    let status = task.encoded_statuses().next()?;
    let timestamp = fields(status).find_map(|field| match field {
        (6, Value::Fixed64(bits)) => Some(f64::from_bits(bits)),
        _ => None,
    });
    Some(timestamp.unwrap_or_default())
}

/// An encoded [`v1::ContainerStatus`].
struct ContainerStatus<'a>(&'a [u8]);

impl Json for ContainerStatus<'_> {
    fn write(self, out: &mut Output) {
        let [id, networks, cgroup] = first(self.0, [4, 1, 2]);
        Fields(|object: &mut Object<'_>| {
            object.optional("container_id", id.map(ContainerId));
            object.optional(
                "network_infos",
                networks.map(|_| List(all(self.0, 1).map(NetworkInfo))),
            );
            object.optional("cgroup_info", cgroup.map(Message::<v1::CgroupInfo>::new));
        })
        .write(out);
    }
}

/// An encoded [`v1::NetworkInfo`].
struct NetworkInfo<'a>(&'a [u8]);

impl Json for NetworkInfo<'_> {
    fn write(self, out: &mut Output) {
        let [groups, labels, addresses, name, mappings] = first(self.0, [3, 4, 5, 6, 7]);
        Fields(|object: &mut Object<'_>| {
            object.optional("groups", groups.map(|_| List(all(self.0, 3).map(text))));
            object.optional("labels", labels.map(Labels));
            object.optional(
                "ip_addresses",
                addresses.map(|_| List(all(self.0, 5).map(IpAddress))),
            );
            object.optional("name", name.map(text));
            let mapping = Message::<v1::network_info::PortMapping>::new;
            object.optional(
                "port_mappings",
                mappings.map(|_| List(all(self.0, 7).map(mapping))),
            );
        })
        .write(out);
    }
}

/// An encoded [`v1::network_info::IpAddress`]. It and the two that follow are written by
/// hand since nearly every task has them.
struct IpAddress<'a>(&'a [u8]);

impl Json for IpAddress<'_> {
    fn write(self, out: &mut Output) {
        use v1::network_info::Protocol;
        let mut protocol = Protocol::IPv4;
        let mut address = None;
        for field in fields(self.0) {
            match field {
                (1, Value::Varint(number)) => {
                    let number = i32::try_from(number).unwrap_or_default();
                    protocol = Protocol::try_from(number).unwrap_or(protocol);
                }
                (2, Value::Length(bytes)) => address = Some(text(bytes)),
                _ => {}
            }
        }
        Fields(|object: &mut Object<'_>| {
            object.field("protocol", protocol.as_str_name());
            object.optional("ip_address", address);
        })
        .write(out);
    }
}

/// An encoded [`v1::ContainerId`].
struct ContainerId<'a>(&'a [u8]);

impl Json for ContainerId<'_> {
    fn write(self, out: &mut Output) {
        let [value, parent] = first(self.0, [1, 2]);
        Fields(|object: &mut Object<'_>| {
            object.field("value", value.map_or("", text));
            object.optional("parent", parent.map(ContainerId));
        })
        .write(out);
    }
}

/// An encoded [`v1::Label`].
struct Label<'a>(&'a [u8]);

impl Json for Label<'_> {
    fn write(self, out: &mut Output) {
        let [key, value] = first(self.0, [1, 2]);
        Fields(|object: &mut Object<'_>| {
            object.field("key", key.map_or("", text));
            object.optional("value", value.map(text));
        })
        .write(out);
    }
}

/// Encoded [`v1::Labels`], which V0 shows as a bare list.
pub(crate) struct Labels<'a>(pub(crate) &'a [u8]);

impl Json for Labels<'_> {
    fn write(self, out: &mut Output) {
        List(all(self.0, 1).map(Label)).write(out);
    }
}

/// The fields of an encoded message, up to where it makes no sense.
pub(crate) fn fields<'a>(bytes: &'a [u8]) -> impl Iterator<Item = (u32, Value<'a>)> {
    let mut reader = Reader::new(bytes);
    std::iter::from_fn(move || reader.field().ok().flatten())
}

/// All texts, bytes or messages of one field.
fn all(bytes: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    fields(bytes).filter_map(move |field| match field {
        (found, Value::Length(part)) if found == number => Some(part),
        _ => None,
    })
}

/// The first text, bytes or message of each of these fields.
fn first<const N: usize>(bytes: &[u8], numbers: [u32; N]) -> [Option<&[u8]>; N] {
    let mut found = [None; N];
    for (number, value) in fields(bytes) {
        let slot = numbers
            .iter()
            .zip(&mut found)
            .find(|(wanted, _)| **wanted == number);
        if let (Value::Length(part), Some((_, slot @ None))) = (value, slot) {
            *slot = Some(part);
        }
    }
    found
}

/// What is no text, which no encoded message of ours holds, is shown as none.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
