//! Offers that are accepted or declined together (M48).

use std::collections::BTreeSet;

use messages::v1;

/// Why a list of offers is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// One twice.
    #[error("Duplicate offer {0} in offer list")]
    Duplicate(String),
    /// One that is gone.
    #[error("Offer {0} is no longer valid")]
    Gone(String),
    /// An inverse offer that is gone.
    #[error("Inverse offer {0} is no longer valid")]
    InverseGone(String),
    /// Another framework's.
    #[error("Offer {offer} has invalid framework {actual} while framework {expected} is expected")]
    Framework {
        /// The offer.
        offer: String,
        /// Whose it is.
        actual: String,
        /// Whose it should be.
        expected: String,
    },
    /// Two roles. The quotes are upstream's.
    #[error(
        "Aggregated offers must be allocated to the same role. Offer {offer} uses role '{role} \
         but another is using role '{other}"
    )]
    Role {
        /// The offer.
        offer: String,
        /// Its role.
        role: String,
        /// The role of those before it.
        other: String,
    },
    /// Two agents.
    #[error(
        "Aggregated offers must belong to one single agent. Offer {offer} uses agent {agent} and \
         agent {other}"
    )]
    Agent {
        /// The offer.
        offer: String,
        /// Its agent.
        agent: String,
        /// The agent of those before it.
        other: String,
    },
}

/// What the master knows of an offer. An inverse offer has no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownOffer<'a> {
    /// Whom it was made.
    pub framework: &'a str,
    /// Whose resources it gives.
    pub agent: &'a str,
    /// The role it is allocated to.
    pub role: Option<&'a str>,
}

/// Checks offers that `framework` answers together. `find` knows the offers that
/// are out.
pub fn validate<'a>(
    ids: &[v1::OfferId],
    framework: &str,
    find: impl Fn(&str) -> Option<KnownOffer<'a>>,
) -> Result<(), OfferError> {
    let offers = known(ids, find, OfferError::Gone)?;
    check_framework(&offers, framework)?;
    let mut first: Option<&str> = None;
    for (id, offer) in &offers {
        let role = offer.role.unwrap_or_default();
        let other = *first.get_or_insert(role);
        if role != other {
            return Err(OfferError::Role {
                offer: (*id).to_owned(),
                role: role.to_owned(),
                other: other.to_owned(),
            });
        }
    }
    check_agent(&offers)
}

/// Checks inverse offers that `framework` answers together. `find` knows the
/// inverse offers that are out.
pub fn validate_inverse<'a>(
    ids: &[v1::OfferId],
    framework: &str,
    find: impl Fn(&str) -> Option<KnownOffer<'a>>,
) -> Result<(), OfferError> {
    let offers = known(ids, find, OfferError::InverseGone)?;
    check_framework(&offers, framework)?;
    check_agent(&offers)
}

fn known<'i, 'a>(
    ids: &'i [v1::OfferId],
    find: impl Fn(&str) -> Option<KnownOffer<'a>>,
    gone: fn(String) -> OfferError,
) -> Result<Vec<(&'i str, KnownOffer<'a>)>, OfferError> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = ids.iter().find(|id| !seen.insert(id.value.as_str())) {
        return Err(OfferError::Duplicate(twice.value.clone()));
    }
    ids.iter()
        .map(|id| {
            let offer = find(&id.value).ok_or_else(|| gone(id.value.clone()))?;
            Ok((id.value.as_str(), offer))
        })
        .collect()
}

fn check_framework(offers: &[(&str, KnownOffer<'_>)], framework: &str) -> Result<(), OfferError> {
    match offers
        .iter()
        .find(|(_, offer)| offer.framework != framework)
    {
        Some((id, offer)) => Err(OfferError::Framework {
            offer: (*id).to_owned(),
            actual: offer.framework.to_owned(),
            expected: framework.to_owned(),
        }),
        None => Ok(()),
    }
}

fn check_agent(offers: &[(&str, KnownOffer<'_>)]) -> Result<(), OfferError> {
    let Some((_, first)) = offers.first() else {
        return Ok(());
    };
    match offers.iter().find(|(_, offer)| offer.agent != first.agent) {
        Some((id, offer)) => Err(OfferError::Agent {
            offer: (*id).to_owned(),
            agent: offer.agent.to_owned(),
            other: first.agent.to_owned(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(id: &str) -> Option<KnownOffer<'static>> {
        let offer = |framework, agent, role| KnownOffer {
            framework,
            agent,
            role: Some(role),
        };
        match id {
            "o1" | "o2" => Some(offer("f", "s1", "a")),
            "o3" => Some(offer("g", "s1", "a")),
            "o4" => Some(offer("f", "s1", "b")),
            "o5" => Some(offer("f", "s2", "a")),
            _ => None,
        }
    }

    fn ids(list: &[&str]) -> Vec<v1::OfferId> {
        list.iter()
            .map(|id| v1::OfferId {
                value: (*id).to_owned(),
            })
            .collect()
    }

    #[test]
    fn one_framework_one_role_one_agent() {
        let refusal = |list: &[&str]| validate(&ids(list), "f", find).unwrap_err().to_string();
        assert_eq!(validate(&[], "f", find), Ok(()));
        assert_eq!(validate(&ids(&["o1", "o2"]), "f", find), Ok(()));
        assert_eq!(refusal(&["o1", "o1"]), "Duplicate offer o1 in offer list");
        assert_eq!(refusal(&["o1", "x"]), "Offer x is no longer valid");
        assert_eq!(
            refusal(&["o1", "o3"]),
            "Offer o3 has invalid framework g while framework f is expected"
        );
        assert_eq!(
            refusal(&["o1", "o4"]),
            "Aggregated offers must be allocated to the same role. Offer o4 uses role 'b but \
             another is using role 'a"
        );
        assert_eq!(
            refusal(&["o1", "o5"]),
            "Aggregated offers must belong to one single agent. Offer o5 uses agent s2 and agent s1"
        );
    }

    #[test]
    fn inverse_offers_have_no_role() {
        assert_eq!(validate_inverse(&ids(&["o1", "o4"]), "f", find), Ok(()));
        assert_eq!(
            validate_inverse(&ids(&["x"]), "f", find)
                .unwrap_err()
                .to_string(),
            "Inverse offer x is no longer valid"
        );
        assert!(validate_inverse(&ids(&["o1", "o5"]), "f", find).is_err());
    }
}
