//! How protobuf names are spelled in Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The package that this crate's root stands for.
const ROOT_PACKAGE: &str = "mesos";

/// The path of a generated type: `.mesos.v1.TaskStatus.Reason` is
/// `crate::v1::task_status::Reason`.
pub(crate) fn rust_path(full_name: &str) -> String {
    let name = full_name.trim_start_matches('.');
    if let Some(foreign) = name.strip_prefix("google.protobuf.") {
        return format!("::prost_types::{foreign}");
    }
    let mut parts: Vec<&str> = name
        .split('.')
        .skip_while(|part| *part == ROOT_PACKAGE)
        .collect();
    let last = parts.pop().unwrap_or_default();
    let mut path = String::from("crate");
    for part in parts {
        path.push_str("::");
        path.push_str(&part.to_snake_case());
    }
    path.push_str("::");
    path.push_str(&last.to_upper_camel_case());
    path
}

/// The name of the static that describes a type: `.mesos.v1.TaskStatus.Reason` is
/// `MESOS_V1_TASKSTATUS_REASON`.
pub(crate) fn static_name(full_name: &str) -> String {
    full_name
        .trim_start_matches('.')
        .replace('.', "_")
        .to_uppercase()
}
