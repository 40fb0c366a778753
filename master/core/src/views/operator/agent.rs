//! Agents in the forms of v1.

use messages::v1;
use messages::v1::agent_info::capability::Type as Capability;
use messages::v1::master::response::get_agents;
use messages::wire::{Reader, put_bytes, put_length, put_varint, varint_size};
use model::Resources;
use prost::Message as _;

use super::message::Form;
use crate::agents::Agent;
use crate::env::Time;
use crate::registry::time_info;
use crate::views::json::{Json, Message};
use crate::views::output::Output;

/// Writes agents as [`get_agents::Agent`], as [`Agent::to_proto`] gives it. Agents are often
/// alike: what the resources of the one before were written as is kept.
#[derive(Default)]
pub(super) struct Encoder {
    own: Encoded,
    total: Encoded,
    allocated: Encoded,
    offered: Encoded,
    /// What JSON is made of.
    scratch: Vec<u8>,
}

/// The number of `AgentInfo.resources`.
const RESOURCES: u32 = 3;

impl Encoder {
    /// Appends an agent.
    pub(super) fn append(&mut self, agent: &Agent, form: Form, out: &mut Output) {
        match form {
            Form::Protobuf => self.encode(agent, out),
            Form::Json => {
                let mut scratch = std::mem::take(&mut self.scratch);
                scratch.clear();
                self.encode(agent, &mut scratch);
                Message::<get_agents::Agent>::new(&scratch).write(out);
                self.scratch = scratch;
            }
        }
    }

    fn encode(&mut self, agent: &Agent, out: &mut Vec<u8>) {
        self.put_info(agent, out);
        put_varint(out, 2, agent.is_active().into());
        put_bytes(out, 3, agent.version().as_bytes());
        put_bytes(out, 4, agent.pid().to_string().as_bytes());
        put_time(out, 5, agent.registered());
        if let Some(time) = agent.reregistered() {
            put_time(out, 6, time);
        }
        let shown = Resources::to_proto_endpoint;
        out.extend_from_slice(self.total.fields(7, agent.total(), shown));
        out.extend_from_slice(self.allocated.fields(8, &agent.total_used(), shown));
        out.extend_from_slice(self.offered.fields(9, agent.offered(), shown));
        for capability in agent.capabilities().iter() {
            put_number(out, 10, number_of(capability));
        }
        put_varint(out, 12, 0);
    }

    /// What it said of itself, with its resources in their place.
    fn put_info(&mut self, agent: &Agent, out: &mut Vec<u8>) {
        let info = v1::AgentInfo {
            id: Some(agent.id().to_proto()),
            ..agent.info().to_proto()
        };
        let info = info.encode_to_vec();
        let (before, behind) = info
            .split_at_checked(end_of(&info, RESOURCES))
            .unwrap_or_default();
        let resources = self
            .own
            .fields(RESOURCES, agent.own_resources(), Resources::to_proto);
        put_length(out, 1, info.len() + resources.len());
        out.extend_from_slice(before);
        out.extend_from_slice(resources);
        out.extend_from_slice(behind);
    }
}

/// Where the fields up to this number end in a message that has them in order.
fn end_of(message: &[u8], number: u32) -> usize {
    let mut reader = Reader::new(message);
    loop {
        let at = message.len() - reader.rest().len();
        match reader.field() {
            Ok(Some((found, _))) if found <= number => {}
            _ => return at,
        }
    }
}

/// Resources, and the fields that they are written as.
#[derive(Default)]
struct Encoded {
    resources: Resources,
    fields: Vec<u8>,
}

impl Encoded {
    fn fields(
        &mut self,
        number: u32,
        resources: &Resources,
        to_proto: fn(&Resources) -> Vec<v1::Resource>,
    ) -> &[u8] {
        if !self.resources.iter().eq(resources.iter()) {
            self.resources = resources.clone();
            self.fields.clear();
            for resource in to_proto(resources) {
                put_bytes(&mut self.fields, number, &resource.encode_to_vec());
            }
        }
        &self.fields
    }
}

fn put_time(out: &mut Vec<u8>, number: u32, time: Time) {
    put_number(
        out,
        number,
        time_info(time).nanoseconds.try_into().unwrap_or_default(),
    );
}

/// A message with a number as its first field, and only field.
fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_length(out, number, varint_size(1, value));
    put_varint(out, 1, value);
}

fn number_of(capability: Capability) -> u64 {
    u64::from(i32::from(capability).unsigned_abs())
}
