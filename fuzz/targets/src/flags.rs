//! Flags from the command line and the environment (S23-S25).

use std::io;

use runtime::flags::{Flag, Loaded, Program, Secret};

const FLAGS: &[Flag] = &[
    Flag::bool("quiet", "A boolean.").default("false"),
    Flag::text("name", "A text.").aliases(&["title"]),
    Flag::duration("timeout", "A duration.").default("15secs"),
    Flag::bytes("size", "A size.").deprecated(&["bytes"]),
    Flag::integer("port", "A number.").default("5050"),
    Flag::number("factor", "A number with a fraction."),
    Flag::path("work_dir", "A path."),
    Flag::json("acls", "JSON."),
    Flag::text("secret", "A secret.").secret(Secret::All),
];

const PROGRAM: Program = Program {
    name: "fuzzed",
    version: "fuzzed 1",
    environment_prefix: "MESOS_",
    flags: &[FLAGS],
};

/// Nothing panics, every value is shown in a form that loads again, and secrets are not
/// shown at all.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (args, environment) = text.split_once("\n\n").unwrap_or((&text, ""));
    let args = args.lines().map(str::to_owned);
    let environment = environment
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let read = |_: &std::path::Path| Err::<String, _>(io::ErrorKind::NotFound.into());
    let Ok(Loaded::Run(flags)) = PROGRAM.load(args, environment, read) else {
        return;
    };
    let shown = flags.shown();
    assert!(shown.get("secret").is_none_or(|shown| shown == "****"));
    let again = shown
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "help" | "version"))
        .map(|(name, value)| format!("--{name}={value}"));
    let again = PROGRAM.load(again, [], read);
    match again {
        Ok(Loaded::Run(again)) => assert_eq!(again.shown().len(), shown.len()),
        other => assert!(
            shown.values().any(|value| value.starts_with("file://")),
            "{shown:?} became {other:?}"
        ),
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    crate::owned(&[
        b"--port=6000\n--no-quiet\n--timeout=1mins\n\nMESOS_NAME=x\nMESOS_SIZE=64MB\nPATH=/bin",
        b"--quiet\n--factor=0.5\n--acls={\"a\": [1]}\n--secret=s\n--\nrest",
        b"--title=file:///etc/name\n--bytes=1GB\n--work_dir=/tmp",
        b"--help=false\n--acls=/etc/acls\n--no-port",
        b"--portt=1",
    ])
}
