//! Runs every target for a moment, on its seeds and on inputs bred from them. The inputs
//! are the same every time; the fuzzer goes on from here (`docs/testing.md`).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test has no documentation, and fails by panicking"
)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use fuzz_targets::{TARGETS, Target};

/// Inputs bred for a target that only computes, and for one that uses the disk.
const ROUNDS: u64 = 5000;
const ROUNDS_ON_DISK: u64 = 100;

/// Pieces that decoders look for.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\0",
    b"0",
    b"-1",
    b"18446744073709551616",
    b"1e999",
    b"NaN",
    b"..",
    b"/",
    b"%",
    b"%2f",
    b"@",
    b":",
    b";",
    b"{",
    b"}",
    b"[",
    b"null",
    b"\"",
    b"\\u0000",
    b"\xff\xff\xff\xff",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    "ü".as_bytes(),
    b"Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"file://",
];

/// Xorshift: the same numbers every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound.max(1)
    }
}

fn breed(seeds: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(input.len() + 1);
        let to = at + numbers.below((input.len() - at).min(40) + 1);
        match numbers.below(7) {
            0 => {
                input.drain(at..to);
            }
            1 => input.truncate(at),
            2 => {
                let word = WORDS[numbers.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            3 => {
                let word = WORDS[numbers.below(WORDS.len())];
                input.splice(at..to, word.iter().copied());
            }
            4 => {
                let again = input[at..to].to_vec();
                input.splice(at..at, again);
            }
            5 => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
        }
    }
    input
}

fn smoke(target: &Target) {
    let run = |input: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
            eprintln!("{} fails on b\"{}\"", target.name, input.escape_ascii());
            resume_unwind(panic);
        }
    };
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| run(seed));
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let rounds = match target.name {
        "archive" | "files" => ROUNDS_ON_DISK,
        _ => ROUNDS,
    };
    for _ in 0..rounds {
        run(&breed(&seeds, &mut numbers));
    }
}

macro_rules! smoke_tests {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                smoke(TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap());
            }
        )*

        #[test]
        fn every_target_is_tested() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

smoke_tests! {
    http_body http_boundary message_reader recordio percent pid
    scheduler_api executor_api master_api agent_api task_info internal_messages
    resources attributes roles units locators flags files registry archive payload
}
