//! References to images, and the names and platforms beside them: a printed one is as it was written, or reads back as
//! the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use ir_sign::image::{AppName, Platform, Reference};

fn twice<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let printed = value.to_string();
        assert_eq!(
            printed.parse().ok().as_ref(),
            Some(&value),
            "printed as {printed}"
        );
    }
}

pub fn run(bytes: &[u8]) {
    let text = super::text(bytes);
    twice::<Reference>(text);
    twice::<Platform>(text);
    twice::<AppName>(text);
    if let Ok(app) = text.parse::<AppName>() {
        let name = app.to_string();
        // It is a folder's name, and leads nowhere else.
        assert!(!name.contains(['/', '\0']) && name != "." && name != ".." && !name.is_empty());
    }
}
