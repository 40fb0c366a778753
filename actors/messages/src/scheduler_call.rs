//! The scheduler driver's call and the HTTP API's are the same but for the subscription.

use crate::scheduler::Call as DriverCall;
use crate::scheduler::call::Subscribe as DriverSubscribe;
use crate::v1::scheduler::Call;
use crate::v1::scheduler::call::Subscribe;

impl DriverCall {
    /// The same call in the HTTP API's terms, and whether a subscription is to take over
    /// from another connected scheduler (M28).
    pub fn into_v1(self) -> (Call, bool) {
        let force = self.subscribe.as_ref().is_some_and(DriverSubscribe::force);
        let call = Call {
            framework_id: self.framework_id,
            r#type: self.r#type,
            subscribe: self.subscribe.map(|subscribe| Subscribe {
                framework_info: subscribe.framework_info,
                suppressed_roles: subscribe.suppressed_roles,
                offer_constraints: subscribe.offer_constraints,
            }),
            accept: self.accept,
            decline: self.decline,
            accept_inverse_offers: self.accept_inverse_offers,
            decline_inverse_offers: self.decline_inverse_offers,
            revive: self.revive,
            kill: self.kill,
            shutdown: self.shutdown,
            acknowledge: self.acknowledge,
            acknowledge_operation_status: self.acknowledge_operation_status,
            reconcile: self.reconcile,
            reconcile_operations: self.reconcile_operations,
            message: self.message,
            request: self.request,
            suppress: self.suppress,
            update_framework: self.update_framework,
        };
        (call, force)
    }

    /// The driver's form of a call. `force` is said of a subscription only (M28).
    pub fn from_v1(call: Call, force: bool) -> Self {
        Self {
            framework_id: call.framework_id,
            r#type: call.r#type,
            subscribe: call.subscribe.map(|subscribe| DriverSubscribe {
                framework_info: subscribe.framework_info,
                force: Some(force),
                suppressed_roles: subscribe.suppressed_roles,
                offer_constraints: subscribe.offer_constraints,
            }),
            accept: call.accept,
            decline: call.decline,
            accept_inverse_offers: call.accept_inverse_offers,
            decline_inverse_offers: call.decline_inverse_offers,
            revive: call.revive,
            kill: call.kill,
            shutdown: call.shutdown,
            acknowledge: call.acknowledge,
            acknowledge_operation_status: call.acknowledge_operation_status,
            reconcile: call.reconcile,
            reconcile_operations: call.reconcile_operations,
            message: call.message,
            request: call.request,
            suppress: call.suppress,
            update_framework: call.update_framework,
        }
    }
}
