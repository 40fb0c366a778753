//! Where an API is served, and where a redirect says that it is.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

use thiserror::Error;

/// Host, port and path of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    path: String,
}

/// A text does not say where an API is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not `host:port`.
    #[error("'{0}' is not of the form host:port")]
    BadAuthority(String),
    /// A redirect to a scheme that is not spoken.
    #[error("cannot follow the redirect to '{0}': only http is supported")]
    UnsupportedScheme(String),
}

impl Endpoint {
    /// An API at `path` of `host`. A host may be a name or an address.
    pub fn new(host: impl Into<String>, port: u16, path: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            path: path.into(),
        }
    }

    /// An API at `path` of `authority`, which is `host:port` or `[v6 address]:port`.
    ///
    /// # Errors
    ///
    /// When `authority` is of another form.
    pub fn at(authority: &str, path: impl Into<String>) -> Result<Self, EndpointError> {
        let bad = || EndpointError::BadAuthority(authority.to_owned());
        let (host, port) = authority.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().map_err(|_| bad())?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains(NOT_IN_HOSTS),
        };
        if !is_host {
            return Err(bad());
        }
        Ok(Self::new(bracketed.unwrap_or(host), port, path))
    }

    /// Where a `Location` header leads from here. A leader is named without scheme and
    /// the client keeps its own (V2); what the header leaves out stays.
    ///
    /// # Errors
    ///
    /// When the header names another scheme than http or no proper `host:port`.
    pub fn redirected(&self, location: &str) -> Result<Self, EndpointError> {
        let rest = match location.split_once("//") {
            Some(("" | "http:", rest)) => rest,
            _ if location.starts_with('/') => {
                return Ok(Self {
                    path: location.to_owned(),
                    ..self.clone()
                });
            }
            _ => return Err(EndpointError::UnsupportedScheme(location.to_owned())),
        };
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, self.path.as_str()),
        };
        Self::at(authority, path)
    }

    /// The name or address of the host, a v6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The socket's address, unless the host is a name.
    pub fn address(&self) -> Option<SocketAddr> {
        let host = self.host.parse().ok()?;
        Some(SocketAddr::new(host, self.port))
    }

    /// The path, with its query if it has one.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `host:port`, as the `Host` header has it.
    pub fn authority(&self) -> String {
        match self.address() {
            Some(address) => address.to_string(),
            None => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Characters that end or break a host name in a URL.
const NOT_IN_HOSTS: [char; 9] = [':', '/', '?', '#', '@', '[', ']', ' ', ','];

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Endpoint {
        Endpoint::at("a.example:5050", "/api/v1/scheduler").unwrap()
    }

    #[test]
    fn a_redirect_without_scheme_keeps_ours() {
        let there = here()
            .redirected("//10.0.0.2:5051/master/api/v1/scheduler")
            .unwrap();
        assert_eq!(
            there,
            Endpoint::new("10.0.0.2", 5051, "/master/api/v1/scheduler")
        );
        assert_eq!(
            there.to_string(),
            "http://10.0.0.2:5051/master/api/v1/scheduler"
        );
    }

    #[test]
    fn what_a_redirect_leaves_out_stays() {
        assert_eq!(
            here().redirected("//b:1").unwrap(),
            Endpoint::new("b", 1, "/api/v1/scheduler")
        );
        assert_eq!(
            here().redirected("/x").unwrap(),
            Endpoint::new("a.example", 5050, "/x")
        );
        assert_eq!(
            here().redirected("http://c:2/y").unwrap(),
            Endpoint::new("c", 2, "/y")
        );
    }

    #[test]
    fn bad_redirects_are_errors() {
        assert!(matches!(
            here().redirected("https://c:2/y"),
            Err(EndpointError::UnsupportedScheme(_))
        ));
        for location in ["//c/y", "//:1/y", "//c:port/y", "//u@c:1/y", "//c:99999/"] {
            assert!(
                matches!(
                    here().redirected(location),
                    Err(EndpointError::BadAuthority(_))
                ),
                "{location}"
            );
        }
    }

    #[test]
    fn v6_addresses_stand_in_brackets() {
        let endpoint = Endpoint::at("[::1]:80", "/").unwrap();
        assert_eq!(
            (endpoint.host(), endpoint.authority()),
            ("::1", "[::1]:80".to_owned())
        );
        assert!(Endpoint::at("::1:80", "/").is_err());
        assert!(Endpoint::at("[a]:80", "/").is_err());
    }
}
