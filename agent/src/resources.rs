//! What the agent offers: as the operator says, the rest as the machine has it (A21).

use std::collections::BTreeSet;

use messages::json;
use model::resources::{ResourceError, Resources};
use model::{Role, text};
use serde_json::Value;
use tracing::warn;

use crate::machine::Machine;

const MEGABYTE: u64 = 1 << 20;
const GIGABYTE: u64 = 1 << 30;

/// What is offered when the machine does not say.
const DEFAULT_CPUS: u64 = 1;
const DEFAULT_MEM: u64 = GIGABYTE;
const DEFAULT_DISK: u64 = 10 * GIGABYTE;
/// The ports that tasks may be given.
const DEFAULT_PORTS: &str = "ports:[31000-32000]";

/// Of memory: this much is left to the system, on machines with twice as much.
const MEM_LEFT: u64 = GIGABYTE;
/// Of the disk: this much is left to the system, on disks with twice as much.
const DISK_LEFT: u64 = 5 * GIGABYTE;

/// The agent's resources: those `given` (`--resources`), and what of `cpus`, `mem`, `disk`
/// and `ports` is not named there by what `machine` has.
///
/// # Errors
///
/// `given` cannot be read.
pub(crate) fn resources(
    given: Option<&str>,
    default_role: &Role,
    machine: &Machine,
) -> Result<Resources, ResourceError> {
    let given = given.unwrap_or_default();
    let mut resources = Resources::parse(given, default_role)?;
    let named = names(given);
    let mut add = |name: &str, amount: u64| -> Result<(), ResourceError> {
        if !named.contains(name) {
            let detected = format!("{name}:{amount}");
            resources += &Resources::parse(&detected, default_role)?;
        }
        Ok(())
    };
    add("cpus", found("cpus", machine.cpus, DEFAULT_CPUS))?;
    let mem = found(
        "mem",
        machine.mem.map(|all| share(all, MEM_LEFT)),
        DEFAULT_MEM,
    );
    add("mem", mem / MEGABYTE)?;
    let disk = found(
        "disk",
        machine.disk.map(|all| share(all, DISK_LEFT)),
        DEFAULT_DISK,
    );
    add("disk", disk / MEGABYTE)?;
    if !named.contains("ports") {
        resources += &Resources::parse(DEFAULT_PORTS, default_role)?;
    }
    Ok(resources)
}

fn found(name: &str, value: Option<u64>, default: u64) -> u64 {
    value.unwrap_or_else(|| {
        warn!("cannot find out how much {name} this machine has; offering {default}");
        default
    })
}

/// What is left of `all` when the system keeps its part; half of it on small machines.
const fn share(all: u64, left: u64) -> u64 {
    if all >= 2 * left { all - left } else { all / 2 }
}

/// The names that a resources text mentions, also those of which there is none.
fn names(given: &str) -> BTreeSet<String> {
    match json::parse(given.as_bytes()) {
        Ok(Value::Array(resources)) => resources
            .iter()
            .filter_map(|resource| Some(resource.get("name")?.as_str()?.to_owned()))
            .collect(),
        _ => text::tokens(given, ";")
            .filter_map(|token| token.split([':', '(']).next())
            .map(|name| name.trim().to_owned())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        cpus: Some(8),
        mem: Some(16 * GIGABYTE),
        disk: Some(100 * GIGABYTE),
    };

    fn of(given: &str, machine: &Machine) -> String {
        let given = (!given.is_empty()).then_some(given);
        resources(given, &Role::any(), machine).unwrap().to_string()
    }

    #[test]
    fn the_machine_is_offered_but_for_the_systems_part() {
        assert_eq!(
            of("", &MACHINE),
            "cpus:8; mem:15360; disk:97280; ports:[31000-32000]"
        );
    }

    #[test]
    fn of_a_small_machine_half_is_offered() {
        let small = Machine {
            cpus: Some(1),
            mem: Some(GIGABYTE),
            disk: Some(8 * GIGABYTE),
        };
        assert_eq!(
            of("", &small),
            "cpus:1; mem:512; disk:4096; ports:[31000-32000]"
        );
    }

    #[test]
    fn what_is_given_is_not_detected() {
        assert_eq!(
            of("cpus:2;mem:64;ports:[1-2];gold:7", &MACHINE),
            "cpus:2; mem:64; ports:[1-2]; gold:7; disk:97280"
        );
        let json = r#"[{"name":"disk","type":"SCALAR","scalar":{"value":5}},
                       {"name":"cpus","type":"SCALAR","scalar":{"value":1}}]"#;
        let all = resources(Some(json), &Role::any(), &MACHINE).unwrap();
        assert_eq!((all.disk().to_f64(), all.cpus().to_f64()), (5.0, 1.0));
        assert_eq!(all.mem().to_f64(), 15360.0);
    }

    #[test]
    fn nothing_of_a_resource_can_be_given() {
        let all = resources(Some("cpus:0;disk(web):0"), &Role::any(), &MACHINE).unwrap();
        assert_eq!((all.cpus().to_f64(), all.disk().to_f64()), (0.0, 0.0));
    }

    #[test]
    fn what_is_detected_belongs_to_the_default_role() {
        let web = Role::parse("web").unwrap();
        let all = resources(Some("cpus(*):2"), &web, &MACHINE).unwrap();
        assert_eq!(all.reserved_to(&web).mem().to_f64(), 15360.0);
        assert_eq!(all.unreserved().cpus().to_f64(), 2.0);
    }

    #[test]
    fn a_silent_machine_offers_a_little() {
        assert_eq!(
            of("", &Machine::default()),
            "cpus:1; mem:1024; disk:10240; ports:[31000-32000]"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(resources(Some("cpus"), &Role::any(), &MACHINE).is_err());
    }
}
