//! Writing XML: elements, nothing but elements and their text.
//!
//! Apart because every reply in the Query protocol is made with it. Nothing of XML is ever read here, so a library for
//! it would bring more than these lines; what has to be escaped, and how, is what clients saw from the original.

/// A document under construction.
#[derive(Debug, Default)]
pub struct Xml {
    text: String,
}

impl Xml {
    /// A document that begins with the declaration.
    #[must_use]
    pub fn document() -> Xml {
        Xml { text: String::from("<?xml version=\"1.0\"?>") }
    }

    /// Begins an element with a default namespace.
    pub fn open_in(&mut self, name: &str, namespace: &str) {
        self.text.extend(["<", name, " xmlns=\"", namespace, "\">"]);
    }

    /// Begins an element.
    pub fn open(&mut self, name: &str) {
        self.text.extend(["<", name, ">"]);
    }

    /// Ends an element.
    pub fn close(&mut self, name: &str) {
        self.text.extend(["</", name, ">"]);
    }

    /// An element with text.
    pub fn element(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// An element with text, if there is any.
    pub fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.element(name, text);
        }
    }

    /// Text, escaped.
    fn text(&mut self, text: &str) {
        let mut rest = text;
        // What has to be escaped is all ASCII, so that every split is at a character's edge.
        while let Some(at) = rest.bytes().position(|byte| escape(byte).is_some()) {
            self.text.push_str(&rest[..at]);
            self.text.push_str(escape(rest.as_bytes()[at]).expect("it was found by this"));
            rest = &rest[at + 1..];
        }
        self.text.push_str(rest);
    }

    /// The document.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

/// What stands for a character. A bare carriage return would be read back as a line feed.
fn escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_clients_know_it() {
        let mut xml = Xml::document();
        xml.open_in("A", "urn:x");
        xml.element("B", "a<b>&\"c\"\r\n'ü'");
        xml.optional("C", None);
        xml.optional("D", Some(""));
        xml.close("A");
        let expected = "<?xml version=\"1.0\"?><A xmlns=\"urn:x\">\
                        <B>a&lt;b&gt;&amp;&quot;c&quot;&#xD;\n'ü'</B><D></D></A>";
        assert_eq!(xml.finish(), expected);
    }
}
