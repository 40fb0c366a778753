//! Writing JSON straight from the binary form into bytes: what `serde` writes of
//! [`super::Encoded`], several times as fast, for answers of many megabytes.

use std::io::Write as _;

use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::table::{Described, Field, FieldSet, Kind, Label, MAX_FIELDS, Table};
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

/// As [`append`], without the braces: for an object that has other members, too. Says whether
/// anything was appended.
///
/// # Errors
///
/// As [`append`].
pub fn append_members<T: Described>(bytes: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
    let begin = out.len();
    append_members_of(T::table(), bytes, out)?;
    Ok(out.len() > begin)
}

/// Appends a string.
#[inline]
pub fn append_text(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        append_plain(text.as_bytes(), out);
    } else {
        append_scalar(&text, out);
    }
}

/// Whether it is a text that JSON shows as it is: ASCII, and nothing to escape.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let is_plain = |byte: u8| matches!(byte, 0x20..0x80) && byte != b'"' && byte != b'\\';
    text.iter().fold(true, |all, byte| all & is_plain(*byte))
}

#[inline]
fn append_plain(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// What serde writes of a value that cannot fail; into a vector all goes.
fn append_scalar<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

fn append_message(table: &'static Table, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.push(b'{');
    append_members_of(table, bytes, out)?;
    out.push(b'}');
    Ok(())
}

fn append_members_of(
    table: &'static Table,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let begin = out.len();
    if !append_in_order(table, bytes, out)? {
        out.truncate(begin);
        append_in_any_order(table, bytes, out)?;
    }
    // Each member has a comma after it.
    if out.len() > begin {
        out.pop();
    }
    Ok(())
}

/// The members of a message in one go, if its fields come in the order of `table`. Says
/// whether they do.
fn append_in_order(
    table: &'static Table,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<bool, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut defaults = table.with_default;
    let mut passed: FieldSet = 0;
    let mut next = reader.field()?;
    while let Some((number, value)) = next {
        let Some((place, field)) = table.by_number(number) else {
            next = reader.field()?;
            continue;
        };
        let this: FieldSet = 1 << place;
        if passed >= this {
            return Ok(false);
        }
        passed = this;
        append_defaults(table, defaults & (this - 1), out);
        defaults &= !(this | (this - 1));
        next = append_member(field, value, &mut reader, out)?;
    }
    append_defaults(table, defaults, out);
    Ok(true)
}

/// Looks first where each field's values begin.
fn append_in_any_order(
    table: &'static Table,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let mut starts = [0_u32; MAX_FIELDS];
    let mut seen: FieldSet = 0;
    let mut reader = Reader::new(bytes);
    loop {
        let start = bytes.len() - reader.rest().len();
        let Some((number, _)) = reader.field()? else {
            break;
        };
        if let Some((place, _)) = table.by_number(number)
            && seen & 1 << place == 0
            && let Some(slot) = starts.get_mut(place)
        {
            *slot = u32::try_from(start).map_err(|_| Malformed::TooLong)?;
            seen |= 1 << place;
        }
    }
    for place in places(seen | table.with_default) {
        let is_seen = seen & 1 << place != 0;
        if let (true, Some(field), Some(start)) = (
            is_seen,
            table.fields.get(place),
            starts.get(place).and_then(|it| usize::try_from(*it).ok()),
        ) {
            let mut reader = Reader::new(bytes.get(start..).unwrap_or_default());
            if let Some((_, first)) = reader.field()? {
                append_member(field, first, &mut reader, out)?;
            }
        } else {
            append_defaults(table, 1 << place, out);
        }
    }
    Ok(())
}

/// The places in a set, lowest first.
fn places(mut set: FieldSet) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = set.trailing_zeros();
        (set != 0).then(|| {
            set &= set - 1;
            place as usize
        })
    })
}

/// The defaults of fields that are not there, each with a comma after it.
fn append_defaults(table: &'static Table, set: FieldSet, out: &mut Vec<u8>) {
    for field in places(set).filter_map(|place| table.fields.get(place)) {
        append_default(field, out);
    }
}

fn append_default(field: &Field, out: &mut Vec<u8>) {
    if let Some(default) = &field.default {
        out.extend_from_slice(field.key.as_bytes());
        append_scalar(default, out);
        out.push(b',');
    }
}

/// A field that is there, with a comma after it, or the default that is shown for it. Reads
/// all of the field's values, and gives what comes after them.
fn append_member<'a>(
    field: &Field,
    first: Value<'a>,
    reader: &mut Reader<'a>,
    out: &mut Vec<u8>,
) -> Result<Option<(u32, Value<'a>)>, Malformed> {
    let is_singular = matches!(field.label, Label::Optional | Label::Required);
    if !field.in_json || is_singular && field.kind.lacks(first) {
        append_default(field, out);
    } else {
        out.extend_from_slice(field.key.as_bytes());
        match field.label {
            Label::Optional | Label::Required => append_value(field.kind, first, out)?,
            Label::Repeated => {
                out.push(b'[');
                let next = append_list(field, first, reader, out)?;
                out.extend_from_slice(b"],");
                return Ok(next);
            }
            Label::Map => {
                out.push(b'{');
                let next = append_entries(field, first, reader, out)?;
                out.extend_from_slice(b"},");
                return Ok(next);
            }
        }
        out.push(b',');
    }
    loop {
        match reader.field()? {
            Some((number, _)) if number == field.number => {}
            next => return Ok(next),
        }
    }
}

fn append_list<'a>(
    field: &Field,
    first: Value<'a>,
    reader: &mut Reader<'a>,
    out: &mut Vec<u8>,
) -> Result<Option<(u32, Value<'a>)>, Malformed> {
    let begin = out.len();
    let mut value = first;
    loop {
        if !field.kind.lacks(value) {
            if out.len() > begin {
                out.push(b',');
            }
            append_value(field.kind, value, out)?;
        }
        match reader.field()? {
            Some((number, another)) if number == field.number => value = another,
            next => return Ok(next),
        }
    }
}

/// Entries have the key as their first field and the value as their second.
fn append_entries<'a>(
    field: &Field,
    first: Value<'a>,
    reader: &mut Reader<'a>,
    out: &mut Vec<u8>,
) -> Result<Option<(u32, Value<'a>)>, Malformed> {
    let Kind::Message(table) = field.kind else {
        return Err(Malformed::WrongForm);
    };
    let begin = out.len();
    let mut entry = first;
    loop {
        if out.len() > begin {
            out.push(b',');
        }
        append_entry(table, entry, out)?;
        match reader.field()? {
            Some((number, another)) if number == field.number => entry = another,
            next => return Ok(next),
        }
    }
}

fn append_entry(table: &Table, entry: Value<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Value::Length(entry) = entry else {
        return Err(Malformed::WrongForm);
    };
    let (mut key, mut value) = (Value::Length(&[]), None);
    let mut reader = Reader::new(entry);
    while let Some(part) = reader.field()? {
        match part {
            (1, part) => key = part,
            (2, part) => value = Some(part),
            _ => {}
        }
    }
    let kind = table.by_number(2).map_or(Kind::Text, |(_, it)| it.kind);
    append_value(Kind::Text, key, out)?;
    out.push(b':');
    append_value(kind, value.unwrap_or_else(|| kind.empty()), out)
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
            Some(name) => append_plain(name.as_bytes(), out),
            None => append_scalar(&(number as i32), out),
        },
        (Kind::Text, Value::Length(bytes)) if is_plain(bytes) => append_plain(bytes, out),
        (Kind::Text, Value::Length(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotText)?;
            append_scalar(&text, out);
        }
        (Kind::Bytes, Value::Length(bytes)) => {
            let _ = write!(out, "\"{}\"", Base64Display::new(bytes, &BASE64_STANDARD));
        }
        (Kind::Message(table), Value::Length(bytes)) => append_message(table, bytes, out)?,
        _ => return Err(Malformed::WrongForm),
    }
    Ok(())
}
