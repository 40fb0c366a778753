//! Writing JSON straight from the binary form into bytes: what `serde` writes of
//! [`super::Encoded`], several times as fast, for answers of many megabytes.

use std::io::Write as _;

use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::table::{Described, Field, Kind, Label, MAX_FIELDS, Table};
use crate::wire::{Malformed, Reader, Value};

/// Appends the JSON (V3) of the `T` whose binary form is `bytes`. All values of a field must
/// stand together, as `prost` writes them.
///
/// # Errors
///
/// [`Malformed`] when the bytes are no such message; `out` then ends in a part of it.
pub fn append<T: Described>(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    append_message(T::table(), bytes, out)
}

/// Appends a string.
pub fn append_text(text: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        append_scalar(&text, out);
    }
}

/// What serde writes of a value that cannot fail; into a vector all goes.
fn append_scalar<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// The fields of a message, with a look at the next one.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    reader: Reader<'a>,
    next: Option<(u32, Value<'a>)>,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let next = reader.field()?;
        Ok(Self { reader, next })
    }

    /// The next value, if it is one of this field's.
    #[inline]
    fn take(&mut self, number: u32) -> Result<Option<Value<'a>>, Malformed> {
        match self.next {
            Some((found, value)) if found == number => {
                self.next = self.reader.field()?;
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }
}

fn append_message(table: &'static Table, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.push(b'{');
    let begin = out.len();
    if !table.is_ascending || !append_in_order(table, bytes, out)? {
        out.truncate(begin);
        append_in_any_order(table, bytes, out)?;
    }
    // Each member has a comma after it.
    if out.len() > begin {
        out.pop();
    }
    out.push(b'}');
    Ok(())
}

/// The members of a message in one go, if its fields come in the order of `table`. Says
/// whether they do.
fn append_in_order(
    table: &'static Table,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<bool, Malformed> {
    let mut cursor = Cursor::new(bytes)?;
    for field in table.fields {
        while let Some((number, _)) = cursor.next
            && number < field.number
        {
            if table.by_number(number).is_some() {
                return Ok(false);
            }
            cursor.take(number)?;
        }
        append_member(field, &mut cursor, out)?;
    }
    while let Some((number, _)) = cursor.next {
        if table.by_number(number).is_some() {
            return Ok(false);
        }
        cursor.take(number)?;
    }
    Ok(true)
}

/// Looks first where each field's values begin.
fn append_in_any_order(
    table: &'static Table,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut starts = [None; MAX_FIELDS];
    let mut cursor = Cursor::new(bytes)?;
    while let Some((number, _)) = cursor.next {
        if let Some((place, _)) = table.by_number(number)
            && let Some(start @ None) = starts.get_mut(place)
        {
            *start = Some(cursor);
        }
        cursor.take(number)?;
    }
    let none = Cursor::new(&[])?;
    for (field, start) in table.fields.iter().zip(starts) {
        append_member(field, &mut start.unwrap_or(none), out)?;
    }
    Ok(())
}

/// A field with a comma after it, or the default that is shown for it, if any. Takes all of
/// the field's values.
fn append_member(
    field: &Field,
    cursor: &mut Cursor<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let first = cursor.take(field.number)?;
    let is_singular = matches!(field.label, Label::Optional | Label::Required);
    match first {
        Some(first) if field.in_json && !(is_singular && field.kind.lacks(first)) => {
            out.extend_from_slice(field.key.as_bytes());
            match field.label {
                Label::Optional | Label::Required => append_value(field.kind, first, out)?,
                Label::Repeated => append_list(field, first, cursor, out)?,
                Label::Map => append_map(field, first, cursor, out)?,
            }
            out.push(b',');
        }
        _ => {
            if let Some(default) = &field.default {
                out.extend_from_slice(field.key.as_bytes());
                append_scalar(default, out);
                out.push(b',');
            }
        }
    }
    while cursor.take(field.number)?.is_some() {}
    Ok(())
}

fn append_list<'a>(
    field: &Field,
    first: Value<'a>,
    cursor: &mut Cursor<'a>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    out.push(b'[');
    let begin = out.len();
    let mut next = Some(first);
    while let Some(value) = next {
        if !field.kind.lacks(value) {
            append_value(field.kind, value, out)?;
            out.push(b',');
        }
        next = cursor.take(field.number)?;
    }
    if out.len() > begin {
        out.pop();
    }
    out.push(b']');
    Ok(())
}

/// Entries have the key as their first field and the value as their second.
fn append_map<'a>(
    field: &Field,
    first: Value<'a>,
    cursor: &mut Cursor<'a>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let Kind::Message(table) = field.kind else {
        return Err(Malformed::WrongForm);
    };
    out.push(b'{');
    let mut next = Some(first);
    while let Some(entry) = next {
        let Value::Length(entry) = entry else {
            return Err(Malformed::WrongForm);
        };
        let (mut key, mut value) = ("", None);
        let mut reader = Reader::new(entry);
        while let Some(part) = reader.field()? {
            match part {
                (1, Value::Length(bytes)) => key = text(bytes)?,
                (2, part) => value = Some(part),
                _ => {}
            }
        }
        let kind = table.by_number(2).map_or(Kind::Text, |(_, it)| it.kind);
        append_text(key, out);
        out.push(b':');
        append_value(kind, value.unwrap_or_else(|| kind.empty()), out)?;
        next = cursor.take(field.number)?;
        if next.is_some() {
            out.push(b',');
        }
    }
    out.push(b'}');
    Ok(())
}

fn append_value(kind: Kind, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match (kind, value) {
        (Kind::Bool, Value::Varint(value)) => append_scalar(&(value != 0), out),
        (Kind::Int32, Value::Varint(value)) => append_scalar(&(value as i32), out),
        (Kind::Int64, Value::Varint(value)) => append_scalar(&(value as i64), out),
        (Kind::Uint32, Value::Varint(value)) => append_scalar(&(value as u32), out),
        (Kind::Uint64, Value::Varint(value)) => append_scalar(&value, out),
        (Kind::Double, Value::Fixed64(bits)) => append_scalar(&f64::from_bits(bits), out),
        (Kind::Enum(values), Value::Varint(number)) => match values.name_of(number as i32) {
            Some(name) => append_text(name, out),
            None => append_scalar(&(number as i32), out),
        },
        (Kind::Text, Value::Length(bytes)) => append_text(text(bytes)?, out),
        (Kind::Bytes, Value::Length(bytes)) => {
            let _ = write!(out, "\"{}\"", Base64Display::new(bytes, &BASE64_STANDARD));
        }
        (Kind::Message(table), Value::Length(bytes)) => append_message(table, bytes, out)?,
        _ => return Err(Malformed::WrongForm),
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::NotText)
}
