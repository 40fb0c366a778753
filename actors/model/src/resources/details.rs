//! The rare properties of a resource: reservations, volumes, revocability.

use std::sync::Arc;

use messages::v1::{self, resource::disk_info::source::Type as SourceType};

use crate::Role;

/// How a reservation came about (A22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// By the agent's flags.
    Static,
    /// By an operation or an operator's call.
    Dynamic,
}

/// One reservation: whom the resource is kept for (A22).
#[derive(Debug, Clone)]
pub struct Reservation {
    /// How it came about.
    pub kind: ReservationKind,
    /// Whom it is for; never `*`.
    pub role: Role,
    /// Who made it.
    pub principal: Option<Arc<str>>,
    /// What its maker noted; their order does not matter.
    pub labels: Option<v1::Labels>,
}

impl Reservation {
    /// A reservation by the agent's flags.
    pub fn new_static(role: Role) -> Self {
        Self {
            kind: ReservationKind::Static,
            role,
            principal: None,
            labels: None,
        }
    }

    /// A reservation by an operation, made by `principal`.
    pub fn new_dynamic(role: Role, principal: Option<&str>) -> Self {
        let principal = principal.map(Arc::from);
        Self {
            kind: ReservationKind::Dynamic,
            role,
            principal,
            labels: None,
        }
    }
}

impl PartialEq for Reservation {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.role == other.role
            && self.principal == other.principal
            && same_optional(&self.labels, &other.labels, same_labels)
    }
}

/// Whether both hold the same labels, in whatever order.
pub(crate) fn same_labels(a: &v1::Labels, b: &v1::Labels) -> bool {
    a.labels.len() == b.labels.len() && a.labels.iter().all(|label| b.labels.contains(label))
}

fn same_optional<T>(a: &Option<T>, b: &Option<T>, same: impl Fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// What most resources have nothing of; shared until someone changes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    /// From the first one to the last refinement of it.
    pub(super) reservations: Vec<Reservation>,
    pub(super) disk: Option<Box<v1::resource::DiskInfo>>,
    pub(super) provider: Option<Arc<str>>,
    pub(super) revocable: bool,
    /// How often a shared resource is here; zero means it is not shared.
    pub(super) copies: u32,
}

impl Details {
    pub(super) fn is_default(&self) -> bool {
        self.reservations.is_empty()
            && self.disk.is_none()
            && self.provider.is_none()
            && !self.revocable
            && self.copies == 0
    }

    /// Whether two resources differ in nothing but amount and copies.
    pub(super) fn same(&self, other: &Details) -> bool {
        self.revocable == other.revocable
            && (self.copies > 0) == (other.copies > 0)
            && self.provider == other.provider
            && self.reservations == other.reservations
            && same_optional(&self.disk, &other.disk, |a, b| same_disk(a, b))
    }

    /// Whether this describes one indivisible thing, which is taken whole or
    /// not at all: a persistent volume, a mounted or raw disk of its own.
    pub(super) fn is_exclusive(&self) -> bool {
        let Some(disk) = &self.disk else { return false };
        if disk.persistence.is_some() {
            return true;
        }
        disk.source
            .as_ref()
            .is_some_and(|source| match source.r#type() {
                SourceType::Mount | SourceType::Block => true,
                SourceType::Raw => source.id.is_some(),
                SourceType::Path | SourceType::Unknown => false,
            })
    }
}

/// Whether two disks are the same one. How a task mounts it (`volume`) and who
/// made the volume do not matter.
fn same_disk(a: &v1::resource::DiskInfo, b: &v1::resource::DiskInfo) -> bool {
    same_optional(&a.persistence, &b.persistence, |a, b| a.id == b.id)
        && same_optional(&a.source, &b.source, |a, b| {
            a.r#type == b.r#type
                && a.path == b.path
                && a.mount == b.mount
                && a.vendor == b.vendor
                && a.id == b.id
                && same_optional(&a.metadata, &b.metadata, same_labels)
                && a.profile == b.profile
        })
}
