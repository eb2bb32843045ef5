//! Values of field tables: read from the wire and from scenes, written to the wire, and said as text.
//!
//! Apart because tables nest, and because the letter of a value's type is a part of what brokers answer.
//!
//! ```text
//! {name: 5, b: l!5, c: word, d: "two words", e: true, f: {g: V!}, h: [1, 2], i: x!00ff, j: T!1000}
//! ```
//!
//! A number without a letter is `I` (four bytes), a word or a quoted text `S`, `true` and `false` are `t`.

use super::text::{Cursor, quoted};
use anyhow::{Context as _, bail, ensure};

/// A value with the letter of its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `b B s u I i l L T`: a number with its letter.
    Number(u8, i128),
    /// `d` and `f`.
    Float(u8, f64),
    /// `t`
    Bool(bool),
    /// `S` and `x`.
    Bytes(u8, Vec<u8>),
    /// `A`
    Array(Vec<Value>),
    /// `F`
    Table(Vec<(String, Value)>),
    /// `D`: scale and digits.
    Decimal(u8, u32),
    /// `V`
    Void,
}

/// Bytes of a number by its letter, and whether it has a sign.
fn width(letter: u8) -> Option<(usize, bool)> {
    Some(match letter {
        b'b' => (1, true),
        b'B' => (1, false),
        b's' => (2, true),
        b'u' => (2, false),
        b'I' => (4, true),
        b'i' => (4, false),
        b'l' | b'L' => (8, true),
        b'T' => (8, false),
        _ => return None,
    })
}

/// Bytes taken one after the other.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("bytes are missing")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self, width: usize) -> anyhow::Result<u64> {
        Ok(self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn short(&mut self) -> anyhow::Result<&'a [u8]> {
        let bytes = self.number(1)?;
        self.take(usize::try_from(bytes)?)
    }

    pub(super) fn long(&mut self) -> anyhow::Result<&'a [u8]> {
        let bytes = self.number(4)?;
        self.take(usize::try_from(bytes)?)
    }

    pub(super) fn table(&mut self) -> anyhow::Result<Vec<(String, Value)>> {
        let mut inner = Bytes(self.long()?);
        let mut table = Vec::new();
        while !inner.0.is_empty() {
            let name = String::from_utf8_lossy(inner.short()?).into_owned();
            table.push((name, inner.value()?));
        }
        Ok(table)
    }

    fn value(&mut self) -> anyhow::Result<Value> {
        let letter = self.number(1)? as u8;
        if let Some((bytes, signed)) = width(letter) {
            let number = i128::from(self.number(bytes)?);
            let half = 1i128 << (8 * bytes - 1);
            return Ok(Value::Number(
                letter,
                if signed && number >= half { number - 2 * half } else { number },
            ));
        }
        Ok(match letter {
            b't' => Value::Bool(self.number(1)? != 0),
            b'f' => Value::Float(letter, f32::from_bits(self.number(4)? as u32).into()),
            b'd' => Value::Float(letter, f64::from_bits(self.number(8)?)),
            b'S' | b'x' => Value::Bytes(letter, self.long()?.to_vec()),
            b'D' => Value::Decimal(self.number(1)? as u8, self.number(4)? as u32),
            b'V' => Value::Void,
            b'F' => Value::Table(self.table()?),
            b'A' => {
                let mut inner = Bytes(self.long()?);
                let mut array = Vec::new();
                while !inner.0.is_empty() {
                    array.push(inner.value()?);
                }
                Value::Array(array)
            }
            other => bail!("a value of type {other:#x}"),
        })
    }
}

/// Adds a number of so many bytes.
pub(super) fn put_number(out: &mut Vec<u8>, width: usize, number: u64) {
    out.extend_from_slice(&number.to_be_bytes()[8 - width..]);
}

/// Adds bytes behind their length, which has `width` bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, width: usize, bytes: &[u8]) {
    put_number(out, width, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Adds a table.
pub(super) fn put_table(out: &mut Vec<u8>, table: &[(String, Value)]) {
    let mut inner = Vec::new();
    for (name, value) in table {
        put_bytes(&mut inner, 1, name.as_bytes());
        put_value(&mut inner, value);
    }
    put_bytes(out, 4, &inner);
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(letter, number) => {
            out.push(*letter);
            let (bytes, _) = width(*letter).expect("only letters of numbers are read");
            put_number(out, bytes, *number as u64);
        }
        Value::Float(letter, number) => {
            out.push(*letter);
            match letter {
                b'f' => put_number(out, 4, u64::from((*number as f32).to_bits())),
                _ => put_number(out, 8, number.to_bits()),
            }
        }
        Value::Bool(bool) => out.extend_from_slice(&[b't', u8::from(*bool)]),
        Value::Bytes(letter, bytes) => {
            out.push(*letter);
            put_bytes(out, 4, bytes);
        }
        Value::Decimal(scale, digits) => {
            out.extend_from_slice(&[b'D', *scale]);
            put_number(out, 4, u64::from(*digits));
        }
        Value::Void => out.push(b'V'),
        Value::Table(table) => {
            out.push(b'F');
            put_table(out, table);
        }
        Value::Array(array) => {
            out.push(b'A');
            let mut inner = Vec::new();
            array.iter().for_each(|value| put_value(&mut inner, value));
            put_bytes(out, 4, &inner);
        }
    }
}

/// Reads a table as scenes write it.
pub(super) fn parse_table(from: &mut Cursor<'_>) -> anyhow::Result<Vec<(String, Value)>> {
    from.expect('{')?;
    let mut table = Vec::new();
    while !from.takes('}') {
        let name = from.word_until(":")?;
        from.expect(':')?;
        table.push((name, parse_value(from)?));
        from.takes(',');
    }
    Ok(table)
}

fn parse_value(from: &mut Cursor<'_>) -> anyhow::Result<Value> {
    match from.peek() {
        Some('{') => return Ok(Value::Table(parse_table(from)?)),
        Some('[') => {
            from.expect('[')?;
            let mut array = Vec::new();
            while !from.takes(']') {
                array.push(parse_value(from)?);
                from.takes(',');
            }
            return Ok(Value::Array(array));
        }
        Some('"') => return Ok(Value::Bytes(b'S', from.text()?.into_bytes())),
        _ => {}
    }
    let word = from.word_until(",}]")?;
    if let Some((letter, rest)) = word.split_once('!') {
        let letter = *letter.as_bytes().first().context("a type before `!`")?;
        return Ok(match letter {
            b'V' => Value::Void,
            b'x' => Value::Bytes(letter, super::text::unhex(rest)?),
            b'f' | b'd' => Value::Float(letter, rest.parse()?),
            b'D' => Value::Decimal(2, rest.parse()?),
            _ => {
                ensure!(width(letter).is_some(), "`{word}` is no number");
                Value::Number(letter, rest.parse()?)
            }
        });
    }
    Ok(match word.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match word.parse() {
            Ok(number) => Value::Number(b'I', number),
            Err(_) => Value::Bytes(b'S', word.into_bytes()),
        },
    })
}

/// A table as text. Its order means nothing, and differs from broker to broker: names are sorted.
pub(super) fn say_table(table: &[(String, Value)]) -> String {
    let mut sorted: Vec<_> = table.iter().collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    let said: Vec<_> = sorted.iter().map(|(name, value)| format!("{name}: {}", say(value))).collect();
    format!("{{{}}}", said.join(", "))
}

fn say(value: &Value) -> String {
    match value {
        Value::Number(b'I', number) => number.to_string(),
        // Deaths are dated with the wall clock.
        Value::Number(b'T', number) if *number > 1_500_000_000 => "T!*".to_owned(),
        Value::Number(letter, number) => format!("{}!{number}", char::from(*letter)),
        Value::Float(letter, number) => format!("{}!{number}", char::from(*letter)),
        Value::Bool(bool) => bool.to_string(),
        Value::Bytes(b'x', bytes) => format!("x!{}", super::text::hex(bytes)),
        Value::Bytes(_, bytes) => quoted(bytes),
        Value::Decimal(_, digits) => format!("D!{digits}"),
        Value::Void => "V!".to_owned(),
        Value::Table(table) => say_table(table),
        Value::Array(array) => {
            format!("[{}]", array.iter().map(say).collect::<Vec<_>>().join(", "))
        }
    }
}
