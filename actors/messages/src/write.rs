//! Writing messages through `serde`: walks the binary form by the tables.
//!
//! Human-readable formats get Mesos' JSON (V3): explicit defaults of unset fields are
//! shown, bytes are base64, enum values of newer versions are left out. Other formats
//! get what the message holds and nothing else, so that a round trip changes nothing.

use crate::table::{Described, Field, Kind, Label, MAX_FIELDS, Table};
use crate::wire::{Malformed, Reader, Value};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// Writes `message`.
pub(crate) fn serialize<T: Described, S: Serializer>(
    message: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    MessageView {
        table: T::table(),
        bytes: &message.encode_to_vec(),
    }
    .serialize(serializer)
}

/// Writes the message of `table` whose binary form is `bytes`.
pub(crate) fn serialize_encoded<S: Serializer>(
    table: &'static Table,
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    MessageView { table, bytes }.serialize(serializer)
}

/// A message in its binary form, as `prost` wrote it: a field's values stand together.
struct MessageView<'a> {
    table: &'static Table,
    bytes: &'a [u8],
}

/// Where the values of a message's fields begin.
struct Starts {
    /// By the field's place, from the message's beginning; [`u32::MAX`] for none.
    of: [u32; MAX_FIELDS],
    /// How many fields there are.
    count: usize,
}

impl<'a> MessageView<'a> {
    fn starts(&self) -> Result<Starts, Malformed> {
        let mut starts = Starts {
            of: [u32::MAX; MAX_FIELDS],
            count: 0,
        };
        let mut reader = Reader::new(self.bytes);
        loop {
            let start = self.bytes.len() - reader.rest().len();
            let Some((number, _)) = reader.field()? else {
                return Ok(starts);
            };
            let Some((place, _)) = self.table.by_number(number) else {
                continue;
            };
            if let Some(slot @ &mut u32::MAX) = starts.of.get_mut(place) {
                *slot = u32::try_from(start).map_err(|_| Malformed::TooLong)?;
                starts.count += 1;
            }
        }
    }

    /// What begins at a start.
    fn from(&self, start: u32) -> Option<&'a [u8]> {
        if start == u32::MAX {
            None
        } else {
            self.bytes.get(usize::try_from(start).ok()?..)
        }
    }
}

impl Serialize for MessageView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let for_people = serializer.is_human_readable();
        let starts = self.starts().map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map((!for_people).then_some(starts.count))?;
        for (field, start) in self.table.fields.iter().zip(starts.of) {
            let start = self.from(start);
            let values = Values {
                field,
                rest: start.unwrap_or_default(),
            };
            if for_people && (!field.in_json || values.is_unset().map_err(S::Error::custom)?) {
                if let Some(default) = &field.default {
                    map.serialize_entry(field.name, default)?;
                }
            } else if start.is_some() {
                map.serialize_entry(field.name, &values)?;
            }
        }
        map.end()
    }
}

/// The values of one field: what `rest` begins with, as far as the field's number goes.
#[derive(Clone, Copy)]
struct Values<'a> {
    field: &'static Field,
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    fn iter(self) -> impl Iterator<Item = Result<Value<'a>, Malformed>> {
        let mut reader = Reader::new(self.rest);
        std::iter::from_fn(move || match reader.field() {
            Ok(Some((number, value))) if number == self.field.number => Some(Ok(value)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// Whether JSON takes the field for unset: it is, or its enum value is unknown.
    fn is_unset(self) -> Result<bool, Malformed> {
        let Some(first) = self.iter().next().transpose()? else {
            return Ok(true);
        };
        let singular = matches!(self.field.label, Label::Optional | Label::Required);
        Ok(singular && self.field.kind.lacks(first))
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.field.label {
            Label::Optional | Label::Required => {
                let value = self.iter().next().unwrap_or(Err(Malformed::CutShort));
                let value = value.map_err(S::Error::custom)?;
                ValueView {
                    kind: self.field.kind,
                    value,
                }
                .serialize(serializer)
            }
            Label::Repeated => self.serialize_list(serializer),
            Label::Map => self.serialize_map(serializer),
        }
    }
}

impl Values<'_> {
    fn serialize_list<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let for_people = serializer.is_human_readable();
        let length = (!for_people).then(|| self.iter().count());
        let mut list = serializer.serialize_seq(length)?;
        for value in self.iter() {
            let value = value.map_err(S::Error::custom)?;
            if !for_people || !self.field.kind.lacks(value) {
                list.serialize_element(&ValueView {
                    kind: self.field.kind,
                    value,
                })?;
            }
        }
        list.end()
    }

    fn serialize_map<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let length = (!serializer.is_human_readable()).then(|| self.iter().count());
        let mut map = serializer.serialize_map(length)?;
        for entry in self.iter() {
            let entry = entry.map_err(S::Error::custom)?;
            let (key, value) = self.entry(entry).map_err(S::Error::custom)?;
            map.serialize_entry(&key, &value)?;
        }
        map.end()
    }

    /// An entry's key, field 1, and value, field 2.
    fn entry<'e>(&self, entry: Value<'e>) -> Result<(ValueView<'e>, ValueView<'e>), Malformed> {
        let (Kind::Message(table), Value::Length(body)) = (self.field.kind, entry) else {
            return Err(Malformed::WrongForm);
        };
        let mut parts = [None; 2];
        let mut reader = Reader::new(body);
        while let Some((number, value)) = reader.field()? {
            if let Some((place, field)) = table.by_number(number)
                && let Some(slot) = parts.get_mut(place)
            {
                *slot = Some(ValueView {
                    kind: field.kind,
                    value,
                });
            }
        }
        let absent = |place: usize| {
            let kind = table
                .fields
                .get(place)
                .map_or(Kind::Text, |field| field.kind);
            ValueView {
                kind,
                value: kind.empty(),
            }
        };
        let [key, value] = parts;
        Ok((
            key.unwrap_or_else(|| absent(0)),
            value.unwrap_or_else(|| absent(1)),
        ))
    }
}

/// One value.
#[derive(Clone, Copy)]
struct ValueView<'a> {
    kind: Kind,
    value: Value<'a>,
}

impl Serialize for ValueView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.value) {
            (Kind::Bool, Value::Varint(value)) => serializer.serialize_bool(value != 0),
            (Kind::Int32, Value::Varint(value)) => serializer.serialize_i32(value as i32),
            (Kind::Int64, Value::Varint(value)) => serializer.serialize_i64(value as i64),
            (Kind::Uint32, Value::Varint(value)) => serializer.serialize_u32(value as u32),
            (Kind::Uint64, Value::Varint(value)) => serializer.serialize_u64(value),
            (Kind::Double, Value::Fixed64(bits)) => serializer.serialize_f64(f64::from_bits(bits)),
            (Kind::Enum(values), Value::Varint(number)) => match values.name_of(number as i32) {
                Some(name) => serializer.serialize_str(name),
                None => serializer.serialize_i32(number as i32),
            },
            (Kind::Text, Value::Length(bytes)) => {
                let text = std::str::from_utf8(bytes);
                serializer.serialize_str(text.map_err(|_| S::Error::custom(Malformed::NotText))?)
            }
            (Kind::Bytes, Value::Length(bytes)) if serializer.is_human_readable() => {
                serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
            }
            (Kind::Bytes, Value::Length(bytes)) => serializer.serialize_bytes(bytes),
            (Kind::Message(table), Value::Length(bytes)) => {
                MessageView { table, bytes }.serialize(serializer)
            }
            _ => Err(S::Error::custom(Malformed::WrongForm)),
        }
    }
}
