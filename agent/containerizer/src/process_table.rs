//! A look at all processes of the machine at one moment, and which of them are one container's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use nix::unistd::Pid;
use procfs::FromRead as _;
use procfs::process::Stat;

/// A process as it was at the moment of the look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its id.
    pub(crate) pid: i32,
    /// Its parent's id.
    pub(crate) parent: i32,
    /// Its session.
    pub(crate) session: i32,
    /// When it started, in clock ticks since boot: with the id it names a process for ever,
    /// since ids are used again (D11).
    pub(crate) start: u64,
    /// Ended, and only kept until its parent has asked for its exit status.
    pub(crate) zombie: bool,
    /// Processor time in user mode, its own and that of its ended children, in clock ticks.
    pub(crate) user_ticks: u64,
    /// Processor time in the kernel, likewise.
    pub(crate) system_ticks: u64,
    /// Memory in use, in pages.
    pub(crate) resident_pages: u64,
    /// How many threads it has.
    pub(crate) threads: u64,
}

impl Entry {
    /// Looks at one process; `None` if it is gone.
    pub(crate) fn read(pid: i32) -> Option<Entry> {
        let stat = Stat::from_file(format!("/proc/{pid}/stat")).ok()?;
        let ticks = |own: u64, children: i64| own + u64::try_from(children).unwrap_or(0);
        Some(Entry {
            pid: stat.pid,
            parent: stat.ppid,
            session: stat.session,
            start: stat.starttime,
            zombie: matches!(stat.state, 'Z' | 'X' | 'x'),
            user_ticks: ticks(stat.utime, stat.cutime),
            system_ticks: ticks(stat.stime, stat.cstime),
            resident_pages: stat.rss,
            threads: u64::try_from(stat.num_threads).unwrap_or(0),
        })
    }
}

/// All processes at one moment, or nearly: they come and go while it is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProcessTable {
    entries: BTreeMap<i32, Entry>,
}

impl ProcessTable {
    /// Looks at the machine.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub(crate) fn read() -> Result<ProcessTable, io::Error> {
        let entries = pids()?
            .filter_map(Entry::read)
            .map(|entry| (entry.pid, entry))
            .collect();
        Ok(ProcessTable { entries })
    }

    /// The processes of the container whose first process is, or was, `root`: it, its session,
    /// their descendants, and the sessions that these lead. Sessions found stay in `sessions`,
    /// for a later look, when their leaders may be gone.
    pub(crate) fn members(&self, root: i32, sessions: &mut BTreeSet<i32>) -> Vec<&Entry> {
        let mut members = BTreeSet::new();
        sessions.insert(root);
        loop {
            let before = members.len();
            for entry in self.entries.values() {
                if entry.pid == root
                    || sessions.contains(&entry.session)
                    || members.contains(&entry.parent)
                {
                    members.insert(entry.pid);
                    if entry.session == entry.pid {
                        sessions.insert(entry.pid);
                    }
                }
            }
            if members.len() == before {
                break;
            }
        }
        // A session's number is free for others once nobody is left in it.
        sessions.retain(|session| {
            *session == root
                || members
                    .iter()
                    .any(|pid| self.session_of(*pid) == Some(*session))
        });
        members
            .iter()
            .filter_map(|pid| self.entries.get(pid))
            .collect()
    }

    fn session_of(&self, pid: i32) -> Option<i32> {
        self.entries.get(&pid).map(|entry| entry.session)
    }
}

/// The sessions in which there is anyone but their leader. Much cheaper than a whole
/// [`ProcessTable`], as no file is read.
///
/// # Errors
/// `/proc` cannot be read.
pub(crate) fn shared_sessions() -> Result<BTreeSet<i32>, io::Error> {
    // The kernel's own threads are in session 0, which rustix takes for a bug.
    let session = |pid: i32| nix::unistd::getsid(Some(Pid::from_raw(pid))).ok();
    let followers = pids()?.filter_map(|pid| {
        let session = session(pid)?.as_raw();
        (session != pid).then_some(session)
    });
    Ok(followers.collect())
}

fn pids() -> Result<impl Iterator<Item = i32>, io::Error> {
    let folders = std::fs::read_dir(Path::new("/proc"))?;
    Ok(folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(i32, i32, i32)]) -> ProcessTable {
        let entry = |&(pid, parent, session): &(i32, i32, i32)| Entry {
            pid,
            parent,
            session,
            start: 0,
            zombie: false,
            user_ticks: 0,
            system_ticks: 0,
            resident_pages: 0,
            threads: 1,
        };
        ProcessTable {
            entries: entries.iter().map(|e| (e.0, entry(e))).collect(),
        }
    }

    fn members(table: &ProcessTable, sessions: &mut BTreeSet<i32>) -> Vec<i32> {
        table
            .members(10, sessions)
            .into_iter()
            .map(|entry| entry.pid)
            .collect()
    }

    #[test]
    fn a_container_is_its_session_its_descendants_and_their_sessions() {
        let table = table(&[
            (1, 0, 1),
            (5, 1, 5), // the agent
            (6, 5, 5), // another child of the agent
            (10, 5, 10),
            (11, 10, 10),
            (12, 11, 12), // a task in a session of its own
            (13, 12, 12),
            (14, 1, 12), // orphaned, in the task's session
            (15, 1, 10), // orphaned, in the first session
            (16, 14, 16),
            (20, 1, 20), // nothing to do with it
        ]);
        let mut sessions = BTreeSet::new();
        assert_eq!(members(&table, &mut sessions), [10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(sessions, [10, 12, 16].into());
    }

    #[test]
    fn a_session_is_remembered_while_someone_is_left_in_it() {
        let mut sessions = BTreeSet::new();
        members(
            &table(&[(10, 5, 10), (12, 10, 12), (13, 12, 12)]),
            &mut sessions,
        );
        let left = table(&[(13, 1, 12)]);
        assert_eq!(members(&left, &mut sessions), [13]);
        assert_eq!(members(&table(&[]), &mut sessions), [0; 0]);
        let reused = table(&[(12, 1, 12)]);
        assert_eq!(members(&reused, &mut sessions), [0; 0]);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let own = i32::try_from(std::process::id()).unwrap();
        let table = ProcessTable::read().unwrap();
        let entry = &table.entries[&own];
        assert_eq!(entry.start, Entry::read(own).unwrap().start);
        assert!(entry.threads > 0 && entry.resident_pages > 0 && !entry.zombie);
    }
}
