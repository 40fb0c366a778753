//! Reading messages through `serde`: writes the binary form by the tables, in one pass,
//! with the leniency and the refusals of Mesos' JSON parser (V3).

use crate::binary;
use crate::table::{Described, DescribedEnum, Field, FieldSet, Kind, Label, Table};
use crate::{json, wire};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// What a key that occurs twice is refused with. The JSON parser reads such a text
/// again, keeping the last.
pub(crate) const DUPLICATE: &str = "Duplicate key";

/// Reads a message, required fields and all.
pub(crate) fn deserialize<'de, T: Described, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let bytes = to_binary(T::table(), deserializer)?;
    binary::decode_bytes(bytes.into()).map_err(D::Error::custom)
}

/// Reads the name of an enum's value.
pub(crate) fn deserialize_enum<'de, E: DescribedEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<E, D::Error> {
    let name = String::deserialize(deserializer)?;
    E::table()
        .number_of(&name)
        .and_then(|number| E::try_from(number).ok())
        .ok_or_else(|| D::Error::custom(unknown_enum(&name)))
}

/// Reads a message into its binary form. Required fields may be absent.
pub(crate) fn to_binary<'de, D: Deserializer<'de>>(
    table: &'static Table,
    deserializer: D,
) -> Result<Vec<u8>, D::Error> {
    let mut out = Vec::new();
    MessageSeed {
        table,
        out: &mut out,
        for_people: true,
    }
    .deserialize(deserializer)?;
    Ok(out)
}

fn unknown_enum(name: &str) -> String {
    format!("Failed to find enum for '{name}'")
}

/// Reads a whole message.
struct MessageSeed<'o> {
    table: &'static Table,
    out: &'o mut Vec<u8>,
    /// Whether the format is for people; known once reading begins.
    for_people: bool,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let for_people = deserializer.is_human_readable();
        deserializer.deserialize_map(Self { for_people, ..self })
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        read_fields(self.table, map, self.out, self.for_people)
    }
}

/// Reads a message's fields from the entries of an object. Unknown keys are ignored, and
/// so are, in a format for people, the fields that JSON does not have.
fn read_fields<'de, A: MapAccess<'de>>(
    table: &'static Table,
    mut map: A,
    out: &mut Vec<u8>,
    for_people: bool,
) -> Result<(), A::Error> {
    let mut seen: FieldSet = 0;
    let mut hint = 0;
    while let Some(place) = map.next_key_seed(KeySeed { table, hint })? {
        let field = place.and_then(|place| Some((place, table.fields.get(place)?)));
        let field = field.filter(|(_, field)| field.in_json || !for_people);
        let Some((place, field)) = field else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        if seen & (1 << place) != 0 {
            return Err(A::Error::custom(DUPLICATE));
        }
        seen |= 1 << place;
        hint = place + 1;
        map.next_value_seed(FieldSeed::new(field, out))?;
    }
    Ok(())
}

/// Reads a key as the place of a field.
struct KeySeed {
    table: &'static Table,
    hint: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.table.place_of(name, self.hint))
    }
}

/// Reads the value of a field: once, or for a repeated field each element.
struct FieldSeed<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
    /// Whether the format is for people; known once reading begins. Other formats write
    /// the values of a newer version's enum as numbers.
    for_people: bool,
}

impl<'o> FieldSeed<'o> {
    fn new(field: &'static Field, out: &'o mut Vec<u8>) -> Self {
        Self {
            field,
            out,
            for_people: true,
        }
    }
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let for_people = deserializer.is_human_readable();
        deserializer.deserialize_any(Self { for_people, ..self })
    }
}

impl FieldSeed<'_> {
    fn refuse<E: Error>(&self, what: &str) -> E {
        E::custom(format!(
            "Not expecting a JSON {what} for field '{}'",
            self.field.name
        ))
    }

    /// Numbers are cast to the field's type, as C++ casts them: a fraction is cut off.
    fn put_number<E: Error>(self, number: Number) -> Result<(), E> {
        let place = self.field.number;
        match self.field.kind {
            Kind::Double => wire::put_fixed64(self.out, place, number.as_f64().to_bits()),
            Kind::Int32 => {
                let value = number.as_i64() as i32;
                wire::put_varint(self.out, place, i64::from(value) as u64);
            }
            Kind::Int64 => wire::put_varint(self.out, place, number.as_i64() as u64),
            Kind::Uint32 => wire::put_varint(self.out, place, u64::from(number.as_u64() as u32)),
            Kind::Uint64 => wire::put_varint(self.out, place, number.as_u64()),
            Kind::Enum(_) if !self.for_people => {
                wire::put_varint(self.out, place, number.as_i64() as u64);
            }
            _ => return Err(self.refuse("number")),
        }
        Ok(())
    }

    fn put_enum_name<E: Error>(
        self,
        values: &'static crate::table::Enum,
        name: &str,
    ) -> Result<(), E> {
        match values.number_of(name) {
            Some(number) => {
                wire::put_varint(self.out, self.field.number, i64::from(number) as u64);
                Ok(())
            }
            None if self.field.label == Label::Required => Err(E::custom(unknown_enum(name))),
            None => Ok(()),
        }
    }

    fn put_number_text<E: Error>(self, text: &str) -> Result<(), E> {
        let floating = matches!(self.field.kind, Kind::Double);
        let number = match text {
            "Infinity" if floating => Number::Floating(f64::INFINITY),
            "-Infinity" if floating => Number::Floating(f64::NEG_INFINITY),
            _ => json::parse_number(text).map_err(|error| self.unparsed("number", text, &error))?,
        };
        self.put_number(number)
    }

    fn unparsed<E: Error>(&self, what: &str, text: &str, error: &str) -> E {
        let name = self.field.name;
        E::custom(format!(
            "Failed to parse '{text}' as a JSON {what} for field '{name}': {error}"
        ))
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value for field '{}'", self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => {
                wire::put_varint(self.out, self.field.number, u64::from(value));
                Ok(())
            }
            _ => Err(self.refuse("boolean")),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put_number(Number::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put_number(Number::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put_number(Number::Floating(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            Kind::Text => wire::put_bytes(self.out, number, text.as_bytes()),
            Kind::Bytes => {
                let bytes = json::decode_base64(text).map_err(|error| {
                    let name = self.field.name;
                    E::custom(format!(
                        "Failed to base64 decode bytes field '{name}': {error}"
                    ))
                })?;
                wire::put_bytes(self.out, number, &bytes);
            }
            Kind::Enum(values) => return self.put_enum_name(values, text),
            Kind::Bool => {
                let value = json::parse_bool(text)
                    .map_err(|error| self.unparsed("boolean", text, &error))?;
                return self.visit_bool(value);
            }
            Kind::Message(_) => return Err(self.refuse("string")),
            _ => return self.put_number_text(text),
        }
        Ok(())
    }

    /// Only formats that are not for people have bytes.
    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        match self.field.kind {
            Kind::Bytes => {
                wire::put_bytes(self.out, self.field.number, bytes);
                Ok(())
            }
            _ => Err(self.refuse("string")),
        }
    }

    /// A list inside a list is as good as its elements.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if !matches!(self.field.label, Label::Repeated | Label::Map) {
            return Err(self.refuse("array"));
        }
        let Self { field, out, .. } = self;
        while list
            .next_element_seed(FieldSeed::new(field, &mut *out))?
            .is_some()
        {}
        Ok(())
    }

    /// An object where a list is expected is a list of one.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(table) = self.field.kind else {
            return Err(self.refuse("object"));
        };
        match self.field.label {
            Label::Map => read_entries(self.field.number, table, map, self.out),
            _ => wire::put_message(self.out, self.field.number, |out| {
                read_fields(table, map, out, self.for_people)
            }),
        }
    }
}

/// Reads the entries of a map field: each key is a message with the fields key and value.
fn read_entries<'de, A: MapAccess<'de>>(
    number: u32,
    entry: &'static Table,
    mut map: A,
    out: &mut Vec<u8>,
) -> Result<(), A::Error> {
    let [key_field, value_field] = entry.fields else {
        return Err(A::Error::custom(
            "a map entry has fields other than key and value",
        ));
    };
    while let Some(key) = map.next_key::<String>()? {
        wire::put_message(out, number, |out| {
            FieldSeed::new(key_field, out).visit_str(&key)?;
            map.next_value_seed(FieldSeed::new(value_field, out))
        })?;
    }
    Ok(())
}

/// A number before it is cast to a field's type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Signed(i64),
    Unsigned(u64),
    Floating(f64),
}

impl Number {
    fn as_f64(self) -> f64 {
        match self {
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
            Self::Floating(value) => value,
        }
    }

    fn as_i64(self) -> i64 {
        match self {
            Self::Signed(value) => value,
            Self::Unsigned(value) => value as i64,
            Self::Floating(value) => value as i64,
        }
    }

    fn as_u64(self) -> u64 {
        match self {
            Self::Signed(value) => value as u64,
            Self::Unsigned(value) => value,
            Self::Floating(value) => value as u64,
        }
    }
}
