//! Tables as notation prints them.

use crate::text::plain;

/// Lines with columns as wide as their longest text; three blanks between them.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|text| plain(text)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        let texts = rows.iter().filter_map(|row| row.get(at));
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(text, width)| format!("{text:width$}   "));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
