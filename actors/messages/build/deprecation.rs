//! Deprecation is advice to frameworks. We serve those that do not take it, so the
//! compiler must not warn us of what we have to use.

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

/// Takes the mark off everything.
pub(crate) fn forget(descriptors: &mut FileDescriptorSet) {
    for file in &mut descriptors.file {
        file.message_type.iter_mut().for_each(forget_in_message);
        file.enum_type.iter_mut().for_each(forget_in_enum);
    }
}

fn forget_in_message(message: &mut DescriptorProto) {
    for options in message
        .field
        .iter_mut()
        .filter_map(|field| field.options.as_mut())
    {
        options.deprecated = None;
    }
    if let Some(options) = &mut message.options {
        options.deprecated = None;
    }
    message.nested_type.iter_mut().for_each(forget_in_message);
    message.enum_type.iter_mut().for_each(forget_in_enum);
}

fn forget_in_enum(enumeration: &mut EnumDescriptorProto) {
    for options in enumeration
        .value
        .iter_mut()
        .filter_map(|value| value.options.as_mut())
    {
        options.deprecated = None;
    }
}
