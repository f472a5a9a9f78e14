//! Files of registries.d in both dialects: a place that is found stands in the file, and one file's namespaces are in no
//! other.

use ir_sign::trust::registries_d::Lookup;
use ir_sign::trust::{Dialect, DockerReference};

pub fn run(bytes: &[u8]) {
    let asked = DockerReference::parse("a.example:5000/b/c:d").expect("a name");
    let text = String::from_utf8_lossy(bytes);
    for dialect in [Dialect::Containers, Dialect::ImageRs] {
        let file = ("x.yaml".to_owned(), bytes.to_vec());
        let lookup = match Lookup::read(std::slice::from_ref(&file), dialect) {
            Ok(lookup) => lookup,
            Err(error) => {
                assert!(error.line >= 1 && error.file == "x.yaml", "{error}");
                continue;
            }
        };
        let place = lookup.lookaside(&asked);
        // Quotes, lines that are joined and aliases write a place in another way than it reads.
        if let Some(place) = place
            && !text.contains(['"', '\'', '|', '>', '\n', '\r'])
        {
            assert!(text.contains(place), "{place:?}");
        }
        let says = place.is_some() || lookup.uses_attachments(&asked);
        let twice = Lookup::read(&[file.clone(), file], dialect);
        if dialect == Dialect::Containers && says {
            twice.expect_err("one namespace in two files");
        }
    }
}
