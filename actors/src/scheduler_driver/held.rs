//! The offers that a framework holds.

use std::collections::BTreeSet;

use messages::v1::{Offer, OfferId};

/// Offers that were neither used nor taken back.
#[derive(Debug, Default)]
pub(super) struct Held(BTreeSet<String>);

impl Held {
    pub(super) fn add(&mut self, offers: &[Offer]) {
        self.0
            .extend(offers.iter().map(|offer| offer.id.value.clone()));
    }

    /// An offer is void. False if it was not held.
    pub(super) fn remove(&mut self, offer: &OfferId) -> bool {
        self.0.remove(&offer.value)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first of these that is not held.
    pub(super) fn missing<'a>(&self, offers: &'a [OfferId]) -> Option<&'a OfferId> {
        offers.iter().find(|offer| !self.0.contains(&offer.value))
    }

    pub(super) fn all(&self) -> Vec<OfferId> {
        let id = |value: &String| OfferId {
            value: value.clone(),
        };
        self.0.iter().map(id).collect()
    }
}
