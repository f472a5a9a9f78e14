//! The header `Link`: the next page is an address that stands in it, between its marks.

use ir_sign::store::remote::next_page;

pub fn run(bytes: &[u8]) {
    let text = super::text(bytes);
    let found = next_page(text.split('\n'));
    if let Ok(Some(address)) = &found {
        assert!(text.contains(&format!("<{address}>")));
        // Unless it is spelt with escapes.
        assert!(text.contains('\\') || text.to_ascii_lowercase().contains("next"));
        // Written alone, it is found again.
        let alone = format!("<{address}>; rel=\"next\"");
        assert_eq!(next_page([alone.as_str()].into_iter()), found);
    }
}
