//! Charts: lines over time and the map of a log, drawn as SVG on the server.
//!
//! Apart because a chart needs no library, and because each has to say in words what it shows for whoever does not see it.
//! Nothing in one is styled in place: the policy of the page forbids that, and colours follow the reader's choice.

use maud::{Markup, html};
use std::fmt::Write as _;

/// A line over time; the newest value is on the right. `label` says what it is, `shown` what the newest value is.
pub(super) fn line(values: &[f32], width: u32, height: u32, label: &str, shown: &str) -> Markup {
    let largest = values.iter().copied().fold(0.0_f32, f32::max);
    let described = format!("{label}: now {shown}, over {} samples", values.len());
    html! {
        svg.line role="img" aria-label=(described) viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            preserveAspectRatio="none" {
            line.base x1="0" x2=(width) y1=(height - 1) y2=(height - 1) {}
            @if values.len() > 1 {
                @let points = points(values, largest, width, height);
                polygon points={ "0," (height) " " (points) " " (width) "," (height) } {}
                polyline points=(points) {}
            }
        }
    }
}

fn points(values: &[f32], largest: f32, width: u32, height: u32) -> String {
    let mut points = String::new();
    let step = width as f32 / (values.len() - 1) as f32;
    let room = height as f32 - 2.0;
    for (place, value) in values.iter().enumerate() {
        let y = if largest > 0.0 { 1.0 + room * (1.0 - value / largest) } else { 1.0 + room };
        let space = if place == 0 { "" } else { " " };
        write!(points, "{space}{:.1},{y:.1}", step * place as f32).expect("a string takes everything");
    }
    points
}

/// A position in a log, as its map shows it.
pub(super) struct Mark {
    pub(super) name: String,
    pub(super) offset: u64,
}

/// The map of a log from its start to its end, with positions in between. It is words first: a list of positions; the
/// drawing shows the same.
pub(super) fn log_map(start: u64, end: u64, marks: &[Mark]) -> Markup {
    let width = end.saturating_sub(start).max(1) as f64;
    let place = |offset: u64| 1000.0 * offset.saturating_sub(start).min(end - start) as f64 / width;
    let described: Vec<String> =
        marks.iter().map(|mark| format!("{} at {}", mark.name, mark.offset)).collect();
    let described = format!("From {start} to {end}. {}", described.join(", "));
    html! {
        svg.map role="img" aria-label=(described) viewBox="0 0 1000 28" width="1000" height="28"
            preserveAspectRatio="none" {
            rect.log x="0" y="8" width="1000" height="12" {}
            @for (number, mark) in marks.iter().enumerate() {
                @let x = format!("{:.1}", place(mark.offset).clamp(2.0, 998.0));
                line class={ "mark mark-" (number % 6) } x1=(x) x2=(x) y1="2" y2="26" { title { (mark.name) " " (mark.offset) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_left_to_right_and_the_largest_value_is_on_top() {
        assert_eq!(points(&[0.0, 5.0, 10.0], 10.0, 100, 22), "0.0,21.0 50.0,11.0 100.0,1.0");
        assert_eq!(points(&[0.0, 0.0], 0.0, 10, 22), "0.0,21.0 10.0,21.0");
        let empty = line(&[], 10, 10, "rate", "0").into_string();
        assert!(empty.contains("aria-label") && !empty.contains("polyline"));
    }

    #[test]
    fn what_is_drawn_is_also_said_and_names_cannot_break_out() {
        let marks =
            [Mark { name: "<b>\"".to_owned(), offset: u64::MAX }, Mark { name: "g".to_owned(), offset: 0 }];
        let map = log_map(5, 5, &marks).into_string();
        assert!(map.contains("&lt;b&gt;&quot;") && !map.contains("<b>"), "{map}");
    }
}
