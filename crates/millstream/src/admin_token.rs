//! The file with the admin token: made at the first start, read at every other.
//!
//! Apart from the configuration because it holds a secret that the broker has made itself: nothing of it is ever shown, and only
//! the broker's user may read it.

use anyhow::{Context, ensure};
use millstream_console::Token;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of the file, in the data directory.
const NAME: &str = "admin.token";
/// Bytes that are read: more than a token and an end of line.
const FILE_BYTES_MAX: u64 = 1024;

/// Where the file is.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(NAME)
}

/// Reads the token, or makes one where there is none. The directory must be held by this process. `None`: it cannot be written
/// (a full disk, say), which is no reason for a broker not to run; the console can then be entered by its printed address.
///
/// # Errors
/// One sentence: the file cannot be read, or holds no token.
pub(crate) fn load_or_create(
    data_dir: &Path,
    mut random: impl FnMut() -> u128,
) -> anyhow::Result<Option<Token>> {
    let path = path(data_dir);
    let shown = path.display();
    match File::open(&path) {
        Ok(file) => {
            let mode = file.metadata().with_context(|| format!("{shown}"))?.permissions().mode();
            if mode & 0o077 != 0 {
                tracing::warn!(file = %shown, "others than the broker's user may read the admin token: chmod 600");
            }
            let mut text = String::new();
            file.take(FILE_BYTES_MAX).read_to_string(&mut text).with_context(|| format!("{shown}"))?;
            let token = Token::parse(text.trim());
            let token = token.with_context(|| {
                format!("{shown} holds no token: remove it, and the next start makes another")
            })?;
            Ok(Some(token))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let token = Token::random([random(), random()]);
            if let Err(error) = create(data_dir, &path, &token) {
                tracing::warn!(%error, file = %shown, "the admin token cannot be written; the next start tries again");
                return Ok(None);
            }
            Ok(Some(token))
        }
        Err(error) => Err(error).with_context(|| format!("{shown}")),
    }
}

/// Writes the file so that it is whole or not there: an end in the middle leaves one of another name.
fn create(data_dir: &Path, path: &Path, token: &Token) -> anyhow::Result<()> {
    let unfinished = path.with_extension("token.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let mode = file.metadata()?.permissions().mode();
    ensure!(mode & 0o077 == 0, "the file system keeps no permissions");
    writeln!(file, "{}", token.expose())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(data_dir)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_token_that_only_its_user_may_read_and_later_ones_keep_it() {
        let dir = std::env::temp_dir().join(format!("millstream-admin-token-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut drawn = 0;
        let mut random = || {
            drawn += 1;
            drawn
        };
        let first = load_or_create(&dir, &mut random).unwrap();
        assert_eq!(fs::metadata(path(&dir)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&dir, &mut random).unwrap(), first);
        fs::write(path(&dir), "a token of my own\n").unwrap();
        let refused = format!("{:#}", load_or_create(&dir, &mut random).unwrap_err());
        assert!(refused.contains("holds no token") && !refused.contains("my own"), "{refused}");
        fs::write(path(&dir), "a-token-of-my-own-choice\n").unwrap();
        assert_eq!(load_or_create(&dir, &mut random).unwrap().unwrap().expose(), "a-token-of-my-own-choice");
        fs::remove_file(path(&dir)).unwrap();
        assert_ne!(load_or_create(&dir, &mut random).unwrap(), first);
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(load_or_create(&dir, &mut random).unwrap(), None);
    }
}
