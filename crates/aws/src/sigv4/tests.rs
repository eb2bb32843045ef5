//! Signatures that AWS publishes as examples, our own ones, and what is wrong with others.

use super::*;
use crate::fault::Fault;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOON: EngineTime = EngineTime(1_440_938_160_000);

fn credentials() -> Credentials {
    let credential = Credential {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SECRET.to_owned(),
        account: "123456789012".to_owned(),
    };
    Credentials::new(vec![credential], Scope::default())
}

/// A request of the published examples, and what it says of its signature.
struct Example {
    query: String,
    headers: Vec<(&'static str, String)>,
    body: &'static [u8],
    method: &'static str,
}

fn authorization(service: &str, signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, \
         SignedHeaders={signed}, Signature={signature}"
    )
}

impl Example {
    fn list_users() -> Example {
        let signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        Example {
            query: "Action=ListUsers&Version=2010-05-08".to_owned(),
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned()),
                ("host", "iam.amazonaws.com".to_owned()),
                ("x-amz-date", "20150830T123600Z".to_owned()),
                ("authorization", authorization("iam", "content-type;host;x-amz-date", signature)),
            ],
            body: b"",
            method: "GET",
        }
    }

    fn authenticate(&self, service: &str, now: EngineTime) -> Result<Scope, AuthError> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = Request {
            method: self.method,
            path: "/",
            query: &self.query,
            headers: &headers,
            body: self.body,
            is_tls: false,
            peer: None,
        };
        credentials().authenticate(&request, service, now)
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
    }
}

#[test]
fn the_published_examples_are_accepted() {
    let scope = Example::list_users().authenticate("iam", NOON).unwrap();
    assert_eq!((&*scope.account, &*scope.region), ("123456789012", "us-east-1"));
    let signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let vanilla = Example {
        query: String::new(),
        headers: vec![
            ("host", "example.amazonaws.com".to_owned()),
            ("x-amz-date", "20150830T123600Z".to_owned()),
            ("authorization", authorization("service", "host;x-amz-date", signature)),
        ],
        body: b"",
        method: "GET",
    };
    vanilla.authenticate("service", NOON).unwrap();
}

#[test]
fn whatever_is_changed_is_a_mismatch() {
    let mut changed: Vec<Example> = (0..4).map(|_| Example::list_users()).collect();
    changed[0].query.push('x');
    changed[1].body = b"x";
    changed[2].method = "POST";
    changed[3].set("host", "iam.amazonaws.org");
    for example in changed {
        assert_eq!(example.authenticate("iam", NOON), Err(AuthError::Mismatch));
    }
    for signature in ["", "00", "5d67", &"zz".repeat(32), &"00".repeat(32), &"00".repeat(33)] {
        let mut example = Example::list_users();
        example.set("authorization", authorization("iam", "content-type;host;x-amz-date", signature));
        assert_eq!(example.authenticate("iam", NOON), Err(AuthError::Mismatch), "{signature}");
    }
}

#[test]
fn a_signature_holds_for_a_quarter_of_an_hour_both_ways() {
    let example = Example::list_users();
    let limit = SKEW_MS_MAX as i64;
    for (after, expected) in [(limit, true), (limit + 1, false), (-limit, true), (-limit - 1, false)] {
        let result = example.authenticate("iam", EngineTime(NOON.0 + after));
        assert_eq!(result.is_ok(), expected, "{after} ms after: {result:?}");
    }
    let old = Fault::from(example.authenticate("iam", EngineTime(NOON.0 + limit + 1000)).unwrap_err());
    assert_eq!(old.code, "SignatureDoesNotMatch");
    assert_eq!(
        old.message,
        "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
    );
}

#[test]
fn what_is_missing_is_said() {
    let broken: [(&str, Option<&str>, &str); 9] = [
        ("authorization", None, "MissingAuthenticationToken"),
        ("authorization", Some("Basic eDp5"), "IncompleteSignature"),
        ("authorization", Some("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0"), "IncompleteSignature"),
        (
            "authorization",
            Some("AWS4-HMAC-SHA256 Credential=A/b, SignedHeaders=host, Signature=0"),
            "IncompleteSignature",
        ),
        (
            "authorization",
            Some(
                "AWS4-HMAC-SHA256 Credential=NOBODY/20150830/us-east-1/iam/aws4_request,SignedHeaders=host;x-amz-date,Signature=0",
            ),
            "InvalidClientTokenId",
        ),
        (
            "authorization",
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150831/us-east-1/iam/aws4_request,SignedHeaders=host;x-amz-date,Signature=0",
            ),
            "SignatureDoesNotMatch",
        ),
        (
            "authorization",
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,SignedHeaders=x-amz-date,Signature=0",
            ),
            "SignatureDoesNotMatch",
        ),
        ("x-amz-date", None, "IncompleteSignature"),
        ("x-amz-date", Some("yesterday"), "IncompleteSignature"),
    ];
    for (name, value, code) in broken {
        let mut example = Example::list_users();
        match value {
            Some(value) => example.set(name, value),
            None => example.headers.retain(|(known, _)| *known != name),
        }
        let fault = Fault::from(example.authenticate("iam", NOON).unwrap_err());
        assert_eq!(fault.code, code, "{value:?}: {}", fault.message);
        assert!(matches!(fault.status, 400 | 403));
    }
    let other_service = Example::list_users().authenticate("sqs", NOON).unwrap_err();
    assert!(matches!(other_service, AuthError::WrongScope(_)));
    let mut unsigned_target = Example::list_users();
    unsigned_target.set("x-amz-target", "AmazonSQS.ListQueues");
    assert!(matches!(unsigned_target.authenticate("iam", NOON), Err(AuthError::WrongScope(_))));
}

/// An address signed as clients sign one, made here from the parts that the examples above have proven.
fn signed_address(valid_seconds: u64, extra: &str) -> Example {
    let parameters = format!(
        "Action=ListQueues&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fsqs%2Faws4_request\
         &X-Amz-Date=20150830T123600Z&X-Amz-Expires={valid_seconds}&X-Amz-SignedHeaders=host{extra}"
    );
    let mut example = Example {
        query: format!("{parameters}&X-Amz-Signature={}", "0".repeat(64)),
        headers: vec![("host", "localhost:4566".to_owned())],
        body: b"",
        method: "GET",
    };
    let headers: [(&str, &[u8]); 1] = [("host", b"localhost:4566")];
    let request = Request {
        method: "GET",
        path: "/",
        query: &example.query,
        headers: &headers,
        body: b"",
        is_tls: false,
        peer: None,
    };
    let presented = Presented::of(&request).unwrap().unwrap();
    let signature = signature::sign(&request, &presented, SECRET).unwrap();
    example.query = format!("{parameters}&X-Amz-Signature={signature}");
    example
}

#[test]
fn a_signed_address_is_good_for_as_long_as_it_says() {
    let example = signed_address(60, "");
    assert!(example.authenticate("sqs", EngineTime(NOON.0 + 60_000)).is_ok());
    assert_eq!(example.authenticate("sqs", EngineTime(NOON.0 + 60_001)), Err(AuthError::Expired));
    let later = signed_address(604_800, "");
    assert!(later.authenticate("sqs", EngineTime(NOON.0 + 86_400_000)).is_ok());
    let mut changed = signed_address(60, "&QueueNamePrefix=a");
    changed.query = changed.query.replace("Prefix=a", "Prefix=b");
    assert_eq!(changed.authenticate("sqs", NOON), Err(AuthError::Mismatch));
    for wrong in ["X-Amz-Expires=604801", "X-Amz-Expires=-1", "X-Amz-Expires=soon"] {
        let mut example = signed_address(60, "");
        example.query = example.query.replace("X-Amz-Expires=60", wrong);
        assert!(matches!(example.authenticate("sqs", NOON), Err(AuthError::Incomplete(_))), "{wrong}");
    }
}

#[test]
fn without_credentials_a_request_is_believed_what_it_says() {
    let anyone = Credentials::default();
    let scope_of = |authorization: &str| {
        let headers = [("authorization", authorization.as_bytes()), ("x-amz-date", b"20150830T123600Z")];
        let request = Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: b"",
            is_tls: false,
            peer: None,
        };
        anyone.authenticate(&request, "sqs", EngineTime(0)).unwrap()
    };
    let claim = |key: &str, region: &str| {
        scope_of(&format!(
            "AWS4-HMAC-SHA256 Credential={key}/20150830/{region}/sqs/aws4_request, SignedHeaders=host, Signature=no"
        ))
    };
    assert_eq!(claim("test", "us-east-1"), Scope::default());
    assert_eq!(claim("123456789012", "eu-west-1").account, "123456789012");
    assert_eq!(claim("123456789012", "eu-west-1").region, "eu-west-1");
    assert_eq!(claim("test", "Not A Region"), Scope::default());
    for nothing in
        ["Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=123456789012/20150830/eu-west-1"]
    {
        assert_eq!(scope_of(nothing), Scope::default(), "{nothing}");
    }
    let address = signed_address(60, "");
    let request = Request {
        method: "GET",
        path: "/",
        query: &address.query,
        headers: &[],
        body: b"",
        is_tls: false,
        peer: None,
    };
    let default = Scope::new("111111111111", "eu-west-1");
    let scope = Credentials::new(Vec::new(), default).authenticate(&request, "sqs", EngineTime(0)).unwrap();
    assert_eq!(
        (&*scope.account, &*scope.region),
        ("111111111111", "us-east-1"),
        "an address says it as well"
    );
}

#[test]
fn a_secret_is_not_shown() {
    let shown = format!("{:?}", credentials());
    assert!(shown.contains("AKIDEXAMPLE") && !shown.contains(SECRET), "{shown}");
}
