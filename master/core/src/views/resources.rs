//! Resources in the short form of V0: amounts as numbers, ranges and sets as text.

use model::Resources;
use model::resources::{Quantities, Scalar, V0Value};

use super::json::{Fields, Json, Object, Serde};

/// Resources as `{"cpus": 7.9, …}`; cpus, gpus, mem and disk are always there (E10).
pub(crate) struct V0<'a>(pub(crate) &'a Resources);

impl Json for V0<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match amounts(self.0) {
            Some([cpus, gpus, mem, disk]) => Fields(|object: &mut Object<'_>| {
                object.field("cpus", cpus);
                object.field("gpus", gpus);
                object.field("mem", mem);
                object.field("disk", disk);
            })
            .write(out),
            None => write_any(self.0, out),
        }
    }
}

/// The four amounts, if there is nothing else: what nearly all tasks have, and what needs
/// no memory to sum up.
fn amounts(resources: &Resources) -> Option<[Scalar; 4]> {
    let [mut cpus, mut gpus, mut mem, mut disk] = [Scalar::ZERO; 4];
    for resource in resources {
        if resource.is_revocable() {
            return None;
        }
        let sum = match resource.name() {
            "cpus" => &mut cpus,
            "gpus" => &mut gpus,
            "mem" => &mut mem,
            "disk" => &mut disk,
            _ => return None,
        };
        *sum += resource.amount()?;
    }
    Some([cpus, gpus, mem, disk])
}

fn write_any(resources: &Resources, out: &mut Vec<u8>) {
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
    fn write(self, out: &mut Vec<u8>) {
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
    fn write(self, out: &mut Vec<u8>) {
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
            "cpus:1;ports:[1-5]",
            "bugs:7;zoo:{a,b}",
        ] {
            let resources = Resources::parse(text, &Role::any()).unwrap();
            let mut short = Vec::new();
            V0(&resources).write(&mut short);
            let mut long = Vec::new();
            write_any(&resources, &mut long);
            assert_eq!(
                String::from_utf8(short).unwrap(),
                String::from_utf8(long).unwrap()
            );
        }
    }
}
