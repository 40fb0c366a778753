//! UUIDs as they travel: sixteen bytes.

/// What is not a UUID of RFC 4122. The text is upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Not a valid UUID")]
pub struct NotAUuid;

/// Takes the bytes of a UUID. Sixteen arbitrary bytes are none: the version must
/// be one of RFC 4122, 1 to 5.
pub fn parse(bytes: &[u8]) -> Result<[u8; 16], NotAUuid> {
    let uuid: [u8; 16] = bytes.try_into().map_err(|_| NotAUuid)?;
    match uuid[6] >> 4 {
        1..=5 => Ok(uuid),
        _ => Err(NotAUuid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_version_count() {
        let mut uuid = [7u8; 16];
        for version in 0..16u8 {
            uuid[6] = version << 4 | 3;
            assert_eq!(parse(&uuid).is_ok(), (1..=5).contains(&version));
        }
        uuid[6] = 0x40;
        assert_eq!(parse(&uuid[..15]), Err(NotAUuid));
        assert_eq!(parse(&[0; 17]), Err(NotAUuid));
        assert_eq!(parse(&[]), Err(NotAUuid));
    }
}
