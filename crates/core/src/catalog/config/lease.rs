//! Settings of a stream that is worked as a queue: what its default lease group does.
//!
//! Apart from the other settings because only streams with such a group have any of them, and a front that attaches
//! compares them as a whole. A table, read in each direction; long because every setting stands in it with its limits.
//!
//! Among a configuration's later settings they have these tags:
//!
//! ```text
//! 16 enabled u8 │ 17 timeout ms u64 │ 18 delivery limit (0, or 1 and u32) │ 19 dead letter (0, or 1 and a name)
//! 20 delay ms u64 │ 21 time to live ms (0, or 1 and u64) │ 22 length max (0, or 1 and u64) │ 23 overflow u8
//! 24 single holder u8 │ 25 paused u8 │ 26 ordering u8 │ 27 dedup window ms (0, or 1 and u64)
//! 28 length max in bytes (0, or 1 and u64) │ 29 expires ms (0, or 1 and u64) │ 30 delete unused u8
//! 32 dead letter route (0, or 1 and a name, then key (0, or 1 and a key)) │ 33 sample one of u32
//!
//! overflow: 0 drop oldest │ 1 reject │ 2 dead-letter │ 3 reject and dead-letter │ 4 block │ 5 slow down │ 6 sample
//! ordering: 0 unordered │ 1 ordered │ 2 fair
//! ```

use crate::catalog::check_name;
use crate::codec::{DecodeError, Decoder, Encoder};
use alloc::boxed::Box;
use millstream_types::ErrorKind;
use millstream_types::limits::BINDING_KEY_BYTES_MAX;

/// The first tag.
const FIRST_TAG: u8 = 16;
/// A year, with a leap day: nothing is delayed, leased or kept from expiring for longer.
const TIME_MS_MAX: u64 = 366 * 24 * 3_600_000;

/// What happens when a stream is longer than it may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// The oldest records that nobody has out are done with.
    DropOldest,
    /// Appends are refused with `StreamFull`.
    Reject,
    /// The oldest records that nobody has out are dead-lettered.
    DeadLetter,
    /// Appends are taken, and answered when there is room again: after ten seconds at the latest. Not so those of a
    /// transaction.
    Block,
    /// Appends are taken, and answered the later the longer the stream is: up to five seconds, from twice its bound on. Not
    /// so those of a transaction.
    SlowDown,
    /// Of records that come while the stream is longer than it may be, one of so many is kept, see
    /// [`LeaseSetting::SampleOneOf`]; the others are done with.
    Sample,
    /// Appends are refused with `StreamFull`, and what was refused is dead-lettered: at most 256 records of one request,
    /// and none of a producer with sequence numbers, nor of a transaction.
    RejectDeadLetter,
}

impl Overflow {
    /// Whether what does not fit is refused.
    #[must_use]
    pub fn refuses(self) -> bool {
        matches!(self, Overflow::Reject | Overflow::RejectDeadLetter)
    }

    /// Whether answers to producers are put off.
    #[must_use]
    pub fn holds_back(self) -> bool {
        matches!(self, Overflow::Block | Overflow::SlowDown)
    }
}

/// What ordering keys mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ordering {
    /// Nothing.
    Unordered,
    /// While a record of a key is out, no other of that key is delivered.
    Ordered,
    /// The key with the fewest records out comes first.
    Fair,
}

/// A route for dead letters.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DeadLetterRoute {
    /// Its name, in the same namespace; empty: no route, but the stream that is called like the key.
    pub route: Box<str>,
    /// The key that records go by, at most 255 bytes; `None`: the one that they came here by.
    pub key: Option<Box<str>>,
}

/// One setting with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeaseSetting {
    /// The stream has a default lease group, from its start on. Default: no.
    Enabled(bool),
    /// How long a lease lasts unless its holder says otherwise. Default: 30 seconds; at most a year.
    TimeoutMs(u64),
    /// A record that was delivered so often and comes back is dead-lettered; `None`: never. Default: never; at least 1.
    DeliveryLimit(Option<u32>),
    /// The stream, in the same namespace, that dead letters go to; `None`: they are dropped. Default: none.
    DeadLetter(Option<Box<str>>),
    /// The route that dead letters go by instead: to all streams that it leads to, and nowhere if it leads to none. It goes before
    /// [`LeaseSetting::DeadLetter`]. Default: none.
    DeadLetterRoute(Option<DeadLetterRoute>),
    /// Records are delivered so much later than they were appended. Default: 0; at most a year.
    DelayMs(u64),
    /// Records are dead-lettered if nobody took them so long after they were appended; `None`: never. Default: never.
    TimeToLiveMs(Option<u64>),
    /// So many records of a log may be ready; `None`: any number. Default: any number.
    LengthMax(Option<u64>),
    /// So many bytes of a log may be ready: as their batches are stored, each record with an even share of its batch. Batches
    /// count that were appended since this was set and since the group sought another place. `None`: any number.
    /// Default: any number.
    LengthBytesMax(Option<u64>),
    /// What happens then. Default: the oldest are dropped.
    Overflow(Overflow),
    /// One holder is served, the next one when it ends. Default: no.
    SingleHolder(bool),
    /// Nobody is served. Default: no.
    Paused(bool),
    /// What ordering keys mean. Default: nothing.
    Ordering(Ordering),
    /// A record whose dedup id came so recently is not appended again; `None`: dedup ids mean nothing. Default: nothing; at
    /// most a year.
    DedupWindowMs(Option<u64>),
    /// The stream is deleted once it was not used for so long: no holder is attached, nobody waits or has a record out, nothing was
    /// acquired, and its configuration was not set. A restart counts as use. `None`: it stays. Default: it stays.
    ExpiresMs(Option<u64>),
    /// The stream is deleted when the last holder that was attached ends. Default: no.
    DeleteUnused(bool),
    /// With [`Overflow::Sample`], one of so many records is kept. Default: 10; at least 1.
    SampleOneOf(u32),
}

/// Names a setting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LeaseSettingKey {
    /// See [`LeaseSetting::Enabled`].
    Enabled,
    /// See [`LeaseSetting::TimeoutMs`].
    TimeoutMs,
    /// See [`LeaseSetting::DeliveryLimit`].
    DeliveryLimit,
    /// See [`LeaseSetting::DeadLetter`].
    DeadLetter,
    /// See [`LeaseSetting::DeadLetterRoute`].
    DeadLetterRoute,
    /// See [`LeaseSetting::DelayMs`].
    DelayMs,
    /// See [`LeaseSetting::TimeToLiveMs`].
    TimeToLiveMs,
    /// See [`LeaseSetting::LengthMax`].
    LengthMax,
    /// See [`LeaseSetting::Overflow`].
    Overflow,
    /// See [`LeaseSetting::SingleHolder`].
    SingleHolder,
    /// See [`LeaseSetting::Paused`].
    Paused,
    /// See [`LeaseSetting::Ordering`].
    Ordering,
    /// See [`LeaseSetting::DedupWindowMs`].
    DedupWindowMs,
    /// See [`LeaseSetting::LengthBytesMax`].
    LengthBytesMax,
    /// See [`LeaseSetting::ExpiresMs`].
    ExpiresMs,
    /// See [`LeaseSetting::DeleteUnused`].
    DeleteUnused,
    /// See [`LeaseSetting::SampleOneOf`].
    SampleOneOf,
}

/// What was set. Getters give the effective value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeaseSettings {
    enabled: Option<bool>,
    timeout_ms: Option<u64>,
    delivery_limit: Option<Option<u32>>,
    dead_letter: Option<Option<Box<str>>>,
    dead_letter_route: Option<Option<DeadLetterRoute>>,
    delay_ms: Option<u64>,
    time_to_live_ms: Option<Option<u64>>,
    length_max: Option<Option<u64>>,
    overflow: Option<Overflow>,
    single_holder: Option<bool>,
    paused: Option<bool>,
    ordering: Option<Ordering>,
    dedup_window_ms: Option<Option<u64>>,
    length_bytes_max: Option<Option<u64>>,
    expires_ms: Option<Option<u64>>,
    delete_unused: Option<bool>,
    sample_one_of: Option<u32>,
}

impl LeaseSettings {
    /// Whether the stream has a default lease group.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.enabled.unwrap_or(false)
    }
    /// How long a lease lasts, in milliseconds.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms.unwrap_or(30_000)
    }
    /// How often a record is delivered at most.
    #[must_use]
    pub fn delivery_limit(&self) -> Option<u32> {
        self.delivery_limit.unwrap_or(None)
    }
    /// Where dead letters go.
    #[must_use]
    pub fn dead_letter(&self) -> Option<&str> {
        self.dead_letter.as_ref()?.as_deref()
    }
    /// The route that dead letters go by.
    #[must_use]
    pub fn dead_letter_route(&self) -> Option<&DeadLetterRoute> {
        self.dead_letter_route.as_ref()?.as_ref()
    }
    /// Whether dead letters go anywhere.
    #[must_use]
    pub fn keeps_dead_letters(&self) -> bool {
        self.dead_letter().is_some() || self.dead_letter_route().is_some()
    }
    /// How much later than they were appended records are delivered, in milliseconds.
    #[must_use]
    pub fn delay_ms(&self) -> u64 {
        self.delay_ms.unwrap_or(0)
    }
    /// How long records wait for a taker, in milliseconds.
    #[must_use]
    pub fn time_to_live_ms(&self) -> Option<u64> {
        self.time_to_live_ms.unwrap_or(None)
    }
    /// How many records of a log may be ready.
    #[must_use]
    pub fn length_max(&self) -> Option<u64> {
        self.length_max.unwrap_or(None)
    }
    /// What happens when there are more.
    #[must_use]
    pub fn overflow(&self) -> Overflow {
        self.overflow.unwrap_or(Overflow::DropOldest)
    }
    /// Whether one holder is served at a time.
    #[must_use]
    pub fn single_holder(&self) -> bool {
        self.single_holder.unwrap_or(false)
    }
    /// Whether nobody is served.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.paused.unwrap_or(false)
    }
    /// What ordering keys mean.
    #[must_use]
    pub fn ordering(&self) -> Ordering {
        self.ordering.unwrap_or(Ordering::Unordered)
    }
    /// For how long a dedup id is remembered, in milliseconds.
    #[must_use]
    pub fn dedup_window_ms(&self) -> Option<u64> {
        self.dedup_window_ms.unwrap_or(None)
    }
    /// How many bytes of a log may be ready.
    #[must_use]
    pub fn length_bytes_max(&self) -> Option<u64> {
        self.length_bytes_max.unwrap_or(None)
    }
    /// For how long the stream stays without being used, in milliseconds.
    #[must_use]
    pub fn expires_ms(&self) -> Option<u64> {
        self.expires_ms.unwrap_or(None)
    }
    /// Whether the stream goes with its last holder.
    #[must_use]
    pub fn delete_unused(&self) -> bool {
        self.delete_unused.unwrap_or(false)
    }
    /// Of how many records one is kept that come while there are too many.
    #[must_use]
    pub fn sample_one_of(&self) -> u32 {
        self.sample_one_of.unwrap_or(10)
    }
    /// Whether a setting was set, rather than left to the default.
    #[must_use]
    pub fn is_set(&self, key: LeaseSettingKey) -> bool {
        match key {
            LeaseSettingKey::Enabled => self.enabled.is_some(),
            LeaseSettingKey::TimeoutMs => self.timeout_ms.is_some(),
            LeaseSettingKey::DeliveryLimit => self.delivery_limit.is_some(),
            LeaseSettingKey::DeadLetter => self.dead_letter.is_some(),
            LeaseSettingKey::DeadLetterRoute => self.dead_letter_route.is_some(),
            LeaseSettingKey::DelayMs => self.delay_ms.is_some(),
            LeaseSettingKey::TimeToLiveMs => self.time_to_live_ms.is_some(),
            LeaseSettingKey::LengthMax => self.length_max.is_some(),
            LeaseSettingKey::Overflow => self.overflow.is_some(),
            LeaseSettingKey::SingleHolder => self.single_holder.is_some(),
            LeaseSettingKey::Paused => self.paused.is_some(),
            LeaseSettingKey::Ordering => self.ordering.is_some(),
            LeaseSettingKey::DedupWindowMs => self.dedup_window_ms.is_some(),
            LeaseSettingKey::LengthBytesMax => self.length_bytes_max.is_some(),
            LeaseSettingKey::ExpiresMs => self.expires_ms.is_some(),
            LeaseSettingKey::DeleteUnused => self.delete_unused.is_some(),
            LeaseSettingKey::SampleOneOf => self.sample_one_of.is_some(),
        }
    }

    pub(super) fn set(&mut self, setting: &LeaseSetting) -> Result<(), ErrorKind> {
        check(setting)?;
        match setting {
            LeaseSetting::Enabled(enabled) => self.enabled = Some(*enabled),
            LeaseSetting::TimeoutMs(ms) => self.timeout_ms = Some(*ms),
            LeaseSetting::DeliveryLimit(limit) => self.delivery_limit = Some(*limit),
            LeaseSetting::DeadLetter(name) => self.dead_letter = Some(name.clone()),
            LeaseSetting::DeadLetterRoute(route) => self.dead_letter_route = Some(route.clone()),
            LeaseSetting::DelayMs(ms) => self.delay_ms = Some(*ms),
            LeaseSetting::TimeToLiveMs(ms) => self.time_to_live_ms = Some(*ms),
            LeaseSetting::LengthMax(records) => self.length_max = Some(*records),
            LeaseSetting::Overflow(overflow) => self.overflow = Some(*overflow),
            LeaseSetting::SingleHolder(single) => self.single_holder = Some(*single),
            LeaseSetting::Paused(paused) => self.paused = Some(*paused),
            LeaseSetting::Ordering(ordering) => self.ordering = Some(*ordering),
            LeaseSetting::DedupWindowMs(ms) => self.dedup_window_ms = Some(*ms),
            LeaseSetting::LengthBytesMax(bytes) => self.length_bytes_max = Some(*bytes),
            LeaseSetting::ExpiresMs(ms) => self.expires_ms = Some(*ms),
            LeaseSetting::DeleteUnused(delete) => self.delete_unused = Some(*delete),
            LeaseSetting::SampleOneOf(count) => self.sample_one_of = Some(*count),
        }
        Ok(())
    }

    pub(super) fn unset(&mut self, key: LeaseSettingKey) {
        match key {
            LeaseSettingKey::Enabled => self.enabled = None,
            LeaseSettingKey::TimeoutMs => self.timeout_ms = None,
            LeaseSettingKey::DeliveryLimit => self.delivery_limit = None,
            LeaseSettingKey::DeadLetter => self.dead_letter = None,
            LeaseSettingKey::DeadLetterRoute => self.dead_letter_route = None,
            LeaseSettingKey::DelayMs => self.delay_ms = None,
            LeaseSettingKey::TimeToLiveMs => self.time_to_live_ms = None,
            LeaseSettingKey::LengthMax => self.length_max = None,
            LeaseSettingKey::Overflow => self.overflow = None,
            LeaseSettingKey::SingleHolder => self.single_holder = None,
            LeaseSettingKey::Paused => self.paused = None,
            LeaseSettingKey::Ordering => self.ordering = None,
            LeaseSettingKey::DedupWindowMs => self.dedup_window_ms = None,
            LeaseSettingKey::LengthBytesMax => self.length_bytes_max = None,
            LeaseSettingKey::ExpiresMs => self.expires_ms = None,
            LeaseSettingKey::DeleteUnused => self.delete_unused = None,
            LeaseSettingKey::SampleOneOf => self.sample_one_of = None,
        }
    }

    /// What was set, in the order of the tags.
    fn all(&self) -> impl Iterator<Item = LeaseSetting> {
        [
            self.enabled.map(LeaseSetting::Enabled),
            self.timeout_ms.map(LeaseSetting::TimeoutMs),
            self.delivery_limit.map(LeaseSetting::DeliveryLimit),
            self.dead_letter.clone().map(LeaseSetting::DeadLetter),
            self.delay_ms.map(LeaseSetting::DelayMs),
            self.time_to_live_ms.map(LeaseSetting::TimeToLiveMs),
            self.length_max.map(LeaseSetting::LengthMax),
            self.overflow.map(LeaseSetting::Overflow),
            self.single_holder.map(LeaseSetting::SingleHolder),
            self.paused.map(LeaseSetting::Paused),
            self.ordering.map(LeaseSetting::Ordering),
            self.dedup_window_ms.map(LeaseSetting::DedupWindowMs),
            self.length_bytes_max.map(LeaseSetting::LengthBytesMax),
            self.expires_ms.map(LeaseSetting::ExpiresMs),
            self.delete_unused.map(LeaseSetting::DeleteUnused),
            self.dead_letter_route.clone().map(LeaseSetting::DeadLetterRoute),
            self.sample_one_of.map(LeaseSetting::SampleOneOf),
        ]
        .into_iter()
        .flatten()
    }

    /// How many are set.
    pub(super) fn count(&self) -> u8 {
        u8::try_from(self.all().count()).expect("there are few settings")
    }

    pub(super) fn put(&self, out: &mut Encoder<'_>) {
        for setting in self.all() {
            put(out, &setting);
        }
    }

    /// Takes the setting with this tag.
    pub(super) fn get(&mut self, tag: u8, input: &mut Decoder<'_>) -> Result<(), DecodeError> {
        let setting = get(tag, input)?;
        self.set(&setting).map_err(|_| DecodeError::Invalid("a lease setting"))
    }
}

fn check(setting: &LeaseSetting) -> Result<(), ErrorKind> {
    let fits = match setting {
        LeaseSetting::TimeoutMs(ms) => (1..=TIME_MS_MAX).contains(ms),
        LeaseSetting::DelayMs(ms) | LeaseSetting::DedupWindowMs(Some(ms)) => *ms <= TIME_MS_MAX,
        LeaseSetting::ExpiresMs(ms) => ms.is_none_or(|ms| ms > 0),
        LeaseSetting::DeliveryLimit(limit) => *limit != Some(0),
        LeaseSetting::SampleOneOf(count) => *count > 0,
        LeaseSetting::DeadLetter(Some(name)) => check_name(name).is_ok(),
        LeaseSetting::DeadLetterRoute(Some(DeadLetterRoute { route, key })) => {
            (route.is_empty() || check_name(route).is_ok())
                && key.as_ref().is_none_or(|key| key.len() <= BINDING_KEY_BYTES_MAX)
        }
        LeaseSetting::DeadLetter(None)
        | LeaseSetting::DeadLetterRoute(None)
        | LeaseSetting::Enabled(_)
        | LeaseSetting::TimeToLiveMs(_)
        | LeaseSetting::LengthMax(_)
        | LeaseSetting::Overflow(_)
        | LeaseSetting::SingleHolder(_)
        | LeaseSetting::Paused(_)
        | LeaseSetting::Ordering(_)
        | LeaseSetting::LengthBytesMax(_)
        | LeaseSetting::DeleteUnused(_)
        | LeaseSetting::DedupWindowMs(None) => true,
    };
    if fits { Ok(()) } else { Err(ErrorKind::InvalidConfig) }
}

fn put(out: &mut Encoder<'_>, setting: &LeaseSetting) {
    let tag = |out: &mut Encoder<'_>, number: u8| out.u8(FIRST_TAG + number);
    match setting {
        LeaseSetting::Enabled(enabled) => {
            tag(out, 0);
            out.u8(u8::from(*enabled));
        }
        LeaseSetting::TimeoutMs(ms) => {
            tag(out, 1);
            out.u64(*ms);
        }
        LeaseSetting::DeliveryLimit(limit) => {
            tag(out, 2);
            out.option(*limit, Encoder::u32);
        }
        LeaseSetting::DeadLetter(name) => {
            tag(out, 3);
            out.option(name.as_deref(), |out, name| out.str(name));
        }
        LeaseSetting::DeadLetterRoute(route) => {
            tag(out, 16);
            out.option(route.as_ref(), |out, route| {
                out.str(&route.route);
                out.option(route.key.as_deref(), |out, key| out.str(key));
            });
        }
        LeaseSetting::DelayMs(ms) => {
            tag(out, 4);
            out.u64(*ms);
        }
        LeaseSetting::TimeToLiveMs(ms) => {
            tag(out, 5);
            out.option(*ms, Encoder::u64);
        }
        LeaseSetting::LengthMax(records) => {
            tag(out, 6);
            out.option(*records, Encoder::u64);
        }
        LeaseSetting::Overflow(overflow) => {
            tag(out, 7);
            out.u8(match overflow {
                Overflow::DropOldest => 0,
                Overflow::Reject => 1,
                Overflow::DeadLetter => 2,
                Overflow::RejectDeadLetter => 3,
                Overflow::Block => 4,
                Overflow::SlowDown => 5,
                Overflow::Sample => 6,
            });
        }
        LeaseSetting::SingleHolder(single) => {
            tag(out, 8);
            out.u8(u8::from(*single));
        }
        LeaseSetting::Paused(paused) => {
            tag(out, 9);
            out.u8(u8::from(*paused));
        }
        LeaseSetting::Ordering(ordering) => {
            tag(out, 10);
            out.u8(match ordering {
                Ordering::Unordered => 0,
                Ordering::Ordered => 1,
                Ordering::Fair => 2,
            });
        }
        LeaseSetting::DedupWindowMs(ms) => {
            tag(out, 11);
            out.option(*ms, Encoder::u64);
        }
        LeaseSetting::LengthBytesMax(bytes) => {
            tag(out, 12);
            out.option(*bytes, Encoder::u64);
        }
        LeaseSetting::ExpiresMs(ms) => {
            tag(out, 13);
            out.option(*ms, Encoder::u64);
        }
        LeaseSetting::DeleteUnused(delete) => {
            tag(out, 14);
            out.u8(u8::from(*delete));
        }
        LeaseSetting::SampleOneOf(count) => {
            tag(out, 17);
            out.u32(*count);
        }
    }
}

fn get(tag: u8, input: &mut Decoder<'_>) -> Result<LeaseSetting, DecodeError> {
    Ok(match tag.checked_sub(FIRST_TAG) {
        Some(0) => LeaseSetting::Enabled(input.bool()?),
        Some(1) => LeaseSetting::TimeoutMs(input.u64()?),
        Some(2) => LeaseSetting::DeliveryLimit(input.option(Decoder::u32)?),
        Some(3) => LeaseSetting::DeadLetter(input.option(Decoder::boxed_str)?),
        Some(16) => LeaseSetting::DeadLetterRoute(input.option(|input| {
            Ok(DeadLetterRoute { route: input.boxed_str()?, key: input.option(Decoder::boxed_str)? })
        })?),
        Some(4) => LeaseSetting::DelayMs(input.u64()?),
        Some(5) => LeaseSetting::TimeToLiveMs(input.option(Decoder::u64)?),
        Some(6) => LeaseSetting::LengthMax(input.option(Decoder::u64)?),
        Some(7) => LeaseSetting::Overflow(match input.u8()? {
            0 => Overflow::DropOldest,
            1 => Overflow::Reject,
            2 => Overflow::DeadLetter,
            3 => Overflow::RejectDeadLetter,
            4 => Overflow::Block,
            5 => Overflow::SlowDown,
            6 => Overflow::Sample,
            _ => return Err(DecodeError::Invalid("a stream's overflow")),
        }),
        Some(8) => LeaseSetting::SingleHolder(input.bool()?),
        Some(9) => LeaseSetting::Paused(input.bool()?),
        Some(10) => LeaseSetting::Ordering(match input.u8()? {
            0 => Ordering::Unordered,
            1 => Ordering::Ordered,
            2 => Ordering::Fair,
            _ => return Err(DecodeError::Invalid("a stream's ordering")),
        }),
        Some(11) => LeaseSetting::DedupWindowMs(input.option(Decoder::u64)?),
        Some(12) => LeaseSetting::LengthBytesMax(input.option(Decoder::u64)?),
        Some(13) => LeaseSetting::ExpiresMs(input.option(Decoder::u64)?),
        Some(14) => LeaseSetting::DeleteUnused(input.bool()?),
        Some(17) => LeaseSetting::SampleOneOf(input.u32()?),
        _ => return Err(DecodeError::UnknownTag(tag)),
    })
}
