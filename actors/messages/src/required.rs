//! The check for required fields, which `prost` leaves out.

use crate::table::{Field, FieldSet, Kind, Label, Table};
use crate::wire::{MAX_DEPTH, Malformed, Reader, Value};
use std::collections::BTreeMap;

/// The paths of the required fields that `bytes` lacks, as C++ names them:
/// `tasks[0].task_id.value`.
pub(crate) fn missing(table: &'static Table, bytes: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut paths = Vec::new();
    if !is_complete(table, bytes, 0)? {
        collect(table, bytes, "", 0, &mut paths)?;
    }
    Ok(paths)
}

/// Whether nothing is missing. Allocates nothing and enters only messages that have
/// required fields somewhere: it runs for every message that comes in.
fn is_complete(table: &'static Table, bytes: &[u8], depth: usize) -> Result<bool, Malformed> {
    if !table.checked {
        return Ok(true);
    }
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    let mut seen: FieldSet = 0;
    let mut reader = Reader::new(bytes);
    while let Some((number, value)) = reader.field()? {
        let Some((place, field)) = table.by_number(number) else {
            continue;
        };
        seen = if is_known(field, value) {
            seen | 1 << place
        } else {
            seen & !(1 << place)
        };
        if let (Kind::Message(inner), Value::Length(body)) = (field.kind, value)
            && !is_complete(inner, body, depth + 1)?
        {
            return Ok(false);
        }
    }
    Ok(seen & table.required == table.required)
}

/// A required enum with a number that we do not know counts as absent (as in C++). Of a
/// field that is given several times the last counts, as it does for `prost`.
fn is_known(field: &Field, value: Value<'_>) -> bool {
    match (field.label, field.kind, value) {
        (Label::Required, Kind::Enum(values), Value::Varint(number)) => {
            values.name_of(number as i32).is_some()
        }
        _ => true,
    }
}

/// The slow way, for the text of the refusal. A singular message that is written in
/// several pieces is their sum, which for protobuf is their concatenation.
fn collect(
    table: &'static Table,
    bytes: &[u8],
    prefix: &str,
    depth: usize,
    paths: &mut Vec<String>,
) -> Result<(), Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    let mut seen: FieldSet = 0;
    let mut inner: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, value)) = reader.field()? {
        let Some((place, field)) = table.by_number(number) else {
            continue;
        };
        seen = if is_known(field, value) {
            seen | 1 << place
        } else {
            seen & !(1 << place)
        };
        if let (Kind::Message(_), Value::Length(body)) = (field.kind, value) {
            let pieces = inner.entry(number).or_default();
            match (field.label, pieces.last_mut()) {
                (Label::Optional | Label::Required, Some(whole)) => whole.extend_from_slice(body),
                _ => pieces.push(body.to_vec()),
            }
        }
    }
    for (place, field) in table.fields.iter().enumerate() {
        if table.required & !seen & (1 << place) != 0 {
            paths.push(format!("{prefix}{}", field.name));
        }
    }
    for (number, bodies) in inner {
        let Some((_, field)) = table.by_number(number) else {
            continue;
        };
        let Kind::Message(inner_table) = field.kind else {
            continue;
        };
        for (index, body) in bodies.iter().enumerate() {
            let inner_prefix = match field.label {
                Label::Repeated | Label::Map => format!("{prefix}{}[{index}].", field.name),
                Label::Optional | Label::Required => format!("{prefix}{}.", field.name),
            };
            collect(inner_table, body, &inner_prefix, depth + 1, paths)?;
        }
    }
    Ok(())
}
