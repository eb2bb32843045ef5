//! A document for programs on this machine: whoever connects to a Unix socket gets it once.
//!
//! Apart from the fronts because it speaks no protocol and takes nothing in: a command that inspects the running broker
//! reads it, and who may do so is decided by the permissions of the directory that holds the socket.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// How long a reader may take for the whole document.
const READER_MAX: Duration = Duration::from_secs(5);
/// After a failed accept (no descriptors left, say) nothing is accepted for so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A document being served. Dropping it removes the socket.
pub struct Document {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Document {
    /// Serves what `make` returns at each connection, one reader after another. A socket that is left from an earlier
    /// process is replaced, so the caller must hold the directory for itself. Call it inside a runtime.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn serve(
        directory: &Path,
        name: &str,
        make: impl Fn() -> Vec<u8> + Send + 'static,
    ) -> io::Result<Document> {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = {
            let (_open, short) = short_path(directory, name)?;
            UnixListener::bind(short)?
        };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let task = tokio::spawn(async move {
            loop {
                let Ok((mut reader, _)) = listener.accept().await else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                let document = make();
                let sent = tokio::time::timeout(READER_MAX, async {
                    reader.write_all(&document).await?;
                    reader.shutdown().await
                });
                // A reader that went away has what it wanted or does not want it.
                if let Ok(Err(error)) = sent.await {
                    tracing::debug!(%error, "a reader of the document went away");
                }
            }
        });
        Ok(Document { path, task })
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the document's socket cannot be removed; the next start does");
        }
    }
}

/// A path to a socket in `directory` that is short enough for every address: sockets take 107 bytes, directories may
/// be deeper. It is good as long as the returned file is open.
///
/// # Errors
/// When the directory cannot be opened.
pub fn short_path(directory: &Path, name: &str) -> io::Result<(File, PathBuf)> {
    let open = File::open(directory)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()));
    Ok((open, short))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    fn read(directory: &Path) -> io::Result<String> {
        let (_open, path) = short_path(directory, "status.sock")?;
        let mut text = String::new();
        UnixStream::connect(path)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn every_reader_gets_the_document_as_it_is_now_even_in_a_deep_directory() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("net-document-{}", std::process::id()));
        let deep = root.join("d".repeat(120));
        fs::create_dir_all(&deep)?;
        fs::write(deep.join("status.sock"), "left from an earlier process")?;
        let made = std::sync::atomic::AtomicU32::new(0);
        let document = Document::serve(&deep, "status.sock", move || {
            format!("{}", made.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).into_bytes()
        })?;
        let mode = fs::metadata(deep.join("status.sock"))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let directory = deep.clone();
        let texts = tokio::task::spawn_blocking(move || (read(&directory), read(&directory)))
            .await
            .expect("reading does not panic");
        assert_eq!((texts.0?, texts.1?), ("0".to_owned(), "1".to_owned()));
        drop(document);
        assert!(!deep.join("status.sock").exists());
        fs::remove_dir_all(root)
    }
}
