//! Buffers that file reads fill, used again and again.
//!
//! Apart because a fresh megabyte per read costs as much as reading it: pages are faulted in, zeroed, and given back to
//! the machine. Here a buffer is zeroed once in its life, and comes back when the last slice of it has been sent.
//!
//! What is out is charged to the output of the connection that reads: it makes no read while more than its output limit
//! waits to be sent, and a read takes at most one turn. When much is out in all, turns are short (`reading`). A buffer is
//! at most twice as large as what was read into it, and at least [`CLASS_BYTES_MIN`]. What lies idle is bounded here.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use millstream_types::limits::READ_BYTES_PER_TURN;
use parking_lot::Mutex;

/// Smallest buffer: a page.
const CLASS_BYTES_MIN: usize = 4 << 10;
/// Largest buffer that is kept: one turn. A larger one is made for a single huge batch and dropped after it.
const CLASS_BYTES_MAX: usize = READ_BYTES_PER_TURN as usize;
/// One class for each power of two.
const CLASSES: usize = (CLASS_BYTES_MAX / CLASS_BYTES_MIN).ilog2() as usize + 1;

/// Idle buffers of all sizes.
pub(crate) struct Buffers {
    /// By size: last in, first out, so that the warmest is used next.
    idle: [Mutex<Vec<Box<[u8]>>>; CLASSES],
    idle_bytes: AtomicU64,
    idle_bytes_max: u64,
    /// Bytes of the buffers that are out.
    out_bytes: AtomicU64,
}

impl Buffers {
    /// Keeps at most `idle_bytes_max` bytes of idle buffers.
    pub(crate) fn new(idle_bytes_max: u64) -> Buffers {
        Buffers {
            idle: Default::default(),
            idle_bytes: AtomicU64::new(0),
            idle_bytes_max,
            out_bytes: AtomicU64::new(0),
        }
    }

    /// A buffer of `bytes` bytes with anything in them.
    pub(crate) fn take(self: &Arc<Buffers>, bytes: usize) -> Buffer {
        let memory = match class_of(bytes) {
            Some(class) => {
                let idle = self.idle[class].lock().pop();
                if let Some(idle) = &idle {
                    self.idle_bytes.fetch_sub(idle.len() as u64, Ordering::Relaxed);
                }
                idle.unwrap_or_else(|| vec![0; CLASS_BYTES_MIN << class].into_boxed_slice())
            }
            None => vec![0; bytes].into_boxed_slice(),
        };
        self.out_bytes.fetch_add(memory.len() as u64, Ordering::Relaxed);
        Buffer { pool: Arc::clone(self), memory, bytes }
    }

    /// Bytes held by readers.
    pub(crate) fn out_bytes(&self) -> u64 {
        self.out_bytes.load(Ordering::Relaxed)
    }

    fn give_back(&self, memory: Box<[u8]>) {
        let bytes = memory.len() as u64;
        self.out_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let Some(class) = class_of(memory.len()) else { return };
        if self.idle_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.idle_bytes_max {
            self.idle_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return;
        }
        self.idle[class].lock().push(memory);
    }
}

/// The class whose buffers hold so many bytes; `None` when none does.
fn class_of(bytes: usize) -> Option<usize> {
    let pages = bytes.div_ceil(CLASS_BYTES_MIN).max(1);
    let class = pages.next_power_of_two().ilog2() as usize;
    (class < CLASSES).then_some(class)
}

/// A buffer that is being filled; it goes back when it is dropped.
pub(crate) struct Buffer {
    pool: Arc<Buffers>,
    memory: Box<[u8]>,
    bytes: usize,
}

impl Buffer {
    /// Shares the bytes; the buffer goes back when the last slice of them is dropped.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[..self.bytes]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.bytes]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_slice_is_dropped() {
        let pool = Arc::new(Buffers::new(1 << 20));
        let mut buffer = pool.take(5000);
        buffer.fill(7);
        let place = buffer.as_ptr();
        let bytes = buffer.freeze();
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_eq!((slice.as_ref(), pool.out_bytes()), (&[7; 10][..], 8192));
        drop(slice);
        assert_eq!(pool.out_bytes(), 0);
        let again = pool.take(8000);
        assert_eq!((again.as_ptr(), again.len()), (place, 8000));
    }

    #[test]
    fn no_more_lies_idle_than_is_allowed() {
        let pool = Arc::new(Buffers::new(10_000));
        let taken: Vec<Buffer> = (0..5).map(|_| pool.take(4096)).collect();
        drop(taken);
        assert_eq!(pool.idle_bytes.load(Ordering::Relaxed), 8192);
    }

    #[test]
    fn every_size_gets_a_buffer_that_holds_it() {
        let pool = Arc::new(Buffers::new(1 << 30));
        for bytes in [0, 1, 4096, 4097, 65_536, CLASS_BYTES_MAX, CLASS_BYTES_MAX + 1, 3 << 20] {
            assert_eq!(pool.take(bytes).len(), bytes);
        }
        assert_eq!(pool.out_bytes(), 0);
        let kept: u64 = pool
            .idle
            .iter()
            .flat_map(|class| class.lock().iter().map(|b| b.len() as u64).collect::<Vec<_>>())
            .sum();
        assert_eq!(
            kept,
            4096 + 8192 + 65_536 + CLASS_BYTES_MAX as u64,
            "what is larger than a turn is not kept"
        );
    }
}
