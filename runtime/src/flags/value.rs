//! Values of flags.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use runtime_core::units::{Bytes, BytesError, DurationError, DurationText, parse_duration};
use thiserror::Error;

use super::Kind;

/// The value of a flag, of its table's kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Duration`].
    Duration(Duration),
    /// Of [`Kind::Bytes`].
    Bytes(Bytes),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Number`]; finite.
    Number(f64),
    /// Of [`Kind::Path`].
    Path(PathBuf),
    /// Of [`Kind::Json`].
    Json(serde_json::Value),
}

/// Why a text is not a value of the flag's kind.
#[derive(Debug, Error)]
pub enum ValueError {
    /// Not a boolean.
    #[error("Expecting a boolean (e.g., true or false)")]
    Bool,
    /// Not a whole number.
    #[error("Expecting a whole number")]
    Integer,
    /// Not a number.
    #[error("Expecting a number")]
    Number,
    /// Not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// Not a size.
    #[error(transparent)]
    Bytes(#[from] BytesError),
    /// Not JSON.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

impl Value {
    /// Reads a value as the command line spells it.
    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, ValueError> {
        Ok(match kind {
            Kind::Bool => Self::Bool(match text {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return Err(ValueError::Bool),
            }),
            Kind::Text => Self::Text(text.to_owned()),
            Kind::Duration => Self::Duration(parse_duration(text)?),
            Kind::Bytes => Self::Bytes(text.parse()?),
            Kind::Integer => Self::Integer(text.parse().map_err(|_| ValueError::Integer)?),
            Kind::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Self::Number(number),
                _ => return Err(ValueError::Number),
            },
            Kind::Path => Self::Path(text.into()),
            Kind::Json => Self::Json(serde_json::from_str(text)?),
        })
    }
}

/// As `/flags` spells it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Duration(value) => DurationText(*value).fmt(f),
            Self::Bytes(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Path(value) => value.display().fmt(f),
            Self::Json(value) => value.fmt(f),
        }
    }
}

/// Types that a program reads flags as.
pub trait FromValue: Sized {
    /// What a value must be, for messages: "a port", "a duration".
    const EXPECTED: &'static str;

    /// The value as this type, if it is of the right kind and in range.
    fn from_value(value: &Value) -> Option<Self>;

    /// What a flag without value is read as; none if it must have one.
    fn unset() -> Option<Self> {
        None
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Some)
    }

    fn unset() -> Option<Self> {
        Some(None)
    }
}

macro_rules! from_value {
    ($($type:ty, $expected:literal, $pattern:pat => $value:expr;)+) => {$(
        impl FromValue for $type {
            const EXPECTED: &'static str = $expected;

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )+};
}

from_value! {
    bool, "a boolean", Value::Bool(value) => Some(*value);
    String, "a text", Value::Text(value) => Some(value.clone());
    Duration, "a duration", Value::Duration(value) => Some(*value);
    Bytes, "a size", Value::Bytes(value) => Some(*value);
    u8, "a number from 0 to 255", Value::Integer(value) => (*value).try_into().ok();
    u16, "a number from 0 to 65535", Value::Integer(value) => (*value).try_into().ok();
    u32, "a number from 0 to 4294967295", Value::Integer(value) => (*value).try_into().ok();
    u64, "a number from 0 up", Value::Integer(value) => (*value).try_into().ok();
    usize, "a number from 0 up", Value::Integer(value) => (*value).try_into().ok();
    i64, "a whole number", Value::Integer(value) => Some(*value);
    f64, "a number", Value::Number(value) => Some(*value);
    PathBuf, "a path", Value::Path(value) => Some(value.clone());
    serde_json::Value, "JSON", Value::Json(value) => Some(value.clone());
    IpAddr, "an IP address", Value::Text(value) => value.parse().ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_printed() {
        for (kind, text, printed) in [
            (Kind::Bool, "1", "true"),
            (Kind::Text, " x ", " x "),
            (Kind::Duration, "300secs", "5mins"),
            (Kind::Bytes, "1024MB", "1GB"),
            (Kind::Integer, "-5", "-5"),
            (Kind::Number, "0.50", "0.5"),
            (Kind::Number, "3", "3"),
            (Kind::Path, "/a//b", "/a//b"),
            (Kind::Json, "{\"b\": 1, \"a\": []}", "{\"a\":[],\"b\":1}"),
        ] {
            assert_eq!(Value::parse(kind, text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn bad_values_are_errors() {
        for (kind, text) in [
            (Kind::Bool, "yes"),
            (Kind::Duration, "5"),
            (Kind::Bytes, "1.5MB"),
            (Kind::Integer, "1.5"),
            (Kind::Number, "nan"),
            (Kind::Number, "1e999"),
            (Kind::Json, "{"),
        ] {
            assert!(Value::parse(kind, text).is_err(), "{text}");
        }
    }

    #[test]
    fn integers_are_read_in_range_only() {
        assert_eq!(u16::from_value(&Value::Integer(65535)), Some(65535));
        assert_eq!(u16::from_value(&Value::Integer(65536)), None);
        assert_eq!(Option::<u64>::from_value(&Value::Integer(-1)), None);
        assert_eq!(bool::from_value(&Value::Integer(1)), None);
        assert_eq!(Option::<bool>::unset(), Some(None));
    }
}
