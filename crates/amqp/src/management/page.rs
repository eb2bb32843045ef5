//! Lists: filtered, sorted, a page of them, and only the columns that are asked for.
//!
//! Apart because all lists take the same parameters, in RabbitMQ's words: `page`, `page_size`, `name`, `use_regex`, `sort`,
//! `sort_reverse`, `columns`.

use super::call::Call;
use super::errors::Problem;
use crate::policy::pattern;
use fancy_regex::Regex;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// Items of a page when nothing is said, and at most.
const PAGE_SIZE: usize = 100;
const PAGE_SIZE_MAX: usize = 500;

/// What is wanted of a list.
pub(crate) struct Wanted {
    page: Option<(usize, usize)>,
    name: Option<Name>,
    sort: Option<(String, bool)>,
    columns: Vec<String>,
}

/// Which names.
enum Name {
    /// Those with this in them, in letters of any size.
    Part(String),
    Pattern(Box<Regex>),
}

impl Wanted {
    pub(crate) fn of(call: &Call<'_>) -> Result<Wanted, Problem> {
        let number = |name: &str| {
            let parsed = call.parameter(name).map(str::parse::<usize>).transpose();
            parsed.map_err(|_| Problem::bad_request("Pagination parameters are invalid"))
        };
        let page = match (number("page")?, number("page_size")?) {
            (None, _) => None,
            (Some(page), size) => {
                let of_size = size.unwrap_or(PAGE_SIZE);
                if !(1..=usize::MAX / PAGE_SIZE_MAX).contains(&page)
                    || !(1..=PAGE_SIZE_MAX).contains(&of_size)
                {
                    let size = size.map_or_else(|| "undefined".to_owned(), |size| size.to_string());
                    let reason =
                        format!("Invalid pagination parameters: page number {page}, page size {size}");
                    let error = "invalid_pagination_parameters";
                    return Err(Problem { error, ..Problem::bad_request(reason) });
                }
                Some((page, of_size))
            }
        };
        let name = match call.parameter("name") {
            None => None,
            Some(text) if call.flag("use_regex") => {
                let pattern =
                    pattern(text).map_err(|why| Problem::bad_request(format!("invalid pattern: {why}")))?;
                Some(Name::Pattern(Box::new(pattern)))
            }
            Some(text) => Some(Name::Part(text.to_lowercase())),
        };
        let sort = call.parameter("sort").map(|column| (column.to_owned(), call.flag("sort_reverse")));
        let columns = call
            .parameter("columns")
            .map_or_else(Vec::new, |columns| columns.split(',').map(str::to_owned).collect());
        Ok(Wanted { page, name, sort, columns })
    }

    /// Whether something of a name belongs into the list.
    pub(crate) fn takes(&self, name: &str) -> bool {
        match &self.name {
            None => true,
            Some(Name::Part(part)) => name.to_lowercase().contains(part),
            Some(Name::Pattern(pattern)) => pattern.is_match(name).unwrap_or(false),
        }
    }

    /// One item with the columns that are wanted.
    pub(crate) fn one(&self, item: Value) -> Value {
        if self.columns.is_empty() {
            return item;
        }
        let mut kept = Value::Object(Map::new());
        for column in &self.columns {
            let path: Vec<&str> = column.split('.').collect();
            if let Some(value) = find(&item, &path) {
                put(&mut kept, &path, value.clone());
            }
        }
        kept
    }

    /// The column that decides the order, and whether it is turned round.
    pub(crate) fn order(&self) -> Option<(&str, bool)> {
        self.sort.as_ref().map(|(column, is_reverse)| (&**column, *is_reverse))
    }

    /// The items of the page that is asked for, whatever they are: what is shown of them is made for these alone. `total` is how many
    /// there were before those of other names were left out.
    pub(crate) fn cut<T>(&self, items: Vec<T>, total: usize) -> Result<Cut<T>, Problem> {
        let Some((page, size)) = self.page else { return Ok(Cut { items, page: None }) };
        let filtered = items.len();
        let pages = filtered.div_ceil(size).max(1);
        if page > pages {
            let reason = format!("Page out of range, page: {page} page size: {size}, len: {filtered}");
            return Err(Problem { error: "page_out_of_range", ..Problem::bad_request(reason) });
        }
        let items = items.into_iter().skip((page - 1) * size).take(size).collect();
        Ok(Cut { items, page: Some(Page { page, size, pages, filtered, total }) })
    }

    /// The list of items that are in their order.
    pub(crate) fn answer(&self, page: Option<Page>, items: Vec<Value>) -> Value {
        let items: Vec<Value> = items.into_iter().map(|item| self.one(item)).collect();
        let Some(Page { page, size, pages, filtered, total }) = page else { return items.into() };
        json!({
            "filtered_count": filtered,
            "item_count": items.len(),
            "items": items,
            "page": page,
            "page_count": pages,
            "page_size": size,
            "total_count": total,
        })
    }

    /// The list of items that have to be shown to be put into their order.
    pub(crate) fn list(&self, mut items: Vec<Value>, total: usize) -> Result<Value, Problem> {
        if let Some((column, is_reverse)) = &self.sort {
            let path: Vec<&str> = column.split('.').collect();
            items.sort_by(|a, b| compare(find(a, &path), find(b, &path)));
            if *is_reverse {
                items.reverse();
            }
        }
        let Cut { items, page } = self.cut(items, total)?;
        Ok(self.answer(page, items))
    }

    /// The list of items of which only those of the page are shown, unless something shown decides their order.
    pub(crate) fn shown<T>(
        &self,
        items: Vec<T>,
        total: usize,
        show: impl Fn(&T) -> Value,
    ) -> Result<Value, Problem> {
        if self.sort.is_some() {
            return self.list(items.iter().map(show).collect(), total);
        }
        let Cut { items, page } = self.cut(items, total)?;
        Ok(self.answer(page, items.iter().map(show).collect()))
    }
}

/// What is on a page.
pub(crate) struct Cut<T> {
    pub(crate) items: Vec<T>,
    /// `None`: everything is.
    pub(crate) page: Option<Page>,
}

/// Where a page is in its list.
pub(crate) struct Page {
    page: usize,
    size: usize,
    pages: usize,
    filtered: usize,
    total: usize,
}

fn find<'a>(item: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(item, |item, key| item.get(key))
}

fn put(item: &mut Value, path: &[&str], value: Value) {
    let Some((last, way)) = path.split_last() else { return };
    let mut place = item;
    for key in way {
        place = &mut place[*key];
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
    }
    place[*last] = value;
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (a, b) => a.map(Value::to_string).cmp(&b.map(Value::to_string)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &[(&str, &str)]) -> Result<Wanted, Problem> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Wanted::of(&Call { path: Vec::new(), query, body: b"" })
    }

    #[test]
    fn what_is_not_on_the_page_is_not_shown() {
        let shown = std::cell::Cell::new(0);
        let show = |n: &i32| {
            shown.set(shown.get() + 1);
            json!({ "n": n })
        };
        let page = wanted(&[("page", "3"), ("page_size", "2")]).unwrap();
        let list = page.shown((0..5).collect(), 9, show).unwrap();
        assert_eq!((&list["items"], shown.get()), (&json!([{"n": 4}]), 1));
        assert_eq!((&list["filtered_count"], &list["total_count"]), (&json!(5), &json!(9)));
        let sorted =
            wanted(&[("sort", "n"), ("sort_reverse", "true"), ("page", "1"), ("page_size", "1")]).unwrap();
        assert_eq!(sorted.shown(vec![1, 3, 2], 3, show).unwrap()["items"], json!([{"n": 3}]));
    }

    #[test]
    fn lists_are_filtered_sorted_cut_and_narrowed() {
        let items: Vec<Value> =
            ["b", "a", "c"].iter().map(|name| json!({"name": name, "n": {"m": 1}})).collect();
        let plain = wanted(&[("sort", "name"), ("columns", "name")]).unwrap();
        assert_eq!(plain.list(items.clone(), 3), Ok(json!([{"name": "a"}, {"name": "b"}, {"name": "c"}])));
        let page =
            wanted(&[("page", "2"), ("page_size", "2"), ("sort", "name"), ("sort_reverse", "true")]).unwrap();
        let page = page.list(items.clone(), 7).unwrap();
        assert_eq!(page["items"], json!([{"name": "a", "n": {"m": 1}}]));
        assert_eq!((&page["page_count"], &page["total_count"]), (&json!(2), &json!(7)));
        assert_eq!(
            wanted(&[("page", "9")]).unwrap().list(items.clone(), 3).unwrap_err().error,
            "page_out_of_range"
        );
        assert_eq!(wanted(&[("columns", "n.m,x.y")]).unwrap().one(items[0].clone()), json!({"n": {"m": 1}}));
        let regex = wanted(&[("name", "^(a|b)$"), ("use_regex", "true")]).unwrap();
        assert!(regex.takes("a") && !regex.takes("ab"));
        assert!(wanted(&[("name", "OR")]).unwrap().takes("orders"));
        for wrong in [("page", "0"), ("page", "x")] {
            assert!(wanted(&[wrong]).is_err(), "{wrong:?}");
        }
        assert!(wanted(&[("name", "("), ("use_regex", "true")]).is_err());
    }
}
