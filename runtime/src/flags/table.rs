//! What flags a program has.

use super::Secret;

/// What a flag's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true`, `false`, `1` or `0`; also `--name` and `--no-name`.
    Bool,
    /// Any text.
    Text,
    /// A number and a unit, such as `5mins`.
    Duration,
    /// A whole number and a unit, such as `64MB`.
    Bytes,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A path. A `file://` value is not read in but stays what it is.
    Path,
    /// JSON in place, or the path of a file that holds it.
    Json,
}

/// One flag of a program's table.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) deprecated: &'static [&'static str],
    pub(super) kind: Kind,
    pub(super) default: Option<&'static str>,
    pub(super) required: bool,
    pub(super) help: &'static str,
    pub(super) secret: Secret,
}

impl Flag {
    /// A flag of any kind that may be left out. `help` may hold several lines.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            deprecated: &[],
            kind,
            default: None,
            required: false,
            help,
            secret: Secret::No,
        }
    }

    /// A [`Kind::Bool`] flag.
    pub const fn bool(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Bool, help)
    }

    /// A [`Kind::Text`] flag.
    pub const fn text(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Text, help)
    }

    /// A [`Kind::Duration`] flag.
    pub const fn duration(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Duration, help)
    }

    /// A [`Kind::Bytes`] flag.
    pub const fn bytes(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Bytes, help)
    }

    /// A [`Kind::Integer`] flag.
    pub const fn integer(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Integer, help)
    }

    /// A [`Kind::Number`] flag.
    pub const fn number(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Number, help)
    }

    /// A [`Kind::Path`] flag.
    pub const fn path(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Path, help)
    }

    /// A [`Kind::Json`] flag.
    pub const fn json(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Json, help)
    }

    /// The value when no source gives one, spelled as on the command line.
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    /// Loading fails when no source gives a value.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Other names that mean the same.
    pub const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    /// Old names that still work but warn (S67).
    pub const fn deprecated(mut self, names: &'static [&'static str]) -> Self {
        self.deprecated = names;
        self
    }

    /// What of the value `/flags`, logs and errors must not show.
    pub const fn secret(mut self, secret: Secret) -> Self {
        self.secret = secret;
        self
    }

    /// The flag's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// All names that the flag goes by.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name]
            .into_iter()
            .chain(self.aliases.iter().chain(self.deprecated).copied())
    }
}
