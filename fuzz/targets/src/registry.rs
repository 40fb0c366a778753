//! What the registrar finds in its log (R6).

use master_core::registry::{Operation, Registry};
use messages::{binary, internal};

/// Nothing in an entry panics, and a registry that was read is stored as it is.
pub(crate) fn run(data: &[u8]) {
    let mut registry = match rmp_serde::from_slice::<internal::Registry>(data) {
        Ok(proto) => Registry::from_proto(proto),
        Err(_) => Registry::default(),
    };
    for operation in rmp_serde::from_slice::<Vec<Operation>>(data).unwrap_or_default() {
        let before = registry.to_proto();
        match registry.apply(&operation) {
            Ok(changed) => assert!(changed || registry.to_proto() == before, "{operation:?}"),
            Err(_) => assert_eq!(
                registry.to_proto(),
                before,
                "a refused operation changed it"
            ),
        }
    }
    let stored = registry.to_proto();
    let bytes = rmp_serde::to_vec_named(&stored).expect("a registry can be stored");
    let again: internal::Registry = rmp_serde::from_slice(&bytes).expect("and read");
    let again = Registry::from_proto(again).to_proto();
    assert_eq!(binary::encode(&again), binary::encode(&stored));
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let info = |id: &str| messages::v1::AgentInfo {
        hostname: "h".to_owned(),
        id: Some(messages::v1::AgentId {
            value: id.to_owned(),
        }),
        ..Default::default()
    };
    let operations = vec![
        Operation::AdmitAgent {
            info: Box::new(info("a")),
        },
        Operation::AdmitAgent {
            info: Box::new(info("b")),
        },
        Operation::MarkUnreachable {
            agent: "a".into(),
            since: master_core::Time::from_nanoseconds(5),
        },
        Operation::MarkReachable {
            info: Box::new(info("a")),
        },
        Operation::MarkGone {
            agent: "b".into(),
            since: master_core::Time::from_nanoseconds(7),
        },
        Operation::Prune {
            unreachable: vec!["a".into()],
            gone: vec!["b".into()],
        },
        Operation::SetWeights {
            weights: vec![(model::Role::any(), 2.0)],
        },
    ];
    let mut registry = Registry::default();
    for operation in operations.iter().take(3) {
        let _ = registry.apply(operation);
    }
    [
        rmp_serde::to_vec_named(&operations),
        rmp_serde::to_vec_named(&registry.to_proto()),
    ]
    .into_iter()
    .flatten()
    .collect()
}
