//! A framework declines offers (A10).

use std::time::Duration;

use messages::v1;
use messages::v1::scheduler::call::Decline;
use model::ids::{FrameworkId, OfferId};

use crate::allocator::messages::RecoverResources;
use crate::master::Master;
use crate::turn::Turn;

/// How long refused resources are not offered again if a framework does not say (A10).
const REFUSE_DEFAULT: Duration = Duration::from_secs(5);

/// The longest that resources can be refused (A10).
const REFUSE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Master {
    pub(crate) fn decline(
        &mut self,
        turn: &mut Turn<'_, '_>,
        framework: &FrameworkId,
        call: &Decline,
    ) {
        self.count().messages_decline_offers += 1;
        let refuse = refusal(call.filters.as_ref());
        let mut declined = 0;
        for id in &call.offer_ids {
            let id = OfferId::from(id);
            // Nobody can decline what was offered to another.
            if self
                .offers
                .get(id.as_str())
                .is_some_and(|offer| offer.framework() == framework)
                && let Some(offer) = self.remove_offer(&id)
            {
                declined += 1;
                turn.allocator(RecoverResources {
                    framework_id: framework.clone(),
                    agent_id: offer.agent().clone(),
                    resources: offer.resources().clone(),
                    refuse: Some(refuse),
                });
            }
        }
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.metrics_mut().declined(declined);
        }
    }
}

/// For how long a framework refuses what it does not take; zero for no time at all.
pub(super) fn refusal(filters: Option<&v1::Filters>) -> Duration {
    let seconds = filters.and_then(|filters| filters.refuse_seconds);
    match seconds {
        Some(seconds) if seconds > REFUSE_MAX.as_secs_f64() => REFUSE_MAX,
        Some(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(REFUSE_DEFAULT),
        None => REFUSE_DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(seconds: f64) -> v1::Filters {
        v1::Filters {
            refuse_seconds: Some(seconds),
        }
    }

    #[test]
    fn a_refusal_lasts_as_long_as_asked_within_reason() {
        assert_eq!(refusal(None), REFUSE_DEFAULT);
        assert_eq!(refusal(Some(&v1::Filters::default())), REFUSE_DEFAULT);
        assert_eq!(refusal(Some(&filters(-1.0))), REFUSE_DEFAULT);
        assert_eq!(refusal(Some(&filters(f64::NAN))), REFUSE_DEFAULT);
        assert_eq!(refusal(Some(&filters(0.0))), Duration::ZERO);
        assert_eq!(refusal(Some(&filters(1.5))), Duration::from_millis(1500));
        assert_eq!(refusal(Some(&filters(f64::INFINITY))), REFUSE_MAX);
    }
}
