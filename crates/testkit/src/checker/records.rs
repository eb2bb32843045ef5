//! Values and offsets: every value has what became of it, every partition has the value of each offset.
//!
//! Apart because this is where memory goes: a value costs 32 bytes and an offset 8, whatever the events were.

use std::collections::HashMap;

use super::{Anomalies, Anomaly, describe};
use crate::history::{Event, Run};

/// No offset known.
const NONE: i64 = -1;
/// No value known at an offset.
const NOBODY: u64 = u64::MAX;
/// Bits of a packed value that hold `n`.
const N_BITS: u32 = 40;

/// What became of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Where it was stored by an acknowledgement.
    pub(super) acked_at: i64,
    /// Where it was read; the first place if there are several.
    pub(super) read_at: i64,
    /// The highest offset that was acknowledged before it was sent.
    floor: i64,
    pub(super) partition: u32,
    pub(super) state: State,
    once: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Under way, or nobody knows.
    Unknown,
    Acked,
    Failed,
}

#[derive(Debug, Default)]
pub(super) struct Records {
    /// By client, by `n`.
    clients: HashMap<u32, Vec<Value>>,
    /// By partition, by offset: packed client and `n`.
    logs: Vec<Vec<u64>>,
    /// Records stored again by those who allow it.
    pub(super) repeated: u64,
}

impl Records {
    /// Values are sent; they must be the client's next ones.
    pub(super) fn invoked(&mut self, event: &Event, partition: u32, floor: i64) -> Result<(), &'static str> {
        let values = self.clients.entry(event.client).or_default();
        if event.n != values.len() as u64 || event.n + u64::from(event.count) >= 1 << N_BITS {
            return Err("does not send its client's next values");
        }
        let value = Value {
            acked_at: NONE,
            read_at: NONE,
            floor,
            partition,
            state: State::Unknown,
            once: event.once,
        };
        values.resize(values.len() + event.count as usize, value);
        Ok(())
    }

    pub(super) fn acked(&mut self, event: &Event, partition: u32, anomalies: &mut Anomalies) {
        for at in 0..event.count {
            let n = event.n + u64::from(at);
            let offset = event.offset.map_or(NONE, |offset| offset + i64::from(at));
            let Some(value) = self.value(event.client, n) else {
                anomalies.add(Anomaly::Malformed, || format!("{} acks what was not sent", describe(event)));
                return;
            };
            value.state = State::Acked;
            value.acked_at = offset;
            if offset >= 0 {
                let (floor, elsewhere) = (value.floor, value.read_at != NONE && value.read_at != offset);
                let twice = elsewhere && value.once;
                if offset <= floor {
                    anomalies.add(Anomaly::RealTime, || {
                        format!("{}; {floor} was acknowledged before", describe(event))
                    });
                }
                if twice {
                    anomalies.add(Anomaly::Duplicate, || format!("{}; read elsewhere", describe(event)));
                }
                self.place(event, partition, offset, event.client, n, anomalies);
            }
        }
    }

    pub(super) fn failed(&mut self, event: &Event, anomalies: &mut Anomalies) {
        for at in 0..event.count {
            let Some(value) = self.value(event.client, event.n + u64::from(at)) else { continue };
            value.state = State::Failed;
            if value.read_at != NONE {
                anomalies.add(Anomaly::ReadOfFailed, || format!("{}; it was read", describe(event)));
            }
        }
    }

    pub(super) fn read(&mut self, event: &Event, partition: u32, run: &Run, anomalies: &mut Anomalies) {
        for at in 0..run.count {
            let (n, offset) = (run.n + u64::from(at), run.offset + i64::from(at));
            let place = || format!("{}/{} offset {offset}: {}:{n}", event.topic, event.partition, run.client);
            let Some(value) = self.value(run.client, n).filter(|value| value.partition == partition) else {
                anomalies.add(Anomaly::NeverSent, place);
                continue;
            };
            if value.state == State::Failed {
                anomalies.add(Anomaly::ReadOfFailed, place);
            }
            if offset <= value.floor {
                let floor = value.floor;
                anomalies.add(Anomaly::RealTime, || {
                    format!("{} though {floor} was acknowledged before it was sent", place())
                });
            }
            let known = if value.acked_at == NONE { value.read_at } else { value.acked_at };
            let (first, once) = (value.read_at == NONE, value.once);
            if first {
                value.read_at = offset;
            }
            if known != NONE && known != offset && once {
                anomalies.add(Anomaly::Duplicate, || format!("{} and offset {known}", place()));
            }
            let new = self.place(event, partition, offset, run.client, n, anomalies);
            self.repeated += u64::from(new && known != NONE && known != offset);
        }
    }

    /// Notes the value of an offset; whether it was not known before.
    fn place(
        &mut self,
        event: &Event,
        partition: u32,
        offset: i64,
        client: u32,
        n: u64,
        anomalies: &mut Anomalies,
    ) -> bool {
        let Ok(at) = usize::try_from(offset) else { return false };
        if self.logs.len() <= partition as usize {
            self.logs.resize_with(partition as usize + 1, Vec::new);
        }
        let log = &mut self.logs[partition as usize];
        if log.len() <= at {
            log.resize(at + 1, NOBODY);
        }
        let packed = u64::from(client) << N_BITS | n;
        let before = std::mem::replace(&mut log[at], packed);
        if before != NOBODY && before != packed {
            anomalies.add(Anomaly::InconsistentOffsets, || {
                let (other, m) = unpack(before);
                format!("{}/{} offset {offset}: {other}:{m}, now {client}:{n}", event.topic, event.partition)
            });
        }
        before == NOBODY
    }

    fn value(&mut self, client: u32, n: u64) -> Option<&mut Value> {
        self.clients.get_mut(&client)?.get_mut(usize::try_from(n).ok()?)
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = (u32, u64, &Value)> {
        let each = |(client, values): (&u32, &'_ Vec<Value>)| (*client, values.len());
        let mut clients: Vec<_> = self.clients.iter().map(each).collect();
        clients.sort_unstable();
        clients.into_iter().flat_map(|(client, _)| {
            (0u64..).zip(&self.clients[&client]).map(move |(n, value)| (client, n, value))
        })
    }

    /// Each `once` client's records lie in the order in which they were sent, per partition.
    pub(super) fn order(&self, anomalies: &mut Anomalies) {
        let mut last: HashMap<(u32, u32), (i64, u64)> = HashMap::new();
        for (client, n, value) in self.values() {
            let offset = if value.acked_at == NONE { value.read_at } else { value.acked_at };
            if offset == NONE || !value.once {
                continue;
            }
            let (before, m) = last.insert((client, value.partition), (offset, n)).unwrap_or((NONE, 0));
            if before >= offset {
                anomalies.add(Anomaly::NonmonotonicSend, || {
                    format!("client {client}: {m} at offset {before}, then {n} at offset {offset}")
                });
            }
        }
    }
}

fn unpack(packed: u64) -> (u64, u64) {
    (packed >> N_BITS, packed & ((1 << N_BITS) - 1))
}
