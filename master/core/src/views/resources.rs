//! Resources in the short form of V0: amounts as numbers, ranges and sets as text.

use model::resources::{Quantities, Ranges, Scalar, V0Value, ValueRef};
use model::{Resource, Resources};

use super::json::{Fields, Json, Object, Serde};
use super::output::Output;

/// Resources as `{"cpus": 7.9, …}`; cpus, gpus, mem and disk are always there (E10).
pub(crate) struct V0<'a>(pub(crate) &'a Resources);

impl Json for V0<'_> {
    fn write(self, out: &mut Output) {
        match Usual::sum(self.0.iter()) {
            Some(usual) => usual.write(out),
            None => write_any(self.0, out),
        }
    }
}

/// What of the resources is anybody's, in the same form.
pub(crate) struct Unreserved<'a>(pub(crate) &'a Resources);

impl Json for Unreserved<'_> {
    fn write(self, out: &mut Output) {
        match Usual::sum(self.0.iter().filter(|it| it.is_unreserved())) {
            Some(usual) => usual.write(out),
            None => write_any(&self.0.unreserved(), out),
        }
    }
}

/// The four amounts and ports in one piece: what nearly all tasks and agents have, and
/// what needs no memory to sum up.
struct Usual<'a> {
    cpus: Scalar,
    gpus: Scalar,
    mem: Scalar,
    disk: Scalar,
    ports: Option<&'a Ranges>,
}

impl<'a> Usual<'a> {
    /// None if there is anything else.
    fn sum(resources: impl Iterator<Item = &'a Resource>) -> Option<Self> {
        let [cpus, gpus, mem, disk] = [Scalar::ZERO; 4];
        let mut usual = Self {
            cpus,
            gpus,
            mem,
            disk,
            ports: None,
        };
        for resource in resources {
            if resource.is_revocable() {
                return None;
            }
            match (resource.name(), resource.value()) {
                ("cpus", ValueRef::Scalar(amount)) => usual.cpus += amount,
                ("gpus", ValueRef::Scalar(amount)) => usual.gpus += amount,
                ("mem", ValueRef::Scalar(amount)) => usual.mem += amount,
                ("disk", ValueRef::Scalar(amount)) => usual.disk += amount,
                ("ports", ValueRef::Ranges(ranges)) if usual.ports.is_none() => {
                    usual.ports = Some(ranges);
                }
                _ => return None,
            }
        }
        Some(usual)
    }
}

impl Json for Usual<'_> {
    fn write(self, out: &mut Output) {
        Fields(|object: &mut Object<'_>| {
            object.field("cpus", self.cpus);
            object.field("gpus", self.gpus);
            object.field("mem", self.mem);
            object.field("disk", self.disk);
            object.optional("ports", self.ports);
        })
        .write(out);
    }
}

/// `"[31000-31999, 32001-32001]"`
impl Json for &Ranges {
    fn write(self, out: &mut Output) {
        out.extend_from_slice(b"\"[");
        for (index, (begin, end)) in self.as_slice().iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            begin.write(out);
            out.push(b'-');
            end.write(out);
        }
        out.extend_from_slice(b"]\"");
    }
}

fn write_any(resources: &Resources, out: &mut Output) {
    Fields(|object: &mut Object<'_>| {
        for (name, value) in resources.v0_object() {
            match value {
                V0Value::Number(number) => object.entry(&name, number),
                V0Value::Text(text) => object.entry(&name, text.as_str()),
            }
        }
    })
    .write(out);
}

impl Json for &Quantities {
    fn write(self, out: &mut Output) {
        Fields(|object: &mut Object<'_>| {
            for (name, amount) in self.iter() {
                object.entry(name, amount);
            }
        })
        .write(out);
    }
}

/// Resources in full, as `/slaves` and GET_AGENTS show them: what `/unreserve` and the
/// like want to be told (E4).
pub(crate) struct Full<'a>(pub(crate) &'a Resources);

impl Json for Full<'_> {
    fn write(self, out: &mut Output) {
        Serde(&self.0.to_proto_endpoint()).write(out);
    }
}

#[cfg(test)]
mod tests {
    use model::Role;

    use super::*;

    #[test]
    fn both_ways_of_writing_agree() {
        for text in [
            "",
            "cpus:1.5;mem:64",
            "cpus:1;cpus(web):0.001;gpus:2;disk:3",
            "cpus:1;ports:[1-5, 7-7, 9-12]",
            "ports:[1-5];ports(web):[6-9];cpus:1",
            "bugs:7;zoo:{a,b}",
        ] {
            let resources = Resources::parse(text, &Role::any()).unwrap();
            let short = Output::whole(|out| V0(&resources).write(out));
            let long = Output::whole(|out| write_any(&resources, out));
            assert_eq!(
                String::from_utf8(short).unwrap(),
                String::from_utf8(long).unwrap()
            );
        }
    }
}
