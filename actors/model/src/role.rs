//! Roles: the names resources are shared out under (A15, A16).

use std::{
    borrow::Borrow,
    fmt,
    sync::{Arc, LazyLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The role of resources that are reserved to nobody.
pub const ANY: &str = "*";

/// Why a text cannot be a role (A15). The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// There is no text at all.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// `/a`
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    /// `a/`
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    /// `a//b`
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// `a/./b`, `a/../b` or `a/*/b`
    #[error("Role '{role}' cannot include '{component}' as a component")]
    Component {
        /// The whole role.
        role: String,
        /// The part that is not allowed.
        component: String,
    },
    /// `a/-b`
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    LeadingDash(String),
    /// White space or the delete character.
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Whitespace(String),
}

/// Checks that `text` names a role (A15).
pub fn check(text: &str) -> Result<(), RoleError> {
    if text == ANY {
        return Ok(());
    }
    if text.starts_with('/') {
        return Err(RoleError::LeadingSlash(text.to_owned()));
    }
    if text.ends_with('/') {
        return Err(RoleError::TrailingSlash(text.to_owned()));
    }
    if text.contains("//") {
        return Err(RoleError::AdjacentSlashes(text.to_owned()));
    }
    if text.is_empty() {
        return Err(RoleError::Empty);
    }
    text.split('/')
        .try_for_each(|component| check_component(text, component))
}

fn check_component(role: &str, component: &str) -> Result<(), RoleError> {
    if matches!(component, "." | ".." | ANY) {
        return Err(RoleError::Component {
            role: role.to_owned(),
            component: component.to_owned(),
        });
    }
    if component.starts_with('-') {
        return Err(RoleError::LeadingDash(component.to_owned()));
    }
    if component
        .bytes()
        .any(|byte| matches!(byte, 0x09..=0x0d | b' ' | 0x7f))
    {
        return Err(RoleError::Whitespace(component.to_owned()));
    }
    Ok(())
}

/// Whether `role` is a true descendant of `ancestor`: `a/b` is one of `a`,
/// `a` is not one of itself, and everything is no descendant of `*`.
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// A valid role, perhaps hierarchical: `*`, `web`, `eng/web/front`.
///
/// One pointer wide, since every allocated resource carries one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<RoleText>);

/// The text behind its own pointer keeps [`Role`] itself one pointer wide.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct RoleText(Box<str>);

impl Role {
    /// Takes a text that names a role (A15).
    pub fn parse(text: &str) -> Result<Self, RoleError> {
        check(text)?;
        Ok(if text == ANY {
            Self::any()
        } else {
            Self(Arc::new(RoleText(text.into())))
        })
    }

    /// `*`: what is reserved to nobody.
    pub fn any() -> Self {
        static STAR: LazyLock<Role> = LazyLock::new(|| Role(Arc::new(RoleText(ANY.into()))));
        STAR.clone()
    }

    /// The role as text.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }

    /// Whether this is `*`.
    pub fn is_any(&self) -> bool {
        self.as_str() == ANY
    }

    /// The roles above this one, nearest first: `a/b` and `a` for `a/b/c`.
    pub fn ancestors(&self) -> impl Iterator<Item = Role> + '_ {
        let mut rest = self.as_str();
        std::iter::from_fn(move || {
            let (parent, _) = rest.rsplit_once('/')?;
            rest = parent;
            Some(Self(Arc::new(RoleText(parent.into()))))
        })
    }

    /// The role right above this one; `None` for a top-level role.
    pub fn parent(&self) -> Option<Role> {
        self.ancestors().next()
    }

    /// The top of this role's hierarchy: `a` for `a/b/c`, and for `a` itself.
    pub fn top_level(&self) -> Role {
        self.ancestors().last().unwrap_or_else(|| self.clone())
    }

    /// Whether this role has a `/`.
    pub fn is_nested(&self) -> bool {
        self.as_str().contains('/')
    }

    /// Whether this role is a true descendant of `ancestor`, not `ancestor` itself.
    pub fn is_under(&self, ancestor: &Role) -> bool {
        is_strict_subrole(self.as_str(), ancestor.as_str())
    }

    /// Whether this role is `ancestor` or a descendant of it.
    pub fn is_within(&self, ancestor: &Role) -> bool {
        self == ancestor || self.is_under(ancestor)
    }

    /// Whether the two share one allocation, which makes them equal at a glance.
    pub(crate) fn same_pointer(&self, other: &Role) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for Role {
    fn default() -> Self {
        Self::any()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({self})")
    }
}

impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::parse(text)
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_roles() {
        for role in [
            "*", "a", "a/b", "foo-bar", "foo.bar", "...", "1", "a/b/c/d", "-a",
        ] {
            assert_eq!(check(role).is_ok(), role != "-a", "{role}");
        }
    }

    #[test]
    fn refusals_have_upstreams_texts() {
        let cases = [
            ("", "Role names cannot be the empty string"),
            ("/a", "Role '/a' cannot start with a slash"),
            ("/", "Role '/' cannot start with a slash"),
            ("a/", "Role 'a/' cannot end with a slash"),
            ("a//b", "Role 'a//b' cannot contain two adjacent slashes"),
            (".", "Role '.' cannot include '.' as a component"),
            ("a/..", "Role 'a/..' cannot include '..' as a component"),
            ("a/*", "Role 'a/*' cannot include '*' as a component"),
            (
                "a/-b",
                "Role component '-b' is invalid because it starts with a dash",
            ),
            (
                "a/b c",
                "Role component 'b c' is invalid because it contains backspace or whitespace",
            ),
            (
                "a\u{7f}",
                "Role component 'a\u{7f}' is invalid because it contains backspace or whitespace",
            ),
        ];
        for (role, text) in cases {
            assert_eq!(Role::parse(role).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn hierarchy() {
        let role = |text| Role::parse(text).unwrap();
        let ancestors: Vec<_> = role("a/b/c").ancestors().collect();
        assert_eq!(ancestors, [role("a/b"), role("a")]);
        assert!(role("a/b").is_under(&role("a")));
        assert!(!role("ab").is_under(&role("a")));
        assert!(!role("a").is_under(&role("a")));
        assert!(role("a").is_within(&role("a")));
        assert!(!role("a").is_under(&Role::any()));
        assert_eq!(role("a/b/c").top_level(), role("a"));
        assert_eq!(role("a").parent(), None);
    }

    #[test]
    fn a_role_is_one_pointer() {
        assert_eq!(size_of::<Option<Role>>(), size_of::<usize>());
    }
}
