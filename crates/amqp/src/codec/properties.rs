//! The header of a content: how long its body is, and its properties.
//!
//! Apart because only those properties are there whose flag is set, so that no macro of fields describes them.
//!
//! ```text
//! class u16 │ weight u16 │ body bytes u64 │ flags u16: bit 15 the first property, … bit 2 the last │ properties
//! ```

use super::frame::BASIC;
use super::writer::Fields;
use super::{DecodeError, Reader, Table};
use bytes::BytesMut;

macro_rules! properties {
    ($($(#[$doc:meta])* $bit:literal $name:ident: $type:ty, $get:expr, $put:expr;)*) => {
        /// What a message says of itself.
        #[derive(Debug, Clone, Copy, PartialEq, Default)]
        pub struct Properties<'a> {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        /// The flags that some property has.
        const KNOWN_FLAGS: u16 = $(1 << $bit)|*;

        impl<'a> Properties<'a> {
            fn get(reader: &mut Reader<'a>) -> Result<Properties<'a>, DecodeError> {
                let flags = reader.u16()?;
                if flags & !KNOWN_FLAGS != 0 {
                    return Err(DecodeError::UnknownFlags(flags));
                }
                Ok(Properties {
                    $($name: if flags & 1 << $bit == 0 { None } else { Some($get(reader)?) },)*
                })
            }

            fn put(&self, fields: &mut Fields<'_>) {
                fields.u16($(u16::from(self.$name.is_some()) << $bit)|*);
                $(if let Some(value) = self.$name { $put(fields, value); })*
            }
        }
    };
}

properties! {
    /// MIME type of the body.
    15 content_type: &'a str, Reader::short, Fields::short;
    /// MIME encoding of the body.
    14 content_encoding: &'a str, Reader::short, Fields::short;
    /// The application's own.
    13 headers: Table<'a>, Table::get, |fields: &mut Fields<'_>, table: Table<'_>| fields.long(table.bytes());
    /// 1: transient, 2: persistent.
    12 delivery_mode: u8, Reader::u8, Fields::u8;
    /// The larger, the sooner.
    11 priority: u8, Reader::u8, Fields::u8;
    /// Which request a reply belongs to.
    10 correlation_id: &'a str, Reader::short, Fields::short;
    /// Where a reply goes.
    9 reply_to: &'a str, Reader::short, Fields::short;
    /// Time to live in milliseconds, as text.
    8 expiration: &'a str, Reader::short, Fields::short;
    /// The application's.
    7 message_id: &'a str, Reader::short, Fields::short;
    /// Seconds since 1970 UTC.
    6 timestamp: u64, Reader::u64, Fields::u64;
    /// The application's name for this kind of message.
    5 message_type: &'a str, Reader::short, Fields::short;
    /// Who published it; checked.
    4 user_id: &'a str, Reader::short, Fields::short;
    /// Which application published it.
    3 app_id: &'a str, Reader::short, Fields::short;
    /// Reserved.
    2 cluster_id: &'a str, Reader::short, Fields::short;
}

/// The header of a content.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContentHeader<'a> {
    /// How long the body is.
    pub body_bytes: u64,
    /// What the message says of itself.
    pub properties: Properties<'a>,
}

impl<'a> ContentHeader<'a> {
    /// Writes a header frame's payload.
    pub fn put(&self, out: &mut BytesMut) {
        put_header(out, self.body_bytes, &self.properties);
    }

    /// Reads the payload of a header frame.
    ///
    /// # Errors
    /// When it cannot be read, or belongs to another class.
    pub fn decode(payload: &'a [u8]) -> Result<ContentHeader<'a>, DecodeError> {
        let mut reader = Reader::new(payload);
        let class = reader.u16()?;
        if class != BASIC {
            return Err(DecodeError::NoContent(class));
        }
        // The weight says nothing since there are no contents in contents.
        reader.u16()?;
        let header = ContentHeader { body_bytes: reader.u64()?, properties: Properties::get(&mut reader)? };
        reader.end()?;
        Ok(header)
    }
}

/// Writes the payload of a header frame.
pub(super) fn put_header(out: &mut BytesMut, body_bytes: u64, properties: &Properties<'_>) {
    let mut fields = Fields::new(out);
    fields.u16(BASIC);
    fields.u16(0);
    fields.u64(body_bytes);
    properties.put(&mut fields);
}
