//! Pages of tags: what comes out are tags, and all names are counted.

use ir_sign::store::remote::read_tags;

pub fn run(bytes: &[u8]) {
    let Ok(tags) = read_tags(bytes) else {
        return;
    };
    // An ignored part may hold bytes that are not text.
    if let Ok(document) = serde_json::from_slice::<serde_json::Value>(bytes) {
        let names = document.get("tags").and_then(serde_json::Value::as_array);
        let all = tags.tags.len() + tags.passed_over;
        assert_eq!(names.map_or(0, Vec::len), all);
    }
    for tag in &tags.tags {
        let text = tag.as_str();
        assert!((1..=128).contains(&text.len()) && !text.starts_with(['.', '-']));
        assert!(
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
            "{text}"
        );
    }
}
