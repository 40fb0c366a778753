//! Resources as operators write them: `cpus:4;disk(web):100;ports:[1-9]`, or a
//! JSON array of them as they travel (A20, A22).

use messages::{json, v1};

use super::{Reservation, Resource, ResourceError, Resources, Value, check};
use crate::{Role, text};

impl Resources {
    /// Reads resources as an operator writes them. What has no role goes to
    /// `default_role`.
    ///
    /// Refuses what only operations can make: persistent volumes, dynamic
    /// reservations, revocable resources.
    pub fn parse(input: &str, default_role: &Role) -> Result<Self, ResourceError> {
        let resources = match json::parse(input.as_bytes()) {
            Ok(value) if value.is_array() => parse_json(input, default_role)?,
            _ => parse_simple(input, default_role)?,
        };
        check_written(&resources)?;
        Ok(resources)
    }
}

fn parse_json(input: &str, default_role: &Role) -> Result<Resources, ResourceError> {
    let protos: Vec<v1::Resource> = json::list_from_json(input.as_bytes())
        .map_err(|error| ResourceError::Json(error.to_string()))?;
    let mut resources = Resources::new();
    for mut proto in protos {
        if proto.role.is_none() && proto.reservations.is_empty() {
            proto.role = Some(default_role.as_str().to_owned());
        }
        resources.add_one(Resource::from_proto(&proto)?);
    }
    Ok(resources)
}

fn parse_simple(input: &str, default_role: &Role) -> Result<Resources, ResourceError> {
    text::tokens(input, ";")
        .map(|token| parse_token(token, default_role))
        .collect()
}

fn parse_token(token: &str, default_role: &Role) -> Result<Resource, ResourceError> {
    let pair: Vec<_> = text::tokens(token, ":").collect();
    let [name, value] = pair.as_slice() else {
        return Err(ResourceError::Pair(token.to_owned()));
    };
    let (name, role) = match name.split_once('(') {
        None => (name.trim(), default_role.clone()),
        Some((name, rest)) => {
            let Some((role, _)) = rest.split_once(')').filter(|_| !name.contains(')')) else {
                return Err(ResourceError::Parentheses(token.to_owned()));
            };
            (name.trim(), Role::parse(role.trim())?)
        }
    };
    let value = match text::parse_value(value) {
        Ok(parsed) => parsed,
        Err(reason) => {
            return Err(ResourceError::Value {
                name: name.to_owned(),
                value: (*value).to_owned(),
                reason,
            });
        }
    };
    build(name, value, role)
}

/// Puts a written value through the same checks as one from a message.
fn build(name: &str, value: text::Value, role: Role) -> Result<Resource, ResourceError> {
    if name.is_empty() {
        return Err(ResourceError::EmptyName);
    }
    let value = match value {
        text::Value::Scalar(amount) => Value::Scalar(check::scalar_value(amount)?),
        text::Value::Ranges(ranges) => {
            if ranges.iter().any(|(begin, end)| begin > end) {
                return Err(ResourceError::InvertedRange);
            }
            Value::Ranges(ranges.into_iter().collect())
        }
        text::Value::Set(items) => {
            check::set_items(&items)?;
            Value::Set(items.into_iter().collect())
        }
        text::Value::Text(value) => {
            return Err(ResourceError::TextValue {
                name: name.to_owned(),
                value,
            });
        }
    };
    let mut resource = Resource::new(name, value);
    if !role.is_any() {
        resource.set_reservations(vec![Reservation::new_static(role)]);
    }
    Ok(resource)
}

fn check_written(resources: &Resources) -> Result<(), ResourceError> {
    for (i, resource) in resources.iter().enumerate() {
        if resource.is_persistent_volume() {
            return Err(ResourceError::CommandLineVolume);
        }
        if resource.is_revocable() {
            return Err(ResourceError::CommandLineRevocable);
        }
        if resource.is_dynamically_reserved() {
            return Err(ResourceError::CommandLineDynamic);
        }
        let mut earlier = resources.iter().take(i);
        if earlier.any(|other| other.name() == resource.name() && other.kind() != resource.kind()) {
            return Err(ResourceError::MixedTypes(resource.name().to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Resources, ResourceError> {
        Resources::parse(text, &Role::any())
    }

    #[test]
    fn simple_text() {
        let resources = parse("cpus:45.55;ports:[10000-20000, 30000-50000];disks:{sda1}").unwrap();
        assert_eq!(
            resources.to_string(),
            "cpus:45.55; ports:[10000-20000, 30000-50000]; disks:{sda1}"
        );
        assert_eq!(parse("").unwrap().to_string(), "{}");
        assert_eq!(parse("cpus:0;mem:1").unwrap().to_string(), "mem:1");
        assert_eq!(parse("cpus:1;cpus:2").unwrap().to_string(), "cpus:3");
    }

    #[test]
    fn roles() {
        let role = Role::parse("role1").unwrap();
        let written = parse("cpus(role1):2.5;ports( role2 ):[0-100]").unwrap();
        assert_eq!(
            written.to_string(),
            "cpus(reservations: [(STATIC,role1)]):2.5; \
             ports(reservations: [(STATIC,role2)]):[0-100]"
        );
        assert_eq!(
            Resources::parse("cpus:2.5;ports(role2):[0-100]", &role).unwrap(),
            written
        );
        assert_eq!(
            Resources::parse("cpus(*):1", &role).unwrap(),
            parse("cpus:1").unwrap()
        );
    }

    #[test]
    fn json() {
        let text = r#"[
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 45.55}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 9}]}},
            {"name": "pandas", "type": "SET", "set": {"item": ["b", "a"]}, "role": "zoo"}
        ]"#;
        assert_eq!(
            parse(text).unwrap(),
            parse("cpus:45.55;ports:[1-9];pandas(zoo):{a,b}").unwrap()
        );
        let role = Role::parse("zoo").unwrap();
        assert_eq!(
            Resources::parse(text, &role).unwrap(),
            parse("cpus(zoo):45.55;ports(zoo):[1-9];pandas(zoo):{a,b}").unwrap()
        );
    }

    #[test]
    fn refusals() {
        let cases = [
            (
                "cpus(role1)",
                "Bad value for resources, missing or extra ':' in cpus(role1)",
            ),
            (
                "cpus(r:1",
                "Bad value for resources, mismatched parentheses in cpus(r:1",
            ),
            (
                "cpus)(r:1",
                "Bad value for resources, mismatched parentheses in cpus)(r:1",
            ),
            ("cpus:-1", "Bad type for resource cpus value -1 type TEXT"),
            (
                "cpus:[1",
                "Failed to parse resource cpus value [1 error Mismatched brackets",
            ),
            ("cpus:0.0001", "Invalid scalar resource: value <= 0"),
            ("ports:[5-1]", "Invalid ranges resource: begin > end"),
            ("set:{a,a}", "Invalid set resource: duplicated elements"),
            ("cpus(/a):1", "Role '/a' cannot start with a slash"),
            (
                "foo(role1):1;foo(role2):[0-1]",
                "Resources with the same name ('foo') but different types are not allowed",
            ),
            (
                r#"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "revocable": {}}]"#,
                "Revocable resources cannot be specified at the command line; do not include a \
                 'revocable' key in the resources JSON",
            ),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), error, "{text}");
        }
        for text in [
            r#"{"name": "cpus"}"#,
            "[[]]",
            r#"[{"type": "SCALAR"}]"#,
            "[1]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z(){}:;\\[\\]0-9, .-]*|.*") {
            let _ = parse(&text);
        }
    }
}
