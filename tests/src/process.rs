//! A daemon under test: its output is read, waited on, and shown when a test fails.

use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The longest that a test waits for anything: far beyond what it should take.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Output {
    lines: Mutex<(Vec<String>, usize)>,
    news: Condvar,
}

/// A running program. Killed when dropped.
pub struct Process {
    child: Child,
    output: Arc<Output>,
    name: String,
}

/// A program of this project, beside the running test in the target folder.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not built: run `cargo build --workspace --bins`",
        path.display()
    );
    path
}

impl Process {
    /// Starts a program and gathers what it prints.
    pub fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts a program that is told what to do on its standard input.
    pub fn start_with_input(command: &mut Command) -> (Self, ChildStdin) {
        let mut process = Self::spawn(command.stdin(Stdio::piped()));
        let input = process.child.stdin.take().unwrap();
        (process, input)
    }

    fn spawn(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let output = Arc::new(Output::default());
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        output.lines.lock().unwrap().1 = streams.len();
        for stream in streams {
            let output = Arc::clone(&output);
            thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    output.lines.lock().unwrap().0.push(line);
                    output.news.notify_all();
                }
                output.lines.lock().unwrap().1 -= 1;
                output.news.notify_all();
            });
        }
        Self {
            child,
            output,
            name,
        }
    }

    /// Waits for a line with these words and returns it.
    pub fn wait_for_line(&self, words: &str) -> String {
        self.wait_for_lines(1, &[words]).remove(0)
    }

    /// Waits for so many lines, each with all of these words, and returns them.
    pub fn wait_for_lines(&self, count: usize, words: &[&str]) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.output.lines.lock().unwrap();
        loop {
            let has_all = |line: &&String| words.iter().all(|words| line.contains(words));
            let found: Vec<_> = lines.0.iter().filter(has_all).take(count).collect();
            if found.len() == count {
                return found.into_iter().cloned().collect();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.1 == 0 || left.is_zero() {
                // What is dropped while a panic unwinds prints the lines too.
                drop(lines);
                panic!("{} never printed {words:?} {count} times", self.name);
            }
            lines = self.output.news.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// The line of this number, counted from zero; waits until it is printed.
    pub fn line(&self, number: usize) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.output.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.0.get(number) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.1 == 0 || left.is_zero() {
                drop(lines);
                panic!("{} printed no more", self.name);
            }
            lines = self.output.news.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// All that was printed so far.
    pub fn printed(&self) -> String {
        self.output.lines.lock().unwrap().0.join("\n")
    }

    /// Waits for the end, and for all output to be read.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.output.lines.lock().unwrap();
        while lines.1 > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(lines);
                panic!("{} did not end", self.name);
            }
            lines = self.output.news.wait_timeout(lines, left).unwrap().0;
        }
        drop(lines);
        self.child.wait().unwrap()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Ends the program as an operator would, and waits.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- {} printed:\n{}", self.name, self.printed());
        }
    }
}
