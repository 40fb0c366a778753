//! Credentials of a client, as the `Authorization` header carries them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use thiserror::Error;

/// What a client proves itself with. Its value is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization(HeaderValue);

/// A credential cannot be written in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorizationError {
    /// A token with control characters or such.
    #[error("the authentication token holds characters that no HTTP header may hold")]
    BadToken,
    /// RFC 7617 ends the principal at its first colon.
    #[error("a principal for basic authentication must not hold a ':'")]
    ColonInPrincipal,
}

impl Authorization {
    /// A bearer token, as agents give their executors one.
    ///
    /// # Errors
    ///
    /// When the token cannot stand in a header.
    pub fn bearer(token: &str) -> Result<Self, AuthorizationError> {
        Self::sensitive(&format!("Bearer {token}"))
    }

    /// A principal and its secret.
    ///
    /// # Errors
    ///
    /// When the principal holds a colon.
    pub fn basic(principal: &str, secret: &str) -> Result<Self, AuthorizationError> {
        if principal.contains(':') {
            return Err(AuthorizationError::ColonInPrincipal);
        }
        Self::sensitive(&format!(
            "Basic {}",
            STANDARD.encode(format!("{principal}:{secret}"))
        ))
    }

    fn sensitive(value: &str) -> Result<Self, AuthorizationError> {
        let mut value = HeaderValue::from_str(value).map_err(|_| AuthorizationError::BadToken)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorization(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_principal_and_secret_in_base64() {
        let basic = Authorization::basic("ops", "s:e c").unwrap();
        assert_eq!(basic.header(), "Basic b3BzOnM6ZSBj");
        assert_eq!(format!("{basic:?}"), "Authorization(…)");
    }

    #[test]
    fn what_a_header_cannot_carry_is_refused() {
        assert_eq!(
            Authorization::bearer("a\nb"),
            Err(AuthorizationError::BadToken)
        );
        assert_eq!(
            Authorization::basic("a:b", "c"),
            Err(AuthorizationError::ColonInPrincipal)
        );
    }
}
