//! Usage errors that show no secret.

use clap::error::{ContextKind, ContextValue};

use crate::key::hidden;

/// Removes text that could be a PIN from a usage error: the parser repeats the argument that it refuses.
pub fn hide_secrets(error: &mut clap::Error) {
    let of_pin = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(flag)) if flag.contains("pin-source") || flag.contains("passphrase-source")
    );
    if of_pin {
        let hidden = ContextValue::String("...".to_owned());
        error.insert(ContextKind::InvalidValue, hidden);
    }
    let shown: Vec<(ContextKind, String)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, text.clone())),
            _ => None,
        })
        .collect();
    for (kind, text) in shown {
        if names_user(&text) {
            error.insert(kind, ContextValue::String("...".to_owned()));
            error.remove(ContextKind::Suggested);
            continue;
        }
        let hidden = hidden::pins(&text);
        if hidden != text {
            error.insert(kind, ContextValue::String(hidden.into_owned()));
            // The tip repeats the whole argument, and is no use here.
            error.remove(ContextKind::Suggested);
        }
    }
}

/// Whether a text names an image or a registry with a user, and maybe a password, before the host.
fn names_user(text: &str) -> bool {
    let Some((_, place)) = text.split_once("://") else {
        return false;
    };
    let first = place.split('/').next().unwrap_or_default();
    let user = first.split_once('@');
    user.is_some_and(|(_, behind)| !behind.starts_with("sha"))
}

/// Whether nothing else in a usage error could be a PIN: a value parser's message may repeat the value too.
pub fn is_clean(error: &clap::Error) -> bool {
    let mut text = error.render().to_string();
    for (_, value) in error.context() {
        if let ContextValue::String(shown) = value
            && hidden::first(shown).is_some()
        {
            text = text.replace(shown, "");
        }
    }
    hidden::first(&text).is_none()
}
