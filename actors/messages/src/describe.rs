//! What the build's list of types is turned into.

use crate::table::{Described, DescribedEnum, Enum, Field, Kind, Label, Shown, Table};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! describe_messages {
    ($($type:path = $table:ident,)*) => {$(
        impl Described for $type {
            fn table() -> &'static Table {
                &$table
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::write::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::read::deserialize(deserializer)
            }
        }
    )*};
}

macro_rules! describe_enums {
    ($($type:path = $table:ident,)*) => {$(
        impl DescribedEnum for $type {
            fn table() -> &'static Enum {
                &$table
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str_name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::read::deserialize_enum(deserializer)
            }
        }
    )*};
}

macro_rules! libprocess_messages {
    ($($type:path = $name:literal,)*) => {$(
        impl runtime_core::Message for $type {
            const NAME: &'static str = $name;
            const CODEC: runtime_core::Codec = runtime_core::Codec::Protobuf;

            fn encode(
                &self,
                codec: runtime_core::Codec,
                out: &mut Vec<u8>,
            ) -> Result<(), runtime_core::EncodeError> {
                crate::codec::encode(self, codec, out)
            }

            fn decode(
                codec: runtime_core::Codec,
                body: &[u8],
            ) -> Result<Self, runtime_core::DecodeError> {
                crate::codec::decode(codec, body)
            }
        }
    )*};
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));
