//! The session's cookie: found in a request, and made for an answer.
//!
//! Apart because what browsers need said of it stands here: no script sees it, no other site's page sends it along. Its name
//! has the port in it, for browsers keep cookies by host alone and two brokers may run on one machine.

use super::secret::{TOKEN_CHARS_MAX, Token};
use millstream_front::http::{Header, Request};

/// The name of the cookie of a listener on this port.
pub(crate) fn name(port: u16) -> String {
    format!("millstream_session_{port}")
}

/// The value of a cookie, if the request has it.
pub(crate) fn find<'a>(request: &Request<'a>, name: &str) -> Option<&'a str> {
    let all = request.headers.iter().filter(|(header, _)| *header == "cookie");
    let texts = all.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value).next()?;
    (value.len() <= TOKEN_CHARS_MAX).then_some(value)
}

/// Sets the cookie for as long as the browser is open.
pub(crate) fn set(name: &str, id: &Token, is_tls: bool) -> Header {
    let secure = if is_tls { "; Secure" } else { "" };
    ("set-cookie", format!("{name}={}; Path=/; HttpOnly; SameSite=Strict{secure}", id.expose()).into())
}

/// Takes the cookie away.
pub(crate) fn clear(name: &str) -> Header {
    ("set-cookie", format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers: &[(&str, &[u8])] =
            &[("cookie", b"a=1; millstream_session_80=no"), ("cookie", b"b=; millstream_session_8080=it ;c")];
        let request =
            Request { method: "GET", path: "/", query: "", headers, body: b"", is_tls: false, peer: None };
        assert_eq!(find(&request, &name(8080)), Some("it"));
        assert_eq!(find(&request, &name(8081)), None);
        assert_eq!(find(&request, "c"), None);
    }
}
