//! The field tables that JSON, MessagePack and the required-field check walk by.

use crate::names::{rust_path, static_name};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Fields of a message are tracked in a bit set of this many bits.
const MAX_FIELDS: usize = 64;
/// Field numbers index a table of bytes.
const MAX_NUMBER: i32 = 255;
/// Written as `json_name` in a `.proto` file, it keeps a field out of JSON.
const NOT_IN_JSON: &str = "-";
/// The package whose messages libprocess peers exchange.
const LIBPROCESS_PACKAGE: &str = "mesos.internal";
/// Messages of other packages that libprocess peers exchange.
const LIBPROCESS_OTHERS: &[&str] = &[".mesos.scheduler.Call"];

/// Every message and enum of the build by full name (`.mesos.v1.TaskID`).
#[derive(Default)]
struct Types<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
    libprocess: BTreeSet<String>,
}

impl<'a> Types<'a> {
    fn collect(descriptors: &'a FileDescriptorSet) -> Self {
        let mut types = Self::default();
        for file in &descriptors.file {
            let scope = format!(".{}", file.package());
            for message in &file.message_type {
                let name = format!("{scope}.{}", message.name());
                let log = file.package().strip_prefix(LIBPROCESS_PACKAGE);
                if log.is_some_and(|rest| rest.is_empty() || rest == ".log")
                    || LIBPROCESS_OTHERS.contains(&name.as_str())
                {
                    types.libprocess.insert(name);
                }
                types.add_message(&scope, message);
            }
            for enumeration in &file.enum_type {
                types
                    .enums
                    .insert(format!("{scope}.{}", enumeration.name()), enumeration);
            }
        }
        types
    }

    fn add_message(&mut self, scope: &str, message: &'a DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for enumeration in &message.enum_type {
            self.enums
                .insert(format!("{name}.{}", enumeration.name()), enumeration);
        }
        self.messages.insert(name, message);
    }

    fn is_map_entry(&self, type_name: &str) -> bool {
        self.messages
            .get(type_name)
            .is_some_and(|message| is_map_entry(message))
    }

    /// The messages that hold a required field at any depth: only these need a check.
    fn with_required(&self) -> BTreeSet<&str> {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        loop {
            let before = found.len();
            for (name, message) in &self.messages {
                let needs = message.field.iter().any(|field| {
                    field.label() == Label::Required || found.contains(field.type_name())
                });
                if needs {
                    found.insert(name);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

/// The Rust source of all tables and of the traits that name them.
pub(crate) fn generate(descriptors: &FileDescriptorSet) -> Result<String, String> {
    let types = Types::collect(descriptors);
    let with_required = types.with_required();
    let mut out = String::new();
    for (name, enumeration) in &types.enums {
        write_enum(&mut out, name, enumeration);
    }
    for (name, message) in &types.messages {
        let checked = with_required.contains(name.as_str());
        write_message(&mut out, &types, name, message, checked)?;
    }
    write_impls(&mut out, &types);
    Ok(out)
}

fn write_enum(out: &mut String, name: &str, enumeration: &EnumDescriptorProto) {
    let mut values = String::new();
    for value in &enumeration.value {
        push(
            &mut values,
            format_args!("({}, {:?}), ", value.number(), value.name()),
        );
    }
    push(
        out,
        format_args!(
            "pub(crate) static {}: Enum = Enum {{ values: &[{values}] }};\n",
            static_name(name)
        ),
    );
}

fn write_message(
    out: &mut String,
    types: &Types<'_>,
    name: &str,
    message: &DescriptorProto,
    checked: bool,
) -> Result<(), String> {
    if message.field.len() > MAX_FIELDS {
        return Err(format!(
            "{name} has more than {MAX_FIELDS} fields: widen FieldSet"
        ));
    }
    let mut fields = String::new();
    let mut required: u64 = 0;
    let mut with_default: u64 = 0;
    let mut places: Vec<u8> = Vec::new();
    for (index, field) in message.field.iter().enumerate() {
        let number = field.number();
        if !(1..=MAX_NUMBER).contains(&number) {
            return Err(format!(
                "{name}.{} has a number above {MAX_NUMBER}",
                field.name()
            ));
        }
        let place = usize::try_from(number).map_err(|error| error.to_string())?;
        if places.len() <= place {
            places.resize(place + 1, u8::MAX);
        }
        if let Some(slot) = places.get_mut(place) {
            *slot = u8::try_from(index).map_err(|error| error.to_string())?;
        }
        if field.label() == Label::Required {
            required |= 1 << index;
        }
        if printed_default(field).is_some() {
            with_default |= 1 << index;
        }
        write_field(&mut fields, types, name, field)?;
    }
    push(
        out,
        format_args!(
            "pub(crate) static {}: Table = Table {{ fields: &[{fields}], \
             by_number: &{places:?}, with_default: {with_default}, required: {required}, checked: {checked} }};\n",
            static_name(name)
        ),
    );
    Ok(())
}

fn write_field(
    out: &mut String,
    types: &Types<'_>,
    message: &str,
    field: &FieldDescriptorProto,
) -> Result<(), String> {
    let map = types.is_map_entry(field.type_name());
    let label = match field.label() {
        Label::Required => "Required",
        Label::Optional => "Optional",
        Label::Repeated if map => "Map",
        Label::Repeated => "Repeated",
    };
    let target = static_name(field.type_name());
    let kind = match field.r#type() {
        Type::Bool => "Bool".to_owned(),
        Type::Double => "Double".to_owned(),
        Type::Int32 => "Int32".to_owned(),
        Type::Int64 => "Int64".to_owned(),
        Type::Uint32 => "Uint32".to_owned(),
        Type::Uint64 => "Uint64".to_owned(),
        Type::String => "Text".to_owned(),
        Type::Bytes => "Bytes".to_owned(),
        Type::Message => format!("Message(&{target})"),
        Type::Enum => format!("Enum(&{target})"),
        other => {
            return Err(format!(
                "{message}.{} is a {other:?}: add the kind",
                field.name()
            ));
        }
    };
    let default = match printed_default(field) {
        Some(value) => format!("Some({value})"),
        None => "None".to_owned(),
    };
    push(
        out,
        format_args!(
            "Field {{ name: {:?}, key: {:?}, number: {}, label: Label::{label}, kind: Kind::{kind}, \
             default: {default}, in_json: {} }}, ",
            field.name(),
            format!("\"{}\":", field.name()),
            field.number(),
            field.json_name() != NOT_IN_JSON,
        ),
    );
    Ok(())
}

/// The value that JSON shows for the field when it is unset: its explicit default,
/// unless the field is deprecated (V3).
fn printed_default(field: &FieldDescriptorProto) -> Option<String> {
    if field
        .options
        .as_ref()
        .is_some_and(|options| options.deprecated())
    {
        return None;
    }
    let value = field.default_value.as_ref()?;
    Some(match field.r#type() {
        Type::Bool => format!("Shown::Bool({value})"),
        Type::Double if value.contains('.') => format!("Shown::Double({value})"),
        Type::Double => format!("Shown::Double({value}.0)"),
        Type::Int32 | Type::Int64 => format!("Shown::Int({value})"),
        Type::Uint32 | Type::Uint64 => format!("Shown::Uint({value})"),
        _ => format!("Shown::Text({value:?})"),
    })
}

fn write_impls(out: &mut String, types: &Types<'_>) {
    out.push_str("describe_messages! {\n");
    for (name, message) in &types.messages {
        if !is_map_entry(message) && !name.starts_with(".google.") {
            push(
                out,
                format_args!("    {} = {},\n", rust_path(name), static_name(name)),
            );
        }
    }
    out.push_str("}\ndescribe_enums! {\n");
    for name in types.enums.keys() {
        push(
            out,
            format_args!("    {} = {},\n", rust_path(name), static_name(name)),
        );
    }
    out.push_str("}\nlibprocess_messages! {\n");
    for name in &types.libprocess {
        let wire_name = name.trim_start_matches('.');
        push(
            out,
            format_args!("    {} = {wire_name:?},\n", rust_path(name)),
        );
    }
    out.push_str("}\n");
}

/// Writing to a `String` cannot fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
