//! What can be set of the AWS front.
//!
//! Apart so that operations can read it without knowing the listener.

use crate::sigv4::Credentials;

/// What can be set of the AWS front.
#[derive(Debug, Clone)]
pub struct AwsOptions {
    /// Host and port in addresses given to a client that did not say which it used, `127.0.0.1:4566` say.
    pub host: String,
    /// Who may ask.
    pub credentials: Credentials,
}
