//! I1: an offer is made once, to one framework, which is told when it is void.

use std::collections::BTreeMap;
use std::time::Duration;

use master_core::Snapshot;
use model::ids::OfferId;

use super::{Findings, Invariant};
use crate::events::Event;
use crate::faults;

#[derive(Default)]
pub struct Offers {
    /// Who got which offer.
    seen: BTreeMap<OfferId, usize>,
    /// Who may use which offer, as far as the frameworks know.
    held: BTreeMap<OfferId, usize>,
}

impl Offers {
    fn clear(&mut self, framework: usize) {
        self.held.retain(|_, holder| *holder != framework);
    }

    /// In what the master and the frameworks differ, when nothing is on its way.
    pub fn disagreement(&self, snapshot: &Snapshot) -> Option<String> {
        let mut held = self.held.iter();
        let void = held.find(|(id, _)| snapshot.offers.get(id.as_str()).is_none());
        if let Some((id, holder)) = void {
            return Some(format!("framework {holder} holds {id}, which is void"));
        }
        let mut made = snapshot.offers.all().values();
        let unheard = made.find(|offer| !self.held.contains_key(offer.id()));
        unheard.map(|offer| {
            format!(
                "{} has not heard of offer {}",
                offer.framework(),
                offer.id()
            )
        })
    }
}

impl Invariant for Offers {
    const NAME: &'static str = "offers";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        match event {
            Event::Offered(framework, offer) => {
                self.held.insert(offer.id.clone(), *framework);
                if let Some(other) = self.seen.insert(offer.id.clone(), *framework) {
                    found.say(format!(
                        "offer {} went to framework {framework} and before to framework {other}",
                        offer.id
                    ));
                }
            }
            Event::Rescinded(_, offer) | Event::Accepted(_, offer, _) => {
                self.held.remove(offer);
            }
            Event::Declined(_, offer, _) => {
                self.held.remove(&offer.id);
            }
            Event::Subscribed(framework, _)
            | Event::Disconnected(framework, _)
            | Event::Refused(framework, _) => self.clear(*framework),
            Event::Started(host) => {
                self.held
                    .retain(|_, holder| faults::framework(*holder) != *host);
            }
            _ => {}
        }
    }
}
