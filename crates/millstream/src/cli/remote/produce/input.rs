//! Where records come from: a value, a file, or standard input.
//!
//! Apart because reading blocks and sending does not: lines are read on a thread of their own and handed over in
//! pieces, few of which are under way at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::thread;

use anyhow::{Context, bail};
use millstream_types::limits::BATCH_BYTES_MAX;
use tokio::sync::mpsc;

/// Bytes of lines handed over together, at least one line.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait to be taken.
const PIECES_WAITING: usize = 4;
/// The longest line: no batch of any topic can hold a longer one.
const LINE_BYTES_MAX: u64 = BATCH_BYTES_MAX as u64;

type Piece = anyhow::Result<Vec<Vec<u8>>>;

/// The lines, or values, still to come.
#[derive(Debug)]
pub(super) struct Input {
    source: Source,
    here: VecDeque<Vec<u8>>,
    left: u64,
    typed: bool,
}

#[derive(Debug)]
enum Source {
    Value(Vec<u8>),
    Thread(mpsc::Receiver<Piece>),
}

impl Input {
    /// The same value, so many times.
    pub(super) fn repeated(value: Vec<u8>, count: u64) -> Self {
        Self { source: Source::Value(value), here: VecDeque::new(), left: count, typed: false }
    }

    /// The lines of a file or of standard input, or all of it as one.
    pub(super) fn read(file: Option<&Path>, whole: bool, count: Option<u64>) -> anyhow::Result<Self> {
        let (reader, typed): (Box<dyn Read + Send>, bool) = match file {
            Some(path) => {
                let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
                (Box::new(file), false)
            }
            None => (Box::new(io::stdin()), io::stdin().is_terminal()),
        };
        let (give, take) = mpsc::channel(PIECES_WAITING);
        thread::Builder::new().name("input".to_owned()).spawn(move || {
            let mut reader = BufReader::with_capacity(PIECE_BYTES, reader);
            loop {
                let piece = if whole { read_whole(&mut reader) } else { read_lines(&mut reader) };
                let last = whole || piece.as_ref().map_or(true, Vec::is_empty);
                // Nobody to give it to: the command has ended.
                if give.blocking_send(piece).is_err() || last {
                    return;
                }
            }
        })?;
        let left = count.unwrap_or(u64::MAX);
        Ok(Self { source: Source::Thread(take), here: VecDeque::new(), left, typed })
    }

    /// Whether a person types it.
    pub(super) fn is_typed(&self) -> bool {
        self.typed
    }

    /// The next one, if there is no need to wait for it; `Some(Ok(None))` at the end.
    pub(super) fn ready(&mut self) -> Option<anyhow::Result<Option<Vec<u8>>>> {
        if self.left == 0 {
            return Some(Ok(None));
        }
        let next = match &self.source {
            Source::Value(value) => value.clone(),
            Source::Thread(_) => self.here.pop_front()?,
        };
        self.left -= 1;
        Some(Ok(Some(next)))
    }

    /// The next one; `None` at the end. Given up, it loses nothing.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(ready) = self.ready() {
                return ready;
            }
            let Source::Thread(take) = &mut self.source else {
                unreachable!("a value is always ready");
            };
            match take.recv().await {
                Some(piece) => {
                    let lines = piece?;
                    if lines.is_empty() {
                        self.left = 0;
                    }
                    self.here.extend(lines);
                }
                None => self.left = 0,
            }
        }
    }
}

/// At least one line, and then those that are there already; none at the end.
fn read_lines(reader: &mut BufReader<impl Read>) -> Piece {
    let mut lines = Vec::new();
    let mut bytes = 0;
    loop {
        let mut line = Vec::new();
        reader
            .by_ref()
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut line)
            .context("cannot read the input")?;
        if line.is_empty() {
            return Ok(lines);
        }
        if line.len() as u64 > LINE_BYTES_MAX {
            bail!("a line is longer than {LINE_BYTES_MAX} bytes");
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        bytes += line.len();
        lines.push(line);
        if bytes >= PIECE_BYTES || !reader.buffer().contains(&b'\n') {
            return Ok(lines);
        }
    }
}

fn read_whole(reader: &mut impl Read) -> Piece {
    let mut bytes = Vec::new();
    reader.take(LINE_BYTES_MAX + 1).read_to_end(&mut bytes).context("cannot read the input")?;
    if bytes.len() as u64 > LINE_BYTES_MAX {
        bail!("the input is longer than {LINE_BYTES_MAX} bytes");
    }
    Ok(vec![bytes])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut input: Input) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        while let Some(line) = input.next().await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[test]
    fn lines_end_with_any_newline_and_the_last_may_have_none() {
        let mut reader = BufReader::new(&b"a\r\n\nb\x00\nlast"[..]);
        assert_eq!(read_lines(&mut reader).unwrap(), [b"a".to_vec(), b"".to_vec(), b"b\x00".to_vec()]);
        assert_eq!(read_lines(&mut reader).unwrap(), [b"last".to_vec()]);
        assert!(read_lines(&mut reader).unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_value_comes_as_often_as_asked() {
        assert_eq!(all(Input::repeated(b"v".to_vec(), 3)).await, vec![b"v".to_vec(); 3]);
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = Input::read(Some(Path::new("/nonexistent/lines")), false, None).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot read /nonexistent/lines: "), "{error:#}");
    }
}
