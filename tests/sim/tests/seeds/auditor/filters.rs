//! A10: what a framework has declined it is not offered again before the time is over,
//! unless it asks.

use std::collections::BTreeMap;
use std::time::Duration;

use master_core::{Snapshot, Time};
use model::Resources;
use model::ids::{AgentId, FrameworkId, OfferId};

use super::{Findings, Invariant};
use crate::events::Event;

/// Filters may end a little early: the allocator's clock runs in other steps.
const SLACK: Duration = Duration::from_millis(100);

#[derive(Default)]
pub struct Filters {
    /// The frameworks' ids by their numbers.
    ids: BTreeMap<usize, FrameworkId>,
    /// Offers that were declined, and for how long, while the master does not know yet.
    declined: BTreeMap<OfferId, Duration>,
    /// Offers that the master knows, and between whom.
    open: BTreeMap<OfferId, (Relation, Resources)>,
    filters: Vec<Filter>,
    /// Offers that were made though there was a filter, as far as can be told yet.
    suspected: Vec<Suspicion>,
}

/// An offer was declined, and what it held offered again; but perhaps the master had
/// taken it back before, and its framework will hear of that before it hears of the new
/// offer.
struct Suspicion {
    framework: FrameworkId,
    declined: OfferId,
    offered: OfferId,
    text: String,
}

/// A framework and an agent, each as it stands since it last came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Relation {
    master: String,
    framework: FrameworkId,
    subscribed: Time,
    agent: AgentId,
    registered: (Time, Option<Time>),
}

#[derive(Debug)]
struct Filter {
    declined: OfferId,
    relation: Relation,
    refused: Resources,
    until: Duration,
}

fn relation(snapshot: &Snapshot, framework: &FrameworkId, agent: &AgentId) -> Option<Relation> {
    let framework = snapshot.frameworks.get(framework)?;
    let agent = snapshot.agents.get(agent)?;
    if !framework.is_active() || !agent.is_active() {
        return None;
    }
    Some(Relation {
        master: snapshot.info.id.clone(),
        framework: framework.id().clone(),
        subscribed: framework.reregistered(),
        agent: agent.id().clone(),
        registered: (agent.registered(), agent.reregistered()),
    })
}

impl Invariant for Filters {
    const NAME: &'static str = "filters";

    fn event(&mut self, _: Duration, event: &Event, found: &mut Findings) {
        match event {
            // Events come in order: had the declined offer been taken back before, the
            // framework would know by now.
            Event::Offered(_, offer) => {
                self.suspected.retain(|it| {
                    let is_sure = it.offered == offer.id;
                    if is_sure {
                        found.say(it.text.clone());
                    }
                    !is_sure
                });
            }
            Event::Subscribed(number, id) => {
                self.ids.insert(*number, id.clone());
                self.suspected.retain(|it| it.framework != *id);
            }
            Event::Rescinded(_, offer) => {
                self.declined.remove(offer);
                self.suspected.retain(|it| it.declined != *offer);
                self.filters.retain(|it| it.declined != *offer);
            }
            Event::Declined(_, offer, seconds) => {
                let time = Duration::from_secs_f64(*seconds);
                self.declined.insert(offer.id.clone(), time);
            }
            // It is on its way; what was declined until it arrives counts no more.
            Event::Revived(number) => {
                if let Some(id) = self.ids.get(number) {
                    self.filters
                        .retain(|filter| filter.relation.framework != *id);
                    self.declined.retain(|offer, _| {
                        let open = self.open.get(offer);
                        open.is_some_and(|(relation, _)| relation.framework != *id)
                    });
                }
            }
            _ => {}
        }
    }

    fn snapshot(&mut self, at: Duration, snapshot: &Snapshot, _: &mut Findings) {
        // Filters go with the relation that they belong to.
        self.filters.retain(|filter| {
            let now = relation(snapshot, &filter.relation.framework, &filter.relation.agent);
            filter.until > at && now.as_ref() == Some(&filter.relation)
        });
        let gone: Vec<_> = self
            .open
            .keys()
            .filter(|id| snapshot.offers.get(id.as_str()).is_none())
            .cloned()
            .collect();
        let mut made = Vec::new();
        for id in gone {
            let Some((then, refused)) = self.open.remove(&id) else {
                continue;
            };
            let Some(time) = self.declined.remove(&id) else {
                continue;
            };
            let now = relation(snapshot, &then.framework, &then.agent);
            if now.as_ref() == Some(&then) {
                made.push(Filter {
                    declined: id,
                    relation: then,
                    refused,
                    until: at + time,
                });
            }
        }
        for (id, offer) in snapshot.offers.all() {
            if self.open.contains_key(id) {
                continue;
            }
            let Some(relation) = relation(snapshot, offer.framework(), offer.agent()) else {
                continue;
            };
            let broken = self.filters.iter().find(|filter| {
                filter.relation == relation
                    && filter.until > at + SLACK
                    && filter.refused.contains(offer.resources())
            });
            if let Some(filter) = broken {
                self.suspected.push(Suspicion {
                    framework: offer.framework().clone(),
                    declined: filter.declined.clone(),
                    offered: id.clone(),
                    text: format!(
                        "offer {id} of {} holds {}; {} of {} was declined until {:.3}",
                        offer.agent(),
                        offer.resources(),
                        filter.declined,
                        filter.refused,
                        filter.until.as_secs_f64()
                    ),
                });
            }
            self.open
                .insert(id.clone(), (relation, offer.resources().clone()));
        }
        self.filters.extend(made);
    }
}
