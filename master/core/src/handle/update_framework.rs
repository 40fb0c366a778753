//! UPDATE_FRAMEWORK: a framework changes its description without subscribing again (M32).

use messages::v1::scheduler::call::UpdateFramework;
use model::ids::FrameworkId;
use model::validation::framework;

use crate::connection::Outcome;
use crate::handle::subscription::SubscriptionError;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    pub(crate) fn update_framework(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        call: UpdateFramework,
    ) -> Outcome {
        let subscription = match self.check_subscription(
            call.framework_info,
            &call.suppressed_roles,
            call.offer_constraints,
        ) {
            Ok(subscription) => subscription,
            Err(SubscriptionError::OfferConstraints(error)) => {
                return Outcome::BadRequest(format!(
                    "'UpdateFramework.offer_constraints' are not valid: {error}"
                ));
            }
            Err(error) => {
                let why = format!("Supplied FrameworkInfo is not valid: {error}");
                return Outcome::BadRequest(why);
            }
        };
        let Some(known) = self.frameworks.get(id) else {
            return Outcome::BadRequest("Framework cannot be found".to_owned());
        };
        if let Err(error) = framework::validate_update(known.info(), &subscription.info) {
            return Outcome::BadRequest(format!("FrameworkInfo update is not valid: {error}"));
        }
        let changed = *known.info() != subscription.info;
        self.change_framework(turn, id, subscription);
        if changed {
            self.publish_framework(turn, id);
        }
        Outcome::Ok
    }
}

#[cfg(test)]
mod tests;
