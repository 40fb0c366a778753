//! The three codecs of libprocess messages.

use crate::{internal, scheduler, v1};
use runtime_core::{Codec, DecodeError, Message};
use std::fmt::Debug;

const CODECS: [Codec; 3] = [Codec::Protobuf, Codec::MessagePack, Codec::Json];

fn through<M: Message>(message: &M, codec: Codec) -> M {
    let mut body = Vec::new();
    message.encode(codec, &mut body).unwrap();
    M::decode(codec, &body).unwrap()
}

fn round_trip<M: Message + PartialEq + Debug>(message: M) {
    for codec in CODECS {
        assert_eq!(through(&message, codec), message, "{codec:?}");
    }
}

fn resource() -> v1::Resource {
    v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges.into(),
        ranges: Some(v1::value::Ranges {
            range: vec![v1::value::Range {
                begin: 31_000,
                end: 32_000,
            }],
        }),
        ..Default::default()
    }
}

#[test]
fn messages_survive_every_codec() {
    round_trip(internal::PongSlaveMessage::default());
    round_trip(internal::PingSlaveMessage { connected: true });
    round_trip(internal::log::WriteRequest {
        proposal: u64::MAX,
        position: 3,
        r#type: internal::log::action::Type::Append.into(),
        append: Some(internal::log::action::Append {
            bytes: vec![0, 255, 7].into(),
            ..Default::default()
        }),
        ..Default::default()
    });
    round_trip(internal::StatusUpdateMessage {
        update: internal::StatusUpdate {
            framework_id: v1::FrameworkId {
                value: "f".to_owned(),
            },
            status: v1::TaskStatus {
                task_id: v1::TaskId {
                    value: "t".to_owned(),
                },
                state: v1::TaskState::TaskFailed.into(),
                reason: Some(v1::task_status::Reason::ExecutorTerminated.into()),
                healthy: Some(false),
                uuid: Some(vec![9; 16].into()),
                ..Default::default()
            },
            timestamp: 0.1,
            ..Default::default()
        },
        pid: Some("slave(1)@127.0.0.1:5051".to_owned()),
    });
    round_trip(internal::RegisterSlaveMessage {
        slave: v1::AgentInfo {
            hostname: "h".to_owned(),
            port: Some(5051),
            resources: vec![resource(), resource()],
            ..Default::default()
        },
        version: Some("1.12.0".to_owned()),
        ..Default::default()
    });
    round_trip(scheduler::Call {
        r#type: Some(v1::scheduler::call::Type::Accept.into()),
        accept: Some(v1::scheduler::call::Accept {
            offer_ids: vec![v1::OfferId {
                value: "o".to_owned(),
            }],
            ..Default::default()
        }),
        ..Default::default()
    });
}

#[test]
fn all_but_json_keep_unset_fields_and_unknown_values_as_they_are() {
    let message = internal::RegisterFrameworkMessage {
        framework: v1::FrameworkInfo {
            capabilities: vec![v1::framework_info::Capability { r#type: Some(77) }],
            ..Default::default()
        },
    };
    assert_eq!(through(&message, Codec::Protobuf), message);
    assert_eq!(through(&message, Codec::MessagePack), message);
    let shown = through(&message, Codec::Json).framework;
    assert_eq!(
        (shown.checkpoint, shown.capabilities[0].r#type),
        (Some(false), None)
    );
}

#[test]
fn a_field_outside_json_is_in_messagepack() {
    let agent = v1::AgentInfo {
        checkpoint: Some(true),
        ..Default::default()
    };
    let message = internal::RegisterSlaveMessage {
        slave: agent,
        ..Default::default()
    };
    assert_eq!(
        through(&message, Codec::MessagePack).slave.checkpoint,
        Some(true)
    );
    assert_eq!(through(&message, Codec::Json).slave.checkpoint, None);
}

#[test]
fn names_are_those_of_libprocess() {
    assert_eq!(
        internal::RegisterSlaveMessage::NAME,
        "mesos.internal.RegisterSlaveMessage"
    );
    assert_eq!(
        internal::log::PromiseRequest::NAME,
        "mesos.internal.log.PromiseRequest"
    );
    assert_eq!(scheduler::Call::NAME, "mesos.scheduler.Call");
    assert_eq!(internal::AuthenticateMessage::CODEC, Codec::Protobuf);
}

#[test]
fn required_fields_are_required_in_every_codec() {
    type Register = internal::RegisterFrameworkMessage;
    let refusal = |codec, body: &[u8]| match Register::decode(codec, body) {
        Err(error @ (DecodeError::Malformed(_) | DecodeError::MissingFields(_))) => {
            error.to_string()
        }
        other => panic!("{other:?}"),
    };
    for (codec, body) in CODECS.into_iter().zip([&b""[..], b"\x80", b"{}"]) {
        assert_eq!(
            refusal(codec, body),
            "Missing required fields: framework",
            "{codec:?}"
        );
    }
}

#[test]
fn a_message_inside_a_value_of_ours_is_an_object() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Note {
        task: v1::TaskId,
        resources: Vec<v1::Resource>,
        state: Option<v1::TaskState>,
    }
    let note = Note {
        task: v1::TaskId {
            value: "t".to_owned(),
        },
        resources: vec![resource()],
        state: Some(v1::TaskState::TaskRunning),
    };
    let value = serde_json::to_value(&note).unwrap();
    assert_eq!(value["resources"][0]["ranges"]["range"][0]["begin"], 31_000);
    assert_eq!(serde_json::from_value::<Note>(value).unwrap(), note);
}
