//! Properties that hold for any input.

use crate::binary::{decode, encode};
use crate::json::{append, from_json, from_value, to_json};
use crate::table::{Described, Field, Kind, Label, Table};
use crate::{internal, v1, wire};
use proptest::prelude::*;
use runtime_core::{Codec, Message};
use serde_json::{Map, Value, json};

/// Any value for a field, mostly of its type.
fn value_of(field: &'static Field, depth: u32) -> BoxedStrategy<Value> {
    let one = match field.kind {
        Kind::Bool => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Double => (-1e6..1e6).prop_map(Value::from).boxed(),
        Kind::Int32 => any::<i32>().prop_map(Value::from).boxed(),
        Kind::Int64 => any::<i64>().prop_map(Value::from).boxed(),
        Kind::Uint32 => any::<u32>().prop_map(Value::from).boxed(),
        Kind::Uint64 => any::<u64>().prop_map(Value::from).boxed(),
        Kind::Text => "[a-z/\"\u{e4}]{0,4}".prop_map(Value::from).boxed(),
        Kind::Bytes => Just(json!("AAEC")).boxed(),
        Kind::Enum(values) => proptest::sample::select(values.values)
            .prop_map(|value| json!(value.1))
            .boxed(),
        Kind::Message(table) if field.label == Label::Map => entries_of(table, depth),
        Kind::Message(table) => object_of(table, depth),
    };
    if field.label == Label::Repeated {
        proptest::collection::vec(one, 0..3)
            .prop_map(Value::from)
            .boxed()
    } else {
        one
    }
}

fn entries_of(entry: &'static Table, depth: u32) -> BoxedStrategy<Value> {
    let value = value_of(&entry.fields[1], depth);
    proptest::collection::btree_map("[a-z]{1,3}", value, 0..3)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
        .boxed()
}

/// An object with all required fields and some others, nested to a limit.
fn object_of(table: &'static Table, depth: u32) -> BoxedStrategy<Value> {
    let fields = table.fields.iter().filter_map(|field| {
        let required = field.label == Label::Required;
        let wanted = required || depth > 0 && field.in_json;
        wanted.then(|| {
            let value = value_of(field, depth.saturating_sub(1));
            let value = match required {
                true => value.prop_map(Some).boxed(),
                false => proptest::option::weighted(0.3, value).boxed(),
            };
            value.prop_map(|value| value.map(|value| (field.name.to_owned(), value)))
        })
    });
    fields
        .collect::<Vec<_>>()
        .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
        .boxed()
}

/// Reading, writing and reading again changes nothing.
fn settles<T: Described + serde::Serialize + PartialEq + std::fmt::Debug>(value: &Value) {
    let first: T = from_value(value).unwrap();
    assert_eq!(decode::<T>(&encode(&first)).unwrap(), first);
    let text = to_json(&first).unwrap();
    let second: T = from_json(&text).unwrap();
    assert_eq!(to_json(&second).unwrap(), text);
}

/// What is appended is what serde writes, whatever the order of the fields.
fn writes_alike<T: Described + serde::Serialize>(value: &Value) {
    let message: T = from_value(value).unwrap();
    let wanted = String::from_utf8(to_json(&message).unwrap()).unwrap();
    let bytes = encode(&message).to_vec();
    for bytes in [turned_round(&bytes), bytes] {
        let mut text = b"before".to_vec();
        append::<T>(&bytes, &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), format!("before{wanted}"));
    }
}

/// The message with the highest field first; a field's values stay in their order.
fn turned_round(bytes: &[u8]) -> Vec<u8> {
    let mut fields: Vec<(u32, &[u8])> = Vec::new();
    let mut reader = wire::Reader::new(bytes);
    while !reader.rest().is_empty() {
        let before = reader.rest();
        let (number, _) = reader.field().unwrap().unwrap();
        fields.push((number, &before[..before.len() - reader.rest().len()]));
    }
    fields.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    fields.iter().flat_map(|(_, raw)| *raw).copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn calls_settle(value in object_of(v1::scheduler::Call::table(), 3)) {
        settles::<v1::scheduler::Call>(&value);
    }

    #[test]
    fn frameworks_settle(value in object_of(v1::FrameworkInfo::table(), 3)) {
        settles::<v1::FrameworkInfo>(&value);
    }

    #[test]
    fn messagepack_keeps_everything(value in object_of(internal::Registry::table(), 4)) {
        let registry: internal::Registry = from_value(&value).unwrap();
        let mut body = Vec::new();
        registry.encode(Codec::MessagePack, &mut body).unwrap();
        assert_eq!(internal::Registry::decode(Codec::MessagePack, &body).unwrap(), registry);
    }

    #[test]
    fn the_two_ways_of_reading_json_agree(value in object_of(v1::TaskInfo::table(), 2)) {
        let text = serde_json::to_vec(&value).unwrap();
        assert_eq!(from_json::<v1::TaskInfo>(&text), from_value::<v1::TaskInfo>(&value));
    }

    #[test]
    fn the_two_ways_of_writing_json_agree(
        task in object_of(v1::TaskInfo::table(), 3),
        framework in object_of(v1::FrameworkInfo::table(), 3),
        status in object_of(v1::TaskStatus::table(), 4),
    ) {
        writes_alike::<v1::TaskInfo>(&task);
        writes_alike::<v1::FrameworkInfo>(&framework);
        writes_alike::<v1::TaskStatus>(&status);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<v1::scheduler::Call>(&body);
        let _ = decode::<v1::TaskInfo>(&body);
        for codec in [Codec::Protobuf, Codec::MessagePack, Codec::Json] {
            let _ = internal::ReregisterSlaveMessage::decode(codec, &body);
        }
    }

    #[test]
    fn damaged_messages_make_no_reader_panic(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let task = v1::TaskInfo {
            resources: vec![v1::Resource::default(); 2],
            limits: [("cpus".to_owned(), v1::value::Scalar::default())].into(),
            ..Default::default()
        };
        let mut body = encode(&task).to_vec();
        let place = place.index(body.len());
        body[place] = byte;
        let _ = decode::<v1::TaskInfo>(&body);
        let mut text = Vec::new();
        if append::<v1::TaskInfo>(&body, &mut text).is_ok() {
            assert!(serde_json::from_slice::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in r#"[\[\]{}",:a-z0-9\\ \n.e+-]{0,60}"#) {
        let _ = from_json::<v1::scheduler::Call>(text.as_bytes());
    }

    #[test]
    fn fields_are_read_as_they_were_written(number in 1_u32..1 << 29, value in any::<u64>()) {
        let mut out = Vec::new();
        wire::put_varint(&mut out, number, value);
        wire::put_fixed64(&mut out, number, value);
        wire::put_message::<()>(&mut out, number, |out| {
            out.extend(vec![1; (value % 300) as usize]);
            Ok(())
        }).unwrap();
        let mut reader = wire::Reader::new(&out);
        let expected = vec![1; (value % 300) as usize];
        assert_eq!(reader.field(), Ok(Some((number, wire::Value::Varint(value)))));
        assert_eq!(reader.field(), Ok(Some((number, wire::Value::Fixed64(value)))));
        assert_eq!(reader.field(), Ok(Some((number, wire::Value::Length(&expected)))));
        assert_eq!(reader.field(), Ok(None));
    }
}
