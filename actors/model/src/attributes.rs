//! What an operator says of an agent: `rack:r1;n:5;p:[1-5]`.

use messages::v1;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    resources::{Ranges, Scalar, V0Value, format::ranges_to_proto},
    text::{self, Value, ValueError},
};

/// Why attributes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// Not `name:value`.
    #[error("Invalid attribute key:value pair '{0}'")]
    Pair(String),
    /// The value cannot be read.
    #[error("Failed to parse attribute {name} text {text} error {reason}")]
    Value {
        /// Name of the attribute.
        name: String,
        /// Its value as written.
        text: String,
        /// What is wrong with it.
        reason: ValueError,
    },
    /// The value is a set, which attributes cannot be.
    #[error("Bad type for attribute {name} text {text} type SET")]
    Set {
        /// Name of the attribute.
        name: String,
        /// Its value as written.
        text: String,
    },
}

/// Reads attributes, parted by `;` or new lines. What is neither a number nor
/// ranges is text.
pub fn parse(input: &str) -> Result<Vec<v1::Attribute>, AttributeError> {
    text::tokens(input, ";\n").map(parse_one).collect()
}

fn parse_one(token: &str) -> Result<v1::Attribute, AttributeError> {
    let pair = token
        .split_once(':')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let Some((name, value)) = pair else {
        return Err(AttributeError::Pair(token.to_owned()));
    };
    let mut attribute = v1::Attribute {
        name: name.to_owned(),
        ..Default::default()
    };
    match text::parse_value(value) {
        Ok(Value::Scalar(value)) => {
            attribute.set_type(v1::value::Type::Scalar);
            attribute.scalar = Some(v1::value::Scalar { value });
        }
        Ok(Value::Ranges(list)) => {
            attribute.set_type(v1::value::Type::Ranges);
            attribute.ranges = Some(ranges_to_proto(&list.into_iter().collect::<Ranges>()));
        }
        Ok(Value::Text(value)) => {
            attribute.set_type(v1::value::Type::Text);
            attribute.text = Some(v1::value::Text { value });
        }
        Ok(Value::Set(_)) => {
            return Err(AttributeError::Set {
                name: name.to_owned(),
                text: value.to_owned(),
            });
        }
        Err(reason) => {
            return Err(AttributeError::Value {
                name: name.to_owned(),
                text: value.to_owned(),
                reason,
            });
        }
    }
    Ok(attribute)
}

/// The value as V0 endpoints show it: a number, or text for everything else.
pub fn v0_value(attribute: &v1::Attribute) -> V0Value {
    match attribute.r#type() {
        v1::value::Type::Scalar => {
            V0Value::Number(attribute.scalar.as_ref().map_or(0.0, |scalar| scalar.value))
        }
        v1::value::Type::Ranges => {
            let ranges = attribute.ranges.iter().flat_map(|ranges| &ranges.range);
            let ranges: Ranges = ranges.map(|range| (range.begin, range.end)).collect();
            V0Value::Text(ranges.to_string())
        }
        v1::value::Type::Set => {
            let items = attribute.set.as_ref().map(|set| set.item.join(", "));
            V0Value::Text(format!("{{{}}}", items.unwrap_or_default()))
        }
        v1::value::Type::Text => {
            let text = attribute.text.as_ref().map(|text| text.value.clone());
            V0Value::Text(text.unwrap_or_default())
        }
    }
}

/// Serialises attributes as the V0 object `{"rack": "r1", "n": 5.0}`. Of several
/// with one name the last counts.
#[derive(Debug, Clone, Copy)]
pub struct V0Attributes<'a>(pub &'a [v1::Attribute]);

impl Serialize for V0Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (i, attribute) in self.0.iter().enumerate() {
            let mut later = self.0.iter().skip(i + 1);
            if later.all(|other| other.name != attribute.name) {
                map.serialize_entry(&attribute.name, &v0_value(attribute))?;
            }
        }
        map.end()
    }
}

/// Whether both lists say the same, in whatever order. Amounts are compared to
/// three decimals.
pub fn same(a: &[v1::Attribute], b: &[v1::Attribute]) -> bool {
    let within = |one: &v1::Attribute, all: &[v1::Attribute]| {
        all.iter().any(|other| same_attribute(one, other))
    };
    a.len() == b.len() && a.iter().all(|one| within(one, b)) && b.iter().all(|one| within(one, a))
}

fn same_attribute(a: &v1::Attribute, b: &v1::Attribute) -> bool {
    if a.name != b.name || a.r#type != b.r#type {
        return false;
    }
    match (v0_value(a), v0_value(b)) {
        (V0Value::Number(a), V0Value::Number(b)) => Scalar::round(a) == Scalar::round(b),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_is_read_and_shown() {
        let attributes = parse("rack:r1;n:5;p:[3-5, 1-2]\nurl:http://x:80/;n:6").unwrap();
        assert_eq!(
            serde_json::to_string(&V0Attributes(&attributes)).unwrap(),
            r#"{"rack":"r1","p":"[1-5]","url":"http://x:80/","n":6.0}"#
        );
        assert_eq!(attributes[0].r#type(), v1::value::Type::Text);
        assert_eq!(attributes[1].r#type(), v1::value::Type::Scalar);
        assert_eq!(attributes[2].r#type(), v1::value::Type::Ranges);
    }

    #[test]
    fn refusals() {
        let text = |input: &str| parse(input).unwrap_err().to_string();
        assert_eq!(text("rack"), "Invalid attribute key:value pair 'rack'");
        assert_eq!(text(":r1"), "Invalid attribute key:value pair ':r1'");
        assert_eq!(text("rack:"), "Invalid attribute key:value pair 'rack:'");
        assert_eq!(text("a:{b}"), "Bad type for attribute a text {b} type SET");
        assert_eq!(
            text("a:[1"),
            "Failed to parse attribute a text [1 error Mismatched brackets"
        );
    }

    #[test]
    fn order_does_not_matter() {
        let read = |text| parse(text).unwrap();
        assert!(same(&read("a:1;b:[1-2]"), &read("b:[1-2];a:1.0001")));
        assert!(!same(&read("a:1"), &read("a:2")));
        assert!(!same(&read("a:1"), &read("a:1;b:2")));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            if let Ok(attributes) = parse(&text) {
                prop_assert!(same(&attributes, &attributes));
            }
        }
    }
}
