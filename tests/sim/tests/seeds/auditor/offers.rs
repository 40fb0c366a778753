//! I1: an offer is made once, to one framework.

use std::collections::BTreeMap;
use std::time::Duration;

use model::ids::OfferId;

use super::{Findings, Invariant};
use crate::events::Event;

#[derive(Default)]
pub struct Offers {
    /// Who got which offer.
    seen: BTreeMap<OfferId, usize>,
}

impl Invariant for Offers {
    const NAME: &'static str = "offers";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        if let Event::Offered(framework, offer) = event
            && let Some(other) = self.seen.insert(offer.id.clone(), *framework)
        {
            found.say(format!(
                "offer {} went to framework {framework} and before to framework {other}",
                offer.id
            ));
        }
    }
}
