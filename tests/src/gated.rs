//! Commands for frameworks to run, which wait for the test before they end.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// So many commands that each leave a line in a file of their own when they run, and then
/// wait until the gate is opened.
pub struct Gated {
    folder: PathBuf,
    count: usize,
}

impl Gated {
    /// Such commands, with their files in `folder`.
    pub fn new(folder: &Path, count: usize) -> Self {
        let gated = Self {
            folder: folder.to_owned(),
            count,
        };
        let at = folder.display();
        let mut text = String::new();
        for number in 0..count {
            let _ = writeln!(
                text,
                "echo ran >> {at}/ran-{number}; until [ -e {at}/gate ]; do sleep 0.02; done"
            );
        }
        fs::write(gated.commands(), text).unwrap();
        gated
    }

    /// The file that holds the commands, one in each line.
    pub fn commands(&self) -> PathBuf {
        self.folder.join("commands")
    }

    /// Lets them end.
    pub fn open(&self) {
        fs::write(self.folder.join("gate"), "").unwrap();
    }

    /// Fails unless each of them has run, and only once.
    pub fn assert_each_ran_once(&self) {
        for number in 0..self.count {
            let ran = fs::read_to_string(self.folder.join(format!("ran-{number}"))).unwrap();
            assert_eq!(ran, "ran\n", "command {number}");
        }
    }
}
