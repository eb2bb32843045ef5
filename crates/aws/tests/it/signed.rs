//! A listener with credentials: who is not known is refused before anything is looked at.

use crate::client::{Client, Wire, fault, scope};
use millstream_aws::sigv4::{Credential, Credentials};
use millstream_front::http::Request;
use millstream_testkit::broker::TestBroker;

fn client() -> Client {
    let credential = Credential {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        account: "123456789012".to_owned(),
    };
    Client::with(&TestBroker::new(), Credentials::new(vec![credential], scope()))
}

#[test]
fn unsigned_and_unknown_requests_are_refused_in_both_protocols() {
    let client = client();
    let unknown = "AWS4-HMAC-SHA256 Credential=NOBODY/20231114/us-east-1/sqs/aws4_request, \
                   SignedHeaders=host;x-amz-date;x-amz-target, Signature=00";
    let forged = unknown.replace("NOBODY", "AKIDEXAMPLE");
    for (authorization, code, status) in [
        (None, "MissingAuthenticationToken", 403),
        (Some("AWS4-HMAC-SHA256 nothing"), "IncompleteSignature", 400),
        (Some(unknown), "InvalidClientTokenId", 403),
        (Some(&*forged), "SignatureDoesNotMatch", 403),
    ] {
        for wire in [Wire::Json, Wire::Query] {
            let mut headers: Vec<(&str, &[u8])> = vec![("host", b"h"), ("x-amz-date", b"20231114T221320Z")];
            headers.extend(authorization.map(|value| ("authorization", value.as_bytes())));
            if wire == Wire::Json {
                headers.push(("x-amz-target", b"AmazonSQS.ListQueues"));
            }
            let request = Request {
                method: "POST",
                path: "/",
                query: "Action=ListQueues",
                headers: &headers,
                body: b"{}",
                is_tls: false,
                peer: None,
            };
            let fault = fault(wire, &client.send(&request).response());
            assert_eq!((&*fault.code, fault.status), (code, status), "{authorization:?}");
        }
    }
}
