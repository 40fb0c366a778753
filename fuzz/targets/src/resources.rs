//! Resources, attributes and roles as operators and frameworks write them (A20-A22).

use model::resources::V0Object;
use model::{Resources, Role, attributes as attribute_text, role};

/// The text and JSON forms. What is accepted obeys the algebra and survives the wire.
pub(crate) fn resources(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(resources) = Resources::parse(&text, &Role::any()) else {
        return;
    };
    let again = Resources::from_proto(&resources.to_proto()).expect("what is valid stays valid");
    assert_eq!(again, resources);
    algebra(&resources);
}

/// What holds for all valid resources.
pub(crate) fn algebra(resources: &Resources) {
    assert!(
        resources.contains(resources),
        "{resources} contain themselves"
    );
    let mut nothing = resources.clone();
    let mut twice = resources.clone();
    for one in resources.iter() {
        nothing.sub_one(one);
        twice.add_one(one.clone());
    }
    assert!(
        nothing.is_empty(),
        "{resources} less themselves are {nothing}"
    );
    assert!(twice.contains(resources));
    serde_json::to_string(&V0Object(resources)).expect("resources are shown");
}

pub(crate) fn resources_seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"cpus:4;mem:1024;disk(web):100.5;ports:[1-9, 31000-32000]",
        b"pandas(zoo/a):{b, a};cpus(*):0.001;gpus:1",
        b"cpus:1e3;mem:-0;disk:nan;ports:[9-1]",
        b"cpus:99999999999999999;ports:[0-18446744073709551615,1-2]",
        br#"[{"name":"cpus","type":"SCALAR","scalar":{"value":45.55}},{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":9}]},"role":"r"}]"#,
        br#"[{"name":"d","type":"SCALAR","scalar":{"value":1},"disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}},"shared":{},"reservations":[{"type":"STATIC","role":"r"}]}]"#,
    ])
}

/// Attributes never panic, and equal themselves.
pub(crate) fn attributes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(attributes) = attribute_text::parse(&text) {
        let shown = attribute_text::V0Attributes(&attributes);
        serde_json::to_string(&shown).expect("attributes are shown");
        assert!(attribute_text::same(&attributes, &attributes));
    }
}

pub(crate) fn attributes_seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"rack:abc;zone:west;level:10;keys:[1000-1500]",
        b"a:{x,y};b:1.5;c:d:e",
        b"a:[1-2;b:",
    ])
}

/// A role that is accepted survives, and lies under each of its ancestors.
pub(crate) fn roles(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert_eq!(role::check(&text).is_ok(), Role::parse(&text).is_ok());
    let _ = model::ids::check(&text);
    if let Ok(role) = Role::parse(&text) {
        assert_eq!(role.as_str(), text);
        assert!(role.is_within(&role) && !role.is_under(&role));
        for ancestor in role.ancestors() {
            assert!(role.is_under(&ancestor), "{role} under {ancestor}");
            assert!(role::is_strict_subrole(role.as_str(), ancestor.as_str()));
        }
        assert_eq!(role.parent().is_some(), role.is_nested());
    }
}

pub(crate) fn roles_seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"*", b"a/b/c", b"-a", b"a//b", b"..", b"a/./b", b"a b", b"eng\x7f",
    ])
}
