//! The processes that come from one, as `/proc` shows them.

use std::collections::BTreeSet;
use std::fs;
use std::io;

/// A process. A pid is used again after its process; pid and start together are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Its pid.
    pub pid: u32,
    /// Its parent's pid.
    pub parent: u32,
    /// When it started, in clock ticks since the system's start.
    pub started: u64,
}

/// Reads the text of `/proc/<pid>/stat`. None when it is not of its form.
pub fn parse_stat(text: &str) -> Option<Process> {
    // The name of the program stands in parentheses and may itself hold any character.
    let (pid, rest) = text.split_once(" (")?;
    let (_, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    // After the name: state, parent, and 17 others before the start.
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Process {
        pid: pid.parse().ok()?,
        parent,
        started,
    })
}

/// The processes of `all` that come from `root`, without itself, parents first.
pub fn descendants(root: u32, all: &[Process]) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    let mut known = BTreeSet::from([root]);
    let mut parents = vec![root];
    while !parents.is_empty() {
        let is_child = |process: &&Process| parents.contains(&process.parent);
        let children: Vec<Process> = all
            .iter()
            .filter(is_child)
            .filter(|child| known.insert(child.pid))
            .copied()
            .collect();
        parents = children.iter().map(|child| child.pid).collect();
        found.extend(children);
    }
    found
}

/// The process of this pid, if there is one.
pub fn process(pid: u32) -> Option<Process> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// All processes of the machine that this one can see.
///
/// # Errors
///
/// When `/proc` cannot be read.
pub fn all() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let pid = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // One that has ended meanwhile is none any more.
        processes.extend(pid.and_then(process));
    }
    Ok(processes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let numbers = "1 7 7 0 -1 4194560 90 0 0 0 0 0 0 0 20 0 1 0 4242 2465792 200";
        let text = format!("42 (a) b (c) S {numbers}\n");
        assert_eq!(
            parse_stat(&text),
            Some(Process {
                pid: 42,
                parent: 1,
                started: 4242
            })
        );
        assert_eq!(parse_stat("42 (a"), None);
        assert_eq!(parse_stat("42 (a) S 1 7"), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_once() {
        let process = |pid, parent| Process {
            pid,
            parent,
            started: 0,
        };
        let all = [
            process(5, 4),
            process(2, 1),
            process(4, 2),
            process(3, 1),
            process(9, 8),
        ];
        let found: Vec<u32> = descendants(1, &all)
            .iter()
            .map(|process| process.pid)
            .collect();
        assert_eq!(found, [2, 3, 4, 5]);
        // Read while processes end and pids are used again, a tree may seem to bite its tail.
        let circle = [process(2, 3), process(3, 2)];
        assert_eq!(descendants(2, &circle), [process(3, 2)]);
    }

    #[test]
    fn this_process_is_among_all() {
        let me = process(std::process::id()).unwrap();
        assert!(all().unwrap().contains(&me));
    }
}
