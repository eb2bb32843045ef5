//! Ages, offsets and filters as clients spell them.

use super::*;
use crate::codec::{ArrayBuilder, TableBuilder};

const NOW: RecordTime = RecordTime(1_000_000_000);

fn start(value: Value<'_>) -> Result<StreamStart, String> {
    let mut table = TableBuilder::default();
    table.put(STREAM_OFFSET, value);
    StreamStart::read(table.table(), NOW)
}

#[test]
fn ages_are_a_number_and_a_unit() {
    for (text, ms) in [
        ("1s", 1_000),
        ("2m", 120_000),
        ("3h", 10_800_000),
        ("7D", 604_800_000),
        ("1M", 2_592_000_000),
        ("1Y", 31_536_000_000),
    ] {
        assert_eq!(age_ms(text), Some(ms), "{text}");
    }
    for wrong in ["", "7", "D", "0s", "7X", "-1s", "1 s", "1ss", "18446744073709551615Y", "9999999999Y"] {
        assert_eq!(age_ms(wrong), None, "{wrong}");
    }
}

#[test]
fn a_consumer_begins_at_a_word_a_number_a_time_or_an_age() {
    assert_eq!(StreamStart::read(Table::default(), NOW), Ok(StreamStart::Next));
    assert_eq!(start(Value::Long(b"first")), Ok(StreamStart::First));
    assert_eq!(start(Value::Long(b"last")), Ok(StreamStart::Last));
    assert_eq!(start(Value::Long(b"next")), Ok(StreamStart::Next));
    assert_eq!(start(Value::I64(7)), Ok(StreamStart::At(Offset(7))));
    assert_eq!(start(Value::U8(7)), Ok(StreamStart::At(Offset(7))));
    assert_eq!(start(Value::Timestamp(5)), Ok(StreamStart::Since(RecordTime(5_000))));
    assert_eq!(start(Value::Timestamp(u64::MAX)), Ok(StreamStart::Since(RecordTime(i64::MAX))));
    assert_eq!(start(Value::Long(b"1h")), Ok(StreamStart::Since(RecordTime(NOW.0 - 3_600_000))));
    assert_eq!(start(Value::I32(-1)), Err("{value_negative,-1}".to_owned()));
    assert_eq!(start(Value::Long(b"soon")), Err("{invalid_offset_arg,\"soon\"}".to_owned()));
    assert_eq!(start(Value::Bool(true)), Err("{unacceptable_type,bool}".to_owned()));
}

#[test]
fn filters_are_bounded() {
    let read = |count: usize| {
        let mut values = ArrayBuilder::default();
        (0..count).for_each(|_| {
            values.push(Value::Long(b"x"));
        });
        let mut table = TableBuilder::default();
        table.put("x-stream-filter", Value::Array(values.array()));
        StreamFilter::read(table.table()).map(|filter| filter.values.map_or(0, |values| values.len()))
    };
    assert_eq!(read(STREAM_FILTERS_MAX), Ok(STREAM_FILTERS_MAX));
    assert!(read(STREAM_FILTERS_MAX + 1).is_err());
}
