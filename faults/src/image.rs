//! A file system in a file: made, mounted, cut off, filled, remounted.
//!
//! Apart because only here the machine's mounts are touched, and because what is mounted must be unmounted again
//! however a row ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::tools;

/// A file system in a file, and where it is mounted.
#[derive(Debug)]
pub(crate) struct Image {
    file: PathBuf,
    mount: PathBuf,
    mounted: bool,
}

impl Image {
    /// Makes a file system of a kind and mounts it below `dir`.
    ///
    /// # Errors
    /// When this machine does not allow it.
    pub(crate) fn make(dir: &Path, kind: &str, bytes: u64) -> anyhow::Result<Image> {
        ensure!(rustix::process::geteuid().is_root(), "this machine does not allow it: mounting needs root");
        let (file, mount) = (dir.join("image"), dir.join("mount"));
        std::fs::create_dir_all(&mount)?;
        File::create(&file)?.set_len(bytes)?;
        tools::run(&format!("mkfs.{kind}"), [Path::new("-q"), &file])?;
        let mut image = Image { file, mount, mounted: false };
        image.mount().context("this machine does not allow it: the image cannot be mounted")?;
        Ok(image)
    }

    /// The data directory in it.
    pub(crate) fn data(&self) -> PathBuf {
        self.mount.join("data")
    }

    /// Mounts it.
    pub(crate) fn mount(&mut self) -> anyhow::Result<()> {
        tools::run("mount", [Path::new("-o"), Path::new("loop"), &self.file, &self.mount])?;
        self.mounted = true;
        Ok(())
    }

    /// Unmounts it. A process that has just ended may still hold it for a moment.
    pub(crate) fn unmount(&mut self) -> anyhow::Result<()> {
        const TRIES: u32 = 100;
        let mut outcome = Ok(());
        for _ in 0..TRIES {
            outcome = tools::run("umount", [&self.mount]);
            if outcome.is_ok() {
                self.mounted = false;
                break;
            }
            sleep(Duration::from_millis(20));
        }
        outcome
    }

    /// Mounts it anew with other options while it is mounted.
    pub(crate) fn remount(&self, options: &str) -> anyhow::Result<()> {
        let options = format!("remount,{options}");
        tools::run("mount", [Path::new("-o"), Path::new(&options), &self.mount])
    }

    /// Cuts the power: from now on nothing reaches the file any more, not even what the journal has ready. This is the
    /// file system's own shutdown call without flushing its log.
    pub(crate) fn cut(&self) -> anyhow::Result<()> {
        tools::run("xfs_io", [Path::new("-x"), Path::new("-c"), Path::new("shutdown"), &self.mount])
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = self.unmount()
        {
            eprintln!("{} is still mounted: {error:#}", self.mount.display());
        }
    }
}
