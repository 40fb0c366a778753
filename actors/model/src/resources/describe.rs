//! Resources as people read them: `cpus(allocated: web):4; mem:1024`.

use std::fmt::{self, Display, Formatter, Write};

use messages::v1::{
    self,
    resource::{ReservationInfo, disk_info, reservation_info},
};

use super::{Resource, Resources, Scalar, format};

/// Shows a resource as it travels in messages, even one that is not valid.
pub struct Described<'a>(pub &'a v1::Resource);

impl Display for Described<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let resource = self.0;
        f.write_str(&resource.name)?;
        if let Some(allocation) = &resource.allocation_info {
            write!(f, "(allocated: {})", allocation.role())?;
        }
        if !resource.reservations.is_empty() {
            f.write_str("(reservations: [")?;
            for (i, reservation) in resource.reservations.iter().enumerate() {
                f.write_str(if i == 0 { "(" } else { ",(" })?;
                write_reservation(f, reservation)?;
                f.write_char(')')?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = &resource.disk {
            f.write_char('[')?;
            write_disk(f, disk)?;
            f.write_char(']')?;
        }
        if resource.revocable.is_some() {
            f.write_str("{REV}")?;
        }
        if resource.shared.is_some() {
            f.write_str("<SHARED>")?;
        }
        f.write_char(':')?;
        write_value(f, resource)
    }
}

fn write_value(f: &mut Formatter<'_>, resource: &v1::Resource) -> fmt::Result {
    match resource.r#type() {
        v1::value::Type::Scalar => {
            let value = resource.scalar.as_ref().map_or(0.0, |scalar| scalar.value);
            Scalar::round(value).fmt(f)
        }
        v1::value::Type::Ranges => {
            let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
            let texts: Vec<_> = ranges
                .map(|range| format!("{}-{}", range.begin, range.end))
                .collect();
            write!(f, "[{}]", texts.join(", "))
        }
        v1::value::Type::Set => {
            let items = resource
                .set
                .as_ref()
                .map(|set| set.item.join(", "))
                .unwrap_or_default();
            write!(f, "{{{items}}}")
        }
        v1::value::Type::Text => Ok(()),
    }
}

fn write_reservation(f: &mut Formatter<'_>, reservation: &ReservationInfo) -> fmt::Result {
    let kind = match reservation.r#type() {
        reservation_info::Type::Unknown => "UNKNOWN",
        reservation_info::Type::Static => "STATIC",
        reservation_info::Type::Dynamic => "DYNAMIC",
    };
    write!(f, "{kind},{}", reservation.role())?;
    if let Some(principal) = &reservation.principal {
        write!(f, ",{principal}")?;
    }
    if let Some(labels) = &reservation.labels {
        write!(f, ",{}", describe_labels(labels))?;
    }
    Ok(())
}

/// `{foo: bar, baz}`
pub(crate) fn describe_labels(labels: &v1::Labels) -> String {
    let texts: Vec<_> = labels
        .labels
        .iter()
        .map(|label| match &label.value {
            Some(value) => format!("{}: {value}", label.key),
            None => label.key.clone(),
        })
        .collect();
    format!("{{{}}}", texts.join(", "))
}

fn write_disk(f: &mut Formatter<'_>, disk: &v1::resource::DiskInfo) -> fmt::Result {
    if let Some(source) = &disk.source {
        f.write_str(&describe_source(source))?;
    }
    if let Some(persistence) = &disk.persistence {
        let comma = if disk.source.is_some() { "," } else { "" };
        write!(f, "{comma}{}", persistence.id)?;
    }
    if let Some(volume) = &disk.volume {
        f.write_char(':')?;
        if let Some(host_path) = &volume.host_path {
            write!(f, "{host_path}:")?;
        }
        f.write_str(&volume.container_path)?;
        if volume.host_path.is_some() {
            let read_only = volume.mode() == v1::volume::Mode::Ro;
            f.write_str(if read_only { ":ro" } else { ":rw" })?;
        }
    }
    Ok(())
}

/// `MOUNT:/mnt1`, `RAW(vendor,id,profile)`
pub(super) fn describe_source(source: &disk_info::Source) -> String {
    use disk_info::source::Type;
    let csi = (source.id.is_some() || source.profile.is_some())
        .then(|| format!("({},{},{})", source.vendor(), source.id(), source.profile()));
    let root = match source.r#type() {
        Type::Mount => source.mount.as_ref().and_then(|mount| mount.root.as_ref()),
        Type::Path => source.path.as_ref().and_then(|path| path.root.as_ref()),
        Type::Unknown => return "UNKNOWN".to_owned(),
        Type::Block | Type::Raw => None,
    };
    let root = root.map(|root| format!(":{root}")).unwrap_or_default();
    format!(
        "{}{}",
        source_type_name(source.r#type()),
        csi.unwrap_or(root)
    )
}

pub(super) fn source_type_name(kind: disk_info::source::Type) -> &'static str {
    use disk_info::source::Type;
    match kind {
        Type::Unknown => "UNKNOWN",
        Type::Path => "PATH",
        Type::Mount => "MOUNT",
        Type::Block => "BLOCK",
        Type::Raw => "RAW",
    }
}

impl Display for Resource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.allocation.is_none() && self.details.is_none() {
            return write!(f, "{}:{}", self.name(), self.value());
        }
        Described(&format::to_proto(self)).fmt(f)
    }
}

/// `cpus:4; mem:1024`, or `{}` for nothing. A shared resource says how many
/// users are counted.
impl Display for Resources {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (i, resource) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{resource}")?;
            if resource.is_shared() {
                write!(f, "<{}>", resource.copies())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> v1::Resource {
        v1::Resource {
            name: "disk".into(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value: 1.0 }),
            reservations: vec![ReservationInfo {
                r#type: Some(reservation_info::Type::Static as i32),
                role: Some("alice".into()),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn every_property_shows() {
        let mut resource = disk();
        assert_eq!(
            Described(&resource).to_string(),
            "disk(reservations: [(STATIC,alice)]):1"
        );

        resource.allocation_info = Some(v1::resource::AllocationInfo {
            role: Some("role".into()),
        });
        assert_eq!(
            Described(&resource).to_string(),
            "disk(allocated: role)(reservations: [(STATIC,alice)]):1"
        );

        resource.allocation_info = None;
        resource.disk = Some(Box::new(v1::resource::DiskInfo {
            persistence: Some(disk_info::Persistence {
                id: "hadoop".into(),
                principal: None,
            }),
            volume: Some(v1::Volume {
                container_path: "/data".into(),
                ..Default::default()
            }),
            source: None,
        }));
        resource.revocable = Some(v1::resource::RevocableInfo {});
        assert_eq!(
            Described(&resource).to_string(),
            "disk(reservations: [(STATIC,alice)])[hadoop:/data]{REV}:1"
        );

        resource.revocable = None;
        let disk = resource.disk.as_mut().unwrap();
        let volume = disk.volume.as_mut().unwrap();
        volume.host_path = Some("/hdfs".into());
        volume.set_mode(v1::volume::Mode::Rw);
        disk.source = Some(disk_info::Source {
            r#type: disk_info::source::Type::Mount as i32,
            mount: Some(disk_info::source::Mount {
                root: Some("/mnt1".into()),
            }),
            ..Default::default()
        });
        assert_eq!(
            Described(&resource).to_string(),
            "disk(reservations: [(STATIC,alice)])[MOUNT:/mnt1,hadoop:/hdfs:/data:rw]:1"
        );

        resource.disk = None;
        resource.reservations.push(ReservationInfo {
            r#type: Some(reservation_info::Type::Dynamic as i32),
            role: Some("alice/refined".into()),
            principal: Some("hdfs-p".into()),
            labels: Some(v1::Labels {
                labels: vec![
                    v1::Label {
                        key: "foo".into(),
                        value: Some("bar".into()),
                    },
                    v1::Label {
                        key: "foo".into(),
                        value: None,
                    },
                ],
            }),
        });
        assert_eq!(
            Described(&resource).to_string(),
            "disk(reservations: [(STATIC,alice),(DYNAMIC,alice/refined,hdfs-p,{foo: bar, foo})]):1"
        );
    }

    #[test]
    fn what_is_not_valid_shows_too() {
        let mut resource = disk();
        resource.scalar = Some(v1::value::Scalar { value: -1.0 });
        resource.reservations.clear();
        assert_eq!(Described(&resource).to_string(), "disk:-1");
        resource.r#type = v1::value::Type::Ranges as i32;
        assert_eq!(Described(&resource).to_string(), "disk:[]");
    }
}
