//! A request, whole, as actors and published services see it.

use std::borrow::Cow;
use std::net::SocketAddr;

use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;

/// The request methods that anything here asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD; handlers treat it as GET and the server leaves the body out (L34).
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// Any other, by its name.
    Other(String),
}

impl Method {
    /// The method that a request line names.
    pub fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name on the request line.
    pub fn name(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Other(name) => name,
        }
    }
}

/// An HTTP request with its whole body, inflated if it came compressed.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) target: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) peer: Option<SocketAddr>,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path below the actor's id, decoded, without slashes at its ends.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole target as it came: path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The parameters of a form body (`application/x-www-form-urlencoded`).
    pub fn form(&self) -> Vec<(String, String)> {
        parse_query(&String::from_utf8_lossy(&self.body))
    }

    /// The first value of a header; names are compared without case. None if it is not
    /// UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.as_str().eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Who is at the other end of the connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Whether the client takes `media_type`: upstream's reading of `Accept`, in which a
    /// missing header and `*/*` take everything (V1).
    pub fn accepts(&self, media_type: &str) -> bool {
        let Some(accept) = self.header("accept") else {
            return true;
        };
        let wanted_group = media_type.split('/').next().unwrap_or_default();
        accept.split(',').any(|range| {
            let mut parts = range.split(';');
            let essence = parts.next().unwrap_or_default().trim();
            let refused = parts.any(|parameter| {
                parameter
                    .trim()
                    .strip_prefix("q=")
                    .is_some_and(|quality| quality.parse::<f32>().is_ok_and(|q| q <= 0.0))
            });
            let matches = match essence.split_once('/') {
                Some(("*", "*")) => true,
                Some((group, "*")) => group.eq_ignore_ascii_case(wanted_group),
                _ => essence.eq_ignore_ascii_case(media_type),
            };
            matches && !refused
        })
    }

    /// Whether the client takes gzip.
    pub(crate) fn accepts_gzip(&self) -> bool {
        self.header("accept-encoding").is_some_and(|value| {
            value.split(',').any(|coding| {
                let mut parts = coding.split(';');
                let name = parts.next().unwrap_or_default().trim();
                let refused = parts.any(|parameter| parameter.trim() == "q=0");
                (name.eq_ignore_ascii_case("gzip") || name == "*") && !refused
            })
        })
    }
}

/// `%XX` and `+` decoded; what is no valid escape stays as it is.
pub(crate) fn decode_component(text: &str, plus_is_space: bool) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut ahead = rest.clone();
                match (hex(ahead.next()), hex(ahead.next())) {
                    (Some(high), Some(low)) => {
                        bytes.push(high << 4 | low);
                        rest = ahead;
                    }
                    _ => bytes.push(b'%'),
                }
            }
            b'+' if plus_is_space => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(byte: Option<u8>) -> Option<u8> {
    char::from(byte?)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// A query string or form body as pairs.
pub(crate) fn parse_query(text: &str) -> Vec<(String, String)> {
    text.split(['&', ';'])
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decode_component(key, true).into_owned(),
                decode_component(value, true).into_owned(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header;

    use super::*;

    fn request(accept: Option<&str>) -> Request {
        Request {
            method: Method::Get,
            path: String::new(),
            target: String::new(),
            query: Vec::new(),
            headers: accept
                .map(|value| (header::ACCEPT, HeaderValue::from_str(value).unwrap()))
                .into_iter()
                .collect(),
            body: Bytes::new(),
            peer: None,
        }
    }

    #[test]
    fn accept_is_read_as_upstream_reads_it() {
        assert!(request(None).accepts("application/json"));
        assert!(request(Some("*/*")).accepts("application/json"));
        assert!(request(Some("text/html, application/*;q=0.5")).accepts("application/json"));
        assert!(!request(Some("application/recordio")).accepts("application/json"));
        assert!(!request(Some("application/json;q=0")).accepts("application/json"));
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(decode_component("a%2Fb%ZZ%", false), "a/b%ZZ%");
        assert_eq!(
            parse_query("a=1&b=x+y&c"),
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "x y".to_owned()),
                ("c".to_owned(), String::new())
            ]
        );
    }
}
