//! What others may make a daemon hold, tried against real ones (rows 24 to 31 of the fault
//! matrix): each limit has a clear answer, and the daemon's memory stays flat.

mod answers;
mod bodies;
mod connections;
mod messages;
mod streams;

const KILOBYTE: u64 = 1 << 10;
const MEGABYTE: usize = 1 << 20;
/// Growth up to this many megabytes is what the allocator keeps of what was freed: less than
/// any of the attacks would take if it were held.
const FLAT: u64 = 80;

/// The most memory that a process has had since this was made.
struct Peak {
    process: u32,
    /// Resident kilobytes at the beginning.
    before: u64,
}

impl Peak {
    fn of(process: u32) -> Self {
        // Begins the peak anew.
        std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
        let before = status(process, "VmRSS:");
        Self { process, before }
    }

    /// By how many megabytes it has grown at most. Printed, to be shown with --nocapture.
    fn grown(&self, what: &str) -> u64 {
        let kilobytes = status(self.process, "VmHWM:").saturating_sub(self.before);
        println!("{what}: grew by {kilobytes} kB at most");
        kilobytes / KILOBYTE
    }
}

fn status(process: u32, key: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}
