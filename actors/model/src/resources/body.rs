//! What a resource is and how much of it there is: its name and its value.

use std::{fmt, sync::Arc};

use super::{Ranges, Scalar, Set, quantities::Known};

/// How much there is of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An amount.
    Scalar(Scalar),
    /// Whole numbers.
    Ranges(Ranges),
    /// Names.
    Set(Set),
}

/// A look at how much there is of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// An amount.
    Scalar(Scalar),
    /// Whole numbers.
    Ranges(&'a Ranges),
    /// Names.
    Set(&'a Set),
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An amount.
    Scalar,
    /// Whole numbers.
    Ranges,
    /// Names.
    Set,
}

impl ValueRef<'_> {
    /// The type of the value.
    pub fn kind(self) -> Kind {
        match self {
            Self::Scalar(_) => Kind::Scalar,
            Self::Ranges(_) => Kind::Ranges,
            Self::Set(_) => Kind::Set,
        }
    }
}

impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Set(set) => set.fmt(f),
        }
    }
}

/// Name and value in two words. The names nearly all resources have are not
/// text at all; ranges and the rest are shared until someone changes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Cpus(Scalar),
    Gpus(Scalar),
    Mem(Scalar),
    Disk(Scalar),
    Ports(Arc<Ranges>),
    Other(Arc<Other>),
}

/// A resource with an unusual name, or an unusual type for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Other {
    name: Box<str>,
    value: Value,
}

impl Body {
    pub(super) fn new(name: &str, value: Value) -> Self {
        match (name, value) {
            ("cpus", Value::Scalar(scalar)) => Self::Cpus(scalar),
            ("gpus", Value::Scalar(scalar)) => Self::Gpus(scalar),
            ("mem", Value::Scalar(scalar)) => Self::Mem(scalar),
            ("disk", Value::Scalar(scalar)) => Self::Disk(scalar),
            ("ports", Value::Ranges(ranges)) => Self::Ports(Arc::new(ranges)),
            (name, value) => Self::Other(Arc::new(Other {
                name: name.into(),
                value,
            })),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Cpus(_) => "cpus",
            Self::Gpus(_) => "gpus",
            Self::Mem(_) => "mem",
            Self::Disk(_) => "disk",
            Self::Ports(_) => "ports",
            Self::Other(other) => &other.name,
        }
    }

    /// Which of the known names this has. `None` does not say that it has none.
    pub(super) fn known(&self) -> Option<Known> {
        match self {
            Self::Cpus(_) => Some(Known::Cpus),
            Self::Gpus(_) => Some(Known::Gpus),
            Self::Mem(_) => Some(Known::Mem),
            Self::Disk(_) => Some(Known::Disk),
            Self::Ports(_) => Some(Known::Ports),
            Self::Other(_) => None,
        }
    }

    pub(super) fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Cpus(scalar) | Self::Gpus(scalar) | Self::Mem(scalar) | Self::Disk(scalar) => {
                ValueRef::Scalar(*scalar)
            }
            Self::Ports(ranges) => ValueRef::Ranges(ranges),
            Self::Other(other) => match &other.value {
                Value::Scalar(scalar) => ValueRef::Scalar(*scalar),
                Value::Ranges(ranges) => ValueRef::Ranges(ranges),
                Value::Set(set) => ValueRef::Set(set),
            },
        }
    }

    /// Whether both have the same name and type.
    pub(super) fn same(&self, other: &Body) -> bool {
        match (self, other) {
            (Self::Other(a), Self::Other(b)) => {
                Arc::ptr_eq(a, b) || (a.name == b.name && self.kind() == other.kind())
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.value().kind()
    }

    pub(super) fn is_empty(&self) -> bool {
        match self.value() {
            ValueRef::Scalar(scalar) => scalar.is_zero(),
            ValueRef::Ranges(ranges) => ranges.is_empty(),
            ValueRef::Set(set) => set.is_empty(),
        }
    }

    /// Whether there is less than nothing.
    pub(super) fn is_negative(&self) -> bool {
        matches!(self.value(), ValueRef::Scalar(scalar) if scalar < Scalar::ZERO)
    }

    /// Whether at least as much as `other` is here. Both must be [`Body::same`].
    pub(super) fn contains(&self, other: &Body) -> bool {
        match (self.value(), other.value()) {
            (ValueRef::Scalar(a), ValueRef::Scalar(b)) => a >= b,
            (ValueRef::Ranges(a), ValueRef::Ranges(b)) => a.contains(b),
            (ValueRef::Set(a), ValueRef::Set(b)) => a.contains(b),
            _ => false,
        }
    }

    /// Adds what `other` has. Both must be [`Body::same`].
    pub(super) fn add(&mut self, other: &Body) {
        match (self, other) {
            (Self::Cpus(a), Self::Cpus(b))
            | (Self::Gpus(a), Self::Gpus(b))
            | (Self::Mem(a), Self::Mem(b))
            | (Self::Disk(a), Self::Disk(b)) => *a += *b,
            (Self::Ports(a), Self::Ports(b)) => Arc::make_mut(a).add(b),
            (Self::Other(a), Self::Other(b)) => match (&mut Arc::make_mut(a).value, &b.value) {
                (Value::Scalar(a), Value::Scalar(b)) => *a += *b,
                (Value::Ranges(a), Value::Ranges(b)) => a.add(b),
                (Value::Set(a), Value::Set(b)) => a.add(b),
                _ => {}
            },
            _ => {}
        }
    }

    /// Takes away what `other` has; an amount may become negative. Both must be
    /// [`Body::same`].
    pub(super) fn sub(&mut self, other: &Body) {
        match (self, other) {
            (Self::Cpus(a), Self::Cpus(b))
            | (Self::Gpus(a), Self::Gpus(b))
            | (Self::Mem(a), Self::Mem(b))
            | (Self::Disk(a), Self::Disk(b)) => *a -= *b,
            (Self::Ports(a), Self::Ports(b)) => Arc::make_mut(a).sub(b),
            (Self::Other(a), Self::Other(b)) => match (&mut Arc::make_mut(a).value, &b.value) {
                (Value::Scalar(a), Value::Scalar(b)) => *a -= *b,
                (Value::Ranges(a), Value::Ranges(b)) => a.sub(b),
                (Value::Set(a), Value::Set(b)) => a.sub(b),
                _ => {}
            },
            _ => {}
        }
    }

    /// The same resource with another amount; no change if it has none.
    pub(super) fn set_scalar(&mut self, scalar: Scalar) {
        match self {
            Self::Cpus(a) | Self::Gpus(a) | Self::Mem(a) | Self::Disk(a) => *a = scalar,
            Self::Ports(_) => {}
            Self::Other(other) => {
                if let Value::Scalar(a) = &mut Arc::make_mut(other).value {
                    *a = scalar;
                }
            }
        }
    }
}
