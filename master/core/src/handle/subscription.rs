//! Whether a framework may be what it says it is (M50).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use messages::v1;
use messages::v1::scheduler::OfferConstraints;
use model::Role;
use model::ids::FrameworkId;
use model::offer_constraints::{self, OfferConstraintsError};
use model::validation::framework;

use crate::allocator::{FactsError, FrameworkFacts};
use crate::master::Master;

/// A framework's description, found good.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) info: v1::FrameworkInfo,
    pub(crate) suppressed: BTreeSet<Role>,
    pub(crate) offer_constraints: Option<OfferConstraints>,
    pub(crate) facts: FrameworkFacts,
}

impl Subscription {
    /// The description of the framework that has this id.
    pub(crate) fn of(mut self, id: &FrameworkId) -> Self {
        self.info.id = Some(id.to_proto());
        self
    }
}

/// Why a framework may not be what it says it is. The texts are upstream's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriptionError {
    #[error(transparent)]
    Info(#[from] framework::FrameworkError),
    #[error("Roles {} are not present in the master's --roles", Listed(.0))]
    ForbiddenRoles(BTreeSet<String>),
    #[error("User 'root' is not allowed to run frameworks without --root_submissions set")]
    Root,
    #[error("Framework has been removed")]
    Removed,
    #[error(transparent)]
    OfferConstraints(#[from] OfferConstraintsError),
    #[error(transparent)]
    Facts(#[from] FactsError),
}

impl Master {
    /// Checks what a framework says of itself, and what comes with it.
    pub(crate) fn check_subscription(
        &self,
        info: v1::FrameworkInfo,
        suppressed: &[String],
        offer_constraints: Option<OfferConstraints>,
    ) -> Result<Subscription, SubscriptionError> {
        self.check_framework(&info)?;
        Self::check_options(info, suppressed, offer_constraints)
    }

    /// Checks a framework's description by itself.
    fn check_framework(&self, info: &v1::FrameworkInfo) -> Result<(), SubscriptionError> {
        framework::validate(info)?;
        if let Some(allowed) = &self.allowed_roles {
            let roles = model::capabilities::framework_roles(info).unwrap_or_default();
            let forbidden: BTreeSet<_> = roles
                .iter()
                .filter(|role| !allowed.contains(*role))
                .map(Role::to_string)
                .collect();
            if !forbidden.is_empty() {
                return Err(SubscriptionError::ForbiddenRoles(forbidden));
            }
        }
        if info.user == "root" && !self.config.root_submissions {
            return Err(SubscriptionError::Root);
        }
        match &info.id {
            Some(id) if self.frameworks.is_completed(&FrameworkId::from(id)) => {
                Err(SubscriptionError::Removed)
            }
            _ => Ok(()),
        }
    }

    /// Checks what comes with the description, which was found good itself.
    fn check_options(
        info: v1::FrameworkInfo,
        suppressed: &[String],
        offer_constraints: Option<OfferConstraints>,
    ) -> Result<Subscription, SubscriptionError> {
        let facts = FrameworkFacts::new(&info, BTreeSet::new())?;
        let roles: BTreeSet<&str> = facts.roles.iter().map(Role::as_str).collect();
        framework::validate_suppressed_roles(&roles, suppressed.iter().map(String::as_str))?;
        let constraints = match &offer_constraints {
            Some(constraints) => offer_constraints::parse(constraints)?,
            None => BTreeMap::new(),
        };
        let suppressed: BTreeSet<Role> = suppressed
            .iter()
            .filter_map(|role| Role::parse(role).ok())
            .collect();
        let facts = FrameworkFacts {
            suppressed: suppressed.clone(),
            constraints,
            ..facts
        };
        Ok(Subscription {
            info,
            suppressed,
            offer_constraints,
            facts,
        })
    }
}

/// Names as upstream prints a set of them: `{ a, b }`.
struct Listed<'a>(&'a BTreeSet<String>);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        f.write_str(" }")
    }
}
