mod agents;
mod executors;
mod tasks;

use messages::internal::{
    ReregisterSlaveMessage, SlaveReregisteredMessage, StatusUpdate, StatusUpdateMessage,
};
use messages::v1;
use messages::v1::TaskState;
use messages::v1::framework_info::capability::Type as Capability;
use messages::v1::scheduler::call::{Kill, Type};
use messages::v1::task_status::Reason;
use model::ids::{AgentId, FrameworkId};

use crate::allocator::messages::Input as ToAllocator;
use crate::effect::{Effect, ToAgent};
use crate::input::{FromAgent, Input, Timer};
use crate::testing::*;

const RESOURCES: &str = "cpus:4;mem:1024";

fn send(world: &mut World, number: u16, message: ReregisterSlaveMessage) -> Vec<Effect> {
    world.agent_says(number, FromAgent::Reregister(Box::new(message.into())))
}

fn welcome(effects: &[Effect]) -> Option<&SlaveReregisteredMessage> {
    to_agents(effects)
        .into_iter()
        .find_map(|message| match message {
            ToAgent::Reregistered(message) => Some(&**message),
            _ => None,
        })
}

fn known(id: &FrameworkId, info: v1::FrameworkInfo) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        id: Some(id.to_proto()),
        ..info
    }
}
