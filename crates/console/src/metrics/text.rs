//! The two formats, and which of them a client asks for.
//!
//! Apart because the library writes OpenMetrics alone. The older text format differs from it in how families of counters are
//! called and in the end, so it is made of it line by line.

use millstream_front::http::Request;

/// A format of `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What the client accepts: OpenMetrics where it says so and does not like the text better.
    pub(super) fn of(request: &Request<'_>) -> Format {
        let accept = request.header("accept").unwrap_or_default();
        let quality = |wanted: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_wanted = parts.next().is_some_and(|media| media.eq_ignore_ascii_case(wanted));
                let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok());
                is_wanted.then(|| quality.unwrap_or(1.0))
            });
            ranges.fold(0.0, f64::max)
        };
        let open = quality("application/openmetrics-text");
        if open > 0.0 && open >= quality("text/plain") { Format::OpenMetrics } else { Format::Text }
    }

    /// The media type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The text format of what is OpenMetrics: families of counters are called as their samples are, and nothing says that it is
/// the end.
pub(super) fn from_open_metrics(open: &str) -> String {
    let mut text = String::with_capacity(open.len() + open.len() / 16);
    // The line of a family's help comes before the one of its type, and only that one tells a counter.
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            text.extend([line, "\n"]);
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("HELP"), Some(name), Some(rest)) => help = Some((name, rest)),
            (Some("TYPE"), Some(name), Some(kind)) => {
                let suffix = if kind == "counter" { "_total" } else { "" };
                if let Some((name, rest)) = help.take() {
                    text.extend(["# HELP ", name, suffix, " ", rest, "\n"]);
                }
                text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(accept: &[u8]) -> Format {
        let headers: [(&str, &[u8]); 1] = [("accept", accept)];
        let request = Request {
            method: "GET",
            path: "/metrics",
            query: "",
            headers: &headers,
            body: b"",
            is_tls: false,
            peer: None,
        };
        Format::of(&request)
    }

    #[test]
    fn who_asks_for_open_metrics_gets_it() {
        assert_eq!(format(b""), Format::Text);
        assert_eq!(format(b"*/*"), Format::Text);
        assert_eq!(format(b"text/plain;version=0.0.4"), Format::Text);
        assert_eq!(format(b"application/openmetrics-text"), Format::OpenMetrics);
        let prometheus: &[u8] = b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.1";
        assert_eq!(format(prometheus), Format::OpenMetrics);
        assert_eq!(format(b"application/openmetrics-text;q=0.3, text/plain;q=0.9"), Format::Text);
        assert_eq!(format(b"application/openmetrics-text;q=0"), Format::Text);
    }

    #[test]
    fn a_counter_is_called_as_its_samples_are() {
        let open = "# HELP a Some of them.\n# TYPE a counter\na_total{b=\"# TYPE a x\"} 1\n\
                    # HELP c One.\n# TYPE c gauge\nc 2.0\n# EOF\n";
        let text = "# HELP a_total Some of them.\n# TYPE a_total counter\na_total{b=\"# TYPE a x\"} 1\n\
                    # HELP c One.\n# TYPE c gauge\nc 2.0\n";
        assert_eq!(from_open_metrics(open), text);
    }
}
