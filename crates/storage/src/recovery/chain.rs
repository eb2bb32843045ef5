//! Which WAL files there are, which of them count, and where each must end.
//!
//! Apart because it reads names and header pages only: what is decided here is the frame of the walk over frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_types::{Incarnation, WalPosition, planted};

use crate::checkpoint::format::Footer;
use crate::disk::{Disk, DiskFile, OpenMode, read_up_to};
use crate::error::OpenError;
use crate::frame;
use crate::store::Files;
use crate::wal::{self, FileHeader, HEADER_PAGE_BYTES, HeaderPage, WalFile, number_in};

/// A begun file, and where its frames must end if that is known.
pub(crate) struct Link {
    pub(crate) file: Arc<WalFile>,
    /// Length of the file, as far as frames may lie in it: what its header says, or less if it grows.
    pub(crate) bytes: u64,
    pub(crate) limit: Option<WalPosition>,
    /// Length of its footer; 0 while that is not known, or there is none.
    pub(crate) footer_bytes: u64,
    /// The limit is where the next file of the same incarnation begins: no proof that the frames were durable.
    pub(crate) limit_is_soft: bool,
}

/// A file without frames that count.
pub(crate) struct Idle {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Its header page cannot be read: frames in it may still prove something.
    pub(crate) damaged_header: bool,
    /// Its header page says that it is not begun, yet a frame of this position stands first in it: left from an earlier
    /// life, or the page is what was there before a write that was lost.
    pub(crate) first_frame: Option<WalPosition>,
}

impl Idle {
    /// A descriptor of the caller's own: the file may be renamed or removed next.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub(crate) fn open(&self, files: &Files) -> Result<Arc<dyn DiskFile>, OpenError> {
        files
            .open_own(&self.path, OpenMode::Existing)
            .map_err(|error| OpenError::io("opening", &self.path, error))
    }

    /// Says that the file counts, for the reason given, and that its header page is what is wrong with it.
    pub(crate) fn lost(&self, why: &str) -> OpenError {
        let page = if self.damaged_header {
            "its header page is damaged"
        } else {
            "its header page is not that of a file in use"
        };
        OpenError::Corrupt { file: self.path.clone(), offset: 0, what: format!("{page}, yet {why}") }
    }
}

/// The files of a lane.
pub(crate) struct Chain {
    /// Id of the directory.
    pub(crate) directory: u128,
    /// Begun files that count, by sequence.
    pub(crate) links: Vec<Link>,
    /// All others.
    pub(crate) idle: Vec<Idle>,
    /// Largest number in any name.
    pub(crate) largest_sequence: u64,
    /// Larger than any incarnation before: frames of theirs may lie anywhere.
    pub(crate) incarnation: Incarnation,
    /// Opens them: none stays open, however many there are.
    pub(crate) files: Arc<Files>,
}

impl Chain {
    /// Says that the frames of a file are not there, and whether the file is.
    fn lacking(&self, sequence: u64, why: &str) -> OpenError {
        let path = wal::wal_path(sequence);
        match self.idle.iter().find(|idle| idle.path == path) {
            Some(idle) => idle.lost(why),
            None => OpenError::Missing { file: path, why: why.into() },
        }
    }
}

/// Takes what is wrong: a start stops at the first of it, a check goes on.
pub(crate) type Report<'a> = &'a mut dyn FnMut(OpenError) -> Result<(), OpenError>;

/// Whether the directory has been in use: making one may be cut short after its first file and before its identity,
/// but that leaves one header page at most, which may be torn, and zeros.
pub(crate) fn is_in_use(disk: &dyn Disk, names: &[String]) -> Result<bool, OpenError> {
    let mut begun = 0;
    for name in names {
        let Some(sequence) = number_in(name, "wal") else {
            if number_in(name, "spare").is_some() {
                return Ok(true);
            }
            continue;
        };
        let path = wal::wal_path(sequence);
        let (file, page) = read_page(disk, &path)?;
        match page {
            HeaderPage::Intact(header) if header.sequence == sequence => begun += 1,
            HeaderPage::Blank => {}
            HeaderPage::Damaged if sequence == 0 => begun += 1,
            HeaderPage::Intact(_) | HeaderPage::Damaged | HeaderPage::Newer(_) => return Ok(true),
        }
        let failed = |error| OpenError::io("reading", &path, error);
        if begun > 1 || !is_zero_from(&*file, HEADER_PAGE_BYTES).map_err(failed)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_zero_from(file: &dyn DiskFile, position: u64) -> std::io::Result<bool> {
    let mut position = position;
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = read_up_to(file, position, &mut bytes)?;
        if bytes[..read].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if read < bytes.len() {
            return Ok(true);
        }
        position += read as u64;
    }
}

/// Reads all header pages and sorts the files. What is reported is left out when that is not refused.
pub(crate) fn load(
    files: &Arc<Files>,
    directory: u128,
    listed: Option<&Footer>,
    report: Report<'_>,
) -> Result<Chain, OpenError> {
    let disk = files.disk();
    let names = disk.list(wal::DIR).map_err(|error| OpenError::io("listing", wal::DIR, error))?;
    let mut idle = Vec::new();
    let mut headers: BTreeMap<u64, (FileHeader, u64)> = BTreeMap::new();
    let mut damaged: Vec<(u64, Idle)> = Vec::new();
    let mut firsts: Vec<(Incarnation, OpenError)> = Vec::new();
    let mut largest_sequence = 0;
    let (mut largest_incarnation, mut hidden) = (Incarnation::default(), 0);
    for name in &names {
        let begun = number_in(name, "wal");
        let Some(sequence) = begun.or(number_in(name, "spare")) else { continue };
        largest_sequence = largest_sequence.max(sequence);
        let path = format!("{}/{name}", wal::DIR);
        let (file, page) = read_page(disk, &path)?;
        let bytes = file.len().map_err(|error| OpenError::io("measuring", &path, error))?;
        // Every header page counts, whatever becomes of its file, and where there is none it may be that of an
        // incarnation: frames that this start drops must never pass for those of a later one.
        match &page {
            HeaderPage::Intact(header) => largest_incarnation = largest_incarnation.max(header.incarnation),
            HeaderPage::Blank | HeaderPage::Damaged | HeaderPage::Newer(_) => {
                hidden += u64::from(begun.is_some())
            }
        }
        match page {
            HeaderPage::Newer(found) => {
                report(OpenError::NewerFormat { file: path, found, known: wal::VERSION })?;
            }
            HeaderPage::Intact(header) if header.directory != directory && !planted!(ForeignFileAccepted) => {
                report(OpenError::Foreign { file: path, found: header.directory, expected: directory })?;
            }
            HeaderPage::Intact(header) if begun == Some(header.sequence) => {
                if bytes < header.file_bytes && !header.grows {
                    let what = format!("it is shorter than the {} bytes its header says", header.file_bytes);
                    report(OpenError::Corrupt { file: path, offset: bytes, what })?;
                }
                headers.insert(sequence, (header, bytes.min(header.file_bytes)));
            }
            HeaderPage::Intact(_) | HeaderPage::Blank | HeaderPage::Damaged => {
                let first =
                    first_frame(&*file, bytes).map_err(|error| OpenError::io("reading", &path, error))?;
                let damaged_header = page == HeaderPage::Damaged && begun.is_some();
                let first_frame = first.filter(|_| !damaged_header).map(|(_, position)| position);
                let file = Idle { path, bytes, damaged_header, first_frame };
                let lost = |start| {
                    file.lost(&format!("it begins with a frame of start {start}, of which no file tells"))
                };
                firsts.extend(first.map(|(incarnation, _)| (incarnation, lost(incarnation))));
                if damaged_header {
                    damaged.push((sequence, file));
                } else {
                    idle.push(file);
                }
            }
        }
    }
    // A start makes its first header page durable before it writes a frame, and always keeps one of its files.
    for (incarnation, lost) in firsts {
        if incarnation > largest_incarnation {
            report(lost)?;
        }
    }
    let newest = headers.keys().next_back().copied();
    for (sequence, file) in damaged {
        if newest.is_some_and(|newest| sequence < newest) {
            let what = "its header page is damaged, and later files have been written".to_owned();
            report(OpenError::Corrupt { file: file.path.clone(), offset: 0, what })?;
        }
        idle.push(file);
    }
    let next = if planted!(IncarnationReused) { 0 } else { 1 + hidden };
    let incarnation = Incarnation(largest_incarnation.0 + next);
    let links = link(files, headers, listed, &mut idle, report)?;
    Ok(Chain { directory, links, idle, largest_sequence, incarnation, files: Arc::clone(files) })
}

/// Sorts the begun files: their headers and lengths.
fn link(
    files: &Arc<Files>,
    headers: BTreeMap<u64, (FileHeader, u64)>,
    listed: Option<&Footer>,
    idle: &mut Vec<Idle>,
    report: Report<'_>,
) -> Result<Vec<Link>, OpenError> {
    let list: BTreeMap<u64, _> = listed
        .map(|footer| footer.files.iter().map(|file| (file.sequence, *file)).collect())
        .unwrap_or_default();
    let newest_listed = list.keys().next_back().copied();
    let mut links: Vec<Link> = Vec::new();
    // From the newest to the oldest: where later incarnations begin is where earlier ones end.
    let mut next: Option<FileHeader> = None;
    let mut later_base: Option<WalPosition> = None;
    for (sequence, (header, bytes)) in headers.into_iter().rev() {
        let path = wal::wal_path(sequence);
        if let Some(next) = next {
            if header.incarnation > next.incarnation {
                let what = "a file with a larger sequence has a smaller incarnation".to_owned();
                report(OpenError::Corrupt { file: path.clone(), offset: 40, what })?;
            }
            if header.incarnation < next.incarnation {
                later_base = Some(later_base.map_or(next.base, |base: WalPosition| base.min(next.base)));
            }
        }
        next = Some(header);
        // What begins before the checkpoint's largest stamp it would have listed: it may list nothing at all, when the
        // file of its time held nothing durable yet.
        let known = newest_listed.is_some_and(|newest| sequence <= newest)
            || listed.is_some_and(|footer| header.base < footer.largest);
        let released = known && !list.contains_key(&sequence);
        let dropped = later_base.is_some_and(|base| header.base >= base);
        if released || dropped {
            // Freed, but a crash undid the removal; or all of it was a torn tail.
            idle.push(Idle { path, bytes, damaged_header: false, first_frame: None });
            continue;
        }
        let following = links.last().map(|link| Arc::clone(&link.file));
        // Of the newest file the end is looked for: nothing says that no more was added.
        let known_end = following.as_ref().and_then(|_| list.get(&sequence)).and_then(|file| file.end);
        let same = following.filter(|following| following.incarnation == header.incarnation);
        let (limit, limit_is_soft) = match (known_end, same, later_base) {
            (Some(end), _, _) => (Some(end), false),
            (None, Some(following), _) => (Some(following.base), true),
            (None, None, base) => (base, false),
        };
        let file = Arc::new(WalFile::left(&header, path, files));
        links.push(Link { file, bytes, limit, footer_bytes: 0, limit_is_soft });
    }
    links.reverse();
    Ok(links)
}

/// Whether every file is there that must be: those a checkpoint lists, and all that replay needs.
pub(crate) fn check_complete(
    chain: &Chain,
    listed: Option<&Footer>,
    fallback: bool,
    report: Report<'_>,
) -> Result<(), OpenError> {
    let Some(footer) = listed else {
        return match chain.links.first() {
            Some(first) if first.file.base != WalPosition::FIRST => {
                let why = "there is no checkpoint, so the lane must begin with its first frame";
                report(chain.lacking(first.file.sequence.saturating_sub(1), why))
            }
            _ => Ok(()),
        };
    };
    for listed in &footer.files {
        let exists = chain.links.iter().any(|link| link.file.sequence == listed.sequence);
        // A damaged newer checkpoint may have let go of files that only held what was trimmed since; that every
        // live record still has its bytes is checked per log.
        let excused = fallback && listed.end.is_some_and(|end| end <= footer.needed);
        if !exists && !excused && !planted!(MissingFileOverlooked) {
            let why = if fallback {
                "the newest checkpoint is damaged and the one before needs this file"
            } else {
                "the newest checkpoint lists it"
            };
            report(chain.lacking(listed.sequence, why))?;
        }
    }
    Ok(())
}

pub(crate) fn read_page(disk: &dyn Disk, path: &str) -> Result<(Arc<dyn DiskFile>, HeaderPage), OpenError> {
    let file = disk.open(path, OpenMode::Existing).map_err(|error| OpenError::io("opening", path, error))?;
    let mut page = [0; HEADER_PAGE_BYTES as usize];
    read_up_to(&*file, 0, &mut page).map_err(|error| OpenError::io("reading", path, error))?;
    let page = FileHeader::decode(&page);
    Ok((file, page))
}

/// The start and the position of the frame that stands first in a file, if one does.
fn first_frame(file: &dyn DiskFile, file_bytes: u64) -> std::io::Result<Option<(Incarnation, WalPosition)>> {
    let mut bytes = vec![0; frame::HEADER_BYTES];
    let read = read_up_to(file, HEADER_PAGE_BYTES, &mut bytes)?;
    let room = file_bytes.saturating_sub(HEADER_PAGE_BYTES);
    let Ok(header) = frame::peek(&bytes[..read], room) else { return Ok(None) };
    bytes.resize(header.meta_bytes(), 0);
    let read = read_up_to(file, HEADER_PAGE_BYTES, &mut bytes)?;
    Ok(frame::is_intact(&header, &bytes[..read]).then_some((header.incarnation, header.position)))
}
