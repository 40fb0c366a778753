//! Writing JSON straight into bytes.
//!
//! The state of a large cluster is a hundred megabytes of JSON, so nothing is built in
//! between: each value appends itself.

use std::marker::PhantomData;

use messages::json;
use messages::table::Described;
use model::resources::Scalar;
use serde::Serialize;

use super::output::Output;

/// A value that appends itself as JSON.
pub(crate) trait Json {
    fn write(self, out: &mut Output);
}

impl Json for &str {
    fn write(self, out: &mut Output) {
        json::append_text(self, out);
    }
}

impl Json for bool {
    fn write(self, out: &mut Output) {
        out.extend_from_slice(if self { b"true" } else { b"false" });
    }
}

impl Json for u64 {
    fn write(self, out: &mut Output) {
        serialize(&self, out);
    }
}

impl Json for i32 {
    fn write(self, out: &mut Output) {
        serialize(&self, out);
    }
}

/// With a decimal point always, as upstream writes doubles.
impl Json for f64 {
    fn write(self, out: &mut Output) {
        serialize(&self, out);
    }
}

impl Json for Scalar {
    fn write(self, out: &mut Output) {
        let thousandths = self.thousandths();
        if thousandths < 0 {
            out.push(b'-');
        }
        serialize(&(thousandths.unsigned_abs() / 1000), out);
        let part = thousandths.unsigned_abs() % 1000;
        let digits = [part / 100, part / 10 % 10, part % 10];
        let count = match digits {
            [_, 0, 0] => 1,
            [_, _, 0] => 2,
            _ => 3,
        };
        out.push(b'.');
        for digit in digits.into_iter().take(count) {
            out.push(b'0' + u8::try_from(digit).unwrap_or_default());
        }
    }
}

/// What serde knows how to write, protobuf messages above all.
pub(crate) struct Serde<'a, T>(pub(crate) &'a T);

impl<T: Serialize> Json for Serde<'_, T> {
    fn write(self, out: &mut Output) {
        serialize(self.0, out);
    }
}

/// Appends what serde makes of a value; `null` if it makes nothing of it.
fn serialize<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}

/// A protobuf message in its binary form; `null` if it is none.
pub(crate) struct Message<'a, T> {
    bytes: &'a [u8],
    message: PhantomData<fn() -> T>,
}

impl<'a, T: Described> Message<'a, T> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            message: PhantomData,
        }
    }
}

impl<T: Described> Json for Message<'_, T> {
    fn write(self, out: &mut Output) {
        let before = out.len();
        if json::append::<T>(self.bytes, out).is_err() {
            out.truncate(before);
            out.extend_from_slice(b"null");
        }
    }
}

/// The members that an encoded message has; none if it makes no sense.
pub(crate) fn members_of<T: Described>(bytes: &[u8]) -> Vec<u8> {
    let mut members = Vec::new();
    if json::append_members::<T>(bytes, &mut members).is_err() {
        members.clear();
    }
    members
}

/// JSON that is there already.
pub(crate) struct Written<'a>(pub(crate) &'a [u8]);

impl Json for Written<'_> {
    fn write(self, out: &mut Output) {
        out.extend_from_slice(self.0);
    }
}

/// An object whose fields a function adds.
pub(crate) struct Fields<F>(pub(crate) F);

impl<F: FnOnce(&mut Object<'_>)> Json for Fields<F> {
    fn write(self, out: &mut Output) {
        out.push(b'{');
        (self.0)(&mut Object {
            out,
            is_empty: true,
        });
        out.push(b'}');
    }
}

/// As [`Fields`], without the braces: for [`Object::members`].
pub(crate) struct Members<F>(pub(crate) F);

impl<F: FnOnce(&mut Object<'_>)> Json for Members<F> {
    fn write(self, out: &mut Output) {
        (self.0)(&mut Object {
            out,
            is_empty: true,
        });
    }
}

/// An object that grows.
pub(crate) struct Object<'a> {
    out: &'a mut Output,
    is_empty: bool,
}

impl Object<'_> {
    /// Adds a field whose name needs no escapes. Always inlined, so that the name's length is
    /// known where it is copied: there are millions of them in a large answer.
    #[inline(always)]
    pub(crate) fn field(&mut self, name: &'static str, value: impl Json) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.write(self.out);
    }

    /// Adds a field if there is a value.
    #[inline(always)]
    pub(crate) fn optional(&mut self, name: &'static str, value: Option<impl Json>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// Adds a field of any name.
    pub(crate) fn entry(&mut self, name: &str, value: impl Json) {
        self.separate();
        name.write(self.out);
        self.out.push(b':');
        value.write(self.out);
    }

    /// Adds members that are written already.
    pub(crate) fn members(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.separate();
            self.out.extend_from_slice(members);
        }
    }

    #[inline(always)]
    fn separate(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }
}

/// A list of values.
pub(crate) struct List<I>(pub(crate) I);

impl<I: IntoIterator<Item: Json>> Json for List<I> {
    fn write(self, out: &mut Output) {
        out.push(b'[');
        for (index, value) in self.0.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            value.write(out);
            out.pass_on();
        }
        out.push(b']');
    }
}

/// An empty list.
pub(crate) const NONE: List<[bool; 0]> = List([]);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: impl Json) -> String {
        String::from_utf8(Output::whole(|out| value.write(out))).unwrap()
    }

    #[test]
    fn objects_and_lists_part_their_members() {
        let object = Fields(|object: &mut Object<'_>| {
            object.field("a", 1u64);
            object.optional("b", None::<bool>);
            object.entry("c\"", List([1.0, 2.5]));
            object.field("d", NONE);
            object.field("e", Fields(|_: &mut Object<'_>| {}));
        });
        assert_eq!(text(object), r#"{"a":1,"c\"":[1.0,2.5],"d":[],"e":{}}"#);
    }

    #[test]
    fn what_is_no_number_is_null() {
        assert_eq!(text(f64::NAN), "null");
        assert_eq!(text(List([Serde(&f64::INFINITY)])), "[null]");
    }

    proptest! {
        #[test]
        fn text_reads_back(value in ".*") {
            let read: String = serde_json::from_str(&text(value.as_str())).unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn amounts_read_back_with_a_decimal_point(thousandths in -2_000_000_000_000i64..2_000_000_000_000) {
            let written = text(Scalar::from_thousandths(thousandths));
            prop_assert!(written.contains('.'), "{}", written);
            let read: f64 = written.parse().unwrap();
            prop_assert_eq!(Scalar::round(read).thousandths(), thousandths);
        }
    }
}
