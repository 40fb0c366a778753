//! The order kept step by step is the order that sorting from scratch gives.

use proptest::prelude::*;

use super::Bench;

#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Remove(usize),
    Activate(usize),
    Deactivate(usize),
    Allocate(usize, u8),
    Free(usize),
    Weigh(usize, u8),
    Total(u8),
    Sort,
}

const PATHS: [&str; 8] = ["a", "b", "a/b", "a/c", "a/c/d", "e/f", "e", "g/h/i"];

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    prop_oneof![
        3 => path.clone().prop_map(Step::Add),
        1 => path.clone().prop_map(Step::Remove),
        2 => path.clone().prop_map(Step::Activate),
        1 => path.clone().prop_map(Step::Deactivate),
        4 => (path.clone(), 1..9u8).prop_map(|(path, n)| Step::Allocate(path, n)),
        2 => path.clone().prop_map(Step::Free),
        1 => (path, 1..5u8).prop_map(|(path, n)| Step::Weigh(path, n)),
        1 => (50..200u8).prop_map(Step::Total),
        3 => Just(Step::Sort),
    ]
}

/// Does the steps; sorts in between only if told to.
fn play(steps: &[Step], sorting: bool) -> Bench {
    let mut bench = Bench::drf();
    for step in steps {
        let known = |path: &usize| bench.leaves.contains_key(PATHS[*path]);
        match step {
            Step::Add(path) if !known(path) => bench.add_with(PATHS[*path], ""),
            Step::Remove(path) if known(path) => bench.remove(PATHS[*path]),
            Step::Activate(path) if known(path) => bench.activate(PATHS[*path]),
            Step::Deactivate(path) if known(path) => bench.deactivate(PATHS[*path]),
            Step::Allocate(path, n) if known(path) => {
                bench.allocated(PATHS[*path], &format!("cpus:{n};mem:1"));
            }
            Step::Free(path) if known(path) => bench.unallocated(PATHS[*path], "cpus:2;mem:1"),
            Step::Weigh(path, n) => bench.weight(PATHS[*path], f64::from(*n)),
            Step::Total(n) => bench.set_total(&format!("cpus:{n};mem:100")),
            Step::Sort if sorting => {
                bench.sort();
            }
            _ => {}
        }
    }
    bench
}

fn order(bench: &mut Bench) -> Vec<String> {
    bench.sort().into_iter().map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn the_order_kept_is_the_order_made_anew(steps in prop::collection::vec(step(), 0..60)) {
        let mut bench = play(&steps, true);
        let kept = order(&mut bench);
        // Shares follow the totals, so that after this nothing of the order is trusted.
        let total = bench.total.clone().to_string();
        bench.set_total("cpus:1000");
        bench.set_total(&total.replace(' ', ""));
        prop_assert_eq!(kept, order(&mut bench));
    }

    #[test]
    fn sorting_in_between_changes_nothing(steps in prop::collection::vec(step(), 0..60)) {
        prop_assert_eq!(order(&mut play(&steps, true)), order(&mut play(&steps, false)));
    }
}
