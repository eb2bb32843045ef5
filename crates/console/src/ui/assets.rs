//! The files that pages need: one stylesheet, one script, one icon, built in.
//!
//! Apart because they are the only answers that a browser may keep: an address has the file's digest in it, so that a new
//! broker's page never meets an old broker's script.

use crate::errors::{Code, Problem};
use crate::respond::no_sniff;
use bytes::Bytes;
use millstream_front::http::{Request, Response};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// A file.
pub(super) struct Asset {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    /// The beginning of its digest.
    tag: LazyLock<String>,
}

macro_rules! asset {
    ($name:literal, $media_type:literal) => {
        Asset {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!("assets/", $name)),
            tag: LazyLock::new(|| tag(include_bytes!(concat!("assets/", $name)))),
        }
    };
}

pub(super) static STYLE: Asset = asset!("console.css", "text/css; charset=utf-8");
pub(super) static SCRIPT: Asset = asset!("console.js", "text/javascript; charset=utf-8");
pub(super) static ICON: Asset = asset!("icon.svg", "image/svg+xml");

fn tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Asset {
    /// Its address, which changes with it.
    pub(super) fn address(&self) -> String {
        format!("/assets/{}?v={}", self.name, *self.tag)
    }
}

/// Gives a file, or says that the browser has it already.
pub(super) fn serve(request: &Request<'_>) -> Result<Response, Problem> {
    let name = request.path.strip_prefix("/assets/").unwrap_or_default();
    let asset = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Problem::new(Code::UnknownResource, "There is no such file."))?;
    if !matches!(request.method, "GET" | "HEAD") {
        return Err(Problem::method(&["GET", "HEAD"]));
    }
    let etag = format!("\"{}\"", *asset.tag);
    let is_there = request
        .header("if-none-match")
        .is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag));
    let is_current = request.query == format!("v={}", *asset.tag);
    let keep = if is_current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = vec![
        ("content-type", asset.media_type.into()),
        ("cache-control", keep.into()),
        ("etag", etag.into()),
        no_sniff(),
    ];
    Ok(match is_there {
        true => Response { status: 304, headers, body: Bytes::new() },
        false => Response { status: 200, headers, body: Bytes::from_static(asset.bytes) },
    })
}
