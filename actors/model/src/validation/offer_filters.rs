//! What a framework wants offers to hold at least.

use messages::v1;

use crate::resources::{ResourceError, Scalar};

/// Why offer filters are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferFiltersError {
    /// A minimum of nothing.
    #[error("Resource quantities must contain at least one quantity")]
    Empty,
    /// A minimum that is no amount.
    #[error("Invalid resource quantity for '{name}': {reason}")]
    Quantity {
        /// Name of the resource.
        name: String,
        /// What is wrong with its amount.
        reason: ResourceError,
    },
}

/// Checks the filters for one role.
pub fn validate(filters: &v1::OfferFilters) -> Result<(), OfferFiltersError> {
    let Some(minimum) = &filters.min_allocatable_resources else {
        return Ok(());
    };
    for quantities in &minimum.quantities {
        if quantities.quantities.is_empty() {
            return Err(OfferFiltersError::Empty);
        }
        for (name, amount) in &quantities.quantities {
            Scalar::from_f64(amount.value).map_err(|reason| OfferFiltersError::Quantity {
                name: name.clone(),
                reason,
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(amounts: &[(&str, f64)]) -> v1::OfferFilters {
        let quantities = amounts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), v1::value::Scalar { value: *value }))
            .collect();
        let quantities = vec![v1::offer_filters::ResourceQuantities { quantities }];
        v1::OfferFilters {
            min_allocatable_resources: Some(v1::offer_filters::MinAllocatableResources {
                quantities,
            }),
        }
    }

    #[test]
    fn amounts_must_be_amounts() {
        assert_eq!(validate(&v1::OfferFilters::default()), Ok(()));
        assert_eq!(validate(&filters(&[("cpus", 1.0), ("mem", 0.0)])), Ok(()));
        let refusal = |amounts| validate(&filters(amounts)).unwrap_err().to_string();
        assert_eq!(
            refusal(&[]),
            "Resource quantities must contain at least one quantity"
        );
        assert_eq!(
            refusal(&[("cpus", -1.0)]),
            "Invalid resource quantity for 'cpus': Negative values not supported"
        );
        assert_eq!(
            refusal(&[("cpus", f64::NAN)]),
            "Invalid resource quantity for 'cpus': NaN not supported"
        );
        assert_eq!(
            refusal(&[("cpus", f64::INFINITY)]),
            "Invalid resource quantity for 'cpus': Infinite values not supported"
        );
    }
}
