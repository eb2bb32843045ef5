//! How often which values occurred, counted by whoever sees them and read by whoever asks.
//!
//! Apart because storage, engine and fronts all count and none of them may know who shows it: a count is two relaxed
//! additions, takes no lock and allocates nothing. Buckets double, so that one form serves microseconds, bytes and numbers
//! alike with an error of a factor of two at most.
//!
//! ```text
//! bucket   0     1     2       3       4        …   31
//! values   0, 1  2     3, 4    5 – 8   9 – 16   …   more than 2³⁰
//! ```

use core::array;
use core::sync::atomic::{AtomicU64, Ordering};

/// Number of buckets. The last has no upper end.
pub const BUCKETS: usize = 32;

/// Counts values. All methods may be called by any thread at any time.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

/// A histogram as it was at one time; counts of values that came meanwhile may be in it in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How often a value of each bucket occurred.
    pub buckets: [u64; BUCKETS],
    /// The sum of all values. It wraps around, as counters may.
    pub sum: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn record(&self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts a value that occurred several times.
    pub fn record_many(&self, value: u64, times: u64) {
        self.buckets[bucket(value)].fetch_add(times, Ordering::Relaxed);
        self.sum.fetch_add(value.wrapping_mul(times), Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            buckets: array::from_fn(|index| self.buckets[index].load(Ordering::Relaxed)),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Default for Counted {
    fn default() -> Counted {
        Counted { buckets: [0; BUCKETS], sum: 0 }
    }
}

impl Counted {
    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// What was counted since an earlier look at the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Counted) -> Counted {
        Counted {
            buckets: array::from_fn(|index| self.buckets[index].saturating_sub(earlier.buckets[index])),
            sum: self.sum.wrapping_sub(earlier.sum),
        }
    }

    /// The upper end of the bucket in which the value lies that so many thousandths of all are at most; `None` when there
    /// are none, `u64::MAX` when it lies in the last one.
    #[must_use]
    pub fn quantile(&self, thousandths: u64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = (u128::from(count) * u128::from(thousandths.min(1000))).div_ceil(1000).max(1);
        let mut seen: u128 = 0;
        for (index, occurred) in self.buckets.iter().enumerate() {
            seen += u128::from(*occurred);
            if seen >= rank {
                return Some(upper_end(index).unwrap_or(u64::MAX));
            }
        }
        unreachable!("the ranks of all values are at most their number")
    }
}

/// The largest value of a bucket; `None` for the last one, which has no end.
#[must_use]
pub fn upper_end(bucket: usize) -> Option<u64> {
    (bucket + 1 < BUCKETS).then(|| 1 << bucket)
}

fn bucket(value: u64) -> usize {
    let bits = u64::BITS - value.saturating_sub(1).leading_zeros();
    (bits as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_in_the_bucket_whose_ends_are_around_it() {
        for value in [0, 1, 2, 3, 4, 5, 8, 9, 1000, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, u64::MAX] {
            let bucket = bucket(value);
            assert!(upper_end(bucket).is_none_or(|end| value <= end), "{value} in {bucket}");
            let below = bucket.checked_sub(1).and_then(upper_end);
            assert!(below.is_none_or(|end| value > end), "{value} in {bucket}");
        }
        assert_eq!((bucket(0), bucket(1), bucket(2), bucket(u64::MAX)), (0, 0, 1, BUCKETS - 1));
    }

    #[test]
    fn what_was_counted_since_is_the_difference() {
        let histogram = Histogram::default();
        histogram.record_many(10, 3);
        let before = histogram.counted();
        histogram.record(1000);
        histogram.record(u64::MAX);
        let since = histogram.counted().since(&before);
        assert_eq!((since.count(), since.sum), (2, 999));
        assert_eq!(histogram.counted().count(), 5);
    }

    #[test]
    fn quantiles_are_upper_ends_of_buckets() {
        let histogram = Histogram::default();
        assert_eq!(histogram.counted().quantile(500), None);
        histogram.record_many(100, 99);
        histogram.record(5_000);
        let counted = histogram.counted();
        assert_eq!(counted.quantile(0), Some(128));
        assert_eq!(counted.quantile(990), Some(128));
        assert_eq!(counted.quantile(991), Some(8192));
        histogram.record_many(u64::MAX, 1000);
        assert_eq!(histogram.counted().quantile(1000), Some(u64::MAX));
    }
}
