//! What a record's headers say of the trace that it belongs to (W3C Trace Context).
//!
//! Apart because it is untrusted text: what is not exactly a `traceparent` is none.

use millstream_types::batch::Headers;

/// The header's name, the same in every protocol.
const TRACEPARENT: &str = "traceparent";

/// The span that a record was sent by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
}

/// The parent in a record's headers, if the trace is sampled: nobody wants to hear of another.
pub(super) fn sampled(headers: Headers<'_>) -> Option<Parent> {
    parse(headers.first(TRACEPARENT)??)
}

/// Reads `00-<32 digits>-<16 digits>-<2 digits>`; of later versions, what may follow is passed over.
fn parse(text: &[u8]) -> Option<Parent> {
    let (head, rest) = text.split_at_checked(55)?;
    let separators = [2, 35, 52].iter().all(|at| head[*at] == b'-');
    let [version] = digits::<1>(&head[..2])?;
    let ends = rest.is_empty() || version > 0 && rest[0] == b'-';
    let (trace, span) = (digits::<16>(&head[3..35])?, digits::<8>(&head[36..52])?);
    let [flags] = digits::<1>(&head[53..])?;
    let is_good = separators && ends && version != 0xff && trace != [0; 16] && span != [0; 8];
    (is_good && flags & 1 == 1).then_some(Parent { trace, span })
}

/// Bytes of small hexadecimal digits.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |character: u8| match character {
            b'0'..=b'9' => Some(character - b'0'),
            b'a'..=b'f' => Some(character - b'a' + 10),
            _ => None,
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampled_parent_is_read_and_everything_else_is_none() {
        let parent = parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!((parent.trace[0], parent.trace[15], parent.span[0]), (0x0a, 0x9c, 0xb7));
        assert!(parse(b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more").is_some());
        for none in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        ] {
            assert_eq!(parse(none.as_bytes()), None, "{none}");
        }
    }
}
