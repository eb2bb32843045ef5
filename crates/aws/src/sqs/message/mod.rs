//! Messages: bodies, attributes, and the sums over them that clients compare.
//!
//! Apart because sending, receiving and the translation to records all speak of them, and none may see another size,
//! sum or type of the same message.

mod attribute;
mod body;
mod digest;
mod filter;
mod md5_lanes;
mod system;

pub(crate) use attribute::{Attribute, RawAttribute, Value};
pub(crate) use attribute::{attributes, is_attribute_name};
pub(crate) use body::{check_body, is_legal};
pub(crate) use digest::{md5_of_attributes, md5_of_bodies};
pub(crate) use filter::NameFilter;
pub(crate) use md5_lanes::Sum;
pub(crate) use system::{TRACE_HEADER, trace_header};

/// Bytes of a message as its limit counts them: body, and each attribute's name, type and value.
pub(crate) fn message_bytes(body: &str, attributes: &[Attribute<'_>]) -> u64 {
    let attributes: usize = attributes.iter().map(Attribute::bytes).sum();
    (body.len() + attributes) as u64
}
