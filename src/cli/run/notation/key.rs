//! The list of signing keys.

use serde_json::json;

use super::common::{failed, folders};
use super::table::table;
use crate::cli::args::notation::key::{Add, Delete, Update};
use crate::cli::console::{Console, Outcome};
use crate::cli::status::Status;
use crate::ops::notation::keys;
use crate::ops::notation::signing_keys::OWN_PLUGIN;

/// `notation key list`.
pub(super) fn list(console: &Console) -> Outcome {
    let list = keys::read(&folders()?).map_err(failed)?;
    let head = ["NAME", "KEY PATH", "CERTIFICATE PATH", "ID", "PLUGIN NAME"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for key in list.all() {
        let is_default = list.default.as_ref() == Some(&key.name);
        let star = if is_default { "* " } else { "" };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        rows.push(vec![
            format!("{star}{}", key.name),
            text(&key.key_path),
            text(&key.cert_path),
            text(&key.id),
            text(&key.plugin_name),
        ]);
    }
    for line in table(&rows) {
        console.result(&line)?;
    }
    console.json(|| json!({ "default": list.default, "keys": list.all() }))?;
    Ok(Status::Done)
}

/// `notation key add`.
pub(super) fn add(args: Add, console: &Console) -> Outcome {
    let name = args.name.clone();
    let is_own = args.plugin == OWN_PLUGIN;
    let key = keys::of_plugin(args.name, args.plugin, args.id, args.plugin_config);
    let key = key.map_err(failed)?;
    keys::edit(&folders()?, |list| {
        list.add(key)?;
        if args.default {
            list.set_default(&name)?;
        }
        Ok(())
    })
    .map_err(failed)?;
    console.note(&format!("{name}: added to the key list"));
    if args.default {
        console.note(&format!("{name}: marked as default"));
    }
    if !is_own {
        console.warn("ir-sign does not run other plugins: only notation signs with this key");
    }
    console.json(|| json!({ "added": name, "default": args.default }))?;
    Ok(Status::Done)
}

/// `notation key update`.
pub(super) fn update(args: &Update, console: &Console) -> Outcome {
    keys::edit(&folders()?, |list| list.set_default(&args.name)).map_err(failed)?;
    console.note(&format!("{}: marked as default", args.name));
    console.json(|| json!({ "default": args.name }))?;
    Ok(Status::Done)
}

/// `notation key delete`.
pub(super) fn delete(args: &Delete, console: &Console) -> Outcome {
    let removed = keys::edit(&folders()?, |list| {
        let names = args.names.iter();
        names
            .map(|name| list.remove(name))
            .collect::<Result<Vec<_>, _>>()
    });
    for (name, was_default) in args.names.iter().zip(removed.map_err(failed)?) {
        let which = if was_default { "default key " } else { "" };
        console.note(&format!(
            "Removed {which}{name} from Notation signing key list. The source key still exists."
        ));
    }
    console.json(|| json!({ "removed": args.names }))?;
    Ok(Status::Done)
}
