//! The text of `--help` (S66).

use super::{Flag, Kind};

/// Spaces between the columns.
const GAP: usize = 5;

/// The usage of a program: one flag per entry, sorted by name, its help beside it.
pub(super) fn usage(program: &str, flags: &[&Flag]) -> String {
    let mut rows: Vec<_> = flags
        .iter()
        .map(|flag| (left(flag), right(flag), flag.name))
        .collect();
    rows.sort_by_key(|(_, _, name)| *name);
    let width = rows
        .iter()
        .map(|(left, _, _)| left.len())
        .max()
        .unwrap_or_default()
        + GAP;
    let mut text = format!("Usage: {program} [options]\n\n");
    for (left, right, _) in rows {
        let mut left = left.as_str();
        for line in right.lines() {
            text.push_str(format!("{left:width$}{line}").trim_end());
            text.push('\n');
            left = "";
        }
    }
    text
}

fn left(flag: &Flag) -> String {
    let names: Vec<_> = [flag.name]
        .iter()
        .chain(flag.aliases)
        .map(|name| match flag.kind {
            Kind::Bool => format!("--[no-]{name}"),
            _ => format!("--{name}=VALUE"),
        })
        .collect();
    format!("  {}", names.join(", "))
}

fn right(flag: &Flag) -> String {
    match (flag.default, flag.required) {
        (Some(default), _) => format!("{} (default: {default})", flag.help),
        (None, true) => format!("{} (required)", flag.help),
        (None, false) => flag.help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_sorted_by_name() {
        let flags = [
            Flag::text("zk", "Where ZooKeeper is.\nSeveral lines.").required(),
            Flag::bool("quiet", "Be quiet.")
                .default("false")
                .aliases(&["silent"]),
        ];
        assert_eq!(
            usage("x", &flags.iter().collect::<Vec<_>>()),
            "Usage: x [options]\n\n\
             \x20 --[no-]quiet, --[no-]silent     Be quiet. (default: false)\n\
             \x20 --zk=VALUE                      Where ZooKeeper is.\n\
             \x20                                 Several lines. (required)\n"
        );
    }
}
