//! The registry, indexed by what operations look for.

use std::collections::BTreeMap;

use messages::registry as proto;
use messages::v1;
use model::ids::AgentId;
use prost::Message as _;

use crate::env::Time;

/// What every leading master must know of those before it: the agents and what the
/// operator decided. Frameworks and tasks are not in it (M31).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Registry {
    pub(super) master: Option<v1::MasterInfo>,
    pub(super) admitted: BTreeMap<AgentId, Admitted>,
    pub(super) unreachable: BTreeMap<AgentId, Unreachable>,
    pub(super) gone: BTreeMap<AgentId, Time>,
    /// Parts that no operation of ours changes yet, kept for masters that know them.
    pub(super) rest: proto::Registry,
}

/// An agent that may take part.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// What it said of itself, encoded: there are many agents, and few who ask.
    pub(super) info: Box<[u8]>,
    pub(super) upkeep: Option<Box<Upkeep>>,
}

/// An agent that was given up until it returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Unreachable {
    /// Since when.
    pub since: Time,
    pub(super) upkeep: Option<Box<Upkeep>>,
}

/// What another master's operator decided about an agent; kept, but not acted on. Rare, so
/// that it is apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Upkeep {
    /// How far its draining is, if it drains.
    drain: Option<v1::DrainInfo>,
    /// Whether its resources are kept from being offered.
    deactivated: bool,
}

impl Upkeep {
    fn new(drain: Option<v1::DrainInfo>, deactivated: bool) -> Option<Box<Self>> {
        (drain.is_some() || deactivated).then(|| Box::new(Self { drain, deactivated }))
    }

    /// As the stored form has it.
    fn fields(upkeep: Option<&Self>) -> (Option<v1::DrainInfo>, Option<bool>) {
        upkeep.map_or((None, None), |it| {
            (it.drain, it.deactivated.then_some(true))
        })
    }
}

impl Admitted {
    pub(super) fn new(info: &v1::AgentInfo) -> Self {
        Self {
            info: encode(info),
            upkeep: None,
        }
    }

    /// What it said of itself.
    pub fn info(&self) -> v1::AgentInfo {
        v1::AgentInfo::decode(&*self.info).unwrap_or_default()
    }
}

/// An agent's description as it is kept.
pub(super) fn encode(info: &v1::AgentInfo) -> Box<[u8]> {
    info.encode_to_vec().into()
}

impl Registry {
    /// The master that wrote last.
    pub const fn master(&self) -> Option<&v1::MasterInfo> {
        self.master.as_ref()
    }

    /// Agents that may take part.
    pub const fn admitted(&self) -> &BTreeMap<AgentId, Admitted> {
        &self.admitted
    }

    /// Agents that were given up until they return.
    pub const fn unreachable(&self) -> &BTreeMap<AgentId, Unreachable> {
        &self.unreachable
    }

    /// Agents that an operator gave up for good, and when.
    pub const fn gone(&self) -> &BTreeMap<AgentId, Time> {
        &self.gone
    }

    /// The configured weights of roles.
    pub fn weights(&self) -> &[proto::Weight] {
        &self.rest.weights
    }

    /// Capabilities that a master must have to lead over this registry (M45).
    pub fn minimum_capabilities(&self) -> impl Iterator<Item = &str> {
        self.rest
            .minimum_capabilities
            .iter()
            .map(|it| it.capability.as_str())
    }

    /// Reads the stored form.
    pub fn from_proto(mut proto: proto::Registry) -> Self {
        let master = proto.master.take().map(|it| it.info);
        let admitted = proto.slaves.take().unwrap_or_default().slaves.into_iter();
        let unreachable = proto
            .unreachable
            .take()
            .unwrap_or_default()
            .slaves
            .into_iter();
        let gone = proto.gone.take().unwrap_or_default().slaves.into_iter();
        Self {
            master,
            admitted: admitted
                .filter_map(|slave| {
                    let id = AgentId::from(slave.info.id.as_ref()?);
                    let deactivated = slave.deactivated();
                    Some((
                        id,
                        Admitted {
                            info: encode(&slave.info),
                            upkeep: Upkeep::new(slave.drain_info, deactivated),
                        },
                    ))
                })
                .collect(),
            unreachable: unreachable
                .map(|slave| {
                    let deactivated = slave.deactivated();
                    let since = time(&slave.timestamp);
                    let upkeep = Upkeep::new(slave.drain_info, deactivated);
                    let state = Unreachable { since, upkeep };
                    (AgentId::from(slave.id), state)
                })
                .collect(),
            gone: gone
                .map(|slave| (AgentId::from(slave.id), time(&slave.timestamp)))
                .collect(),
            rest: proto,
        }
    }

    /// The stored form; unreachable and gone agents are in the order of their times.
    pub fn to_proto(&self) -> proto::Registry {
        let mut unreachable: Vec<_> = self.unreachable.iter().collect();
        unreachable.sort_by_key(|(_, state)| state.since);
        let mut gone: Vec<_> = self.gone.iter().collect();
        gone.sort_by_key(|(_, since)| **since);
        proto::Registry {
            master: self.master.clone().map(|info| proto::Master { info }),
            slaves: Some(proto::Slaves {
                slaves: self
                    .admitted
                    .values()
                    .map(|it| {
                        let (drain_info, deactivated) = Upkeep::fields(it.upkeep.as_deref());
                        proto::Slave {
                            info: it.info(),
                            drain_info,
                            deactivated,
                        }
                    })
                    .collect(),
            }),
            unreachable: (!unreachable.is_empty()).then(|| proto::UnreachableSlaves {
                slaves: unreachable
                    .into_iter()
                    .map(|(id, state)| {
                        let (drain_info, deactivated) = Upkeep::fields(state.upkeep.as_deref());
                        proto::UnreachableSlave {
                            id: id.to_proto(),
                            timestamp: time_info(state.since),
                            drain_info,
                            deactivated,
                        }
                    })
                    .collect(),
            }),
            gone: (!gone.is_empty()).then(|| proto::GoneSlaves {
                slaves: gone
                    .into_iter()
                    .map(|(id, since)| proto::GoneSlave {
                        id: id.to_proto(),
                        timestamp: time_info(*since),
                    })
                    .collect(),
            }),
            ..self.rest.clone()
        }
    }
}

fn time(info: &v1::TimeInfo) -> Time {
    Time::from_nanoseconds(u64::try_from(info.nanoseconds).unwrap_or_default())
}

/// A time as it travels in messages.
pub(crate) fn time_info(time: Time) -> v1::TimeInfo {
    v1::TimeInfo {
        nanoseconds: i64::try_from(time.nanoseconds()).unwrap_or(i64::MAX),
    }
}
