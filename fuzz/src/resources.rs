//! Files of offline key brokers: an accepted file has the texts of plain JSON, once each, and writing it again gives
//! the same file.

use base64ct::{Base64, Encoding};
use ir_sign::broker::{KbsUri, ResourceName, Resources, encode};
use serde_json::Value;

pub fn run(bytes: &[u8]) {
    let Ok(resources) = Resources::read(bytes) else {
        return;
    };
    let value: Value = serde_json::from_slice(bytes).expect("JSON");
    let object = value.as_object().expect("an object");
    assert_eq!(object.len(), resources.all().count());
    for (name, bytes) in resources.all() {
        let text = object[name].as_str().expect("a text");
        assert_eq!(Base64::decode_vec(text).as_deref(), Ok(bytes));
        if let Ok(uri) = KbsUri::of_path(name) {
            assert_eq!(resources.get(&uri), Some(bytes));
        }
    }
    let named = resources.all().filter_map(|(name, bytes)| {
        let read = name.parse::<ResourceName>().ok()?;
        // A URI stands for the name in it.
        (read.as_str() == name).then_some((read, bytes))
    });
    let named: Vec<_> = named.collect();
    let again = Resources::read(&encode(&named)).expect("what was written");
    assert!(
        again
            .all()
            .eq(named.iter().map(|(name, bytes)| (name.as_str(), *bytes)))
    );
}
