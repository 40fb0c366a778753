//! Order by dominant share, of clients without a hierarchy.

use super::{Bench, amounts};
use crate::allocator::sorter::{Fairness, SorterKind};

#[test]
fn drf() {
    let mut bench = Bench::drf();
    assert!(bench.sort().is_empty());

    bench.add_with("a", "cpus:5;mem:5");
    bench.add_with("b", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["a", "b"]);

    bench.add_with("c", "cpus:1;mem:1");
    bench.add_with("d", "cpus:3;mem:1");
    assert_eq!(bench.sort(), ["c", "d", "a", "b"]);

    bench.remove("a");
    bench.unallocated("b", "cpus:4;mem:4");
    assert_eq!(bench.sort(), ["c", "b", "d"]);

    bench.add_with("e", "cpus:1;mem:5");
    bench.set_total("cpus:50;mem:100");
    assert_eq!(bench.sort(), ["c", "b", "e", "d"]);

    bench.set_total("cpus:50;mem:200");
    bench.add_with("f", "cpus:5;mem:1");
    bench.allocated("c", "mem:15");
    assert_eq!(bench.sort(), ["e", "b", "d", "c", "f"]);

    bench.deactivate("d");
    assert_eq!(bench.sort(), ["e", "b", "c", "f"]);
    bench.activate("d");
    assert_eq!(bench.sort(), ["e", "b", "d", "c", "f"]);
}

#[test]
fn wdrf() {
    let mut bench = Bench::drf();
    bench.add_with("a", "cpus:5;mem:5");
    bench.weight("b", 2.0);
    bench.add_with("b", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["b", "a"]);

    bench.add_with("c", "cpus:4;mem:4");
    assert_eq!(bench.sort(), ["b", "c", "a"]);

    bench.add_with("d", "");
    bench.weight("d", 10.0);
    bench.allocated("d", "cpus:10;mem:20");
    assert_eq!(bench.sort(), ["d", "b", "c", "a"]);

    bench.remove("b");
    assert_eq!(bench.sort(), ["d", "c", "a"]);
    bench.allocated("d", "cpus:10;mem:25");
    assert_eq!(bench.sort(), ["c", "d", "a"]);

    bench.weight("e", 0.1);
    bench.add_with("e", "cpus:1;mem:1");
    assert_eq!(bench.sort(), ["c", "d", "a", "e"]);
    bench.remove("a");
    assert_eq!(bench.sort(), ["c", "d", "e"]);
}

#[test]
fn update_weight() {
    let mut bench = Bench::drf();
    bench.add_with("a", "cpus:5;mem:5");
    bench.add_with("b", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["a", "b"]);
    bench.weight("b", 2.0);
    assert_eq!(bench.sort(), ["b", "a"]);
    bench.weight("b", 1.0);
    assert_eq!(bench.sort(), ["a", "b"]);
}

#[test]
fn a_weight_outlives_its_client() {
    let mut bench = Bench::drf();
    bench.weight("b", 2.0);
    bench.add_with("a", "cpus:5");
    bench.add_with("b", "cpus:6");
    assert_eq!(bench.sort(), ["b", "a"]);
    bench.remove("b");
    bench.add_with("b", "cpus:6");
    assert_eq!(bench.sort(), ["b", "a"]);
}

#[test]
fn allocation_count_tie_break() {
    let mut bench = Bench::drf();
    for name in ["a", "b", "c", "d", "e"] {
        bench.add_with(name, "");
    }
    bench.allocated("a", "cpus:3;mem:3");
    bench.allocated("b", "cpus:3;mem:3");
    for _ in 0..3 {
        bench.allocated("c", "cpus:1;mem:1");
    }
    bench.allocated("d", "cpus:2;mem:2");
    bench.allocated("d", "cpus:1;mem:1");
    bench.allocated("e", "cpus:3;mem:3");
    assert_eq!(bench.sort(), ["a", "b", "e", "d", "c"]);

    bench.unallocated("c", "cpus:3;mem:3");
    assert_eq!(bench.sort(), ["c", "a", "b", "e", "d"]);
    bench.allocated("c", "cpus:3;mem:3");
    assert_eq!(bench.sort(), ["a", "b", "e", "d", "c"]);

    bench.deactivate("c");
    bench.activate("c");
    assert_eq!(
        bench.sort(),
        ["a", "b", "e", "d", "c"],
        "turns are not forgotten"
    );

    bench.deactivate("a");
    bench.unallocated("a", "cpus:1;mem:3");
    bench.allocated("a", "cpus:1;mem:3");
    assert_eq!(bench.sort(), ["b", "e", "d", "c"]);
    bench.activate("a");
    assert_eq!(bench.sort(), ["b", "e", "a", "d", "c"]);
}

#[test]
fn split_resource_shares() {
    let mut bench = Bench::new(SorterKind::Drf, "cpus:100;mem:100;disk:100");
    bench.add_with("a", "cpus:9;mem:9;disk:9");
    bench.add_with("b", "cpus:9;mem:9;disk:10");
    assert_eq!(bench.sort(), ["a", "b"]);
}

#[test]
fn update_total() {
    let mut bench = Bench::new(SorterKind::Drf, "cpus:10;mem:100");
    bench.add_with("a", "cpus:2;mem:1");
    bench.add_with("b", "cpus:1;mem:2");
    assert_eq!(bench.sort(), ["b", "a"]);
    bench.set_total("cpus:100;mem:10");
    assert_eq!(bench.sort(), ["a", "b"]);
}

#[test]
fn remove_resources() {
    let mut bench = Bench::new(SorterKind::Drf, "cpus:10");
    bench.add_with("a", "cpus:6");
    bench.add_with("b", "cpus:4");
    assert_eq!(bench.sort(), ["b", "a"]);
    bench.set_total("cpus:5");
    bench.update("a", "cpus:6", "cpus:1");
    assert_eq!(bench.sort(), ["a", "b"]);
}

#[test]
fn what_the_cluster_has_none_of_makes_no_share() {
    let mut bench = Bench::new(SorterKind::Drf, "cpus:10");
    bench.add_with("a", "mem:1000");
    bench.add_with("b", "cpus:1");
    assert_eq!(bench.sort(), ["a", "b"]);
}

#[test]
fn excluded_names_make_no_share() {
    let mut fairness = Fairness::new(["gpus".to_owned()].into());
    fairness.add(&amounts("cpus:10;gpus:1"));
    assert_eq!(fairness.dominant_share(&amounts("cpus:1;gpus:1")), 0.1);
}
