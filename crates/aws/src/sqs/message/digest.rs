//! The MD5 sums that clients compute over what they sent and received, and throw an error when ours differ.
//!
//! Apart because the spelling is exact: attributes in the order of their names, each as length and name, length and
//! type, one byte for the kind of value, length and value; all lengths in four bytes, the highest first.

use super::attribute::{Attribute, Value};
use super::md5_lanes::{self, Sum};
use crate::hex::spell_sum;
use md5::{Digest, Md5};

/// Kinds of value, as they are summed.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The sums of bodies; of many at once faster than one by one.
#[must_use]
pub(crate) fn md5_of_bodies<'b>(bodies: impl Iterator<Item = &'b str>) -> Vec<Sum> {
    let bodies: Vec<&[u8]> = bodies.map(str::as_bytes).collect();
    md5_lanes::sums(&bodies)
}

/// The sum of a message's attributes, in hexadecimal; `None` when there are none.
#[must_use]
pub(crate) fn md5_of_attributes(attributes: &[Attribute<'_>]) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut sorted: Vec<&Attribute<'_>> = attributes.iter().collect();
    sorted.sort_by(|left, right| left.name.cmp(&right.name));
    let mut sum = Md5::new();
    for Attribute { name, data_type, value } in sorted {
        add(&mut sum, name.as_bytes());
        add(&mut sum, data_type.as_bytes());
        match value {
            Value::Text(text) => {
                sum.update([TEXT]);
                add(&mut sum, text.as_bytes());
            }
            Value::Binary(bytes) => {
                sum.update([BINARY]);
                add(&mut sum, bytes);
            }
        }
    }
    Some(spell_sum(&sum.finalize().into()).to_string())
}

fn add(sum: &mut Md5, bytes: &[u8]) {
    let length =
        u32::try_from(bytes.len()).expect("a message is at most 1 MiB, a record's header not much more");
    sum.update(length.to_be_bytes());
    sum.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(name: &'a str, data_type: &'a str, value: &'a str) -> Attribute<'a> {
        Attribute { name: name.into(), data_type: data_type.into(), value: Value::Text(value.into()) }
    }

    #[test]
    fn sums_are_those_that_amazon_answered() {
        let sums = md5_of_bodies(["msg"].into_iter());
        assert_eq!(&*spell_sum(&sums[0]), "6e2baaf3b97dbeef01c0043275f9a0e7");
        let all = [
            text("Help.Me", "String", "Me"),
            text("Hello", "String", "There"),
            text("General", "String", "Kenobi"),
        ];
        let sum = |attributes: &[Attribute<'_>]| md5_of_attributes(attributes).unwrap();
        assert_eq!(sum(&all), "4c360f3fdafd970e05fae2f149d997f5");
        assert_eq!(sum(&all[..2]), "83fee93c1bcd8b9a5a923ffacdc636c7");
        assert_eq!(sum(&all[1..]), "fca026605781cb4126a1e9044df24232");
        assert_eq!(sum(&all[1..2]), "a311262e065454b75da111d535b8dacd");
        assert_eq!(sum(&[text("Foo", "String", "Bar")]), "ae7155c6026991b6d54b11589678bf9c");
        assert_eq!(
            sum(&[text("UserId", "Number.bigint", "1234567890123456789012")]),
            "797ab158d73dcb5242dedc4412c8e855"
        );
        assert_eq!(
            sum(&[text("AWSTraceHeader", "String", "some-trace-id")]),
            "fdce4f2818803f2f73becc09a54792c0"
        );
        let bytes = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01";
        let binary = Attribute {
            name: "attr1".into(),
            data_type: "Binary".into(),
            value: Value::Binary(bytes.as_slice().into()),
        };
        assert_eq!(sum(&[binary]), "8cbe4db156db8a94db8b801b7addb984");
        assert_eq!(md5_of_attributes(&[]), None);
    }
}
