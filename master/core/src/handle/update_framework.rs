//! UPDATE_FRAMEWORK: a framework changes its description without subscribing again (M32).

use messages::v1::scheduler::call::UpdateFramework;
use model::ids::FrameworkId;

use crate::connection::Outcome;
use crate::master::Master;
use crate::turn::Turn;

impl Master {
    pub(crate) fn update_framework(
        &mut self,
        turn: &mut Turn<'_, '_>,
        id: &FrameworkId,
        call: UpdateFramework,
    ) -> Outcome {
        let info = call.framework_info;
        if let Err(error) = self.check_framework(&info) {
            let why = format!("Supplied FrameworkInfo is not valid: {error}");
            return Outcome::BadRequest(why);
        }
        let Some(framework) = self.frameworks.get(id) else {
            return Outcome::BadRequest("Framework cannot be found".to_owned());
        };
        if let Err(error) = model::validation::framework::validate_update(framework.info(), &info) {
            return Outcome::BadRequest(format!("FrameworkInfo update is not valid: {error}"));
        }
        let changed = *framework.info() != info;
        match Self::check_options(info, &call.suppressed_roles, call.offer_constraints) {
            Err(error) => {
                Outcome::BadRequest(format!("'UpdateFramework' call is not valid: {error}"))
            }
            Ok(subscription) => {
                self.change_framework(turn, id, subscription);
                if changed {
                    self.publish_framework(turn, id);
                }
                Outcome::Ok
            }
        }
    }
}

#[cfg(test)]
mod tests;
