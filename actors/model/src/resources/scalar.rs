//! Amounts with three decimals, kept as whole thousandths (A20).

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Sub, SubAssign},
};

use super::ResourceError;

/// An amount of something countable: cores, megabytes. Kept as thousandths, so
/// that 0.1 + 0.2 is 0.3 (A20).
///
/// Differences may be negative; sums that do not fit stay at the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(i64);

impl Scalar {
    /// Nothing.
    pub const ZERO: Scalar = Scalar(0);

    /// The largest amount taken from outside. Not far above it a double
    /// has no room for three decimals.
    pub const INPUT_MAX: f64 = 2.0e12;

    /// Takes an amount from outside, rounded to three decimals.
    ///
    /// Refuses what is no amount: not a number, infinite, subnormal, negative,
    /// or above [`Scalar::INPUT_MAX`].
    pub fn from_f64(value: f64) -> Result<Self, ResourceError> {
        if value.is_nan() {
            return Err(ResourceError::NotANumber);
        }
        if value.is_infinite() {
            return Err(ResourceError::Infinite);
        }
        if value.is_subnormal() {
            return Err(ResourceError::Subnormal);
        }
        if value < 0.0 {
            return Err(ResourceError::Negative);
        }
        if value > Self::INPUT_MAX {
            return Err(ResourceError::TooLarge);
        }
        Ok(Self::round(value))
    }

    /// The nearest amount; what does not fit stays at the limit, and what is
    /// not a number is zero.
    pub fn round(value: f64) -> Self {
        // A float-to-integer cast saturates and maps NaN to zero.
        Self((value * 1000.0).round() as i64)
    }

    /// An amount given in thousandths.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// A whole amount.
    pub const fn whole(value: i64) -> Self {
        Self(value.saturating_mul(1000))
    }

    /// The amount in thousandths.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The double nearest to the amount.
    pub fn to_f64(self) -> f64 {
        (self.0 / 1000) as f64 + (self.0 % 1000) as f64 / 1000.0
    }

    /// Whether there is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, but not below zero.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Scalar {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Scalar {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Scalar> for Scalar {
    fn sum<I: Iterator<Item = &'a Scalar>>(iter: I) -> Self {
        iter.copied().sum()
    }
}

/// The decimal form without trailing zeros: `1.5`, `1000001`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{part:03}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar(value: f64) -> Scalar {
        Scalar::from_f64(value).unwrap()
    }

    #[test]
    fn arithmetic_is_exact_to_three_decimals() {
        assert_eq!(scalar(0.1) + scalar(0.2), scalar(0.3));
        assert_eq!((scalar(0.1) + scalar(0.2)).to_f64(), 0.3);
        let mut total = scalar(1.001);
        for _ in 0..3 {
            total += scalar(0.001);
        }
        assert_eq!(total.to_f64(), 1.004);
        assert_eq!(scalar(1.0) - scalar(1.5), Scalar::from_thousandths(-500));
        assert_eq!(scalar(1.0).saturating_sub(scalar(1.5)), Scalar::ZERO);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        assert_eq!(Scalar::from_f64(f64::NAN), Err(ResourceError::NotANumber));
        assert_eq!(
            Scalar::from_f64(f64::INFINITY),
            Err(ResourceError::Infinite)
        );
        assert_eq!(Scalar::from_f64(-1.0), Err(ResourceError::Negative));
        assert_eq!(Scalar::from_f64(1e-310), Err(ResourceError::Subnormal));
        assert_eq!(Scalar::from_f64(1e300), Err(ResourceError::TooLarge));
        assert_eq!(Scalar::from_f64(0.0), Ok(Scalar::ZERO));
    }

    #[test]
    fn printing_rounds_to_three_decimals_and_drops_zeros() {
        let cases = [
            (1.234, "1.234"),
            (1.2345, "1.235"),
            (1.2344, "1.234"),
            (1.1, "1.1"),
            (1_000_001.0, "1000001"),
            (99_999_999_999.999_4, "99999999999.999"),
            (0.05, "0.05"),
        ];
        for (value, text) in cases {
            assert_eq!(scalar(value).to_string(), text);
        }
        assert_eq!((Scalar::ZERO - scalar(0.5)).to_string(), "-0.5");
    }

    proptest! {
        #[test]
        fn a_double_carries_every_amount(thousandths in 0i64..=2_000_000_000_000_000) {
            let scalar = Scalar::from_thousandths(thousandths);
            prop_assert_eq!(Scalar::from_f64(scalar.to_f64()), Ok(scalar));
        }

        #[test]
        fn subtracting_undoes_adding(a in any::<i32>(), b in any::<i32>()) {
            let (a, b) = (Scalar::from_thousandths(a.into()), Scalar::from_thousandths(b.into()));
            prop_assert_eq!(a + b - b, a);
        }

        #[test]
        fn no_double_panics(value in any::<f64>()) {
            let _ = Scalar::from_f64(value);
            let _ = Scalar::round(value).to_string();
        }
    }
}
