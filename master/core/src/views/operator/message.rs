//! Writing one large message part by part, as JSON or as protobuf, without ever holding
//! it as a tree.

use messages::table::Described;
use messages::wire::{put_bytes, put_fixed64, put_length, put_varint};

use crate::views::json::{Json, Message as EncodedJson};
use crate::views::output::Output;

/// How a v1 message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Mesos' JSON (V3).
    Json,
    /// Binary protobuf.
    Protobuf,
}

/// A field's name and number.
pub(super) type Field = (&'static str, u32);

/// Writes a whole message.
pub(super) fn write(form: Form, out: &mut Output, fields: impl FnOnce(&mut Growing<'_>)) {
    let mut scratch = Output::default();
    Growing::write(form, out, &mut scratch, fields);
}

/// The fields that `fields` adds, encoded.
pub(super) fn encoded(fields: impl FnOnce(&mut Growing<'_>)) -> Vec<u8> {
    Output::whole(|out| write(Form::Protobuf, out, fields))
}

/// A message that grows field by field.
pub(super) struct Growing<'a> {
    form: Form,
    out: &'a mut Output,
    /// For members of lists, one at a time.
    scratch: &'a mut Output,
    is_empty: bool,
}

impl Growing<'_> {
    fn write(
        form: Form,
        out: &mut Output,
        scratch: &mut Output,
        fields: impl FnOnce(&mut Growing<'_>),
    ) {
        if form == Form::Json {
            out.push(b'{');
        }
        fields(&mut Growing {
            form,
            out: &mut *out,
            scratch,
            is_empty: true,
        });
        if form == Form::Json {
            out.push(b'}');
        }
    }

    fn name(&mut self, name: &'static str) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        name.write(self.out);
        self.out.push(b':');
    }

    /// Adds a value of an enum.
    pub(super) fn value(&mut self, field: Field, value: impl Into<i32>, name: &'static str) {
        match self.form {
            Form::Json => {
                self.name(field.0);
                name.write(self.out);
            }
            Form::Protobuf => put_varint(self.out, field.1, u64::from(value.into().unsigned_abs())),
        }
    }

    /// Adds a double.
    pub(super) fn double(&mut self, field: Field, value: f64) {
        match self.form {
            Form::Json => {
                self.name(field.0);
                value.write(self.out);
            }
            Form::Protobuf => put_fixed64(self.out, field.1, value.to_bits()),
        }
    }

    /// Adds a message whose fields `fields` adds.
    pub(super) fn message(&mut self, field: Field, fields: impl FnOnce(&mut Growing<'_>)) {
        match self.form {
            Form::Json => {
                self.name(field.0);
                Self::write(self.form, self.out, self.scratch, fields);
            }
            Form::Protobuf => put_bytes(self.out, field.1, &encoded(fields)),
        }
    }

    /// As [`Self::message`], of a message of which it is known how many bytes its binary form
    /// takes: so it can be passed on before it is all written.
    pub(super) fn message_of(
        &mut self,
        field: Field,
        length: usize,
        fields: impl FnOnce(&mut Growing<'_>),
    ) {
        match self.form {
            Form::Json => self.name(field.0),
            Form::Protobuf => put_length(self.out, field.1, length),
        }
        Self::write(self.form, self.out, self.scratch, fields);
    }

    /// Adds fields that are encoded already; for protobuf only.
    pub(super) fn raw(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }

    /// The form in which the message is written.
    pub(super) const fn form(&self) -> Form {
        self.form
    }

    /// Adds a list of messages; `append` appends each one in the form that it is given, but
    /// for the length before it. JSON shows the list even if it is empty.
    pub(super) fn list<T>(
        &mut self,
        field: Field,
        items: impl Iterator<Item = T>,
        mut append: impl FnMut(T, Form, &mut Output),
    ) {
        match self.form {
            Form::Json => {
                self.name(field.0);
                self.out.push(b'[');
                for (index, item) in items.enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    append(item, Form::Json, self.out);
                    self.out.pass_on();
                }
                self.out.push(b']');
            }
            Form::Protobuf => {
                for item in items {
                    self.scratch.clear();
                    append(item, Form::Protobuf, self.scratch);
                    put_bytes(self.out, field.1, self.scratch);
                    self.out.pass_on();
                }
            }
        }
    }

    /// As [`Self::list`], of messages that are there already.
    pub(super) fn messages<M: Described>(&mut self, field: Field, items: impl Iterator<Item = M>) {
        let mut encoded = Vec::new();
        self.list(field, items, |message, form, out| {
            // A vector takes all that is put into it.
            let _ = match form {
                Form::Protobuf => message.encode(&mut **out),
                Form::Json => {
                    encoded.clear();
                    let result = message.encode(&mut encoded);
                    EncodedJson::<M>::new(&encoded).write(out);
                    result
                }
            };
        });
    }
}
