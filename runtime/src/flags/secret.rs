//! What of a flag's value must not be shown (S35, X9, U21).

/// What stands for what is hidden.
const HIDDEN: &str = "****";

/// How much of a flag's value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// Nothing.
    No,
    /// The credentials of a URL, such as `zk://user:password@host/path`.
    Credentials,
    /// All of it. A `file://` value is shown as it was given.
    All,
}

impl Secret {
    /// `value` without its secret; `given` is what stood on the command line.
    pub(super) fn hide(self, value: &str, given: Option<&str>) -> String {
        match self {
            Self::No => value.to_owned(),
            Self::Credentials => hide_credentials(value),
            Self::All => given
                .filter(|given| given.starts_with("file://"))
                .unwrap_or(HIDDEN)
                .to_owned(),
        }
    }
}

/// Replaces the part of a URL between `://` and the last `@` of its authority by `****`.
pub fn hide_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let path = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path);
    match authority.rsplit_once('@') {
        Some((_, servers)) => format!("{scheme}://{HIDDEN}@{servers}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_credentials_are_hidden() {
        for (url, shown) in [
            ("zk://user:p@ss@a:1,b:2/mesos", "zk://****@a:1,b:2/mesos"),
            ("zk://a:1/mesos@x", "zk://a:1/mesos@x"),
            ("master@host:5050", "master@host:5050"),
        ] {
            assert_eq!(Secret::Credentials.hide(url, None), shown);
        }
        assert_eq!(Secret::All.hide("secret", Some("secret")), "****");
        assert_eq!(
            Secret::All.hide("secret", Some("file:///etc/s")),
            "file:///etc/s"
        );
        assert_eq!(Secret::No.hide("x", None), "x");
    }
}
