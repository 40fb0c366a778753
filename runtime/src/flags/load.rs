//! Loading flags from command line, environment and files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::loaded::Entry;
use super::nearest::nearest;
use super::usage::usage;
use super::{Flag, FlagError, Flags, Kind, Value};

/// Flags that every program has.
const COMMON: &[Flag] = &[
    Flag::bool("help", "Prints this help message.").default("false"),
    Flag::bool("version", "Show version and exit.").default("false"),
];

/// A program and its flags, in groups that programs may share. `help` and `version` need
/// not be declared.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The program's name, for its help.
    pub name: &'static str,
    /// What `--version` prints.
    pub version: &'static str,
    /// How environment variables that are flags begin, such as `MESOS_`.
    pub environment_prefix: &'static str,
    /// The table.
    pub flags: &'static [&'static [Flag]],
}

/// What a program is to do.
#[derive(Debug)]
pub enum Loaded {
    /// Run with these flags.
    Run(Flags),
    /// Print this text and exit with 0: `--help` or `--version` was given.
    Print(String),
}

/// A value as a source spells it.
struct Given {
    /// The name without `no-`.
    name: String,
    negated: bool,
    value: Option<String>,
}

impl Given {
    fn new(name: &str, value: Option<String>) -> Self {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("no-") {
            Some(rest) => Self {
                name: rest.to_owned(),
                negated: true,
                value,
            },
            None => Self {
                name,
                negated: false,
                value,
            },
        }
    }
}

impl Program {
    /// Whether an argument, such as `--name=value`, names a flag of this program. For
    /// programs that hand arguments on to others.
    pub fn takes(&self, argument: &str) -> bool {
        if !argument.starts_with("--") {
            return false;
        }
        let given = split(argument);
        self.table()
            .any(|flag| flag.names().any(|name| name == given.name))
    }

    /// Loads the flags. `args` are those after the program's name; the command line beats
    /// `environment` (S24). `read` reads the files that `file://` values name.
    ///
    /// Arguments that do not begin with `--`, and all after a lone `--`, are kept as
    /// [`Flags::rest`].
    pub fn load(
        &self,
        args: impl IntoIterator<Item = String>,
        environment: impl IntoIterator<Item = (String, String)>,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Loaded, FlagError> {
        let names = self.names()?;
        let mut flags = Flags::default();
        let mut on_command_line = Vec::new();
        let mut args = args.into_iter();
        for arg in args.by_ref() {
            match arg.trim() {
                "--" => break,
                flag if flag.starts_with("--") => on_command_line.push(split(flag)),
                _ => flags.rest.push(arg),
            }
        }
        flags.rest.extend(args);

        let asked = |name| {
            on_command_line
                .iter()
                .any(|given: &Given| asks_for(given, name))
        };
        if asked("help") {
            let flags: Vec<_> = self.table().collect();
            return Ok(Loaded::Print(usage(self.name, &flags)));
        }
        if asked("version") {
            return Ok(Loaded::Print(format!("{}\n", self.version)));
        }

        let on_command_line = self.resolve(&names, on_command_line)?;
        // Only known names count: other programs' variables share the prefix (S25).
        let in_environment = self
            .variables(environment)
            .into_iter()
            .filter(|given| names.contains_key(given.name.as_str()))
            .collect();
        let in_environment = self.resolve(&names, in_environment)?;
        for flag in self.table() {
            let given = on_command_line
                .get(flag.name)
                .or_else(|| in_environment.get(flag.name));
            let entry = match given {
                Some(given) => load_flag(flag, given, &read, &mut flags.warnings)?,
                None if flag.required => return Err(FlagError::Required(flag.name)),
                None => default_of(flag)?,
            };
            flags.entries.insert(flag.name, entry);
        }
        Ok(Loaded::Run(flags))
    }

    fn table(&self) -> impl Iterator<Item = &'static Flag> {
        COMMON.iter().chain(self.flags.iter().copied().flatten())
    }

    /// The flag that each name means.
    fn names(&self) -> Result<BTreeMap<&'static str, &'static Flag>, FlagError> {
        let mut names = BTreeMap::new();
        for flag in self.table() {
            for name in flag.names() {
                if name.starts_with("no-") || names.insert(name, flag).is_some() {
                    return Err(FlagError::BadTable(name));
                }
            }
        }
        Ok(names)
    }

    /// The variables that may be flags. Of several spellings of one name, that in lower
    /// case wins.
    fn variables(&self, environment: impl IntoIterator<Item = (String, String)>) -> Vec<Given> {
        let sorted: BTreeMap<_, _> = environment.into_iter().collect();
        let mut by_name = BTreeMap::new();
        for (variable, value) in sorted {
            if let Some(name) = variable.strip_prefix(self.environment_prefix) {
                by_name.insert(name.to_ascii_lowercase(), value);
            }
        }
        by_name
            .into_iter()
            .map(|(name, value)| Given::new(&name, Some(value)))
            .collect()
    }

    /// What one source gives, by the flag's own name.
    fn resolve(
        &self,
        names: &BTreeMap<&'static str, &'static Flag>,
        source: Vec<Given>,
    ) -> Result<BTreeMap<&'static str, Given>, FlagError> {
        let mut resolved = BTreeMap::new();
        for given in source {
            let Some(flag) = names.get(given.name.as_str()) else {
                let nearest = nearest(&given.name, names.keys().copied());
                return Err(FlagError::Unknown {
                    name: given.name,
                    nearest,
                });
            };
            let name = given.name.clone();
            if let Some(other) = resolved.insert(flag.name, given) {
                return Err(FlagError::Duplicate {
                    name,
                    other: other.name,
                });
            }
        }
        Ok(resolved)
    }
}

/// Splits `--name=value`.
fn split(arg: &str) -> Given {
    let arg = arg.strip_prefix("--").unwrap_or(arg);
    match arg.split_once('=') {
        Some((name, value)) => Given::new(name, Some(value.to_owned())),
        None => Given::new(arg, None),
    }
}

/// Whether `--help` or the like is given, and not switched off.
fn asks_for(given: &Given, name: &str) -> bool {
    given.name == name && !given.negated && !matches!(given.value.as_deref(), Some("false" | "0"))
}

fn default_of(flag: &'static Flag) -> Result<Entry, FlagError> {
    let value = flag
        .default
        .map(|text| parse(flag, flag.name, text, text))
        .transpose()?;
    Ok(Entry {
        flag,
        value,
        given: None,
        loaded_as: None,
    })
}

fn load_flag(
    flag: &'static Flag,
    given: &Given,
    read: &impl Fn(&Path) -> io::Result<String>,
    warnings: &mut Vec<String>,
) -> Result<Entry, FlagError> {
    let name = given.name.as_str();
    let text = match (flag.kind, given.negated, given.value.as_deref()) {
        (Kind::Bool, negated, None | Some("")) => (!negated).to_string(),
        (Kind::Bool, true, Some(value)) => {
            let (name, value) = (name.to_owned(), value.to_owned());
            return Err(FlagError::NegatedWithValue { name, value });
        }
        (_, false, Some(value)) => value.to_owned(),
        (_, true, _) => return Err(FlagError::NegatedNonBoolean(name.to_owned())),
        (_, false, None) => return Err(FlagError::MissingValue(name.to_owned())),
    };
    let file = match flag.kind {
        Kind::Path => None,
        Kind::Json if text.starts_with('/') => {
            warnings.push(format!(
                "Giving flag '{name}' the path of a file is deprecated; put 'file://' before it"
            ));
            Some(text.as_str())
        }
        _ => text.strip_prefix("file://"),
    };
    let content = file.map(|path| {
        read(Path::new(path))
            .map(|content| content.trim().to_owned())
            .map_err(|error| FlagError::Unreadable {
                name: name.to_owned(),
                path: path.to_owned(),
                error,
            })
    });
    let value = parse(
        flag,
        name,
        content.transpose()?.as_deref().unwrap_or(&text),
        &text,
    )?;
    if flag.deprecated.contains(&name) {
        warnings.push(format!(
            "Loaded deprecated flag '{name}', now called '{}'",
            flag.name
        ));
    }
    Ok(Entry {
        flag,
        value: Some(value),
        given: Some(text),
        loaded_as: Some(name.to_owned()),
    })
}

fn parse(flag: &Flag, name: &str, text: &str, given: &str) -> Result<Value, FlagError> {
    Value::parse(flag.kind, text).map_err(|error| FlagError::BadValue {
        name: name.to_owned(),
        shown: flag.secret.hide(text, Some(given)),
        error,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::Secret;
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag::integer("port", "Port.").default("5050"),
        Flag::text("zk", "ZooKeeper.").secret(Secret::Credentials),
        Flag::text("secret", "A secret.").secret(Secret::All),
        Flag::duration("agent_ping_timeout", "Timeout.")
            .default("15secs")
            .deprecated(&["slave_ping_timeout"]),
        Flag::bool("hostname_lookup", "Look up.")
            .default("true")
            .aliases(&["lookup"]),
        Flag::bool("maybe", "No default."),
        Flag::path("work_dir", "Where.").aliases(&["dir"]),
        Flag::json("acls", "ACLs."),
        Flag::bytes("size", "Size."),
    ];

    const PROGRAM: Program = Program {
        name: "mesos-master",
        version: "mesos 1.0",
        environment_prefix: "MESOS_",
        flags: &[FLAGS],
    };

    fn read(path: &Path) -> io::Result<String> {
        match path.to_str() {
            Some("/zk") => Ok("\nzk://u:p@a:1/m\n".to_owned()),
            Some("/acls") => Ok("{\"a\": 1}".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn load(args: &[&str], environment: &[(&str, &str)]) -> Result<Loaded, FlagError> {
        let owned = |text: &&str| (*text).to_owned();
        PROGRAM.load(
            args.iter().map(owned),
            environment
                .iter()
                .map(|(name, value)| (owned(name), owned(value))),
            read,
        )
    }

    fn run(args: &[&str], environment: &[(&str, &str)]) -> Flags {
        match load(args, environment) {
            Ok(Loaded::Run(flags)) => flags,
            other => panic!("{other:?}"),
        }
    }

    fn error(args: &[&str]) -> String {
        load(args, &[]).unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_beats_the_environment_and_that_the_default() {
        let port = |args, environment| run(args, environment).get::<u16>("port").unwrap();
        assert_eq!(port(&[], &[]), 5050);
        assert_eq!(port(&[], &[("MESOS_port", "6000")]), 6000);
        assert_eq!(port(&["--port=6001"], &[("MESOS_port", "6000")]), 6001);
    }

    #[test]
    fn an_alias_on_the_command_line_beats_the_name_in_the_environment() {
        let flags = run(
            &["--slave_ping_timeout=1secs"],
            &[("MESOS_AGENT_PING_TIMEOUT", "2secs")],
        );
        let timeout: Duration = flags.get("agent_ping_timeout").unwrap();
        assert_eq!(timeout, Duration::from_secs(1));
        assert_eq!(flags.warnings().len(), 1);
        assert!(flags.warnings()[0].contains("'slave_ping_timeout'"));
    }

    #[test]
    fn environment_names_are_compared_without_case_and_strangers_ignored() {
        for name in ["MESOS_zk", "MESOS_ZK", "MESOS_Zk"] {
            let flags = run(&[], &[(name, "host:1"), ("MESOS_FOO", "1"), ("ZK", "no")]);
            assert_eq!(flags.get::<String>("zk").unwrap(), "host:1");
        }
        let flags = run(&[], &[("MESOS_zk", "lower"), ("MESOS_ZK", "upper")]);
        assert_eq!(flags.get::<String>("zk").unwrap(), "lower");
        let flags = run(&[], &[("MESOS_no-hostname_lookup", "")]);
        assert!(!flags.get::<bool>("hostname_lookup").unwrap());
    }

    #[test]
    fn booleans_have_their_own_forms() {
        for (arg, value) in [
            ("--hostname_lookup", true),
            ("--hostname_lookup=", true),
            ("--hostname_lookup=1", true),
            ("--HOSTNAME_LOOKUP=false", false),
            ("--no-hostname_lookup", false),
            ("--no-lookup", false),
        ] {
            assert_eq!(
                run(&[arg], &[]).get::<bool>("hostname_lookup").unwrap(),
                value,
                "{arg}"
            );
        }
        assert_eq!(run(&[], &[]).get::<Option<bool>>("maybe").unwrap(), None);
    }

    #[test]
    fn files_are_read_in_except_for_paths() {
        let flags = run(
            &["--zk=file:///zk", "--work_dir=file:///zk", "--acls=/acls"],
            &[],
        );
        assert_eq!(flags.get::<String>("zk").unwrap(), "zk://u:p@a:1/m");
        assert_eq!(flags.shown()["zk"], "zk://****@a:1/m");
        assert_eq!(flags.shown()["work_dir"], "file:///zk");
        assert_eq!(flags.shown()["acls"], "{\"a\":1}");
        assert_eq!(flags.warnings().len(), 1);
        assert!(
            error(&["--zk=file:///none"]).starts_with("Failed to load flag 'zk': Error reading")
        );
    }

    #[test]
    fn what_is_shown_is_sorted_and_complete_but_for_secrets() {
        let flags = run(&["--secret=x", "--dir=/w"], &[]);
        let shown: Vec<_> = flags
            .shown()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "agent_ping_timeout=15secs",
                "dir=/w",
                "help=false",
                "hostname_lookup=true",
                "port=5050",
                "secret=****",
                "version=false",
            ]
        );
    }

    #[test]
    fn parsing_ends_at_two_dashes() {
        let flags = run(&["a", "--port=1", "--", "--port=2", "b"], &[]);
        assert_eq!(flags.get::<u16>("port").unwrap(), 1);
        assert_eq!(flags.rest(), ["a", "--port=2", "b"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (args, text) in [
            (&["--prot=1"][..], "Failed to load unknown flag 'prot'"),
            (
                &["--workdir=/"],
                "Failed to load unknown flag 'workdir', did you mean 'work_dir'?",
            ),
            (
                &["--port=1", "--port=1"],
                "Flag 'port' is already loaded via name 'port'",
            ),
            (
                &["--work_dir=/", "--dir=/"],
                "Flag 'dir' is already loaded via name 'work_dir'",
            ),
            (
                &["--lookup", "--no-lookup"],
                "Flag 'lookup' is already loaded via name 'lookup'",
            ),
            (
                &["--zk"],
                "Failed to load non-boolean flag 'zk': Missing value",
            ),
            (
                &["--no-zk"],
                "Failed to load non-boolean flag 'zk' via 'no-zk'",
            ),
            (
                &["--no-lookup=1"],
                "Failed to load boolean flag 'lookup' via 'no-lookup' with value '1'",
            ),
            (
                &["--port=x"],
                "Failed to load flag 'port': Failed to load value 'x': Expecting a whole number",
            ),
            (
                &["--hostname_lookup=yes"],
                "Failed to load flag 'hostname_lookup': Failed to load value 'yes': \
                 Expecting a boolean (e.g., true or false)",
            ),
        ] {
            assert_eq!(error(args), text);
        }
        assert!(error(&["--agent_ping_timeout=5m"]).contains("Unknown duration unit 'm'"));
    }

    #[test]
    fn required_flags_must_come_from_somewhere() {
        const REQUIRED: &[Flag] = &[Flag::text("master", "Master.").required()];
        let program = Program {
            flags: &[REQUIRED],
            ..PROGRAM
        };
        let none: [(String, String); 0] = [];
        let error = program.load([], none.clone(), read).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Flag 'master' is required, but it was not provided"
        );
        assert!(program.load(["--master=x".to_owned()], none, read).is_ok());
    }

    #[test]
    fn help_and_version_win_over_mistakes() {
        let Ok(Loaded::Print(help)) = load(&["--foo=1", "--help"], &[]) else {
            panic!()
        };
        assert!(
            help.starts_with("Usage: mesos-master [options]\n\n  --acls=VALUE"),
            "{help}"
        );
        assert!(help.contains("  --[no-]help "), "{help}");
        assert!(!help.contains("slave_ping_timeout"), "{help}");
        let Ok(Loaded::Print(version)) = load(&["--version"], &[]) else {
            panic!()
        };
        assert_eq!(version, "mesos 1.0\n");
        assert!(matches!(load(&["--no-help"], &[]), Ok(Loaded::Run(_))));
    }

    #[test]
    fn a_wrong_table_is_found_at_once() {
        for flags in [
            &[&[Flag::bool("no-x", "")][..]],
            &[&[Flag::bool("help", "")][..]],
            &[&[Flag::bool("a", "").aliases(&["b"]), Flag::bool("b", "")][..]],
        ] {
            let table: Vec<_> = flags.iter().copied().flatten().copied().collect();
            let program = Program {
                flags: vec![&*table.leak()].leak(),
                ..PROGRAM
            };
            let none: [(String, String); 0] = [];
            assert!(matches!(
                program.load([], none, read),
                Err(FlagError::BadTable(_))
            ));
        }
    }

    proptest! {
        #[test]
        fn any_argument_is_loaded_or_refused(args in prop::collection::vec("(--)?(no-)?[a-z=-]{0,9}é?", 0..5)) {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            let _ = load(&args, &[]);
        }
    }
}
