//! Tables that describe messages, made by the build from the `.proto` files.

use crate::wire::Value;

/// A message type that has a table.
pub trait Described: prost::Message + Default {
    /// What the type's fields are called, how they are numbered and what they hold.
    fn table() -> &'static Table;
}

/// An enum type that has a table.
pub trait DescribedEnum: Copy + Into<i32> + TryFrom<i32> {
    /// The enum's values.
    fn table() -> &'static Enum;
}

/// The fields of a message.
#[derive(Debug)]
pub struct Table {
    /// In the order of declaration, which is the order of JSON.
    pub(crate) fields: &'static [Field],
    /// A field's place in `fields` by its number; [`u8::MAX`] where there is none.
    pub(crate) by_number: &'static [u8],
    /// Those among `fields` whose default JSON shows.
    pub(crate) with_default: FieldSet,
    /// The required ones among `fields`.
    pub(crate) required: FieldSet,
    /// Whether this message, or one inside it at any depth, has a required field.
    pub(crate) checked: bool,
}

impl Table {
    /// The field with this number and its place.
    pub(crate) fn by_number(&self, number: u32) -> Option<(usize, &'static Field)> {
        let place = *self.by_number.get(usize::try_from(number).ok()?)?;
        let place = usize::from(place);
        Some((place, self.fields.get(place)?))
    }

    /// The place of the field of this name. Writers keep to the order of declaration,
    /// so the search starts at `hint`, the place after the field found last.
    pub(crate) fn place_of(&self, name: &str, hint: usize) -> Option<usize> {
        let count = self.fields.len();
        (hint..count).chain(0..hint.min(count)).find(|place| {
            self.fields
                .get(*place)
                .is_some_and(|field| field.name == name)
        })
    }
}

/// A set of fields: bit `n` is the field at place `n`. The build refuses messages with
/// more fields than it has bits.
pub(crate) type FieldSet = u64;

/// The most fields that a message can have.
pub(crate) const MAX_FIELDS: usize = 64;

/// A field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The name as JSON begins a member with it: `"name":`.
    pub(crate) key: &'static str,
    pub(crate) number: u32,
    pub(crate) label: Label,
    pub(crate) kind: Kind,
    /// What JSON shows when the field is unset.
    pub(crate) default: Option<Shown>,
    /// Whether JSON shows the field at all.
    pub(crate) in_json: bool,
}

/// How often a field occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    Optional,
    Required,
    Repeated,
    /// A repeated entry message that JSON writes as one object.
    Map,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Double,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Text,
    Bytes,
    Message(&'static Table),
    Enum(&'static Enum),
}

impl Kind {
    /// The value that an unset part of a map entry stands for.
    pub(crate) fn empty(self) -> Value<'static> {
        match self {
            Self::Double => Value::Fixed64(0),
            Self::Text | Self::Bytes | Self::Message(_) => Value::Length(&[]),
            _ => Value::Varint(0),
        }
    }

    /// Whether it is an enum without this value, which is then one of a newer version.
    pub(crate) fn lacks(self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Enum(values), Value::Varint(number)) => values.name_of(number as i32).is_none(),
            _ => false,
        }
    }
}

/// A default that JSON shows.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Shown {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(&'static str),
}

/// The values of an enum, by number and name.
#[derive(Debug)]
pub struct Enum {
    pub(crate) values: &'static [(i32, &'static str)],
}

impl Enum {
    /// The name of a value; none for a number of a newer version.
    pub(crate) fn name_of(&self, number: i32) -> Option<&'static str> {
        self.values
            .iter()
            .find(|value| value.0 == number)
            .map(|value| value.1)
    }

    /// The value of a name.
    pub(crate) fn number_of(&self, name: &str) -> Option<i32> {
        self.values
            .iter()
            .find(|value| value.1 == name)
            .map(|value| value.0)
    }
}
