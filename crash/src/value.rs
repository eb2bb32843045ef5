//! What a record's value says: who sent it and its number, and then bytes that only weigh.
//!
//! Apart because programs in other languages write the same: `<client>:<n>:<anything>`.

use anyhow::Context as _;

/// The value of a record, at least `bytes` long.
pub(crate) fn make(client: u32, n: u64, bytes: usize) -> Vec<u8> {
    let mut value = format!("{client}:{n}:").into_bytes();
    // Bytes without a pattern: nothing on the way can shorten them.
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while value.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        value.push(b'a' + ((state >> 59) as u8 & 15));
    }
    value
}

/// Client and number of a value.
///
/// # Errors
/// When it is none of ours.
pub(crate) fn read(value: &[u8]) -> anyhow::Result<(u32, u64)> {
    let mut parts = value.splitn(3, |byte| *byte == b':');
    let mut number = || {
        let text = std::str::from_utf8(parts.next()?).ok()?;
        text.parse::<u64>().ok()
    };
    let both = number().zip(number()).and_then(|(client, n)| Some((u32::try_from(client).ok()?, n)));
    both.with_context(|| format!("a value that nobody writes: {:?}", String::from_utf8_lossy(value)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_value_is_read_as_it_was_made() {
        for (client, n, bytes) in [(0, 0, 0), (7, 1 << 40, 3), (u32::MAX, 12, 500)] {
            let value = super::make(client, n, bytes);
            assert!(value.len() >= bytes);
            assert_eq!(super::read(&value).unwrap(), (client, n));
        }
        for bad in [&b""[..], b"1", b"1:", b"a:1:", b"4294967296:1:"] {
            assert!(super::read(bad).is_err(), "{bad:?}");
        }
    }
}
