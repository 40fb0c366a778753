//! The changes of the registry (R1–R3).

use std::collections::btree_map::Entry;

use messages::{registry as proto, v1};
use model::ids::AgentId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::state::{Admitted, Registry, Unreachable, encode};
use crate::env::Time;

/// One change of the registry, small enough to be written by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operation {
    /// A master was elected and is about to lead.
    Recover {
        /// Who it is.
        master: Box<v1::MasterInfo>,
    },
    /// A new agent may take part.
    AdmitAgent {
        /// What it said of itself, with its id.
        info: Box<v1::AgentInfo>,
    },
    /// An admitted agent describes itself otherwise.
    UpdateAgent {
        /// What it says of itself now, with its id.
        info: Box<v1::AgentInfo>,
    },
    /// An agent does not answer.
    MarkUnreachable {
        /// The agent.
        agent: AgentId,
        /// Since when.
        since: Time,
    },
    /// An agent is back; one that the registry does not know is admitted (M13).
    MarkReachable {
        /// What it says of itself, with its id.
        info: Box<v1::AgentInfo>,
    },
    /// An operator gives an agent up for good.
    MarkGone {
        /// The agent.
        agent: AgentId,
        /// Since when.
        since: Time,
    },
    /// An agent left in an orderly way.
    RemoveAgent {
        /// The agent.
        agent: AgentId,
    },
    /// Unreachable and gone agents are forgotten (M20).
    Prune {
        /// Unreachable ones.
        unreachable: Vec<AgentId>,
        /// Gone ones.
        gone: Vec<AgentId>,
    },
    /// The weights given by flag are taken on.
    SetWeights {
        /// All weights by role.
        weights: Vec<(model::Role, f64)>,
    },
}

/// Why an operation does not fit the registry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OperationError {
    /// An agent that comes must be new.
    #[error("Agent {0} already admitted")]
    AlreadyAdmitted(AgentId),
    /// An agent that goes or changes must be known.
    #[error("Agent {0} not yet admitted")]
    NotAdmitted(AgentId),
    /// An agent is given up for good only once.
    #[error("Agent {0} already marked as gone")]
    AlreadyGone(AgentId),
    /// An agent to be given up must be known.
    #[error("Failed to find agent {0}")]
    Unknown(AgentId),
    /// A description lacks the agent's id.
    #[error("AgentInfo is missing the 'id' field")]
    NoId,
}

impl Registry {
    /// Carries out `operation` and says whether anything changed. An operation that
    /// does not fit changes nothing.
    pub fn apply(&mut self, operation: &Operation) -> Result<bool, OperationError> {
        match operation {
            Operation::Recover { master } => {
                let changed = self.master.as_ref() != Some(&**master);
                self.master = Some((**master).clone());
                Ok(changed)
            }
            Operation::AdmitAgent { info } => self.admit(info),
            Operation::UpdateAgent { info } => self.update(info),
            Operation::MarkUnreachable { agent, since } => self.mark_unreachable(agent, *since),
            Operation::MarkReachable { info } => self.mark_reachable(info),
            Operation::MarkGone { agent, since } => self.mark_gone(agent, *since),
            Operation::RemoveAgent { agent } => match self.admitted.remove(agent) {
                Some(_) => Ok(true),
                None => Err(OperationError::NotAdmitted(agent.clone())),
            },
            Operation::Prune { unreachable, gone } => {
                let before = self.unreachable.len() + self.gone.len();
                for agent in unreachable {
                    self.unreachable.remove(agent);
                }
                for agent in gone {
                    self.gone.remove(agent);
                }
                Ok(before != self.unreachable.len() + self.gone.len())
            }
            Operation::SetWeights { weights } => {
                let weights: Vec<_> = weights
                    .iter()
                    .map(|(role, weight)| proto::Weight {
                        info: v1::WeightInfo {
                            role: Some(role.as_str().to_owned()),
                            weight: *weight,
                        },
                    })
                    .collect();
                let changed = self.rest.weights != weights;
                self.rest.weights = weights;
                Ok(changed)
            }
        }
    }

    fn admit(&mut self, info: &v1::AgentInfo) -> Result<bool, OperationError> {
        match self.admitted.entry(id_of(info)?) {
            Entry::Occupied(entry) => Err(OperationError::AlreadyAdmitted(entry.key().clone())),
            Entry::Vacant(entry) => {
                entry.insert(Admitted::new(info));
                Ok(true)
            }
        }
    }

    fn update(&mut self, info: &v1::AgentInfo) -> Result<bool, OperationError> {
        let id = id_of(info)?;
        let Some(admitted) = self.admitted.get_mut(&id) else {
            return Err(OperationError::NotAdmitted(id));
        };
        let info = encode(info);
        let changed = admitted.info != info;
        admitted.info = info;
        Ok(changed)
    }

    fn mark_unreachable(&mut self, agent: &AgentId, since: Time) -> Result<bool, OperationError> {
        let Some(admitted) = self.admitted.remove(agent) else {
            return Err(OperationError::NotAdmitted(agent.clone()));
        };
        let Admitted { upkeep, .. } = admitted;
        self.unreachable
            .insert(agent.clone(), Unreachable { since, upkeep });
        Ok(true)
    }

    fn mark_reachable(&mut self, info: &v1::AgentInfo) -> Result<bool, OperationError> {
        let id = id_of(info)?;
        if self.admitted.contains_key(&id) {
            return Ok(false);
        }
        let before = self.unreachable.remove(&id);
        let admitted = Admitted {
            info: encode(info),
            upkeep: before.and_then(|it| it.upkeep),
        };
        self.admitted.insert(id, admitted);
        Ok(true)
    }

    fn mark_gone(&mut self, agent: &AgentId, since: Time) -> Result<bool, OperationError> {
        if self.gone.contains_key(agent) {
            return Err(OperationError::AlreadyGone(agent.clone()));
        }
        let admitted = self.admitted.remove(agent).is_some();
        let unreachable = self.unreachable.remove(agent).is_some();
        if !admitted && !unreachable {
            return Err(OperationError::Unknown(agent.clone()));
        }
        self.gone.insert(agent.clone(), since);
        Ok(true)
    }
}

fn id_of(info: &v1::AgentInfo) -> Result<AgentId, OperationError> {
    info.id
        .as_ref()
        .map(AgentId::from)
        .ok_or(OperationError::NoId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str) -> Box<v1::AgentInfo> {
        let id = Some(v1::AgentId {
            value: id.to_owned(),
        });
        Box::new(v1::AgentInfo {
            id,
            hostname: "host".to_owned(),
            ..Default::default()
        })
    }

    #[test]
    fn an_agent_comes_goes_and_returns() {
        let mut registry = Registry::default();
        let agent = AgentId::from("a");
        let since = Time::from_nanoseconds(7);
        let admit = Operation::AdmitAgent { info: info("a") };
        assert_eq!(registry.apply(&admit), Ok(true));
        assert_eq!(
            registry.apply(&admit),
            Err(OperationError::AlreadyAdmitted(agent.clone()))
        );
        let lose = Operation::MarkUnreachable {
            agent: agent.clone(),
            since,
        };
        assert_eq!(registry.apply(&lose), Ok(true));
        assert_eq!(
            registry.apply(&lose),
            Err(OperationError::NotAdmitted(agent.clone()))
        );
        assert_eq!(registry.unreachable()[&agent].since, since);
        let find = Operation::MarkReachable { info: info("a") };
        assert_eq!(registry.apply(&find), Ok(true));
        assert_eq!(registry.apply(&find), Ok(false));
        assert!(registry.unreachable().is_empty());
        let gone = Operation::MarkGone {
            agent: agent.clone(),
            since,
        };
        assert_eq!(registry.apply(&gone), Ok(true));
        assert_eq!(
            registry.apply(&gone),
            Err(OperationError::AlreadyGone(agent.clone()))
        );
        assert!(registry.admitted().is_empty());
        let prune = Operation::Prune {
            unreachable: vec![],
            gone: vec![agent],
        };
        assert_eq!(registry.apply(&prune), Ok(true));
        assert_eq!(registry.apply(&prune), Ok(false));
    }

    #[test]
    fn an_agent_that_was_forgotten_is_admitted_when_it_returns() {
        let mut registry = Registry::default();
        let find = Operation::MarkReachable { info: info("old") };
        assert_eq!(registry.apply(&find), Ok(true));
        assert!(registry.admitted().contains_key(&AgentId::from("old")));
    }

    #[test]
    fn the_stored_form_holds_everything() {
        let mut registry = Registry::default();
        for (id, at) in [("a", 3), ("b", 1), ("c", 2), ("d", 0)] {
            registry
                .apply(&Operation::AdmitAgent { info: info(id) })
                .unwrap();
            let since = Time::from_nanoseconds(at);
            let agent = AgentId::from(id);
            match id {
                "a" | "b" => registry.apply(&Operation::MarkUnreachable { agent, since }),
                "c" => registry.apply(&Operation::MarkGone { agent, since }),
                _ => Ok(true),
            }
            .unwrap();
        }
        let proto = registry.to_proto();
        let unreachable: Vec<_> = proto
            .unreachable
            .as_ref()
            .unwrap()
            .slaves
            .iter()
            .map(|it| &it.id.value)
            .collect();
        assert_eq!(unreachable, ["b", "a"]);
        assert_eq!(Registry::from_proto(proto), registry);
    }
}
