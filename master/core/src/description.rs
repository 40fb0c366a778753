//! What an agent says of itself, as it is kept.

use messages::v1;
use serde::{Deserialize, Serialize};

/// What an agent says of itself, without its id and its resources, which are kept elsewhere.
/// A master keeps one for each agent, so that it takes no more memory than it must.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    pub(crate) hostname: Box<str>,
    pub(crate) port: Option<i32>,
    pub(crate) attributes: Box<[v1::Attribute]>,
    pub(crate) domain: Option<Box<v1::DomainInfo>>,
    pub(crate) checkpoint: Option<bool>,
}

impl Description {
    /// Copies what is kept of `info`.
    pub fn new(info: &v1::AgentInfo) -> Self {
        let v1::AgentInfo {
            hostname,
            port,
            resources: _,
            attributes,
            id: _,
            domain,
            checkpoint,
        } = info;
        Self {
            hostname: hostname.as_str().into(),
            port: *port,
            attributes: attributes.as_slice().into(),
            domain: domain.clone().map(Box::new),
            checkpoint: *checkpoint,
        }
    }

    /// As it travels in messages, without id and resources.
    pub fn to_proto(&self) -> v1::AgentInfo {
        v1::AgentInfo {
            hostname: self.hostname.to_string(),
            port: self.port,
            resources: Vec::new(),
            attributes: self.attributes.to_vec(),
            id: None,
            domain: self.domain().cloned(),
            checkpoint: self.checkpoint,
        }
    }

    /// The name of its machine.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// The port that it names, or the usual one.
    pub fn port(&self) -> i32 {
        self.port.unwrap_or_else(|| v1::AgentInfo::default().port())
    }

    /// What frameworks may choose it by.
    pub fn attributes(&self) -> &[v1::Attribute] {
        &self.attributes
    }

    /// Where it is.
    pub fn domain(&self) -> Option<&v1::DomainInfo> {
        self.domain.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_id_and_resources_is_lost() {
        let info = v1::AgentInfo {
            hostname: "host".to_owned(),
            port: Some(7),
            attributes: model::attributes::parse("rack:r1").unwrap(),
            domain: Some(v1::DomainInfo::default()),
            checkpoint: Some(true),
            ..Default::default()
        };
        let full = v1::AgentInfo {
            id: Some(v1::AgentId::default()),
            resources: vec![v1::Resource::default()],
            ..info.clone()
        };
        assert_eq!(Description::new(&full).to_proto(), info);
        let plain = Description::new(&v1::AgentInfo::default());
        assert_eq!(plain.port(), 5051);
    }
}
