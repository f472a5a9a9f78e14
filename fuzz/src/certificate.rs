//! Certificates and files of them: each has one encoding, its name reads back as written, and a chain that verifies has
//! every link.

use ir_sign::x509::{Certificate, chain, dn, path};

pub fn run(bytes: &[u8]) {
    if let Ok(one) = Certificate::read(bytes) {
        assert_eq!(one.der(), bytes);
        let all = Certificate::read_all(one.pem().as_bytes());
        assert_eq!(all.as_deref(), Ok(&[one.clone()][..]));
        if dn::check(one.subject()).is_ok() {
            names(&one);
        }
    }
    let Ok(all) = Certificate::read_all(bytes) else {
        return;
    };
    let way = path::build(&all[0], &all[1..], &all);
    assert_eq!(way[0], all[0]);
    assert!(way.iter().all(|one| all.contains(one)));
    if chain::check(&way).is_ok() {
        for pair in way.windows(2) {
            assert_eq!(pair[0].issuer(), pair[1].subject());
            assert!(pair[0].is_signed_by(pair[1].public_key()));
        }
        let root = way.last().expect("a chain has an end");
        assert!(root.is_signed_by(root.public_key()));
    }
}

/// The text of a name of known attributes is read as a name with that text.
fn names(one: &Certificate) {
    let text = one.subject().to_string();
    let plain = one.subject().rdns().iter();
    let is_plain = plain.clone().all(|rdn| rdn.len() == 1);
    let known = plain.flatten().all(|attribute| attribute.known().is_some());
    if is_plain && known {
        let read = dn::parse(&text).expect("what is shown is read");
        assert_eq!(read.to_string(), text);
    }
}
