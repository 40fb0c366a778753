//! A framework as the operator API shows it (V22).

use messages::v1::master::response::get_frameworks;

use super::Framework;
use crate::registry::time_info;

impl Framework {
    /// The framework as GET_FRAMEWORKS and FRAMEWORK_ADDED show it, without its offers.
    pub fn to_proto(&self) -> get_frameworks::Framework {
        get_frameworks::Framework {
            framework_info: (*self.info).clone(),
            active: self.is_active(),
            connected: self.is_connected(),
            recovered: self.is_recovered(),
            registered_time: Some(time_info(self.registered)),
            reregistered_time: Some(time_info(self.reregistered)),
            unregistered_time: self.unregistered.map(time_info),
            offers: Vec::new(),
            inverse_offers: Vec::new(),
            allocated_resources: self.used.to_proto_endpoint(),
            offered_resources: self.offered.to_proto_endpoint(),
            offer_constraints: Some(
                self.offer_constraints
                    .as_deref()
                    .cloned()
                    .unwrap_or_default(),
            ),
        }
    }
}
