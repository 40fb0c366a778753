//! ZooKeeper URLs (S69).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::hide_credentials;

/// `zk://user:password@host1:port1,host2:port2/path`.
#[derive(Clone, PartialEq, Eq)]
pub struct ZkUrl {
    /// `user:password` of the digest scheme.
    pub credentials: Option<String>,
    /// `host:port` of each server, at least one.
    pub servers: Vec<String>,
    /// The path, `/` if none is given.
    pub path: String,
}

/// Why a text is not a ZooKeeper URL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ZkUrlError {
    /// It does not begin with `zk://`.
    #[error("Expecting 'zk://' at the beginning of the URL")]
    Scheme,
    /// A server between the commas is missing.
    #[error("Expecting servers as 'host1:port1,host2:port2' in the ZooKeeper URL")]
    Servers,
}

impl ZkUrl {
    /// Whether the text claims to be one.
    pub fn has_scheme(text: &str) -> bool {
        text.trim_start().starts_with("zk://")
    }
}

impl FromStr for ZkUrl {
    type Err = ZkUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text
            .trim()
            .strip_prefix("zk://")
            .ok_or(ZkUrlError::Scheme)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (credentials, servers) = match authority.rsplit_once('@') {
            Some((credentials, servers)) => (Some(credentials.to_owned()), servers),
            None => (None, authority),
        };
        let servers: Vec<_> = servers.split(',').map(str::to_owned).collect();
        if servers.iter().any(String::is_empty) {
            return Err(ZkUrlError::Servers);
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            credentials,
            servers,
            path: path.to_owned(),
        })
    }
}

/// Without the credentials, for logs.
impl fmt::Display for ZkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = if self.credentials.is_some() { "-@" } else { "" };
        let url = format!("zk://{credentials}{}{}", self.servers.join(","), self.path);
        f.write_str(&hide_credentials(&url))
    }
}

impl fmt::Debug for ZkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, Vec<String>, String) {
        let url: ZkUrl = text.parse().unwrap();
        (url.credentials, url.servers, url.path)
    }

    #[test]
    fn urls_are_taken_apart() {
        let servers = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (text, credentials, list, path) in [
            ("zk://a:1,b:2/mesos", None, "a:1 b:2", "/mesos"),
            (" zk://a:1/x/y\n", None, "a:1", "/x/y"),
            ("zk://a:1", None, "a:1", "/"),
            ("zk://user:p@ss@a:1/m", Some("user:p@ss"), "a:1", "/m"),
            ("zk://a:1/m@x", None, "a:1", "/m@x"),
        ] {
            let expected = (
                credentials.map(str::to_owned),
                servers(list),
                path.to_owned(),
            );
            assert_eq!(parts(text), expected, "{text}");
        }
    }

    #[test]
    fn bad_urls_are_errors() {
        assert_eq!("a:1/m".parse::<ZkUrl>(), Err(ZkUrlError::Scheme));
        for text in ["zk://", "zk:///m", "zk://a:1,/m", "zk://u:p@/m"] {
            assert_eq!(text.parse::<ZkUrl>(), Err(ZkUrlError::Servers), "{text}");
        }
    }

    #[test]
    fn credentials_are_not_printed() {
        let url: ZkUrl = "zk://user:password@a:1/m".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "zk://****@a:1/m zk://****@a:1/m");
        assert_eq!(
            "zk://a:1".parse::<ZkUrl>().unwrap().to_string(),
            "zk://a:1/"
        );
    }
}
