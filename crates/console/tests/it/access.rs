//! Who is let through: programs on this machine, the admin token, sessions; and who is not.

use crate::client::{Client, Waiting, admin_token};
use crate::system::TestSystem;
use millstream_console::{ConsoleOptions, Gate, Token};
use millstream_front::http::{Request, Response};
use std::sync::Arc;

const HOST: (&str, &[u8]) = ("host", b"127.0.0.1:8080");

fn send(client: &Client, method: &str, address: &str, headers: &[(&str, &[u8])], body: &str) -> Response {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let headers: Vec<(&str, &[u8])> = [HOST].into_iter().chain(headers.iter().copied()).collect();
    let peer = Some("127.0.0.1".parse().unwrap());
    let request =
        Request { method, path, query, headers: &headers, body: body.as_bytes(), is_tls: false, peer };
    Waiting::response(client.send(&request))
}

fn status(client: &Client, method: &str, address: &str, headers: &[(&str, &[u8])]) -> u16 {
    send(client, method, address, headers, "").status
}

fn one_time_token() -> Token {
    Token::parse("one-time-token-of-the-tests").unwrap()
}

fn options(is_loopback: bool) -> ConsoleOptions {
    let gate = Gate::new(Some(&admin_token()), Some(&one_time_token()), 8080);
    let system = Arc::new(TestSystem::new());
    ConsoleOptions { version: "1.2.3", is_loopback, gate: Arc::new(gate), listeners: Vec::new(), system }
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(response: &Response) -> String {
    let set = response.header("set-cookie").expect("a cookie");
    assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("; Path=/"), "{set}");
    set.split_once(';').unwrap().0.to_owned()
}

fn log_in(client: &Client) -> String {
    let form = format!("token={}", admin_token().expose());
    let headers: &[(&str, &[u8])] = &[("content-type", b"application/x-www-form-urlencoded")];
    let response = send(client, "POST", "/login", headers, &form);
    assert_eq!((response.status, response.header("location")), (303, Some("/")));
    cookie(&response)
}

/// The word that the forms of a session's pages carry.
fn word(client: &Client, cookie: &str) -> String {
    let page = send(client, "GET", "/streams", &[("cookie", cookie.as_bytes())], "");
    let text = std::str::from_utf8(&page.body).unwrap();
    let (_, rest) = text.split_once("name=\"csrf\" value=\"").expect("forms have it");
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn a_program_on_this_machine_needs_nothing_and_a_browser_does() {
    let client = Client::new();
    assert_eq!(status(&client, "GET", "/api/v1/streams", &[]), 200);
    for browser in [
        ("origin", &b"http://127.0.0.1:8080"[..]),
        ("sec-fetch-site", b"same-origin"),
        ("cookie", b"theme=dark"),
        ("accept", b"text/html,*/*"),
    ] {
        assert_eq!(status(&client, "GET", "/api/v1/streams", &[browser]), 401, "{browser:?}");
        assert_eq!(status(&client, "GET", "/", &[browser]), 401, "{browser:?}");
    }
    assert_eq!(status(&client, "GET", "/streams", &[]), 401, "pages are for who has logged in");
    assert_eq!(status(&client, "GET", "/login", &[]), 200);
}

#[test]
fn beyond_this_machine_everything_needs_a_credential() {
    let client = Client::with(options(false));
    let right = format!("Bearer {}", admin_token().expose());
    for address in ["/api/v1/streams", "/metrics", "/healthz", "/readyz", "/"] {
        assert_eq!(status(&client, "GET", address, &[]), 401, "{address}");
    }
    assert_eq!(status(&client, "GET", "/api/v1/streams", &[("authorization", right.as_bytes())]), 200);
}

#[test]
fn a_wrong_credential_is_refused_and_guessing_gets_slow() {
    let client = Client::new();
    let right = format!("Bearer {}", admin_token().expose());
    let right: (&str, &[u8]) = ("authorization", right.as_bytes());
    assert_eq!(status(&client, "GET", "/api/v1/streams", &[right]), 200);
    let basic: (&str, &[u8]) = ("authorization", b"Basic YWRtaW46YWRtaW4=");
    let refused = send(&client, "GET", "/api/v1/streams", &[basic], "");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    for _ in 0..4 {
        assert_eq!(status(&client, "GET", "/api/v1/streams", &[("authorization", b"Bearer wrong")]), 401);
    }
    let slowed = send(&client, "GET", "/api/v1/streams", &[right], "");
    assert_eq!((slowed.status, slowed.header("retry-after")), (429, Some("1")));
    assert_eq!(status(&client, "GET", "/api/v1/streams", &[]), 200, "who shows nothing guesses nothing");
    client.broker.advance_ms(1_000);
    assert_eq!(status(&client, "GET", "/api/v1/streams", &[right]), 200);
}

#[test]
fn the_printed_address_logs_in_once() {
    let client = Client::with(options(true));
    let address = format!("/login?token={}", one_time_token().expose());
    let response = send(&client, "GET", &address, &[], "");
    assert_eq!((response.status, response.header("location")), (303, Some("/")));
    let cookie = cookie(&response);
    assert_eq!(status(&client, "GET", "/", &[("cookie", cookie.as_bytes())]), 200);
    assert_eq!(status(&client, "GET", &address, &[]), 401);
    let foreign = send(&client, "GET", "/streams", &[("sec-fetch-site", b"cross-site")], "");
    let text = std::str::from_utf8(&foreign.body).unwrap();
    assert!(foreign.status == 403 && text.contains("href=\"/streams\""), "{text}");
}

#[test]
fn a_session_changes_something_only_with_its_word() {
    let client = Client::new();
    let cookie = log_in(&client);
    let cookie: (&str, &[u8]) = ("cookie", cookie.as_bytes());
    let word = word(&client, std::str::from_utf8(cookie.1).unwrap());
    let json: (&str, &[u8]) = ("content-type", b"application/json");
    let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    assert_eq!(status(&client, "GET", "/api/v1/streams", &[cookie]), 200);
    assert_eq!(send(&client, "PUT", "/api/v1/streams/a", &[cookie, json], "{}").status, 403);
    assert_eq!(send(&client, "POST", "/streams", &[cookie, form], "name=a&kind=queue").status, 403);
    assert!(!client.broker.has_stream("a"));
    let with_word = [cookie, json, ("x-csrf-token", word.as_bytes())];
    assert_eq!(send(&client, "PUT", "/api/v1/streams/a", &with_word, "{}").status, 201);
    let body = format!("name=b&kind=queue&csrf={word}");
    assert_eq!(send(&client, "POST", "/streams", &[cookie, form], &body).status, 303);
    assert!(client.broker.has_stream("b"));
    let page = send(&client, "GET", "/audit", &[cookie], "");
    let text = std::str::from_utf8(&page.body).unwrap();
    for entry in ["log in", "PUT /api/v1/streams/a", "POST /streams: create &quot;b&quot;"] {
        assert!(text.contains(entry), "{entry}: {text}");
    }
    assert!(!text.contains(&word.repeat(2)) && !text.contains(admin_token().expose()));
    assert_eq!(send(&client, "POST", "/logout", &[cookie, form], &format!("csrf={word}")).status, 303);
    assert_eq!(status(&client, "GET", "/streams", &[cookie]), 401);
}

#[test]
fn a_login_leads_to_pages_of_this_site_alone() {
    let client = Client::new();
    let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    for (next, location) in
        [("%2Fstreams%3Fprefix%3Da", "/streams?prefix=a"), ("%2F%2Fevil", "/"), ("https:%2F%2Fevil", "/")]
    {
        let body = format!("token={}&next={next}", admin_token().expose());
        let response = send(&client, "POST", "/login", &[form], &body);
        assert_eq!((response.status, response.header("location")), (303, Some(location)));
    }
    let foreign = [form, ("origin", &b"http://evil.example"[..])];
    let body = format!("token={}", admin_token().expose());
    assert_eq!(send(&client, "POST", "/login", &foreign, &body).status, 403);
}
