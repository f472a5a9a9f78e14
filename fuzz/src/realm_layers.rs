//! Layers as realms unpack them. The first bytes say how many pieces they come in and where the second layer starts.

use ir_sign::store::realm_layers::check_layers;

pub fn run(bytes: &[u8]) {
    let Some(([step, blocks], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let (lower, upper) = rest.split_at(rest.len().min(usize::from(*blocks) * 512));
    let whole = check_layers(&[lower, upper], rest.len().max(1));
    // How the bytes come makes no difference.
    let pieces = check_layers(&[lower, upper], usize::from(*step) + 1);
    assert_eq!(whole, pieces);
    for finding in &whole {
        assert!(
            finding.reason.chars().all(|c| !c.is_control()),
            "{finding:?}"
        );
        let told = whole.iter().filter(|other| other.rule == finding.rule);
        assert_eq!(told.count(), 1, "{finding:?}");
    }
    // No upper layer mends what a lower one breaks by itself.
    for finding in check_layers(&[lower], 512) {
        assert!(
            whole.iter().any(|f| f.rule == finding.rule)
                || whole.iter().any(|f| f.rule.ends_with("names"))
        );
    }
}
