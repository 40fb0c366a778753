//! Order of clients below one another.

use super::{Bench, amounts, both};

/// The course of `drf`, with each client below others at some depth: the order is the
/// same.
fn like_flat(paths: [&str; 6]) {
    let [a, b, c, d, e, f] = paths;
    let mut bench = Bench::drf();
    bench.add_with(a, "cpus:5;mem:5");
    bench.add_with(b, "cpus:6;mem:6");
    bench.add_with(c, "cpus:1;mem:1");
    bench.add_with(d, "cpus:3;mem:1");
    assert_eq!(bench.sort(), [c, d, a, b]);
    bench.remove(a);
    bench.unallocated(b, "cpus:4;mem:4");
    assert_eq!(bench.sort(), [c, b, d]);
    bench.add_with(e, "cpus:1;mem:5");
    bench.set_total("cpus:50;mem:100");
    assert_eq!(bench.sort(), [c, b, e, d]);
    bench.set_total("cpus:50;mem:200");
    bench.add_with(f, "cpus:5;mem:1");
    bench.allocated(c, "mem:15");
    assert_eq!(bench.sort(), [e, b, d, c, f]);
    bench.deactivate(d);
    assert_eq!(bench.sort(), [e, b, c, f]);
    bench.activate(d);
    assert_eq!(bench.sort(), [e, b, d, c, f]);
}

#[test]
fn shallow_hierarchy() {
    like_flat(["a/a", "b/b", "c/c", "d/d", "e/e", "f/f"]);
}

#[test]
fn deep_hierarchy() {
    like_flat(["a/a/a/a/a", "b/b/b/b", "c/c/c", "d/d", "e/e/e/e/e/e", "f/f"]);
}

#[test]
fn hierarchical_allocation() {
    let mut bench = Bench::drf();
    for path in ["a", "b/c", "b/d"] {
        bench.add_with(path, "");
    }
    assert_eq!(bench.sort(), ["a", "b/c", "b/d"]);
    bench.allocated("a", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["b/c", "b/d", "a"]);
    bench.allocated("b/c", "cpus:4;mem:4");
    bench.allocated("b/d", "cpus:3;mem:3");
    assert_eq!(bench.sort(), ["a", "b/d", "b/c"]);
    assert_eq!(bench.held("b/c"), amounts("cpus:4;mem:4"));
    assert_eq!(bench.held_in_all(), amounts("cpus:13;mem:13"));

    bench.allocated("a", "cpus:2;mem:2");
    assert_eq!(bench.sort(), ["b/d", "b/c", "a"]);
    bench.add_with("b/e/f", "");
    assert_eq!(bench.sort(), ["b/e/f", "b/d", "b/c", "a"]);
    bench.allocated("b/e/f", "cpus:3.5;mem:3.5");
    assert_eq!(bench.sort(), ["a", "b/d", "b/e/f", "b/c"]);
    bench.remove("b/e/f");
    assert_eq!(bench.sort(), ["b/d", "b/c", "a"]);
    bench.update("b/c", "cpus:4;mem:4", "cpus:1;mem:1");
    assert_eq!(bench.sort(), ["b/c", "b/d", "a"]);
    bench.add_with("b/e/f", "cpus:3.5;mem:3.5");
    assert_eq!(bench.sort(), ["b/c", "b/d", "b/e/f", "a"]);
}

#[test]
fn hierarchical_iteration_order() {
    let mut bench = Bench::drf();
    for path in ["a/b", "c", "d", "d/e"] {
        bench.add_with(path, "");
    }
    assert_eq!(bench.sort(), ["a/b", "c", "d", "d/e"]);
    bench.allocated("c", "cpus:8;mem:8");
    assert_eq!(bench.sort(), ["a/b", "d", "d/e", "c"]);
    bench.allocated("d", "cpus:3;mem:3");
    bench.allocated("d/e", "cpus:2;mem:2");
    assert_eq!(bench.sort(), ["a/b", "d/e", "d", "c"]);
    bench.allocated("a/b", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["d/e", "d", "a/b", "c"]);
}

#[test]
fn add_child_to_leaf() {
    let mut bench = Bench::drf();
    bench.add_with("a", "cpus:10;mem:10");
    bench.add_with("b", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["b", "a"]);
    bench.add_with("a/c", "cpus:5;mem:5");
    assert_eq!(bench.sort(), ["b", "a/c", "a"]);

    bench.remove("a");
    assert_eq!(bench.sort(), ["a/c", "b"]);
    bench.add_with("a", "cpus:10;mem:10");
    assert_eq!(bench.sort(), ["b", "a/c", "a"]);

    bench.weight("a/c", 0.2);
    assert_eq!(bench.sort(), ["b", "a", "a/c"]);
    bench.weight("a", 3.0);
    assert_eq!(bench.sort(), ["a", "a/c", "b"]);
    bench.weight("a/c", 1.0);
    assert_eq!(bench.sort(), ["a/c", "a", "b"]);
}

#[test]
fn add_child_to_internal() {
    let mut bench = Bench::drf();
    bench.add_with("x/a", "cpus:10;mem:10");
    bench.add_with("x/b", "cpus:6;mem:6");
    assert_eq!(bench.sort(), ["x/b", "x/a"]);
    bench.add_with("x", "cpus:7;mem:7");
    assert_eq!(bench.sort(), ["x/b", "x", "x/a"]);
    bench.add_with("z", "cpus:20;mem:20");
    assert_eq!(bench.sort(), ["z", "x/b", "x", "x/a"]);
    bench.remove("x");
    assert_eq!(bench.sort(), ["x/b", "x/a", "z"]);
}

#[test]
fn add_child_to_inactive_leaf() {
    let mut bench = Bench::drf();
    bench.add_with("a", "cpus:10;mem:10");
    bench.add_with("b", "cpus:6;mem:6");
    bench.deactivate("a");
    assert_eq!(bench.sort(), ["b"]);
    bench.add_with("a/c", "cpus:5;mem:5");
    assert_eq!(
        bench.sort(),
        ["b", "a/c"],
        "what the inactive parent holds counts"
    );
}

#[test]
fn remove_leaf_collapse_parent() {
    both(|bench| {
        bench.add_with("a", "cpus:10;mem:10");
        bench.add_with("b", "cpus:6;mem:6");
        bench.add_with("a/c", "cpus:5;mem:5");
        assert_eq!(bench.sorted_names(), ["a", "a/c", "b"]);
        bench.remove("a/c");
        assert_eq!(bench.sorted_names(), ["a", "b"]);
    });
}

#[test]
fn remove_leaf_collapse_parent_inactive() {
    both(|bench| {
        bench.add_with("a", "cpus:10;mem:10");
        bench.add_with("b", "cpus:6;mem:6");
        bench.add_with("a/c", "cpus:5;mem:5");
        bench.deactivate("a");
        assert_eq!(bench.sorted_names(), ["a/c", "b"]);
        bench.remove("a/c");
        assert_eq!(bench.sort(), ["b"]);
    });
}

#[test]
fn change_weight_on_subtree() {
    let mut bench = Bench::drf();
    bench.weight("b", 3.0);
    bench.weight("a", 2.0);
    bench.add_with("a/x", "");
    bench.add_with("b/y", "");
    assert_eq!(bench.sort(), ["a/x", "b/y"]);
    bench.allocated("a/x", "cpus:10;mem:10");
    bench.allocated("b/y", "cpus:10;mem:10");
    assert_eq!(bench.sort(), ["b/y", "a/x"]);
    bench.add_with("b/z", "cpus:5;mem:5");
    assert_eq!(bench.sort(), ["b/z", "b/y", "a/x"]);
    bench.add_with("b", "cpus:4;mem:4");
    assert_eq!(bench.sort(), ["a/x", "b", "b/z", "b/y"]);
    bench.add_with("a/zz", "cpus:2;mem:2");
    assert_eq!(bench.sort(), ["a/zz", "a/x", "b", "b/z", "b/y"]);
}

#[test]
fn update_allocation_nested_client() {
    both(|bench| {
        bench.add_with("a/b", "cpus:10;mem:10");
        bench.update("a/b", "cpus:5;mem:5", "cpus:5;disk:5");
        assert_eq!(bench.held("a/b"), amounts("cpus:10;mem:5;disk:5"));
        assert_eq!(bench.held_in_all(), amounts("cpus:10;mem:5;disk:5"));
    });
}

#[test]
fn allocation_for_inactive_client() {
    both(|bench| {
        bench.add("a");
        bench.add("b");
        bench.allocated("a", "cpus:2;mem:2");
        bench.allocated("b", "cpus:3;mem:3");
        assert_eq!(bench.held("a"), amounts("cpus:2;mem:2"));
        assert_eq!(bench.held_in_all(), amounts("cpus:5;mem:5"));
        assert!(bench.sort().is_empty());
    });
}
