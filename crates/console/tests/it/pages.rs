//! Every page as who has logged in sees it: it is there, it is small, and what others have written in it stays text.

use crate::client::{Client, Waiting, admin_token};
use crate::watched::Watched;
use millstream_front::http::{Request, Response};
use serde_json::{Value, json};

/// Would be a script, an attribute or the end of one if it were not escaped.
const PAYLOAD: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";
/// The same as a name in an address.
const PAYLOAD_ESCAPED: &str =
    "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%3E%3Cimg%20src%3Dx%20onerror%3Dalert(2)%3E%26amp%3B";

/// A browser that has logged in.
pub(crate) struct Browser {
    pub(crate) client: Client,
    cookie: String,
    word: String,
}

impl Browser {
    pub(crate) fn new() -> Browser {
        Browser::of(Client::new())
    }

    fn of(client: Client) -> Browser {
        let mut browser = Browser { client, cookie: String::new(), word: String::new() };
        let form = format!("token={}", admin_token().expose());
        let response = browser.send("POST", "/login", &form);
        let set = response.header("set-cookie").expect("a cookie");
        browser.cookie = set.split_once(';').unwrap().0.to_owned();
        let page = browser.page("/streams");
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("forms have it");
        browser.word = rest.split_once('"').unwrap().0.to_owned();
        browser
    }

    fn send(&self, method: &str, address: &str, body: &str) -> Response {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let headers: &[(&str, &[u8])] = &[
            ("host", b"127.0.0.1:8080"),
            ("sec-fetch-site", b"same-origin"),
            ("content-type", b"application/x-www-form-urlencoded"),
            ("cookie", self.cookie.as_bytes()),
        ];
        let peer = Some("127.0.0.1".parse().unwrap());
        let request = Request { method, path, query, headers, body: body.as_bytes(), is_tls: false, peer };
        Waiting::response(self.client.send(&request))
    }

    /// A page that is there.
    pub(crate) fn page(&self, address: &str) -> String {
        let response = self.send("GET", address, "");
        let text = std::str::from_utf8(&response.body).unwrap().to_owned();
        assert_eq!(response.status, 200, "{address}: {text}");
        assert!(text.len() < 100_000, "{address} has {} bytes", text.len());
        let policy = response.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        text
    }

    /// Sends a form, and says yes when asked; gives the page that it leads to.
    pub(crate) fn submit(&self, address: &str, fields: &str) -> String {
        let body = format!("{fields}&csrf={}", self.word);
        let mut response = self.send("POST", address, &body);
        if response.status == 200 {
            let text = std::str::from_utf8(&response.body).unwrap();
            assert!(text.contains("name=\"confirmed\" value=\"yes\""), "{text}");
            response = self.send("POST", address, &format!("{body}&confirmed=yes"));
        }
        let text = std::str::from_utf8(&response.body).unwrap();
        assert_eq!(response.status, 303, "{address}: {text}");
        self.page(response.header("location").unwrap().split('#').next().unwrap())
    }
}

/// Rejects everything that is ready in a queue.
fn bury(client: &Client, queue: &str) {
    let records = client.receive(queue);
    let leases: Vec<Value> =
        records.iter().map(|record| json!({"token": record["token"], "action": "reject"})).collect();
    client.call("POST", &format!("/streams/{queue}/groups/default/settle"), json!({"leases": leases}));
    client.broker.carry_out_moves();
}

#[test]
fn what_others_have_written_stays_text_on_every_page() {
    let browser = Browser::new();
    let client = &browser.client;
    client.create_queue(PAYLOAD_ESCAPED, json!({}));
    client.create_queue("source", json!({"dead_letter_stream": PAYLOAD}));
    let record = json!({"key": PAYLOAD, "value": PAYLOAD, "headers": [{"name": PAYLOAD, "value": PAYLOAD}]});
    let body = json!({"records": [record, {"value": format!("{{\"a\": {}}}", json!(PAYLOAD))}]});
    for stream in ["source", PAYLOAD_ESCAPED] {
        client.call("POST", &format!("/streams/{stream}/records"), body.clone());
    }
    bury(client, "source");
    client.broker.create_route(PAYLOAD, PAYLOAD, PAYLOAD);
    for address in [
        "/groups".to_owned(),
        format!("/groups?prefix={PAYLOAD_ESCAPED}"),
        "/routes".to_owned(),
        format!("/routes/{PAYLOAD_ESCAPED}"),
        format!("/routes/{PAYLOAD_ESCAPED}?test=yes&key={PAYLOAD_ESCAPED}&headers=a%3A+{PAYLOAD_ESCAPED}"),
        "/connections".to_owned(),
        "/jobs".to_owned(),
        "/storage".to_owned(),
        "/configuration".to_owned(),
        "/".to_owned(),
        "/streams".to_owned(),
        format!("/streams?prefix={PAYLOAD_ESCAPED}"),
        format!("/streams/{PAYLOAD_ESCAPED}"),
        format!("/streams/{PAYLOAD_ESCAPED}/records"),
        format!("/streams/{PAYLOAD_ESCAPED}/records?value={PAYLOAD_ESCAPED}&key={PAYLOAD_ESCAPED}"),
        format!("/streams/{PAYLOAD_ESCAPED}/records/0/0"),
        format!("/streams/{PAYLOAD_ESCAPED}/records/0/1"),
        format!("/streams/{PAYLOAD_ESCAPED}/settings"),
        "/streams/source/settings".to_owned(),
        "/dead-letters".to_owned(),
        format!("/dead-letters/{PAYLOAD_ESCAPED}"),
        format!("/dead-letters/{PAYLOAD_ESCAPED}?key={PAYLOAD_ESCAPED}&source={PAYLOAD_ESCAPED}"),
        "/audit".to_owned(),
    ] {
        let page = browser.page(&address);
        assert!(!page.contains("<script>") && !page.contains("<img"), "{address}: {page}");
        assert!(!page.contains("style=\"") && !page.contains(" onload="), "{address}: {page}");
        assert_eq!(page.matches("<script").count(), 1, "the console's own, by its address: {address}");
    }
}

#[test]
fn a_rule_is_silenced_and_heard_again_by_forms() {
    let browser = Browser::of(Watched::new().client);
    let page = browser.page("/alarms");
    assert!(page.contains("Nothing is wrong.") && page.contains("dead_letters"), "{page}");
    let page = browser.submit("/alarms", "act=silence&id=dead_letters&reason=%3Cb%3Emoving&hours=2");
    assert!(
        page.contains("dead_letters is silent for 2 hours.") && page.contains("&lt;b&gt;moving"),
        "{page}"
    );
    let page = browser.submit("/alarms", "act=unsilence&id=dead_letters");
    assert!(page.contains("dead_letters is heard again.") && !page.contains("moving"), "{page}");
    let page = browser.submit("/alarms", "act=test");
    assert!(page.contains("A test notice is on its way."), "{page}");
}

#[test]
fn a_newcomer_gets_by_with_forms_alone() {
    let browser = Browser::new();
    let page = browser.submit("/streams", "name=dead&kind=queue");
    assert!(page.contains("The stream dead is there."), "{page}");
    browser.submit("/streams", "name=orders&kind=queue&dead_letter_stream=dead&delivery_limit=3");
    let page = browser.submit("/streams/orders/records", "key=k&value=hello%0D%0Athere&headers=a%3A+1");
    assert!(
        page.contains("The record is stored: partition 0, offset 0.") && page.contains("hello\nthere"),
        "{page}"
    );
    let page = browser.page("/streams/orders/records/0/0");
    assert!(page.contains("hello\nthere") && page.contains("Edit a copy"), "{page}");
    bury(&browser.client, "orders");
    let page = browser.page("/dead-letters/dead");
    assert!(page.contains("rejected") && page.contains("name=\"at\" value=\"0:0\""), "{page}");
    let page = browser.submit("/dead-letters/dead", "act=redrive&at=0:0&back=%2Fdead-letters");
    assert!(page.contains("1 letters are on their way."), "{page}");
    assert_eq!(browser.client.broker.carry_out_moves(), 1);
    assert_eq!(browser.client.receive("orders").len(), 1);
    let audit = browser.page("/audit");
    assert!(audit.contains("redrive 1: 0:0"), "{audit}");
}

#[test]
fn a_queue_is_paused_purged_and_replayed() {
    let browser = Browser::new();
    browser.submit("/streams", "name=q&kind=replayable");
    browser.client.send_values("q", &["1", "2", "3"]);
    assert!(browser.submit("/streams/q/queue", "act=pause").contains("Let it go on"));
    assert!(browser.submit("/streams/q/queue", "act=resume").contains("Consumers get records again."));
    assert!(browser.submit("/streams/q/queue", "act=purge").contains("3 records are done with."));
    assert!(browser.client.receive("q").is_empty());
    browser.submit("/streams/q/queue", "act=seek&to=start");
    assert_eq!(browser.client.receive("q").len(), 3);
    let page = browser.submit("/streams/q/settings", "act=set&setting=delivery_limit&value=7");
    assert!(page.contains("Done: delivery_limit is 7."), "{page}");
    assert_eq!(browser.client.get("/streams/q")["settings"]["delivery_limit"]["value"], 7);
    browser.submit("/streams/q/settings", "act=grow&partitions=2");
    assert_eq!(browser.client.get("/streams/q")["partition_count"], 2);
    browser.submit("/streams/q/delete", "back=%2Fstreams");
    assert!(!browser.client.broker.has_stream("q"));
}

#[test]
fn every_section_is_reached_from_every_page() {
    let browser = Browser::of(Watched::new().client);
    let page = browser.page("/");
    let (_, nav) = page.split_once("<nav aria-label=\"Sections\">").unwrap();
    let addresses: Vec<&str> = nav
        .split_once("</nav>")
        .unwrap()
        .0
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(addresses.len(), 11, "{addresses:?}");
    for address in addresses {
        assert!(browser.page(address).contains("aria-current=\"page\""), "{address}");
    }
}

#[test]
fn what_is_stored_is_verified_and_that_is_ended_by_forms() {
    let browser = Browser::new();
    let page = browser.submit("/jobs", "act=verify");
    assert!(page.contains("The job verify-1 has begun.") && page.contains("running"), "{page}");
    let page = browser.submit("/jobs", "act=cancel&id=verify-1&back=%2Fjobs");
    assert!(page.contains("The job verify-1 is ended.") && page.contains("cancelled"), "{page}");
    assert!(browser.page("/audit").contains("POST /jobs: end verify-1"));
}

#[test]
fn the_overview_and_groups_show_what_was_seen() {
    let mut watched = Watched::new();
    watched.client.create_queue("letters", json!({}));
    watched.client.create_queue("work", json!({"dead_letter_stream": "letters"}));
    watched.client.send_values("letters", &["<b>bad"]);
    watched.commit("readers", "letters", 0);
    watched.client.sample();
    watched.look(1_000);
    watched.look(1_000);
    let browser = Browser::of(watched.client);
    browser.client.get("/streams");
    let page = browser.page("/");
    for said in ["Dead letters wait", "What is wrong", "Latency", "list_streams", "99 of 100 within"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let page = browser.page("/groups/readers");
    assert!(page.contains("Records behind in letters, the last 1 s: now 1, at most 1"), "{page}");
    let page = browser.page("/streams/letters");
    assert!(page.contains("Records behind in letters"), "{page}");
}

#[test]
fn a_route_says_where_a_record_would_go() {
    let browser = Browser::new();
    browser.submit("/streams", "name=orders&kind=stream");
    browser.client.broker.create_route("shop", "order", "orders");
    let page = browser.page("/routes/shop?test=yes&key=order");
    assert!(page.contains("To 1 stream: ") && page.contains("href=\"/streams/orders\""), "{page}");
    assert!(browser.page("/routes/shop?test=yes&key=other").contains("Nowhere"));
    assert!(!browser.page("/routes/shop").contains("Nowhere"), "nothing was asked");
}

#[test]
fn what_cannot_be_is_a_page_that_says_so() {
    let browser = Browser::new();
    browser.submit("/streams", "name=q&kind=stream");
    for (method, address, body, status) in [
        ("GET", "/nothing", "", 404),
        ("GET", "/streams/none", "", 404),
        ("GET", "/groups/none", "", 404),
        ("GET", "/routes/none", "", 404),
        ("GET", "/routes/none?test=yes&headers=wrong", "", 400),
        ("POST", "/groups/none", "act=dance", 400),
        ("POST", "/connections", "id=none-1&confirmed=yes", 404),
        ("GET", "/streams/q/records/0/5", "", 400),
        ("GET", "/streams/q/records?partition=7", "", 400),
        ("GET", "/streams?cursor=%25", "", 400),
        ("GET", "/streams?namespace=none", "", 404),
        ("DELETE", "/streams", "", 405),
        ("POST", "/streams/q/queue", "act=dance", 400),
        ("POST", "/dead-letters/q", "act=redrive", 400),
        ("GET", "/assets/none.js", "", 404),
    ] {
        let body = format!("{body}&csrf={}", browser.word);
        let response = browser.send(method, address, &body);
        assert_eq!(response.status, status, "{method} {address}");
    }
}

#[test]
fn files_may_be_kept_and_are_asked_for_by_their_digest() {
    let browser = Browser::new();
    let page = browser.page("/");
    for name in ["console.css", "console.js", "icon.svg"] {
        let (_, rest) = page.split_once(&format!("/assets/{name}?v=")).expect(name);
        let tag = rest.split('"').next().unwrap();
        let asset = browser.send("GET", &format!("/assets/{name}?v={tag}"), "");
        assert_eq!(asset.status, 200);
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        assert_eq!(asset.header("etag"), Some(&*format!("\"{tag}\"")));
        let old = browser.send("GET", &format!("/assets/{name}?v=old"), "");
        assert_eq!(old.header("cache-control"), Some("no-cache"));
    }
}
