//! Whether a message is written as `prost` writes it, so that parts of its bytes can be kept
//! and copied without being decoded.

use crate::table::{Described, Field, FieldSet, Kind, Label, Table};
use crate::wire::{MAX_DEPTH, Reader, Value};

/// Whether `bytes` is a complete `T` as `prost` would write it: fields in the order of their
/// numbers, singular ones once, none that is unknown, all required ones, texts in UTF-8 and
/// enum values that are known. What is not may still be a good message, and must be decoded
/// to be used; messages with maps always must.
pub fn is_plain<T: Described>(bytes: &[u8]) -> bool {
    is_plain_at(T::table(), bytes, 0)
}

fn is_plain_at(table: &'static Table, bytes: &[u8], depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    let mut seen: FieldSet = 0;
    let mut last = 0;
    let mut reader = Reader::new(bytes);
    loop {
        let (number, value) = match reader.field() {
            Ok(Some(field)) => field,
            Ok(None) => return seen & table.required == table.required,
            Err(_) => return false,
        };
        let Some((place, field)) = table.by_number(number) else {
            return false;
        };
        let is_next = number > last || (number == last && field.label == Label::Repeated);
        if !is_next || !is_plain_value(field, value, depth) {
            return false;
        }
        seen |= 1 << place;
        last = number;
    }
}

fn is_plain_value(field: &Field, value: Value<'_>, depth: usize) -> bool {
    match (field.kind, value) {
        (Kind::Message(inner), Value::Length(body)) => {
            field.label != Label::Map && is_plain_at(inner, body, depth + 1)
        }
        (Kind::Text, Value::Length(text)) => std::str::from_utf8(text).is_ok(),
        (Kind::Enum(values), Value::Varint(number)) => {
            i32::try_from(number).is_ok_and(|number| values.name_of(number).is_some())
        }
        (Kind::Bytes, Value::Length(_))
        | (Kind::Double, Value::Fixed64(_))
        | (
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64,
            Value::Varint(_),
        ) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::is_plain;
    use crate::v1;
    use crate::wire::{put_bytes, put_varint};

    fn label(key: &str) -> Vec<u8> {
        v1::Label {
            key: key.to_owned(),
            value: Some("v".to_owned()),
        }
        .encode_to_vec()
    }

    #[test]
    fn what_prost_writes_is_plain() {
        let task = v1::Task {
            labels: Some(v1::Labels {
                labels: vec![v1::Label::default(), v1::Label::default()],
            }),
            resources: vec![v1::Resource::default(); 2],
            status_update_uuid: Some(vec![0xff; 16].into()),
            ..v1::Task::default()
        };
        assert!(is_plain::<v1::Task>(&task.encode_to_vec()));
        assert!(is_plain::<v1::Label>(&label("k")));
        assert!(is_plain::<v1::Labels>(&[]));
    }

    #[test]
    fn what_reads_otherwise_is_not() {
        let good = label("k");
        let mut unknown = good.clone();
        put_varint(&mut unknown, 200, 1);
        let mut twice = good.clone();
        put_bytes(&mut twice, 2, b"again");
        let mut out_of_order = Vec::new();
        put_bytes(&mut out_of_order, 2, b"v");
        put_bytes(&mut out_of_order, 1, b"k");
        let mut no_text = Vec::new();
        put_bytes(&mut no_text, 1, &[0xff]);
        let mut no_key = Vec::new();
        put_bytes(&mut no_key, 2, b"v");
        let mut other_form = Vec::new();
        put_varint(&mut other_form, 1, 1);
        let cut_short = good.get(..good.len() - 1).unwrap().to_vec();
        for bytes in [
            unknown,
            twice,
            out_of_order,
            no_text,
            no_key,
            other_form,
            cut_short,
        ] {
            assert!(!is_plain::<v1::Label>(&bytes), "{bytes:?}");
            let mut labels = Vec::new();
            put_bytes(&mut labels, 1, &good);
            put_bytes(&mut labels, 1, &bytes);
            assert!(!is_plain::<v1::Labels>(&labels), "{bytes:?}");
        }
    }

    #[test]
    fn an_enum_value_of_a_newer_version_is_not() {
        let capability = |number| {
            v1::agent_info::Capability {
                r#type: Some(number),
            }
            .encode_to_vec()
        };
        assert!(is_plain::<v1::agent_info::Capability>(&capability(1)));
        assert!(!is_plain::<v1::agent_info::Capability>(&capability(99)));
    }
}
