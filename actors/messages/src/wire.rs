//! The binary form of protobuf, field by field.

use thiserror::Error;

/// Messages nested deeper than this are refused, as `prost` refuses them.
pub const MAX_DEPTH: usize = 100;

/// The bytes are no protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The bytes end inside a field.
    #[error("a field is cut short")]
    CutShort,
    /// A varint does not end.
    #[error("a number takes more than ten bytes")]
    LongNumber,
    /// No field can have such a number.
    #[error("a field has number 0 or one above 2^29")]
    FieldNumber,
    /// There is no such wire type, or a group ends that did not begin.
    #[error("a field has an unknown wire type")]
    WireType,
    /// Too many messages in each other.
    #[error("messages nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Too long to be noted where its fields are.
    #[error("a message is longer than 4 GiB")]
    TooLong,
    /// A string is not one.
    #[error("a string is not UTF-8")]
    NotText,
    /// The field's type is written in another way.
    #[error("a field is not of its type's wire form")]
    WrongForm,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, a boolean or an enum value.
    Varint(u64),
    /// A double, by its bits.
    Fixed64(u64),
    /// A string, bytes or a message.
    Length(&'a [u8]),
    /// Four bytes: no message of ours has such a field.
    Fixed32,
    /// A group, skipped: no message of ours has one.
    Group,
}

/// Reads the fields of a message one after another.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the message whose binary form is `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field's number and value; none at the end. Always inlined: else the answer,
    /// of many words, is written to memory and read from it for each of millions of fields.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when no field begins here; reading on makes no sense then.
    #[inline(always)]
    pub fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.key()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed::CutShort)?;
                Value::Length(self.take(length)?)
            }
            3 => {
                self.skip_group(number)?;
                Value::Group
            }
            5 => {
                self.take(4)?;
                Value::Fixed32
            }
            _ => return Err(Malformed::WireType),
        };
        Ok(Some((number, value)))
    }

    #[inline(always)]
    fn key(&mut self) -> Result<(u32, u64), Malformed> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed::FieldNumber)?;
        if number == 0 || number >= 1 << 29 {
            return Err(Malformed::FieldNumber);
        }
        Ok((number, key & 7))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Malformed> {
        // Nearly all keys and lengths take one byte.
        if let Some((byte, rest)) = self.rest.split_first()
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (place, byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                self.rest = self.rest.get(place + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 {
            Malformed::CutShort
        } else {
            Malformed::LongNumber
        })
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array(&mut self) -> Result<[u8; 8], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::CutShort)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads on to the end of the group `number`, and of the groups inside it.
    #[cold]
    fn skip_group(&mut self, number: u32) -> Result<(), Malformed> {
        let mut open = vec![number];
        while let Some(innermost) = open.last().copied() {
            if open.len() > MAX_DEPTH {
                return Err(Malformed::TooDeep);
            }
            match self.key()? {
                (_, 0) => {
                    self.varint()?;
                }
                (_, 1) => {
                    self.take(8)?;
                }
                (_, 2) => {
                    let length = self.varint()?;
                    self.take(usize::try_from(length).map_err(|_| Malformed::CutShort)?)?;
                }
                (inner, 3) => open.push(inner),
                (end, 4) if end == innermost => {
                    open.pop();
                }
                (_, 5) => {
                    self.take(4)?;
                }
                _ => return Err(Malformed::WireType),
            }
        }
        Ok(())
    }
}

/// Appends a field's number and a varint.
pub fn put_varint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_key(out, number, 0);
    put_raw_varint(out, value);
}

/// Appends a field's number and eight bytes.
pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_key(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a string or bytes.
pub fn put_bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_length(out, number, value.len());
    out.extend_from_slice(value);
}

/// Appends the number and the length of a string, bytes or a message that follows.
pub fn put_length(out: &mut Vec<u8>, number: u32, length: usize) {
    put_key(out, number, 2);
    put_raw_varint(out, length as u64);
}

/// How many bytes [`put_varint`] appends.
pub const fn varint_size(number: u32, value: u64) -> usize {
    raw_varint_size(key(number, 0)) + raw_varint_size(value)
}

/// How many bytes [`put_bytes`] appends of a value of so many.
pub const fn bytes_size(number: u32, length: usize) -> usize {
    raw_varint_size(key(number, 2)) + raw_varint_size(length as u64) + length
}

/// Appends a message that `write` writes. Its length stands before it and is known
/// only after it: most are shorter than 128 bytes, so one byte is kept free and the
/// message moves only when that is not enough.
///
/// # Errors
///
/// Those of `write`.
pub fn put_message<E>(
    out: &mut Vec<u8>,
    number: u32,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    put_key(out, number, 2);
    let length_at = out.len();
    out.push(0);
    write(out)?;
    let length = out.len().saturating_sub(length_at + 1) as u64;
    if let (Ok(short @ ..0x80), Some(kept)) = (u8::try_from(length), out.get_mut(length_at)) {
        *kept = short;
        return Ok(());
    }
    let mut written = Vec::new();
    put_raw_varint(&mut written, length);
    out.splice(length_at..length_at + 1, written);
    Ok(())
}

const fn key(number: u32, wire_type: u64) -> u64 {
    (number as u64) << 3 | wire_type
}

fn put_key(out: &mut Vec<u8>, number: u32, wire_type: u64) {
    put_raw_varint(out, key(number, wire_type));
}

const fn raw_varint_size(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn put_raw_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_what_is_appended() {
        for number in [1, 15, 16, 2047, 2048] {
            for value in [0, 1, 127, 128, 16_383, 16_384, u64::MAX] {
                let mut out = Vec::new();
                put_varint(&mut out, number, value);
                assert_eq!(out.len(), varint_size(number, value), "{number} {value}");
            }
            for length in [0, 127, 128, 16_384] {
                let mut out = Vec::new();
                put_bytes(&mut out, number, &vec![0; length]);
                assert_eq!(out.len(), bytes_size(number, length), "{number} {length}");
            }
        }
    }
}
