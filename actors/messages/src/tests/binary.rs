//! Binary protobuf and its required fields.

use crate::binary::{DecodeError, decode, decode_bytes, encode};
use crate::{internal, scheduler, v1};
use bytes::Bytes;
use prost::Message;

fn missing<T: crate::table::Described + std::fmt::Debug>(body: &[u8]) -> Vec<String> {
    match decode::<T>(body) {
        Err(DecodeError::MissingFields(paths)) => paths,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_body_lacks_every_required_field() {
    assert_eq!(missing::<v1::TaskStatus>(b""), ["task_id", "state"]);
    assert_eq!(
        decode::<v1::TaskStatus>(b"\x0a\x00")
            .unwrap_err()
            .to_string(),
        "Missing required fields: state, task_id.value"
    );
}

#[test]
fn a_required_enum_of_a_newer_version_is_missing() {
    assert_eq!(
        missing::<v1::TaskStatus>(b"\x0a\x03\x0a\x01t\x10\x63"),
        ["state"]
    );
    // Given twice, the last one counts.
    assert_eq!(
        missing::<v1::TaskStatus>(b"\x0a\x03\x0a\x01t\x10\x00\x10\x63"),
        ["state"]
    );
    assert!(decode::<v1::TaskStatus>(b"\x0a\x03\x0a\x01t\x10\x63\x10\x00").is_ok());
}

#[test]
fn a_message_in_pieces_is_their_sum() {
    // Two pieces of one `url`, each lacking what the other has.
    let url = v1::Url {
        scheme: "http".to_owned(),
        address: v1::Address {
            port: 1,
            ..Default::default()
        },
        ..Default::default()
    };
    let whole = url.encode_to_vec();
    let (scheme, address) = whole.split_at(6);
    assert_eq!(missing::<v1::Url>(scheme), ["address"]);
    assert_eq!(missing::<v1::Url>(address), ["scheme"]);
    let mut offer = v1::Offer::default().encode_to_vec();
    offer.clear();
    for value in ["o", "f", "a"] {
        let place = 10 + 8 * u8::try_from("ofa".find(value).unwrap()).unwrap();
        offer.extend([place, 3, 10, 1, value.as_bytes()[0]]);
    }
    offer.extend(b"\x22\x01h");
    for piece in [scheme, address] {
        offer.extend([66, u8::try_from(piece.len()).unwrap()]);
        offer.extend(piece);
    }
    assert_eq!(decode::<v1::Offer>(&offer).unwrap().url, Some(url));
}

#[test]
fn bytes_share_the_memory_of_the_body() {
    let message = internal::FrameworkToExecutorMessage {
        data: Bytes::from(vec![7; 1000]),
        ..Default::default()
    };
    let body = encode(&message);
    let range = body.as_ptr_range();
    let decoded: internal::FrameworkToExecutorMessage = decode_bytes(body.clone()).unwrap();
    assert!(range.contains(&decoded.data.as_ptr()));
    assert_eq!(decoded.data, message.data);
}

#[test]
fn groups_and_unknown_fields_are_skipped() {
    // Field 100 as a group that holds a group, field 101 of each other form.
    let mut body = b"\xa3\x06\xab\x06\x08\x01\xac\x06\xa4\x06".to_vec();
    body.extend(b"\xa8\x06\x05\xa9\x0612345678\xad\x061234\xaa\x06\x01x");
    body.extend(b"\x0a\x01v");
    assert_eq!(decode::<v1::TaskId>(&body).unwrap().value, "v");
}

#[test]
fn nesting_without_end_is_refused() {
    let mut body = b"\x0a\x01c".to_vec();
    for _ in 0..200 {
        let mut outer = vec![10, 1, b'c', 18];
        prost::encoding::encode_varint(body.len() as u64, &mut outer);
        outer.extend(&body);
        body = outer;
    }
    assert!(matches!(
        decode::<v1::ContainerId>(&body),
        Err(DecodeError::Malformed(_))
    ));
    let groups = [0xa3, 0x06].repeat(100_000);
    assert!(matches!(
        decode::<v1::TaskId>(&groups),
        Err(DecodeError::Malformed(_))
    ));
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    assert!(matches!(
        decode::<v1::TaskId>(b"\x0a\x01\xff"),
        Err(DecodeError::Malformed(_))
    ));
}

#[test]
fn a_driver_subscribes_with_other_numbers_than_http() {
    let framework_info = v1::FrameworkInfo::default();
    let call = v1::scheduler::Call {
        r#type: Some(v1::scheduler::call::Type::Subscribe.into()),
        subscribe: Some(v1::scheduler::call::Subscribe {
            framework_info,
            suppressed_roles: vec!["a".to_owned()],
            offer_constraints: Some(v1::scheduler::OfferConstraints::default()),
        }),
        ..Default::default()
    };
    let driver = scheduler::Call::from_v1(call.clone(), true);
    let body = encode(&driver);
    assert_eq!(
        decode::<scheduler::Call>(&body).unwrap().into_v1(),
        (call, true)
    );
    // `force` is 2, the roles are 3, the constraints 4; by HTTP the last are 2 and 3.
    let framework = [0x0a, 6, 0x0a, 0, 0x12, 0];
    let subscribe = [&framework[2..], b"\x10\x01\x1a\x01a\x22\x00"].concat();
    assert!(
        body.windows(subscribe.len() - 4)
            .any(|window| window == &subscribe[4..])
    );
}
