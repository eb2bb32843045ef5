//! What happens to a disk behind its owner's back: rot, lost and misdirected writes, files that go missing, copies.
//!
//! Apart because none of it is an operation: it takes a disk on which nothing is under way, and what it does is durable
//! at once. Tests damage a copy ([`SimDisk::fork`]), look at what a start makes of it, and go on with the original.

use std::sync::Arc;

use parking_lot::Mutex;

use super::file::FileData;
use super::{Rng, SECTOR_BYTES, SimDisk, State, split};

impl SimDisk {
    /// A disk of its own with the same files. What is not synced stays undecided in both.
    #[must_use]
    pub fn fork(&self, seed: u64) -> SimDisk {
        let state = self.state.lock();
        SimDisk {
            state: Arc::new(Mutex::new(State {
                rng: Rng::new(seed),
                faults: state.faults,
                directories: state.directories.clone(),
                files: state.files.clone(),
                next_file: state.next_file,
                boot: 0,
                operations: 0,
                crash_at: None,
                names_left: None,
                crashed: false,
                locked: false,
                cold: state.cold.clone(),
                fired: super::Fired::default(),
                hold: None,
                trace: 0,
                lines: None,
            })),
        }
    }

    /// Paths of all files, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let state = self.state.lock();
        let in_directory =
            |dir: &str, name: String| if dir.is_empty() { name } else { format!("{dir}/{name}") };
        let directories = state.directories.iter();
        directories
            .flat_map(|(dir, directory)| directory.names().into_iter().map(|name| in_directory(dir, name)))
            .collect()
    }

    /// All bytes of a file as a read would show them.
    #[must_use]
    pub fn bytes_of(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let file = &state.files[&state.find(path)?];
        let mut bytes = vec![0; file.len() as usize];
        file.read(0, &mut bytes);
        Some(bytes)
    }

    /// Gives a file other bytes, or makes it, durably.
    ///
    /// # Panics
    /// When there is no such directory.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state.lock();
        let (dir, name) = split(path);
        let id = state.next_file;
        state.next_file += 1;
        state.files.insert(id, FileData::of(bytes));
        state.directories.get_mut(dir).expect("the directory exists").set(name, Some(id));
    }

    /// Changes bytes of a file where they are: whoever has it open sees it.
    ///
    /// # Panics
    /// When there is no such file, or it is shorter.
    pub fn overwrite(&self, path: &str, at: u64, bytes: &[u8]) {
        let mut state = self.state.lock();
        let id = state.find(path).expect("the file to damage exists");
        let file = state.files.get_mut(&id).expect("a named file has data");
        assert!(at + bytes.len() as u64 <= file.len(), "the bytes to damage are in the file");
        file.write(at, bytes);
        file.sync();
    }

    /// Takes a file away, durably.
    ///
    /// # Panics
    /// When there is no such directory.
    pub fn take(&self, path: &str) {
        let mut state = self.state.lock();
        let (dir, name) = split(path);
        state.directories.get_mut(dir).expect("the directory exists").set(name, None);
    }

    /// A sector of the file that has held something else before, with what that was: what a lost write leaves.
    #[must_use]
    pub fn stale_sector(&self, path: &str, rng: &mut Rng) -> Option<(u64, Vec<u8>)> {
        let state = self.state.lock();
        let file = &state.files[&state.find(path)?];
        let all: Vec<usize> = file.rewritten().collect();
        let sector = *all.get(rng.below(all.len() as u64) as usize)?;
        let within = (file.len() as usize).saturating_sub(sector * SECTOR_BYTES).min(SECTOR_BYTES);
        let before = file.previous(sector)?[..within].to_vec();
        (within > 0).then_some(((sector * SECTOR_BYTES) as u64, before))
    }
}
