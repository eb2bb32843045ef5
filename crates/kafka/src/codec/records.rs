//! Record batches as they lie in a message: a run of byte chunks that nobody copies.
//!
//! Apart because a Fetch response is made of what storage hands out, batch by batch, and joining the chunks
//! would copy every byte a consumer reads.

use bytes::{Bytes, BytesMut};

/// The bytes of a `records` field, in order, in one or more chunks.
///
/// A decoded field has exactly one chunk, a slice of the frame. One chunk costs no allocation.
#[derive(Clone, Default)]
pub struct Records {
    first: Bytes,
    rest: Vec<Bytes>,
    len: usize,
}

impl Records {
    /// Appends a chunk; an empty one changes nothing.
    pub fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        // The sum of lengths of slices that exist; overflow would need more memory than addresses.
        self.len += chunk.len();
        if self.first.is_empty() {
            self.first = chunk;
        } else {
            self.rest.push(chunk);
        }
    }

    /// Bytes in all chunks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chunks in order; none is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        core::iter::once(&self.first).filter(|first| !first.is_empty()).chain(&self.rest)
    }

    /// All bytes as one piece: a reference-counted slice for one chunk (always so for a decoded field), a copy
    /// for several.
    pub fn to_bytes(&self) -> Bytes {
        if self.rest.is_empty() {
            return self.first.clone();
        }
        let mut joined = BytesMut::with_capacity(self.len);
        for chunk in self.chunks() {
            joined.extend_from_slice(chunk);
        }
        joined.freeze()
    }
}

impl From<Bytes> for Records {
    fn from(chunk: Bytes) -> Self {
        Self { len: chunk.len(), first: chunk, rest: Vec::new() }
    }
}

impl Extend<Bytes> for Records {
    fn extend<I: IntoIterator<Item = Bytes>>(&mut self, chunks: I) {
        let chunks = chunks.into_iter();
        self.rest.reserve(chunks.size_hint().0.saturating_sub(1));
        chunks.for_each(|chunk| self.push(chunk));
    }
}

impl FromIterator<Bytes> for Records {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let mut records = Self::default();
        records.extend(chunks);
        records
    }
}

/// Equal when the bytes are equal, however they are cut into chunks.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.chunks().flatten().eq(other.chunks().flatten())
    }
}

impl Eq for Records {}

impl core::fmt::Debug for Records {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Records({} bytes in {} chunks)", self.len, self.chunks().count())
    }
}
