//! Streams and groups as a scrape shows them: those at work by name, all others in one sum.
//!
//! Apart because this is where the number of series is bounded, however many streams there are.

use super::catalog as rows;
use super::expose::{gauge, seconds};
use super::family::{Family, Value};
use crate::observe::{GroupKind, Observation, REST};

/// All that is said of streams and groups.
pub(super) fn families(seen: &Observation, all: &mut Vec<Family>) {
    all.push(Family::one(&rows::STREAMS, gauge(seen.streams.len() as u64)));
    all.push(Family::one(&rows::PARTITIONS, gauge(seen.streams.iter().map(|one| u64::from(one.logs)).sum())));
    streams(seen, all);
    let mut groups = Family::new(&rows::GROUPS);
    for kind in [GroupKind::Lease, GroupKind::Cursor] {
        let count = seen.groups.iter().filter(|group| group.kind == kind).count();
        groups.add([kind.word()], gauge(count as u64));
    }
    all.push(groups);
    both_kinds(seen, all);
    queues(seen, all);
    let mut letters = Family::new(&rows::DEAD_LETTER_RECORDS);
    for stream in seen.streams.iter().filter(|stream| stream.takes_dead_letters && stream.is_shown) {
        letters.add([&stream.namespace, &stream.entry.name], gauge(stream.waiting_records));
    }
    let rest = seen.streams.iter().filter(|stream| stream.takes_dead_letters && !stream.is_shown);
    letters.add([REST, REST], gauge(rest.map(|stream| stream.waiting_records).sum()));
    all.push(letters);
}

fn streams(seen: &Observation, all: &mut Vec<Family>) {
    let mut families = [
        Family::new(&rows::RECORDS_IN),
        Family::new(&rows::RECORDS_OUT),
        Family::new(&rows::BYTES_IN),
        Family::new(&rows::BYTES_OUT),
        Family::new(&rows::RECORDS),
        Family::new(&rows::BYTES),
    ];
    let mut add = |labels: [&str; 2], values: [Value; 6]| {
        for (family, value) in families.iter_mut().zip(values) {
            family.add(labels, value);
        }
    };
    let (mut records, mut bytes) = (0, 0);
    for stream in &seen.streams {
        if !stream.is_shown {
            records += stream.records;
            bytes += stream.bytes;
            continue;
        }
        let flow = stream.flow;
        add(
            [&stream.namespace, &stream.entry.name],
            [
                Value::Count(flow.records_in),
                Value::Count(flow.records_out),
                Value::Count(flow.bytes_in),
                Value::Count(flow.bytes_out),
                gauge(stream.records),
                gauge(stream.bytes),
            ],
        );
    }
    let rest = seen.rest_flow;
    add(
        [REST, REST],
        [
            Value::Count(rest.records_in),
            Value::Count(rest.records_out),
            Value::Count(rest.bytes_in),
            Value::Count(rest.bytes_out),
            gauge(records),
            gauge(bytes),
        ],
    );
    all.extend(families);
}

fn both_kinds(seen: &Observation, all: &mut Vec<Family>) {
    let mut lag = Family::new(&rows::LAG);
    let mut lag_seconds = Family::new(&rows::LAG_SECONDS);
    let mut consumers = Family::new(&rows::CONSUMERS);
    for group in seen.groups.iter().filter(|group| group.is_shown) {
        let labels = [group.kind.word(), &*group.namespace, &*group.stream, &*group.name];
        lag.add(labels, gauge(group.lag_records));
        if let Some(ms) = group.lag_ms {
            lag_seconds.add(labels, Value::Gauge(seconds(ms)));
        }
        consumers.add(labels, gauge(group.consumers));
    }
    for kind in [GroupKind::Lease, GroupKind::Cursor] {
        let rest = || seen.groups.iter().filter(move |group| !group.is_shown && group.kind == kind);
        let labels = [kind.word(), REST, REST, REST];
        lag.add(labels, gauge(rest().map(|group| group.lag_records).sum()));
        consumers.add(labels, gauge(rest().map(|group| group.consumers).sum()));
    }
    all.extend([lag, lag_seconds, consumers]);
}

fn queues(seen: &Observation, all: &mut Vec<Family>) {
    let mut families = [
        Family::new(&rows::READY_RECORDS),
        Family::new(&rows::OUTSTANDING),
        Family::new(&rows::DELAYED),
        Family::new(&rows::MOVING),
        Family::new(&rows::DELIVERIES),
        Family::new(&rows::REDELIVERIES),
        Family::new(&rows::SETTLED),
        Family::new(&rows::DEAD_LETTERS),
    ];
    let mut add = |labels: [&str; 3], values: [Value; 8]| {
        for (family, value) in families.iter_mut().zip(values) {
            family.add(labels, value);
        }
    };
    let mut rest = [0; 4];
    for group in seen.groups.iter().filter(|group| group.kind == GroupKind::Lease) {
        let counts = group.counts;
        let now = [counts.ready, counts.leased, counts.delayed, counts.moving];
        if !group.is_shown {
            rest.iter_mut().zip(now).for_each(|(sum, value)| *sum += value);
            continue;
        }
        let totals = group.totals;
        let since = [totals.delivered, totals.redelivered, totals.settled, totals.buried];
        let [ready, leased, delayed, moving] = now.map(gauge);
        let [delivered, redelivered, settled, buried] = since.map(Value::Count);
        let values = [ready, leased, delayed, moving, delivered, redelivered, settled, buried];
        add([&group.namespace, &group.stream, &group.name], values);
    }
    let totals = seen.rest_totals;
    let since = [totals.delivered, totals.redelivered, totals.settled, totals.buried];
    let [ready, leased, delayed, moving] = rest.map(gauge);
    let [delivered, redelivered, settled, buried] = since.map(Value::Count);
    add([REST, REST, REST], [ready, leased, delayed, moving, delivered, redelivered, settled, buried]);
    all.extend(families);
}
