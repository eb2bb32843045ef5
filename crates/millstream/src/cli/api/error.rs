//! Why the admin API did not do what a command asked.
//!
//! Apart because each is one sentence that says what to do, and commands tell a few of them apart.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ApiError {
    /// The address is none.
    #[error("--server {0:?} is not an address of the admin API, like http://127.0.0.1:8080")]
    Address(String),
    /// The address is none, of the other API.
    #[error("{0:?} is not an address of a management API, like http://127.0.0.1:15672")]
    ManagementAddress(String),
    /// The token cannot be read.
    #[error("--token-file {}: {}", file.display(), reason(why))]
    TokenFile { file: PathBuf, why: io::Error },
    /// Nobody answers.
    #[error(
        "no broker answers at {server} ({}); start one with `millstream serve`, or say where it is with --server",
        reason(why)
    )]
    Connect { server: String, why: io::Error },
    /// It took too long.
    #[error("{server} did not answer within {} seconds", patience.as_secs())]
    Silent { server: String, patience: Duration },
    /// The connection ended in the middle.
    #[error(
        "the connection to {server} ended before the answer; whether the request took effect is not known: {why}"
    )]
    Lost { server: String, why: String },
    /// Something else listens there.
    #[error("what answers at {server} is not the API that is asked for: {what}")]
    Foreign { server: String, what: String },
    /// The broker refused.
    #[error("{detail}")]
    Refused { code: String, detail: String },
}

impl ApiError {
    /// The code of a refusal.
    pub(in crate::cli) fn code(&self) -> Option<&str> {
        match self {
            ApiError::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

/// What the system says, as a part of a sentence.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}
