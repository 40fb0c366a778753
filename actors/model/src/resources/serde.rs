//! Resources in serde: a list as it travels in messages.

use messages::v1;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Quantities, Resources, Scalar};

impl Serialize for Resources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_proto().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Resources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let protos = Vec::<v1::Resource>::deserialize(deserializer)?;
        Self::from_proto(&protos).map_err(de::Error::custom)
    }
}

/// A plain number.
impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_f64(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// An object of names and numbers.
impl Serialize for Quantities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Quantities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amounts = std::collections::BTreeMap::<String, Scalar>::deserialize(deserializer)?;
        Ok(amounts
            .iter()
            .map(|(name, amount)| (name.as_str(), *amount))
            .collect())
    }
}
