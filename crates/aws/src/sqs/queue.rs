//! Which queue a request means: names, addresses and resource names.
//!
//! Apart because clients spell addresses in many ways, and every one that ends in account and name has to be understood
//! here: addresses of Amazon, of other stand-ins for it, and the name alone. Addresses given out are made from the
//! `Host` that the client itself used, so that they work wherever the broker is reached from.

use super::errors::{QUEUE_NAME_RULE, SqsError};
use super::limits::NAME_CHARS_MAX;
use crate::arn::{Arn, partition_of};
use crate::cut;
use crate::percent::{Plus, decode};
use crate::scope::{Scope, is_account, is_region};
use millstream_front::http::Request;

/// What FIFO queues' names end with.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";

/// A queue that somebody named, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRef {
    /// Account and region.
    pub scope: Scope,
    /// Its name; not checked.
    pub name: String,
}

impl QueueRef {
    /// The queue that a request is about: that of the parameter `QueueUrl`, else that of its own path.
    ///
    /// # Errors
    /// When there is neither, or the address is none.
    pub fn of(request: &Request<'_>, caller: &Scope, url: Option<&str>) -> Result<QueueRef, SqsError> {
        match url {
            Some(url) => QueueRef::parse(url, caller).ok_or_else(|| SqsError::InvalidAddress(url.to_owned())),
            None if request.path.trim_matches('/').is_empty() => Err(SqsError::MissingParameter("QueueUrl")),
            None => {
                let host = request.header("host").unwrap_or_default();
                from_parts(host, request.path, caller)
                    .ok_or_else(|| SqsError::InvalidAddress(request.path.to_owned()))
            }
        }
    }

    /// Reads an address: `http://host/account/name`, with the region in the host or before the account, or a name
    /// alone.
    #[must_use]
    pub fn parse(url: &str, caller: &Scope) -> Option<QueueRef> {
        let rest = match cut::once(url, b':') {
            Some(("http" | "https", rest)) if rest.starts_with("//") => &rest[2..],
            Some((_, rest)) if rest.starts_with("//") => return None,
            _ if url.bytes().any(|byte| byte == b'/') => return from_parts("", url, caller),
            _ if url.is_empty() => return None,
            _ => return Some(QueueRef { scope: caller.clone(), name: url.to_owned() }),
        };
        let (host, path) = cut::once(rest, b'/')?;
        let end = path.bytes().position(|byte| matches!(byte, b'?' | b'#'));
        from_parts(host, &path[..end.unwrap_or(path.len())], caller)
    }

    /// The queue of a resource name; `None` if it is none of SQS.
    #[must_use]
    pub fn of_arn(text: &str) -> Option<QueueRef> {
        let arn = Arn::parse(text)?;
        let ours = arn.service == "sqs" && is_account(arn.account) && is_region(arn.region);
        let is_queue = ours && !arn.resource.contains(':');
        is_queue
            .then(|| QueueRef { scope: Scope::new(arn.account, arn.region), name: arn.resource.to_owned() })
    }

    /// Its resource name.
    #[must_use]
    pub fn arn(&self) -> String {
        let Scope { account, region } = &self.scope;
        Arn { partition: partition_of(region), service: "sqs", region, account, resource: &self.name }
            .to_string()
    }

    /// Its address, behind what [`origin`] said.
    #[must_use]
    pub fn url(&self, origin: &str) -> String {
        format!("{origin}/{}/{}", self.scope.account, self.name)
    }

    /// Whether the name is a FIFO queue's.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO_SUFFIX)
    }
}

/// What addresses begin with for a client that reached the broker as `request` did.
pub(crate) fn origin(request: &Request<'_>, fallback_host: &str) -> String {
    let host = request.header("host").filter(|host| is_host(host)).unwrap_or(fallback_host);
    let scheme = if request.is_tls { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// Parts of the longest path that is one.
const PARTS_MAX: usize = 4;

/// `[queue/<region>/]<account>/<name>`, with the region of the host where the path has none.
fn from_parts(host: &str, path: &str, caller: &Scope) -> Option<QueueRef> {
    let path = decode(path, Plus::Itself)?;
    let mut parts = [""; PARTS_MAX];
    let mut count = 0;
    for part in cut::all(&path, b'/').filter(|part| !part.is_empty()) {
        *parts.get_mut(count)? = part;
        count += 1;
    }
    let (region, account, name) = match parts[..count] {
        ["queue", region, account, name] if is_region(region) => (Some(region), account, name),
        [account, name] => (region_of_host(host), account, name),
        _ => return None,
    };
    let region = region.unwrap_or(&caller.region);
    is_account(account).then(|| QueueRef { scope: Scope::new(account, region), name: name.to_owned() })
}

/// The region in `sqs.<region>.…` and in `<region>.queue.…`.
fn region_of_host(host: &str) -> Option<&str> {
    let mut labels = cut::all(cut::all(host, b':').next()?, b'.');
    let region = match (labels.next()?, labels.next()?) {
        ("sqs", region) | (region, "queue") => region,
        _ => return None,
    };
    // Every region's name has a number at its end, behind a hyphen.
    let (_, number) = region.rsplit_once('-')?;
    let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && is_region(region)).then_some(region)
}

/// Whether text may stand for the host in an address that others will call.
fn is_host(text: &str) -> bool {
    let legal =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (1..=255).contains(&text.len()) && text.bytes().all(legal)
}

/// Refuses a name that no queue of this kind may have.
pub(crate) fn check_name(name: &str, fifo: bool) -> Result<(), SqsError> {
    let base = if fifo { name.strip_suffix(FIFO_SUFFIX) } else { Some(name) };
    let Some(base) = base else {
        return Err(SqsError::InvalidParameterValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end \
             with .fifo suffix and be 1 to 80 in length"
                .to_owned(),
        ));
    };
    if name.len() <= NAME_CHARS_MAX && is_word(base) {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(QUEUE_NAME_RULE.to_owned()))
}

/// Whether SQS can spell a stream's name.
pub(crate) fn is_queue_name(name: &str) -> bool {
    check_name(name, name.ends_with(FIFO_SUFFIX)).is_ok()
}

/// One or more letters, digits, hyphens and underscores.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Scope {
        Scope::new("000000000000", "eu-west-1")
    }

    #[test]
    fn every_spelling_of_an_address_is_understood() {
        for (url, account, region) in [
            ("http://localhost:4566/000000000000/orders", "000000000000", "eu-west-1"),
            ("https://sqs.us-west-2.amazonaws.com/123456789012/orders", "123456789012", "us-west-2"),
            ("http://sqs.us-east-1.localhost:4566/123456789012/orders", "123456789012", "us-east-1"),
            ("http://ap-south-1.queue.localhost:4566/123456789012/orders", "123456789012", "ap-south-1"),
            ("http://queue.amazonaws.com/123456789012/orders", "123456789012", "eu-west-1"),
            ("http://127.0.0.1:4566/queue/us-west-2/123456789012/orders", "123456789012", "us-west-2"),
            ("http://sqs:9324/123456789012/orders/", "123456789012", "eu-west-1"),
            ("/123456789012/orders", "123456789012", "eu-west-1"),
            ("orders", "000000000000", "eu-west-1"),
        ] {
            let queue = QueueRef::parse(url, &caller()).unwrap_or_else(|| panic!("{url}"));
            let Scope { account: found, region: at } = &queue.scope;
            assert_eq!((&**found, &**at, &*queue.name), (account, region, "orders"), "{url}");
        }
        for wrong in [
            "",
            "http://host",
            "http://host/orders",
            "ftp://h/000000000000/q",
            "http://h/1/2/3/4",
            "http://h/0/q",
        ] {
            assert_eq!(QueueRef::parse(wrong, &caller()), None, "{wrong}");
        }
    }

    #[test]
    fn a_request_to_a_queue_needs_no_parameter() {
        let request = |path| Request {
            method: "POST",
            path,
            query: "",
            headers: &[],
            body: b"",
            is_tls: false,
            peer: None,
        };
        let of = |path, url| QueueRef::of(&request(path), &caller(), url);
        assert_eq!(of("/000000000000/orders", None).unwrap().name, "orders");
        assert_eq!(of("/000000000000/orders", Some("bills")).unwrap().name, "bills");
        assert_eq!(of("/", None), Err(SqsError::MissingParameter("QueueUrl")));
        assert_eq!(of("/favicon.ico", None), Err(SqsError::InvalidAddress("/favicon.ico".to_owned())));
    }

    #[test]
    fn addresses_are_those_that_the_client_used() {
        let queue = QueueRef { scope: Scope::default(), name: "orders.fifo".to_owned() };
        let url = |host: &[u8], is_tls| {
            let headers = [("host", host)];
            let request = Request {
                method: "POST",
                path: "/",
                query: "",
                headers: &headers,
                body: b"",
                is_tls,
                peer: None,
            };
            queue.url(&origin(&request, "127.0.0.1:4566"))
        };
        assert_eq!(url(b"broker:80", false), "http://broker:80/000000000000/orders.fifo");
        assert_eq!(url(b"[::1]:4566", true), "https://[::1]:4566/000000000000/orders.fifo");
        assert_eq!(url(b"evil\"<x>", false), "http://127.0.0.1:4566/000000000000/orders.fifo");
    }

    #[test]
    fn resource_names_come_and_go() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:orders";
        let queue = QueueRef::of_arn(arn).unwrap();
        assert_eq!(queue.arn(), arn);
        for wrong in ["orders", "arn:aws:sns:us-east-1:000000000000:orders", "arn:aws:sqs:us-east-1:0:orders"]
        {
            assert_eq!(QueueRef::of_arn(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_words_with_a_suffix_for_fifo() {
        let long = "x".repeat(80);
        for (name, fifo) in [("a", false), ("A-b_9", false), (&*long, false), ("a.fifo", true)] {
            assert!(check_name(name, fifo).is_ok(), "{name}");
        }
        let longer = "x".repeat(81);
        let longer_fifo = format!("{}.fifo", "x".repeat(76));
        let wrong = [
            ("", false),
            ("a.b", false),
            ("a.fifo", false),
            ("a b", false),
            (&*longer, false),
            ("a", true),
            (".fifo", true),
            (&*longer_fifo, true),
        ];
        for (name, fifo) in wrong {
            assert!(check_name(name, fifo).is_err(), "{name}");
        }
        assert!(is_queue_name("orders.fifo") && !is_queue_name("orders.v2"));
    }
}
