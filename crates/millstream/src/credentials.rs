//! The file with the credentials of AWS clients.
//!
//! Apart from the configuration because it holds secrets: nothing of it is ever shown, and what is wrong with it is said by
//! line alone.

use anyhow::{Context, bail, ensure};
use millstream_aws::scope::{DEFAULT_ACCOUNT, is_account};
use millstream_aws::sigv4::Credential;
use std::path::Path;

/// Longest file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads the credentials; without a file there are none, and every request is taken.
///
/// # Errors
/// One sentence: the file cannot be read, or which line of it is wrong.
pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Vec<Credential>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let shown = file.display();
    let bytes = std::fs::metadata(file).with_context(|| format!("aws_credentials_file {shown}"))?.len();
    ensure!(bytes <= FILE_BYTES_MAX, "aws_credentials_file {shown} is longer than {FILE_BYTES_MAX} bytes");
    let text = std::fs::read_to_string(file).with_context(|| format!("aws_credentials_file {shown}"))?;
    let known = parse(&text).with_context(|| format!("aws_credentials_file {shown}"))?;
    ensure!(!known.is_empty(), "aws_credentials_file {shown} holds no credentials");
    Ok(known)
}

/// A line each: access key id, secret access key, account if it is not the default one. Empty lines and those that begin
/// with `#` say nothing.
fn parse(text: &str) -> anyhow::Result<Vec<Credential>> {
    let mut known: Vec<Credential> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (id, secret, account) = match words[..] {
            [id, secret] => (id, secret, DEFAULT_ACCOUNT),
            [id, secret, account] if is_account(account) => (id, secret, account),
            [_, _, _] => bail!("line {number}: an account has 12 digits"),
            _ => bail!("line {number}: access key id, secret access key and perhaps an account are needed"),
        };
        ensure!(
            known.iter().all(|one| one.access_key_id != id),
            "line {number}: the access key id stands in another line already"
        );
        known.push(Credential {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            account: account.to_owned(),
        });
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_line_is_a_pair_of_keys_and_perhaps_an_account() {
        let known = parse("# ours\n\nAKIA1 secret/1\n  AKIA2\tsecret+2 123456789012 \n").unwrap();
        let seen: Vec<_> = known
            .iter()
            .map(|one| (one.access_key_id.as_str(), one.secret_access_key.as_str(), one.account.as_str()))
            .collect();
        assert_eq!(seen, [("AKIA1", "secret/1", "000000000000"), ("AKIA2", "secret+2", "123456789012")]);
    }

    #[test]
    fn what_is_wrong_is_said_by_line_and_without_the_secret() {
        for (text, line) in [
            ("AKIA1", "line 1"),
            ("AKIA1 hidden 123", "line 1"),
            ("\nAKIA1 hidden 123456789012 more", "line 2"),
            ("AKIA1 hidden\nAKIA1 other", "line 2"),
        ] {
            let said = format!("{:#}", parse(text).unwrap_err());
            assert!(said.contains(line) && !said.contains("hidden"), "{said}");
        }
    }
}
