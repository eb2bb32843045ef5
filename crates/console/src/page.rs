//! Lists, a page at a time.
//!
//! Apart because all lists have the same parameters and the same shape. A cursor says what came last, in base64: what is
//! created or deleted meanwhile disturbs nobody, and nothing has to be kept for whoever never comes back.

use crate::errors::Problem;
use crate::limits::{PAGE_DEFAULT, PAGE_MAX};
use crate::query::Query;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use schemars::JsonSchema;
use serde::Serialize;

/// The parameter that says how many.
pub(crate) const LIMIT: &str = "limit";
/// The parameter that says where to go on.
pub(crate) const CURSOR: &str = "cursor";

/// Which page is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What the cursor says came last.
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

impl Wanted {
    /// What a query says.
    pub(crate) fn of(query: &Query) -> Result<Wanted, Problem> {
        let limit = query.number(LIMIT, 1..=PAGE_MAX as u64)?;
        let limit = limit.map_or(PAGE_DEFAULT, |limit| usize::try_from(limit).expect("a small number"));
        let after = match query.text(CURSOR) {
            None => None,
            Some(cursor) => {
                let text = BASE64.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                Some(text.ok_or_else(|| Problem::parameter(CURSOR, "is none that was given out"))?)
            }
        };
        Ok(Wanted { after, limit })
    }
}

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; `null`: this is the last one.
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page after which the list goes on behind `last`.
    pub(crate) fn new(items: Vec<T>, last: Option<&str>) -> Page<T> {
        Page { items, next_cursor: last.map(|last| BASE64.encode(last)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Result<Wanted, Problem> {
        Wanted::of(&Query::parse(text, &[LIMIT, CURSOR]).unwrap())
    }

    #[test]
    fn a_cursor_leads_back_to_what_came_last() {
        let page = Page::new(vec![1], Some("näme"));
        let cursor = page.next_cursor.unwrap();
        assert_eq!(
            wanted(&format!("cursor={cursor}&limit=7")),
            Ok(Wanted { after: Some("näme".into()), limit: 7 })
        );
        assert_eq!(wanted(""), Ok(Wanted { after: None, limit: PAGE_DEFAULT }));
        for wrong in ["limit=0", "limit=1001", "cursor=%25", "cursor=_w"] {
            assert!(wanted(wrong).is_err(), "{wrong}");
        }
    }
}
